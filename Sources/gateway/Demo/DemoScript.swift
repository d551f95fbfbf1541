import Base

/// The curl lines that `run --demo` prints: each works at once and shows one thing that gateway.d does.
package enum DemoScript {
    /// - Parameter endpoints: where the gateway's listeners are, by name.
    package static func text(endpoints: [String: IPEndpoint]) -> String {
        var text = "\nThe gateway serves gateway.d with a demo upstream. Try, in another terminal:\n"
        for example in examples {
            guard let endpoint = endpoints[example.listener] else { continue }
            let command = example.command.split(separator: "PORT", omittingEmptySubsequences: false)
            text += "\n# \(example.shows)\n\(command.joined(separator: String(endpoint.port)))\n"
        }
        return text + "\nCtrl-C ends it; `kill -HUP` loads gateway.d anew.\n\n"
    }

    /// One line; `PORT` stands for the listener's.
    package struct Example: Sendable {
        package let listener: String
        package let shows: String
        package let command: String
    }

    package static let examples = [
        Example(
            listener: "external", shows: "a path parameter: the upstream sees another path and a header made from it",
            command: "curl -s http://shop.localhost:PORT/products/42"),
        Example(
            listener: "external", shows: "methods: 405 with Allow, as problem details (RFC 9457)",
            command: "curl -si -X DELETE http://shop.localhost:PORT/products/42"),
        Example(
            listener: "external", shows: "the canary: the same path goes elsewhere when a header asks for it",
            command: "curl -s -H 'X-Canary: always' http://shop.localhost:PORT/products/42"),
        Example(
            listener: "external", shows: "weighted targets: about three of four requests go to demo-9001",
            command:
                "for i in $(seq 20); do curl -s http://shop.localhost:PORT/search?q=shoes; done | grep answered | sort | uniq -c"
        ),
        Example(
            listener: "external", shows: "consistent hashing: one session's cart always stays with one target",
            command:
                "for i in 1 2 3; do curl -s -b session=ann http://shop.localhost:PORT/cart | grep answered_by; done"),
        Example(
            listener: "external", shows: "one canonical path: dot segments and escapes are resolved before routing",
            command: "curl -s --path-as-is http://shop.localhost:PORT/a/../products/%34%32"),
        Example(
            listener: "external", shows: "ambiguous paths are refused, never passed on",
            command: "curl -si --path-as-is 'http://shop.localhost:PORT/products/%00'"),
        Example(
            listener: "external", shows: "no client can claim an identity: X-Spiffe-ID does not reach the upstream",
            command: "curl -s -H 'X-Spiffe-ID: spiffe://bank/root' http://shop.localhost:PORT/products/1"),
        Example(
            listener: "external", shows: "a redirect that keeps path and query",
            command: "curl -si 'http://shop.localhost:PORT/old-shop/sale?week=42'"),
        Example(
            listener: "external", shows: "a fixed response that needs no upstream",
            command: "curl -si http://shop.localhost:PORT/robots.txt"),
        Example(
            listener: "external", shows: "a request with content, answered by the bank's domain",
            command: "curl -s -d '{\"amount\":100}' http://bank-a.localhost:PORT/accounts/7/transfers"),
        Example(
            listener: "external", shows: "a limit: more than 1 KiB of content is refused with 413",
            command:
                "head -c 2000 /dev/zero | curl -si --data-binary @- http://bank-a.localhost:PORT/accounts/7/transfers"),
        Example(
            listener: "external", shows: "a time-out: the upstream takes 3 s, the route waits 1 s, the client gets 504",
            command: "curl -si http://bank-a.localhost:PORT/reports/slow"),
        Example(
            listener: "external", shows: "an upstream that is down: 502 with a request id, its cause in the log",
            command: "curl -si http://bank-a.localhost:PORT/archive/2019"),
        Example(
            listener: "external", shows: "a host that only the internal listener serves: 421",
            command: "curl -si http://ops.localhost:PORT/status"),
        Example(
            listener: "internal", shows: "the operators' route, for loopback addresses only (ip_restriction)",
            command: "curl -s http://ops.localhost:PORT/status"),
        Example(
            listener: "admin", shows: "the admin listener: routes, metrics, readiness, the effective configuration",
            command: "curl -s http://127.0.0.1:PORT/ http://127.0.0.1:PORT/readyz"),
    ]
}
