import Foundation
import Testing
import portcullis

@Suite("explain")
struct ExplainTests {
    private func explain(_ words: String...) throws -> Outcome {
        Outcome(["explain", "DIR"] + words, in: try Sample.folder())
    }

    @Test("the whole explanation of a proxied request")
    func proxied() throws {
        let outcome = try explain("GET", "http://app.test:8080/x/../accounts/%37?q=1#top")
        #expect(outcome.status == 0)
        #expect(outcome.output == ExplainGolden.proxied)
    }

    @Test("what came out of a reference is in no reason and no answer")
    func references() throws {
        let app = """
            domain: app
            routes:
              secret:
                match: {path: "/in/${file:secret}"}
                respond: {status: 204}
              moved:
                match: {path: /moved}
                redirect: {host: "${file:secret}.test"}
            """
        let folder = try TemporaryFolder(["gateway.yaml": Sample.gateway, "app.yaml": app, "secret": "s3cret-place"])
        let missed = Outcome(["explain", "DIR", "GET", "http://app.test/in/other"], in: folder)
        #expect(missed.output.contains("is not that of ********"), "\(missed.output)")
        let moved = Outcome(["explain", "DIR", "GET", "http://app.test/moved", "--format", "json"], in: folder)
        #expect(moved.output.contains("http://********/moved"), "\(moved.output)")
        for outcome in [missed, moved] { #expect(!outcome.output.contains("s3cret")) }
    }

    @Test(
        "conditions are on what the gateway makes of the request, not on what a client said",
        arguments: [([], "app/plain"), (["--header", "X-Forwarded-Proto: https"], "app/plain")])
    func conditionsOnForwarding(options: [String], route: String) throws {
        let app = """
            domain: app
            routes:
              plain:
                match: {prefix: /, headers: {X-Forwarded-Proto: http, traceparent: {present: true}}}
                redirect: {scheme: https}
              secured:
                match: {prefix: /}
                respond: {status: 204}
            """
        let folder = try TemporaryFolder(["gateway.yaml": Sample.gateway, "app.yaml": app])
        let outcome = Outcome(["explain", "DIR", "GET", "http://app.test/in"] + options, in: folder)
        #expect(outcome.output.contains("route          \(route)") || outcome.output.contains("route     \(route)"))
        #expect(outcome.output.contains("308 Location: https://app.test/in"), "\(outcome.output)")
    }

    @Test(
        "the route, the answer and the status",
        arguments: [
            (["GET", "http://app.test/accounts/7"], 0, ["app/read", "id = 7", "/v2/7", "rewritten"]),
            (["HEAD", "http://app.test/accounts/7"], 0, ["route          app/read"]),
            (["GET", "http://sub.app.test/accounts/7/8"], 0, ["route          app/any"]),
            (["DELETE", "http://app.test/accounts/7"], 0, ["DELETE is not one of its methods: GET"]),
            (["GET", "http://app.test/flag?a=1", "--header", "X-Canary: yes"], 0, ["app/canary"]),
            (["GET", "http://app.test/flag?a=1"], 1, ["404 no-route", "the headers are not: X-Canary = yes"]),
            (["GET", "http://app.test/flag", "--header", "X-Canary: yes"], 1, ["the query is not: a = 1"]),
            (["GET", "http://app.test/old/a?b=c"], 0, ["308 Location: https://new.test/old/a?b=c"]),
            (["GET", "http://app.test/local"], 0, ["204, a fixed response", "10.0.0.0/8"]),
            (["GET", "http://app.test/local", "--client", "10.1.2.3"], 0, ["204"]),
            (["GET", "http://app.test/local", "--client", "192.0.2.1"], 1, ["403 ip-restricted"]),
            (
                ["PUT", "http://app.test/accounts/1/2", "--header", "Content-Length: 1025"], 1,
                ["413 content-too-large"]
            ),
            (["PUT", "http://app.test/accounts/1/2", "--header", "Content-Length: 1024"], 0, ["app/write"]),
            (["GET", "http://app.test/nowhere"], 1, ["404 no-route", "segment 1 of the path, `nowhere`"]),
            (["GET", "http://other.test/"], 1, ["404 no-route", "another host: app.test, *.app.test"]),
            (["GET", "http://app.test/accounts/a%2fb"], 1, ["400 encoded-slash"]),
            (["GET", "http://app.test/%00"], 1, ["400 encoded-control-byte"]),
            (["GET", "http://app.test/%zz"], 1, ["400 invalid-escape"]),
            (["GET", "http://app.test/a b"], 1, ["400 "]),
            (["GET", "http://app.test/\u{e9}"], 1, ["400 invalid-target-byte"]),
            (["TRACE", "http://app.test/accounts/7"], 1, ["501 method-not-implemented"]),
            (["GET", "http://app.test/", "--header", "Content-Length: x"], 1, ["400 invalid-content-length"]),
            (
                ["GET", "http://app.test/", "--header", "Upgrade: websocket", "--header", "Connection: upgrade"], 1,
                ["501"]
            ),
            (["GET", "http://10.0.0.1/accounts/7", "--header", "host: app.test"], 0, ["app/read"]),
            (
                ["GET", "http://app.test/accounts/7", "--listener", "inner"], 1,
                ["421 misdirected-request", "another listener: outer"]
            ),
            (["GET", "http://app.test:8081/accounts/7"], 1, ["listener  inner"]),
            (["GET", "https://app.test/accounts/7"], 0, ["listener       outer"]),
            (
                ["OPTIONS", "http://app.test/accounts/7", "--header", "Max-Forwards: 0"], 0,
                ["204", "The gateway itself answers OPTIONS with Max-Forwards: 0."]
            ),
            (["GET", "http://app.test/accounts/7", "--header", "Max-Forwards: 0"], 0, ["app/read"]),
        ] as [([String], Int32, [String])])
    func outcomes(words: [String], status: Int32, expected: [String]) throws {
        let outcome = Outcome(["explain", "DIR"] + words, in: try Sample.folder())
        #expect(outcome.status == status, "\(outcome.output)")
        for text in expected { #expect(outcome.output.contains(text), "\(outcome.output)") }
    }

    @Test("405 says what is allowed")
    func methodNotAllowed() throws {
        let outcome = try explain("POST", "http://app.test/local", "--format", "json")
        #expect(outcome.status == 0)
        let app = Sample.app.replacingOccurrences(of: "{prefix: /accounts}", with: "{path: /else}")
        let folder = try TemporaryFolder(["gateway.yaml": Sample.gateway, "app.yaml": app])
        let refused = Outcome(["explain", "DIR", "DELETE", "http://app.test/accounts/7"], in: folder)
        #expect(refused.status == 1)
        #expect(refused.output.contains("405 method-not-allowed"))
        #expect(refused.output.contains("Allow: GET, HEAD"))
    }

    @Test("an unknown listener is wrong usage that names those there are")
    func unknownListener() throws {
        let outcome = try explain("GET", "http://app.test/", "--listener", "nowhere")
        #expect(outcome.status == 2)
        #expect(outcome.complaint.contains("`outer`, `inner`"))
    }

    @Test("JSON has the whole fixed pipeline, with where each value comes from")
    func json() throws {
        let outcome = try explain("GET", "http://app.test/accounts/7", "--format", "json")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(document["route"] as? String == "app/read")
        #expect(document["upstream"] as? String == "app/accounts")
        #expect(document["upstream_path"] as? String == "/v2/7")
        #expect(document["parameters"] as? [String: String] == ["id": "7"])
        let steps = try #require(document["pipeline"] as? [[String: Any]])
        #expect(steps.map { $0["step"] as? String } == PipelineStep.allCases.map(\.title))
        let off = steps.filter { $0["active"] as? Bool == false }.map { $0["step"] as? String }
        #expect(
            off == [
                "ip_restriction", "rate_limit", "jwt", "spiffe, tenant boundary", "rate_limit by identity",
                "answer without an upstream", "concurrency", "internal_jwt", "circuit_breaker",
            ])
        let values = steps.flatMap { $0["values"] as? [[String: String]] ?? [] }
        #expect(values.contains(["name": "timeouts.request", "value": "7s", "from": "DIR/app.yaml:12:25"]))
        #expect(values.contains(["name": "headers.set X-Key", "value": "********", "from": "DIR/app.yaml:14:74"]))
    }
}
