import Base
import Configuration
import Testing

/// What is suggested for values in forms that other programs take, or that YAML takes otherwise than meant.
@Suite struct RemedyTests {
    private func said(_ old: String, _ new: String) -> String {
        findings(bank: plainBank.replacing(old, with: new)).joined(separator: "\n")
    }

    private func said(route line: String) -> String {
        findings(bank: plainBank + "\n    \(line)\n").joined(separator: "\n")
    }

    @Test(
        "lengths of time",
        arguments: [
            ("1.5s", "1500ms"), ("1m30s", "90s"), ("5 s", "5s"), ("30sec", "30s"), ("0.5", nil), ("2 min", "2m"),
            ("1h 30m", "90m"), ("30", "30s"), ("3600", "3600s"), ("1.0000001s", nil), ("1,5s", nil), ("soon", nil),
            ("-1s", nil),
            ("99999999999999h", nil), ("1.5 s", "1500ms"), ("250 msec", "250ms"), ("1d", "24h"),
        ] as [(String, String?)])
    func durations(written: String, meant: String?) {
        let all = said(route: "timeouts: {request: \"\(written)\"}")
        #expect(all.contains("a duration from 1ms to 24h: a whole number with `us`, `ms`, `s`, `m` or `h`"), "\(all)")
        #expect(all.contains("did you mean") == (meant != nil), "\(all)")
        if let meant { #expect(all.hasSuffix("; did you mean `\(meant)`?"), "\(all)") }
    }

    @Test(
        "sizes",
        arguments: [
            ("10 MiB", "10MiB"), ("10MB", "10MiB"), ("1.5MiB", "1536KiB"), ("64k", "64KiB"), ("100", "100B"),
            ("2048", "2048B"),
            ("0.3B", nil), ("big", nil),
        ] as [(String, String?)])
    func sizes(written: String, meant: String?) {
        let all = said(route: "limits: {body_bytes_max: \"\(written)\"}")
        #expect(all.contains(": a whole number with `B`, `KiB`, `MiB`, `GiB` or `TiB`"), "\(all)")
        #expect(all.contains("did you mean") == (meant != nil), "\(all)")
        if let meant { #expect(all.hasSuffix("; did you mean `\(meant)`?"), "\(all)") }
    }

    @Test(
        "rates",
        arguments: [
            ("0.5/s", "30/min"), ("1.5/min", "90/h"), ("10 / s", "10/s"), ("10/sec", "10/s"), ("0.01/s", "36/h"),
            ("10", "10/s"), ("0/s", nil), ("0.0000001/s", nil),
        ] as [(String, String?)])
    func rates(written: String, meant: String?) {
        let all = said(route: "plugins: {rate_limit: {rate: \"\(written)\"}}")
        #expect(all.contains("did you mean") == (meant != nil), "\(all)")
        if let meant { #expect(all.hasSuffix("; did you mean `\(meant)`?"), "\(all)") }
    }

    @Test(
        "parts of a whole",
        arguments: [("0.5", "50%"), ("50", "50%"), ("1.0", "100%"), ("0.005", nil), ("half", nil), ("0.5%", nil)]
            as [(String, String?)])
    func percentages(written: String, meant: String?) {
        let all = said("targets:", "circuit_breaker: {failure_ratio: \(written)}\n    targets:")
        #expect(all.contains("error: upstreams.accounts.circuit_breaker.failure_ratio"), "\(all)")
        #expect(all.contains("did you mean") == (meant != nil), "\(all)")
        if let meant { #expect(all.hasSuffix("; did you mean `\(meant)`?"), "\(all)") }
    }

    @Test(
        "paths that are meant as patterns",
        arguments: ["~/a/[0-9]+$", "^/a", "/v1/a/[0-9]+", "/v1/.*", "/v1/a.+", "/v1/a*b", "/v1/a$"])
    func patterns(path: String) {
        let all = said("\"/v1/accounts/{id}\"", "\"\(path)\"")
        #expect(
            all.hasSuffix(
                "paths are no regular expressions: write `{name}` for one segment, `{rest...}` at the end for all that is left"
            ), "\(all)")
        let isTaken = ![Character("~"), "^"].contains(path.first) && !path.contains("[")
        #expect(all.contains(isTaken ? "warning: " : "error: "), "\(all)")
    }

    @Test(
        "names of what is known about a request",
        arguments: [
            ("{path.idd}", "{path.id}"), ("{client_ip}", "{client_address}"), ("{remote_addr}", "{client_address}"),
            ("{ip}", "{client_address}"), ("{subject}", "{spiffe_id}"), ("{id}", "{path.id}"),
        ])
    func attributes(written: String, meant: String) {
        let all = said(route: "plugins: {request_transform: {headers: {set: {X-A: \"\(written)\"}}}}")
        #expect(all.contains("; did you mean `\(meant)`?"), "\(all)")
    }

    @Test(
        "parameters of a rewrite, in the form that was used",
        arguments: [("{idd}", "{id}"), ("{path.idd}", "{path.id}")])
    func parameters(written: String, meant: String) {
        #expect(said(route: "rewrite: {path: \"/v2/\(written)\"}").contains("; did you mean `\(meant)`?"))
    }

    @Test("a prefix is no truth value")
    func prefix() {
        let all = said(route: "rewrite: {strip_prefix: true}")
        #expect(all.hasSuffix("; write the path itself, such as `/v1`"), "\(all)")
    }

    @Test(
        "places in JSON texts",
        arguments: [
            ("user.name", "/user/name"), ("$.a", "/a"), ("$.items[0].id", "/items/0/id"), ("name", "/name"),
            ("$['a']", "/a"),
        ])
    func pointers(written: String, meant: String) {
        let all = said(route: "plugins: {request_transform: {body: {json: {set: {\"\(written)\": x}}}}}")
        #expect(all.hasSuffix("; did you mean `\(meant)`?"), "\(all)")
    }

    @Test("quotes of word processors")
    func quotes() {
        let remedy = "; write straight quotes, `\"` or `'`: these are a part of the text"
        #expect(said("\"/v1/accounts/{id}\"", "“/v1/accounts”").hasSuffix(remedy))
        #expect(said("read-account:", "“read”:").hasSuffix(remedy))
        #expect(said("    upstream: accounts", "    ‘upstream’: accounts").contains(remedy))
        let taken = said("methods: [GET], ", "headers: {X-A: “b”}, ")
        #expect(taken.contains("warning: routes.read-account.match.headers.X-A: `“b”`") && taken.hasSuffix(remedy))
        #expect(said("methods: [GET], ", "headers: {X-A: \"“b”\"}, ").isEmpty)
    }

    @Test(
        "slips of YAML",
        arguments: [
            ("\"/v1/accounts/{id}\"}", "/v1/accounts/{id}}", "write a value with `{…}` in it between quotes"),
            (
                "methods: [GET], ", "hosts: [*.shop.example.com], ",
                "write the value between quotes: in YAML, `*` and `&`"
            ),
            ("    upstream: accounts", "\tupstream: accounts", "indent with spaces: YAML takes no tabs there"),
            (
                "    upstream: accounts", "    upstream: @accounts",
                "write the value between quotes: YAML takes none that"
            ),
            ("    upstream: accounts", "    upstream: a: b", "write a value with `: ` in it between quotes"),
        ])
    func slips(old: String, new: String, remedy: String) {
        let all = said(old, new)
        #expect(all.contains("not valid YAML: ") && all.contains("; \(remedy)"), "\(all)")
    }

    @Test(
        "requests that the gateway answers before it looks for a route",
        arguments: [
            (
                "accounts/{id}", "a%2fb",
                "path: each request of the route is answered with 400: its path holds `%2F`; add `allow_encoded_slash: true` to the route"
            )
        ])
    func refused(old: String, new: String, finding: String) {
        let all = said(old, new)
        #expect(all.hasSuffix("warning: routes.read-account.match.\(finding)"), "\(all)")
    }

    @Test("a path in place of all that a prefix takes")
    func prefixReplaced() {
        let rewrite = "\n    rewrite: {path: /v6}\n"
        let all = findings(bank: plainBank.replacing("path: \"/v1/accounts/{id}\"", with: "prefix: /v1/a") + rewrite)
        #expect(
            all.count == 1
                && all[0].contains(
                    "warning: routes.read-account.rewrite.path: every path below `/v1/a` becomes this one; to keep what follows, name it"
                ), "\(all)")
        let named = plainBank.replacing("accounts/{id}", with: "a/{rest...}")
        #expect(findings(bank: named + rewrite).isEmpty)
        #expect(findings(bank: named + "\n    rewrite: {path: \"/v6/{rest}\"}\n").isEmpty)
    }

    @Test("with `allow_encoded_slash`, an encoded slash is nothing to warn of")
    func encodedSlash() {
        let bank = plainBank.replacing("accounts/{id}", with: "a%2Fb") + "\n    allow_encoded_slash: true\n"
        #expect(findings(bank: bank).isEmpty)
    }
}
