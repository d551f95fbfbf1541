import Base
import HTTP
import Testing

@Suite("Request heads")
struct RequestDecoderTests {
    @Test(
        "what an HTTP/1.0 client expects is ignored, and goes no further",
        arguments: ["100-continue", "foo", "100-continue\r\nExpect: bar"])
    func expectation(value: String) throws {
        let text = "POST / HTTP/1.0\r\nExpect: \(value)\r\nContent-Length: 1\r\nX: y\r\n\r\n"
        guard case .complete(let head, _) = decodeRequest(bytes(text)) else {
            Issue.record("no complete head")
            return
        }
        #expect(!head.expectsContinue)
        #expect(head.fields.map(\.name) == ["Content-Length", "X"])
    }

    @Test("a plain request is read as it was written")
    func plain() throws {
        let text = "GET /a/b?x=1&y HTTP/1.1\r\nHost: Example.COM:8080\r\nx-CASE:  two words \t\r\nEmpty:\r\n\r\n"
        let outcome = request(text)
        let head = try #require(outcome.value)
        #expect(outcome == .complete(head, consumed: text.utf8.count))
        #expect(head.method == "GET")
        #expect(head.path == "/a/b")
        #expect(head.query == "x=1&y")
        #expect(head.host == "example.com")
        #expect(head.authority == "example.com:8080")
        #expect(head.port == 8080)
        #expect(head.framing == .none)
        #expect(head.isPersistent)
        #expect(
            head.fields == [
                FieldSummary(name: "Host", value: "Example.COM:8080"),
                FieldSummary(name: "x-CASE", value: "two words"), FieldSummary(name: "Empty", value: ""),
            ])
    }

    @Test(
        "a malformed request is refused with its own error",
        arguments: [
            // Request line
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
            ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLineFeed),
            ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
            ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\rHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\n\rX", .bareCarriageReturn),
            (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
            ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
            ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedVersion),
            ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
            ("GET /\r\n\r\n", .malformedRequestLine),
            ("GET\r\n\r\n", .malformedRequestLine),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
            ("GET / http/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
            ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformedVersion),
            ("GET / HTTP/1\r\nHost: a\r\n\r\n", .malformedVersion),
            ("GET / HTTP/11\r\nHost: a\r\n\r\n", .malformedVersion),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .unsupportedVersion),
            ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
            ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotImplemented),
            ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", .methodNotImplemented),
            ("AVERYLONGMETHODTHATNOBODYKNOWSABOUT / HTTP/1.1\r\n", .methodTooLong),
            // Targets
            ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
            ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
            ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
            ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .unsupportedScheme),
            ("GET httpx://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .unsupportedScheme),
            ("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
            ("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", .invalidHost),
            ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .userInformation),
            ("GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .userInformation),
            ("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
            ("GET http://a/ HTTP/1.1\r\nHost: b@c\r\n\r\n", .userInformation),
            ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTargetByte),
            ("GET /?a#x HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTargetByte),
            ("GET /\\ HTTP/1.1\r\nHost: a\r\n\r\n", .backslashInPath),
            ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", .encodedControlByte),
            ("GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", .pathAboveRoot),
            // Fields
            ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .obsoleteLineFolding),
            ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .obsoleteLineFolding),
            ("GET / HTTP/1.1\r\nHost: a\r\n\tX: b\r\n\r\n", .obsoleteLineFolding),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .invalidFieldName),
            ("GET / HTTP/1.1\r\nHost\r\n\r\n", .invalidFieldName),
            ("GET / HTTP/1.1\r\n: a\r\n\r\n", .emptyFieldName),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", .invalidFieldValue),
            // Host
            ("GET / HTTP/1.1\r\n\r\n", .missingHost),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost),
            ("GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n", .repeatedHost),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .invalidHost),
            // Expectations
            ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\n", .unsupportedExpectation),
            ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n", .unsupportedExpectation),
        ] as [(String, MessageError)])
    func malformed(text: String, error: MessageError) {
        #expect(request(text) == .failed(error))
    }

    @Test(
        "target forms",
        arguments: [
            ("GET", "http://B.example/x?y", "/x", "y", "b.example"),
            ("GET", "HTTPS://b.example:443", "/", nil, "b.example:443"),
            ("GET", "http://b.example?y", "/", "y", "b.example"),
            ("OPTIONS", "*", "*", nil, "a.example"),
            ("OPTIONS", "http://b.example", "*", nil, "b.example"),
            ("OPTIONS", "http://b.example/", "/", nil, "b.example"),
            ("PROPFIND", "//x//y", "/x/y", nil, "a.example"),
            ("GET", "/?", "/", "", "a.example"),
            ("GET", "/?a?b", "/", "a?b", "a.example"),
            ("GET", "/x?/../%zz\\|", "/x", "/../%zz\\|", "a.example"),
        ] as [(String, String, String, String?, String)])
    func targets(method: String, target: String, path: String, query: String?, authority: String) throws {
        let head = try #require(request("\(method) \(target) HTTP/1.1\r\nHost: a.example\r\n\r\n").value)
        #expect(head.method == method)
        #expect(head.target == target)
        #expect(head.path == path)
        #expect(head.query == query)
        #expect(head.authority == authority)
    }

    @Test(
        "whether the client lets the connection live on",
        arguments: [
            ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: x, CLOSE\r\n", false), ("1.1", "Connection: x\r\nConnection: close\r\n", false),
            ("1.1", "Connection: closed\r\n", true), ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
            ("1.0", "Connection: keep-alive, close\r\n", false), ("1.0", "Keep-Alive: 5\r\n", false),
            ("1.3", "", true),
        ])
    func persistence(version: String, fields: String, isPersistent: Bool) throws {
        let head = try #require(request("GET / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n").value)
        #expect(head.isPersistent == isPersistent)
        #expect(head.minorVersion == (version == "1.0" ? 0 : 1))
    }

    @Test("HTTP/1.0 needs no Host, and its Expect and Upgrade are ignored")
    func http10() throws {
        let head = try #require(
            request("GET / HTTP/1.0\r\nExpect: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").value)
        #expect(head.host == "")
        #expect(!head.expectsContinue)
        #expect(!head.wantsUpgrade)
    }

    @Test("100-continue counts where content follows; an upgrade needs its connection option")
    func expectations() throws {
        let fields = "Host: a\r\nExpect: 100-Continue\r\n"
        #expect(try #require(request("PUT / HTTP/1.1\r\n\(fields)Content-Length: 1\r\n\r\n").value).expectsContinue)
        #expect(try !#require(request("PUT / HTTP/1.1\r\n\(fields)\r\n").value).expectsContinue)
        let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        #expect(try #require(request(upgrade + "Connection: Upgrade\r\n\r\n").value).wantsUpgrade)
        #expect(try !#require(request(upgrade + "\r\n").value).wantsUpgrade)
    }

    @Test("one empty line before a request is forgiven, and given back when it is alone")
    func emptyLine() throws {
        let text = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let outcome = request(text)
        #expect(outcome == .complete(try #require(outcome.value), consumed: text.utf8.count))
        var decoder = RequestDecoder()
        var head = RequestHead()
        #expect(try decoder.decodeHead(ByteView("\r"), into: &head) == .incomplete(consumed: 0))
        #expect(decoder.isIdle)
        #expect(try decoder.decodeHead(ByteView("\r\n"), into: &head) == .incomplete(consumed: 2))
        #expect(decoder.isIdle)
        #expect(throws: MessageError.malformedRequestLine) { try decoder.decodeHead(ByteView("\r\n"), into: &head) }
    }

    @Test("between the empty line and the request the decoder is idle: the head may be another one")
    func idleBehindEmptyLine() throws {
        var decoder = RequestDecoder()
        var first = RequestHead()
        #expect(try decoder.decodeHead(ByteView("\r\n"), into: &first) == .incomplete(consumed: 2))
        var second = RequestHead()
        let old = ByteView("GET /old?q HTTP/1.0\r\nHost: old\r\nX-Old: 1\r\n\r\n")
        var other = RequestDecoder()
        #expect(try other.decodeHead(old, into: &second) == .complete(consumed: old.count))
        #expect(try decoder.decodeHead(ByteView(), into: &second) == .incomplete(consumed: 0))
        #expect(decoder.isIdle)
        let text = ByteView("GET /new HTTP/1.1\r\nHost: new\r\n\r\n")
        #expect(try decoder.decodeHead(text, into: &second) == .complete(consumed: text.count))
        #expect(latin1(second.path) == "/new" && !second.hasQuery && second.fields.count == 1)
    }

    @Test("requests in a row share one decoder and one head")
    func pipelining() throws {
        var decoder = RequestDecoder()
        var head = RequestHead()
        let first = ByteView("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        #expect(try decoder.decodeHead(first, into: &head) == .complete(consumed: first.count))
        #expect(head.framing == .length(0))
        let second = ByteView("GET /22 HTTP/1.0\r\n\r\n")
        #expect(try decoder.decodeHead(second, into: &head) == .complete(consumed: second.count))
        #expect(latin1(head.path) == "/22")
        #expect(head.framing == .none)
        #expect(head.fields.count == 0)
    }

    @Test("an unfinished or refused head shows no fields")
    func unfinished() {
        var decoder = RequestDecoder()
        var head = RequestHead()
        _ = try? decoder.decodeHead(ByteView("GET / HTTP/1.1\r\nHost: a\r\nX: "), into: &head)
        #expect(head.fields.firstIndex == head.fields.endIndex)
        #expect(head.fields.value(of: .host) == nil)
        #expect(head.target.count == 0)
    }
}
