import Base
import HTTP
import Plugins
import Proxy
import Routing
import Testing

private func fields(_ name: String, _ values: [String]) -> HeaderList {
    var list = HeaderList()
    for value in values {
        name.withByteView { name in value.withByteView { list.append(name: name, value: $0) } }
    }
    return list
}

@Suite("Who the client is")
struct OriginalClientTests {
    @Test(
        "the last address that no trusted proxy has",
        arguments: [
            ([], "10.0.0.1"),
            (["203.0.113.9"], "203.0.113.9"),
            (["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (["10.0.0.3,203.0.113.9,10.0.0.2"], "203.0.113.9"),
            (["203.0.113.9 \t,\t10.0.0.2"], "203.0.113.9"),
            // Several lines are one list.
            (["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            (["198.51.100.1", "203.0.113.9", "10.0.0.2, 10.0.0.3"], "203.0.113.9"),
            (["198.51.100.1, 10.0.0.4", "10.0.0.2"], "198.51.100.1"),
            // IPv6, and IPv4 in its mapped form.
            (["2001:db8::7, 10.0.0.2"], "2001:db8::7"),
            (["::ffff:203.0.113.9"], "203.0.113.9"),
            (["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
            // With a port, and in brackets, as load balancers write it.
            (["203.0.113.9:4711"], "203.0.113.9"), (["[2001:db8::7]:4711"], "2001:db8::7"),
            (["[2001:db8::7]"], "2001:db8::7"), (["203.0.113.9:4711, 10.0.0.2:80"], "203.0.113.9"),
            // Empty elements are none.
            ([""], "10.0.0.1"), ([",", ", ,"], "10.0.0.1"), (["203.0.113.9,"], "203.0.113.9"),
            (["203.0.113.9,,10.0.0.2"], "203.0.113.9"), ([",203.0.113.9", ""], "203.0.113.9"),
            // Where the one who would be the client can't be read, nobody is.
            (["unknown"], nil), (["203.0.113.9, unknown"], nil), (["203.0.113.9, _hidden, 10.0.0.2"], nil),
            (["010.0.0.2"], nil), (["203.0.113.256"], nil), (["203.0.113.9;10.0.0.2"], nil), (["fe80::1%eth0"], nil),
            (["203.0.113.9", "garbage, 10.0.0.2"], nil), (["203.0.113.9:"], nil), (["203.0.113.9:65536"], nil),
            // What is in front of him doesn't matter.
            (["unknown, 203.0.113.9, 10.0.0.2"], "203.0.113.9"), (["\"unknown, 203.0.113.9"], "203.0.113.9"),
        ] as [([String], String?)])
    func table(lines: [String], expected: String?) throws {
        #expect(try Self.client(fields("X-Forwarded-For", lines)) == expected)
    }

    @Test(
        "without X-Forwarded-For, the same in Forwarded",
        arguments: [
            (["for=203.0.113.9"], "203.0.113.9"), (["FOR=203.0.113.9;proto=https"], "203.0.113.9"),
            (["for=198.51.100.1, for=203.0.113.9;by=10.0.0.2, for=10.0.0.2"], "203.0.113.9"),
            (["for=198.51.100.1", "for=203.0.113.9", "for=10.0.0.2"], "203.0.113.9"),
            (["for=\"[2001:db8::7]:4711\";proto=https"], "2001:db8::7"), (["for=\"203.0.113.9:80\""], "203.0.113.9"),
            (["for=203.0.113.9:80"], "203.0.113.9"), (["for=\"::ffff:203.0.113.9\""], "203.0.113.9"),
            (["for=203.0.113.9;host=\"a,b\", for=10.0.0.2"], "203.0.113.9"),
            (["for=203.0.113.9;ext=\"\\\",for=10.0.0.9\", for=10.0.0.2"], nil),
            (["for=10.0.0.3, for=10.0.0.2"], "10.0.0.3"), ([""], "10.0.0.1"), ([", ,"], "10.0.0.1"),
            // An open quotation mark further in front swallows nothing.
            (["for=\"198.51.100.1, for=203.0.113.9"], "203.0.113.9"),
            (["for=unknown"], nil), (["for=_hidden"], nil), (["proto=https"], nil), (["for"], nil), (["for="], nil),
            (["for=203.0.113.9;for=203.0.113.10"], nil), (["for = 203.0.113.9"], nil), (["203.0.113.9"], nil),
            (["for=\"203.0.113.9"], nil), (["for=203.0.113.9, unknown"], nil),
        ] as [([String], String?)])
    func forwarded(lines: [String], expected: String?) throws {
        #expect(try Self.client(fields("Forwarded", lines)) == expected)
    }

    @Test("X-Forwarded-For wins over Forwarded, also when it can't be read; an empty one doesn't")
    func precedence() throws {
        for (listed, expected) in [("203.0.113.9", "203.0.113.9"), ("unknown", nil), ("", "198.51.100.1")] {
            var list = fields("Forwarded", ["for=198.51.100.1"])
            listed.withByteView { list.append(.xForwardedFor, value: $0) }
            #expect(try Self.client(list) == expected, "\(listed)")
        }
    }

    private static func client(_ list: borrowing HeaderList) throws -> String? {
        var policy = ForwardingPolicy()
        policy.trustedProxies = [try CIDRBlock(text: "10.0.0.0/8")]
        let peer = try #require(IPAddress(text: "10.0.0.1"))
        return policy.origin(list, peer: peer).address?.description
    }

    @Test("a policy without trusted proxies trusts nobody, a mapped proxy is the proxy")
    func trust() throws {
        var policy = ForwardingPolicy()
        let proxy = try #require(IPAddress(text: "10.0.0.1"))
        #expect(!policy.trusts(proxy))
        policy.trustedProxies = [try CIDRBlock(text: "10.0.0.0/8"), try CIDRBlock(text: "2001:db8::/32")]
        #expect(policy.trusts(proxy))
        #expect(policy.trusts(try #require(IPAddress(text: "::ffff:10.0.0.1"))))
        #expect(policy.trusts(try #require(IPAddress(text: "2001:db8::1"))))
        #expect(!policy.trusts(try #require(IPAddress(text: "11.0.0.1"))))
    }
}

@Suite("Paths sent upstream")
struct RewriteTests {
    private func rewritten(_ rewrite: CompiledRewrite, _ path: String) -> String {
        var buffer = IOBuffer()
        path.withByteView { rewrite.append($0, parameters: RouteMatch(), to: &buffer) }
        return buffer.readable.string
    }

    @Test(
        "leading segments are dropped, and what is left begins with a slash",
        arguments: [
            ("/", 0, "/"), ("/", 1, "/"), ("/a", 0, "/a"), ("/a", 1, "/"), ("/a/", 1, "/"), ("/a/b", 1, "/b"),
            ("/a/b", 2, "/"), ("/a/b/", 2, "/"), ("/a/b/c", 1, "/b/c"), ("/a/b/c/", 1, "/b/c/"), ("/a/b", 9, "/"),
            ("/a%2Fb/c", 1, "/c"),
        ])
    func strip(path: String, segments: Int, expected: String) {
        #expect(rewritten(.strip(segments: segments), path) == expected)
    }

    /// What a template makes of a path that `/x/{a}/{rest...}` has matched.
    private func filled(_ pieces: [StaticString], _ path: String) throws -> String {
        let template = CompiledTemplate(
            pieces.map { piece in
                switch piece.description {
                case "{a}": .capture(0)
                case "{rest}": .capture(1)
                default: .literal(ByteView(piece))
                }
            })
        let definition = RouteDefinition(
            id: "r", place: 0, listeners: 1, hosts: [], path: try PathPattern(template: "/x/{a}/{rest...}"),
            methods: [], headers: [], queries: [])
        let table = try #require(RouteTable.build([definition]).table)
        let match = RouteMatch()
        let fields = HeaderList()
        var buffer = IOBuffer()
        path.withByteView { path in
            let asked = RouteRequest(
                listener: 0, host: ByteView("h"), path: path, method: .get, methodToken: ByteView("GET"),
                query: ByteView())
            table.match(asked, fields: fields, into: match)
            template.append(parameters: match, path: path, to: &buffer)
        }
        return buffer.readable.string
    }

    @Test(
        "a capture between slashes leaves one slash where it is empty or ends with one; a query is left alone",
        arguments: [
            (["/", "{rest}", "/", "{a}"], "/x/evil.com", "/evil.com"),
            (["/", "{rest}", "/", "{a}"], "/x/evil.com/", "/evil.com"),
            (["/", "{rest}", "/", "{a}"], "/x/a/b/c/", "/b/c/a"),
            (["/new/", "{rest}", "/index"], "/x/a", "/new/index"),
            (["/new/", "{rest}", "/index"], "/x/a/b", "/new/b/index"),
            (["/", "{rest}", "/", "{rest}", "/i"], "/x/a/", "/i"),
            (["/", "{rest}"], "/x/a/", "/"), (["/", "{a}"], "/x/a", "/a"), (["/", "{a}", "{rest}"], "/x/a/b", "/ab"),
            (["https://h/", "{rest}", "/z"], "/x/a", "https://h/z"),
            (["/", "{rest}", "/z?u=", "{rest}", "/q"], "/x/a/b/", "/b/z?u=b//q"),
            (["/z#", "{rest}", "/q"], "/x/a/b/", "/z#b//q"),
        ] as [([StaticString], String, String)])
    func joined(pieces: [StaticString], path: String, expected: String) throws {
        #expect(try filled(pieces, path) == expected)
    }

    @Test("keeping appends nothing, replacing the template's text")
    func others() {
        #expect(rewritten(.keep, "/a") == "")
        #expect(rewritten(.replace(CompiledTemplate([.literal(ByteView("/new"))])), "/a") == "/new")
    }
}

@Suite("Redirects")
struct RedirectTests {
    private func location(_ redirect: CompiledRedirect, _ request: String) throws -> String {
        var buffer = IOBuffer()
        buffer.append(string: request)
        var decoder = RequestDecoder(limits: MessageLimits())
        var head = RequestHead()
        _ = try decoder.decodeHead(buffer.readable, into: &head)
        var output = IOBuffer()
        let isPossible = redirect.appendLocation(
            head, asked: ForwardingPolicy().asked(head), query: head.hasQuery ? head.query : nil,
            parameters: RouteMatch(), to: &output)
        return isPossible ? output.readable.string : "-"
    }

    private static let toHTTPS = CompiledRedirect.Target.parts(
        scheme: ByteView("https"), host: nil, port: nil, path: nil)
    private static let nothingChanged = CompiledRedirect.Target.parts(scheme: nil, host: nil, port: nil, path: nil)

    private static func fixed(_ text: StaticString) -> CompiledRedirect.Target {
        .location(CompiledTemplate([.literal(ByteView(text))]))
    }

    @Test(
        "the location, by target and request",
        arguments: [
            (toHTTPS, true, "/a?b=c", "h:8080", "https://h/a?b=c"), (toHTTPS, false, "/a?b=c", "h:8080", "https://h/a"),
            (toHTTPS, true, "/a?", "h", "https://h/a?"), (toHTTPS, true, "/a", "[::1]:80", "https://[::1]/a"),
            (nothingChanged, true, "/a", "h:8080", "http://h:8080/a"), (nothingChanged, true, "/a", "h", "http://h/a"),
            (.parts(scheme: nil, host: ByteView("n"), port: nil, path: nil), true, "/a", "h:8080", "http://n/a"),
            (.parts(scheme: nil, host: nil, port: 81, path: nil), true, "/a", "h:8080", "http://h:81/a"),
            (
                .parts(scheme: nil, host: nil, port: nil, path: CompiledTemplate([.literal(ByteView("/p"))])), true,
                "/a?q", "h", "http://h/p?q"
            ),
            (fixed("https://x/y"), true, "/a?q=1", "h", "https://x/y?q=1"),
            (fixed("https://x/y"), false, "/a?q=1", "h", "https://x/y"),
            (fixed("https://x/y?own=1"), true, "/a?q=1", "h", "https://x/y?own=1"),
            (fixed("/y"), true, "/a", "h", "/y"),
            (fixed("https://x/y#part"), true, "/a?q=1", "h", "https://x/y?q=1#part"),
            (fixed("https://x/y#part"), true, "/a", "h", "https://x/y#part"),
            (fixed("https://x/y?own#part"), true, "/a?q=1", "h", "https://x/y?own#part"),
            (fixed("https://x/y#why?"), true, "/a?q=1", "h", "https://x/y?q=1#why?"),
        ] as [(CompiledRedirect.Target, Bool, String, String, String)])
    func table(
        target: CompiledRedirect.Target, keepsQuery: Bool, requested: String, host: String, expected: String
    ) throws {
        let redirect = CompiledRedirect(status: 308, target: target, keepsQuery: keepsQuery)
        #expect(try location(redirect, "GET \(requested) HTTP/1.1\r\nHost: \(host)\r\n\r\n") == expected)
    }

    @Test(
        "for a request without a host the location has none either, or there is none",
        arguments: [
            (nothingChanged, "/a"), (toHTTPS, "-"), (.parts(scheme: nil, host: nil, port: 81, path: nil), "-"),
            (.parts(scheme: nil, host: ByteView("n"), port: nil, path: nil), "http://n/a"), (fixed("/y"), "/y"),
        ] as [(CompiledRedirect.Target, String)])
    func withoutHost(target: CompiledRedirect.Target, expected: String) throws {
        let redirect = CompiledRedirect(status: 308, target: target, keepsQuery: true)
        #expect(try location(redirect, "GET /a HTTP/1.0\r\n\r\n") == expected)
    }

    @Test(
        "what trusted proxies say of the client's scheme and host is believed where it can be one",
        arguments: [
            ("X-Forwarded-Proto: https", "https://h:8080/a"), ("X-Forwarded-Proto: HTTPS", "https://h:8080/a"),
            ("X-Forwarded-Proto: ftp", "http://h:8080/a"), ("X-Forwarded-Host: p", "http://p/a"),
            ("X-Forwarded-Host: p:81", "http://p:81/a"), ("X-Forwarded-Host: p/q", "http://h:8080/a"),
            ("X-Forwarded-Host: p, q", "http://h:8080/a"), ("X-Forwarded-Host: p.", "http://p/a"),
            ("Forwarded: for=1.2.3.4;proto=https;host=p", "https://p/a"),
            ("Forwarded: for=1.2.3.4;host=\"a b\"", "http://h:8080/a"),
        ])
    func believed(line: String, expected: String) throws {
        let redirect = CompiledRedirect(status: 308, target: Self.nothingChanged, keepsQuery: true)
        #expect(try location(redirect, "GET /a HTTP/1.1\r\nHost: h:8080\r\n\(line)\r\n\r\n") == expected)
    }
}
