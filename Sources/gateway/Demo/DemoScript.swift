import Base

/// The curl lines that `run --demo` prints: each works at once and shows one thing that gateway.d does.
package enum DemoScript {
    /// - Parameters:
    ///   - endpoints: where the gateway's listeners are, by name.
    ///   - program: how to call this program, from anywhere.
    ///   - folder: the configuration folder, from anywhere.
    package static func text(endpoints: [String: IPEndpoint], program: String, folder: String) -> String {
        var text = "\nThe gateway serves gateway.d with a demo upstream. Try, in another terminal:\n"
        for example in examples {
            guard let endpoint = endpoints[example.listener] else { continue }
            let command = example.command.replacing("{port}", with: String(endpoint.port))
                .replacing("{token}", with: "\(quoted(program)) token \(quoted(folder))")
                .replacing("{explain}", with: "\(quoted(program)) explain \(quoted(folder))")
            text += "\n# \(example.shows)\n\(command)\n"
        }
        return text + "\nCtrl-C ends it; `kill -HUP` loads gateway.d anew.\n\n"
    }

    /// One line. `{port}` stands for the listener's, `{token}` and `{explain}` for these commands with the folder.
    package struct Example: Sendable {
        package let listener: String
        package let shows: String
        package let command: String
    }

    /// A word for a shell.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { ASCII.isAlpha($0) || ASCII.isDigit($0) || "-_./".utf8.contains($0) }
        return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }

    /// Who calls, in the lines about callers. Each makes its token when it is run, so that none is ever too old.
    private static let user = "{token} --sub user@bank-a --claim user_id=12345"
    private static func bearer(_ options: String) -> String {
        "-H \"Authorization: Bearer $(\(user) \(options))\""
    }

    package static let examples = identityExamples + proxyExamples

    private static let identityExamples = [
        Example(
            listener: "external",
            shows:
                "who calls: a token goes in, the service gets a SPIFFE ID and a token of the gateway's (decoded below)",
            command:
                "curl -s \(bearer("--tenant bank-a --scope 'read transfer'")) http://bank-a.localhost:{port}/accounts/7"
        ),
        Example(
            listener: "external", shows: "no token: 401 with a challenge (RFC 6750)",
            command: "curl -si http://bank-a.localhost:{port}/accounts/7"),
        Example(
            listener: "external", shows: "a token of another tenant: 403, it never reaches the bank's services",
            command: "curl -si \(bearer("--tenant bank-b --scope read")) http://bank-a.localhost:{port}/accounts/7"),
        Example(
            listener: "external",
            shows: "a token without the scope that a transfer needs: 403, and the challenge says which",
            command: "curl -si \(bearer("--tenant bank-a --scope read")) -d '{\"amount\":100}' "
                + "http://bank-a.localhost:{port}/accounts/7/transfers"),
        Example(
            listener: "external",
            shows: "each decision about a caller, with the line that it comes from; nothing is sent",
            command: "\(user) --tenant bank-b --scope read | "
                + "{explain} GET http://bank-a.localhost:{port}/accounts/7 --token -"),
        Example(
            listener: "external", shows: "the keys that services check the gateway's tokens with",
            command: "curl -s http://bank-a.localhost:{port}/.well-known/jwks.json"),
        Example(
            listener: "external", shows: "no client can claim an identity: X-Spiffe-ID does not reach the upstream",
            command: "curl -s -H 'X-Spiffe-ID: spiffe://bank-a/root' http://shop.localhost:{port}/products/1"),
    ]

    private static let proxyExamples = [
        Example(
            listener: "external", shows: "a path parameter: the upstream sees another path and a header made from it",
            command: "curl -s http://shop.localhost:{port}/products/42"),
        Example(
            listener: "external", shows: "methods: 405 with Allow, as problem details (RFC 9457)",
            command: "curl -si -X DELETE http://shop.localhost:{port}/products/42"),
        Example(
            listener: "external", shows: "the canary: the same path goes elsewhere when a header asks for it",
            command: "curl -s -H 'X-Canary: always' http://shop.localhost:{port}/products/42"),
        Example(
            listener: "external", shows: "weighted targets: about three of four requests go to demo-9001",
            command:
                "for i in $(seq 20); do curl -s http://shop.localhost:{port}/search?q=shoes; done | grep answered | sort | uniq -c"
        ),
        Example(
            listener: "external", shows: "consistent hashing: one session's cart always stays with one target",
            command:
                "for i in 1 2 3; do curl -s -b session=ann http://shop.localhost:{port}/cart | grep answered_by; done"),
        Example(
            listener: "external", shows: "a split: a tenth of the sessions goes to the canary, each of them always",
            command: "for i in $(seq 40); do curl -s -b session=$i http://shop.localhost:{port}/checkout; done "
                + "| grep answered | sort | uniq -c"),
        Example(
            listener: "external", shows: "a rate limit: three at once, then one a second, and the fields that say so",
            command: "for i in 1 2 3 4; do curl -si http://shop.localhost:{port}/suggest; done "
                + "| grep -iE '^HTTP|^RateLimit|^Retry-After'"),
        Example(
            listener: "external", shows: "one canonical path: dot segments and escapes are resolved before routing",
            command: "curl -s --path-as-is http://shop.localhost:{port}/a/../products/%34%32"),
        Example(
            listener: "external", shows: "ambiguous paths are refused, never passed on",
            command: "curl -si --path-as-is 'http://shop.localhost:{port}/products/%00'"),
        Example(
            listener: "external", shows: "a redirect that keeps path and query",
            command: "curl -si 'http://shop.localhost:{port}/old-shop/sale?week=42'"),
        Example(
            listener: "external", shows: "a fixed response that needs no upstream",
            command: "curl -si http://shop.localhost:{port}/robots.txt"),
        Example(
            listener: "external", shows: "a request with content, from somebody with the scope for it",
            command: "curl -s \(bearer("--tenant bank-a --scope transfer")) -d '{\"amount\":100}' "
                + "http://bank-a.localhost:{port}/accounts/7/transfers"),
        Example(
            listener: "external", shows: "a limit: more than 1 KiB of content is refused with 413",
            command:
                "head -c 2000 /dev/zero | curl -si --data-binary @- http://bank-a.localhost:{port}/accounts/7/transfers"
        ),
        Example(
            listener: "external", shows: "a time-out: the upstream takes 3 s, the route waits 1 s, the client gets 504",
            command: "curl -si http://bank-a.localhost:{port}/reports/slow"),
        Example(
            listener: "external", shows: "an upstream that is down: 502 with a request id, its cause in the log",
            command: "curl -si http://bank-a.localhost:{port}/archive/2019"),
        Example(
            listener: "external",
            shows: "a circuit breaker: after three failures that upstream isn't asked for 5 s: 503",
            command: "for i in 1 2 3 4; do curl -si http://bank-a.localhost:{port}/archive/2019; done "
                + "| grep -iE '^HTTP|^Retry-After'"),
        Example(
            listener: "external", shows: "a host that only the internal listener serves: 421",
            command: "curl -si http://ops.localhost:{port}/status"),
        Example(
            listener: "internal", shows: "the operators' route, for loopback addresses only (ip_restriction)",
            command: "curl -s http://ops.localhost:{port}/status"),
        Example(
            listener: "admin", shows: "the admin listener: routes, metrics, readiness, the effective configuration",
            command: "curl -s http://127.0.0.1:{port}/ http://127.0.0.1:{port}/readyz"),
    ]
}
