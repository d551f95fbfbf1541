import Base
import Configuration
import Testing

@Suite struct ModelTests {
    private func route(_ body: String, gateway: String = plainGateway) throws -> Route {
        let bank = """
            domain: bank
            upstreams:
              accounts: {targets: ["http://accounts.internal", {url: "http://[2001:db8::1]:81", weight: 3}], timeouts: {idle: 9s}}
            timeouts: {request: 8s}
            plugins: {request_transform: {headers: {set: {X-A: domain, X-B: domain}}}, ip_restriction: {allow: [10.0.0.0/8]}}
            routes:
              read: \(body)
            """
        let result = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": bank]).load()
        return try #require(result.configuration?.domains.first?.routes.first, "\(findings(result))")
    }

    @Test("the nearest place wins: route, upstream, file, defaults, built in")
    func layers() throws {
        let gateway =
            plainGateway
            + "\ndefaults: {timeouts: {request: 7s, idle: 7s, response_header: 7s}, retries: {connect_failures_max: 3}}\n"
        let read = try route(
            "{match: {path: /v1/a}, upstream: accounts, limits: {body_bytes_max: 1KiB}}", gateway: gateway)
        #expect(read.timeouts.request.value == .seconds(8))
        #expect(read.timeouts.idle.value == .seconds(9))
        #expect(read.timeouts.responseHeader.value == .seconds(7))
        #expect(read.retries.connectFailuresMax.value == 3)
        #expect(read.retries.staleConnection == .init(value: true, origin: .builtIn))
        #expect(read.limits.bodyBytesMax.value == 1024)
    }

    @Test("plugins merge key by key, and headers under `set` count as keys")
    func plugins() throws {
        let read = try route(
            "{match: {path: \"/v1/{id}\"}, upstream: accounts, plugins: {request_transform: {headers: {set: {x-a: \"{path.id}!\", X-C: c}}}, ip_restriction: {deny: [10.1.0.0/16]}}}"
        )
        let set = try #require(read.plugins.requestTransform).headers.set
        #expect(set.map(\.name) == ["X-B", "x-a", "X-C"])
        #expect(
            set[1].value.value.parts == [
                .value(TextValue(attribute: .pathParameter(name: "id", index: 0), steps: [])), .literal("!"),
            ])
        #expect(read.plugins.ipRestriction?.allow.map(\.value.description) == ["10.0.0.0/8"])
        #expect(read.plugins.ipRestriction?.deny.map(\.value.description) == ["10.1.0.0/16"])
    }

    @Test(
        "a restriction of the file is off for a route that says so, and on for one that names it without",
        arguments: [
            ("{enabled: false}", nil), ("{enabled: false, deny: [10.1.0.0/16]}", nil),
            ("{enabled: true}", "10.0.0.0/8"), ("{}", "10.0.0.0/8"), ("{allow: [10.2.0.0/16]}", "10.2.0.0/16"),
        ] as [(String, String?)])
    func restriction(section: String, allowed: String?) throws {
        let read = try route(
            "{match: {path: /v1/a}, upstream: accounts, plugins: {ip_restriction: \(section)}}")
        #expect(read.plugins.ipRestriction?.allow.map(\.value.description) == allowed.map { [$0] })
        #expect(read.plugins.requestTransform != nil)
    }

    @Test("a restriction that is off for all routes is on again for one that names it")
    func restored() throws {
        let off = plainGateway + "\ndefaults: {plugins: {ip_restriction: {enabled: false, deny: [10.9.0.0/16]}}}\n"
        let read = try route("{match: {path: /v1/a}, upstream: accounts}", gateway: off)
        #expect(read.plugins.ipRestriction?.deny.map(\.value.description) == ["10.9.0.0/16"])
    }

    @Test("removing a header also removes what a farther place sets")
    func removal() throws {
        let read = try route(
            "{match: {path: /v1/a}, upstream: accounts, plugins: {request_transform: {headers: {remove: [x-a]}}}}")
        #expect(read.plugins.requestTransform?.headers.set.map(\.name) == ["X-B"])
    }

    @Test(
        "paths are parsed into canonical segments",
        arguments: [
            ("path: /v1", [.literal("v1")], false), ("path: /v1/", [.literal("v1"), .literal("")], false),
            ("path: /v1/%7euser/%2f%c3%a9", [.literal("v1"), .literal("~user"), .literal("%2F%C3%A9")], false),
            ("path: /v1/é", [.literal("v1"), .literal("%C3%A9")], false),
            ("path: \"/v1/{a}/{b...}\"", [.literal("v1"), .parameter("a"), .rest("b")], false),
            ("prefix: /v1/", [.literal("v1")], true), ("prefix: \"/v1/{a}\"", [.literal("v1"), .parameter("a")], true),
        ] as [(String, [PathSegment], Bool)])
    func paths(key: String, segments: [PathSegment], isPrefix: Bool) throws {
        let path = try route("{match: {\(key)}, upstream: accounts}").match.path.value
        #expect(path.segments == segments && path.isPrefix == isPrefix)
    }

    @Test("targets are taken apart")
    func targets() throws {
        let bank =
            "domain: bank\nupstreams:\n  a: {targets: [\"http://Accounts.Internal\", {url: \"http://[2001:db8::1]:81/\", weight: 3}], balancer: consistent_hash, hash_on: {cookie: sid}}\n"
        let result = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank]).load()
        let upstream = try #require(result.configuration?.domains.first?.upstreams.first)
        #expect(upstream.targets.map(\.authority) == ["accounts.internal:80", "[2001:db8::1]:81"])
        #expect(upstream.targets.map(\.weight.value) == [1, 3])
        #expect(upstream.balancer.value == .consistentHash(.cookie("sid")))
    }

    @Test("rewrites, redirects and fixed responses")
    func actions() throws {
        let gateway = plainGateway.replacing("paths: [/v1, /public], ", with: "")
        let replace = try route(
            "{match: {path: \"/a/{x}/{y...}\"}, upstream: accounts, rewrite: {path: \"/b/{y}/{x}\"}}", gateway: gateway)
        guard case .proxy(let proxy) = replace.action, case .replace(let template) = proxy.rewrite.path.value else {
            Issue.record("not a rewrite")
            return
        }
        #expect(
            template.parts == [
                .literal("/b/"), .parameter(name: "y", index: 1), .literal("/"), .parameter(name: "x", index: 0),
            ])
        let redirect = try route("{match: {}, redirect: {scheme: https}}", gateway: gateway)
        #expect(redirect.match.path.value == PathTemplate.everything)
        guard case .redirect(let target) = redirect.action else {
            Issue.record("not a redirect")
            return
        }
        #expect(target.status.value == 308 && target.keepQuery.value)
        let respond = try route("{match: {methods: [GET]}, respond: {body: ok, headers: {X-A: b}}}", gateway: gateway)
        guard case .respond(let response) = respond.action else {
            Issue.record("not a response")
            return
        }
        #expect(response.status.value == 200 && response.contentType?.value == "text/plain; charset=utf-8")
    }

    @Test("conditions on headers and query")
    func conditions() throws {
        let read = try route(
            "{match: {path: /v1/a, headers: {X-A: b, X-B: {prefix: c}}, query: {q: {present: false}}}, upstream: accounts}"
        )
        #expect(read.match.headers.map(\.test) == [.exact("b"), .prefix("c")])
        #expect(read.match.query.map(\.test) == [.absent])
    }
}

@Suite struct AddressTests {
    @Test(
        "addresses and networks are read and written in their canonical form",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0/8"), ("127.0.0.1", "127.0.0.1/32"), ("::1", "::1/128"), ("::", "::/128"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128"), ("fe80::/10", "fe80::/10"),
            ("2001:DB8::", "2001:db8::/128"), ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3/128"),
            ("0.0.0.0/0", "0.0.0.0/0"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"),
        ])
    func networks(text: String, canonical: String) throws {
        let gateway = plainGateway + "\ntrusted_proxies: [\"\(text)\"]\n"
        let result = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": plainBank]).load()
        #expect(result.configuration?.trustedProxies.first?.value.description == canonical)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1..2.3", ":::", "1::2::3", "1:2:3:4:5:6:7", "12345::",
            "::g",
            "1:2:3:4:5:6:7:8:9", "::1.2.3", "10.0.0.0/33", "::/129", "10.0.0.0/", "/8", "1:2:3:4:5:6:7:", ":1::", "",
            "10.0.0.0/-1",
        ])
    func refused(text: String) {
        #expect(findings(gateway: plainGateway + "\ntrusted_proxies: [\"\(text)\"]\n").count == 1)
    }
}
