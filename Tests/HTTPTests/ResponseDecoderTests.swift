import Base
import HTTP
import Testing

@Suite("Response heads")
struct ResponseDecoderTests {
    @Test(
        "status lines",
        arguments: [
            ("HTTP/1.1 200 OK", 200, "OK", 1), ("HTTP/1.0 404 Not Found", 404, "Not Found", 0),
            ("HTTP/1.1 200 ", 200, "", 1), ("HTTP/1.1 200", 200, "", 1),
            ("HTTP/1.7 599 \u{e9}\t!", 599, "\u{e9}\t!", 1),
            ("HTTP/1.1 100 Continue", 100, "Continue", 1),
        ] as [(String, Int, String, UInt8)])
    func statusLine(line: String, status: Int, reason: String, minor: UInt8) throws {
        let head = try #require(response(line + "\r\nContent-Length: 0\r\n\r\n").value)
        #expect(head.status == status)
        #expect(head.reason == reason)
        #expect(head.minorVersion == minor)
    }

    @Test(
        "a malformed response is refused with its own error",
        arguments: [
            ("HTTP/1.1 200 OK\n\r\n", .bareLineFeed), ("HTTP/1.1 200\n\r\n", .bareLineFeed),
            ("HTTP/1.1 200 O\rK\r\n\r\n", .bareCarriageReturn), ("HTTP/1.1 200\rX", .bareCarriageReturn),
            ("HTTP/2.0 200 OK\r\n\r\n", .malformedStatusLine), ("http/1.1 200 OK\r\n\r\n", .malformedVersion),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", .malformedVersion), ("HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1 20 OK\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 2000 OK\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1 099 X\r\n\r\n", .invalidStatusCode), ("HTTP/1.1 600 X\r\n\r\n", .invalidStatusCode),
            ("HTTP/1.1 +20 X\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 200 O\0K\r\n\r\n", .invalidReasonPhrase),
            ("HTTP/1.1 101 X\r\n\r\n", .unsolicitedUpgrade), ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .invalidFieldName),
            ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .obsoleteLineFolding),
            ("HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", .invalidFieldValue),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                .contentLengthAndTransferEncoding
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .unsupportedTransferCoding),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .repeatedContentLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", .repeatedContentLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1,\r\n\r\n", .invalidContentLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", .invalidContentLength),
        ] as [(String, MessageError)])
    func malformed(text: String, error: MessageError) {
        // An unknown major version fails as such.
        let expected: MessageError = text.hasPrefix("HTTP/2.0") ? .unsupportedVersion : error
        #expect(response(text) == .failed(expected))
    }

    @Test(
        "how the content ends",
        arguments: [
            (.get, 200, "Content-Length: 5", .length(5), 5, true),
            (.get, 200, "Content-Length: 5, 5", .length(5), 5, true),
            (.get, 200, "Content-Length: 5\r\nContent-Length: 5", .length(5), 5, true),
            (.get, 200, "Transfer-Encoding: chunked", .chunked, nil, true),
            (.get, 200, "X: y", .untilClose, nil, false),
            (.get, 200, "Content-Length: 5\r\nConnection: close", .length(5), 5, false),
            (.head, 200, "Content-Length: 5", .none, 5, true),
            (.head, 200, "Transfer-Encoding: chunked", .none, nil, true),
            (.head, 200, "X: y", .none, nil, true), (.get, 304, "Content-Length: 5", .none, 5, true),
            (.get, 204, "X: y", .none, nil, true), (.get, 204, "Content-Length: 0", .none, nil, true),
            (.get, 204, "Content-Length: 5", .none, nil, false), (.get, 103, "Link: x", .none, nil, true),
            (.get, 204, "Transfer-Encoding: chunked", .none, nil, false),
        ] as [(HTTP.Method, Int, String, BodyFraming, Int?, Bool)])
    func framing(
        method: HTTP.Method, status: Int, fields: String, framing: BodyFraming, declared: Int?, isPersistent: Bool
    ) throws {
        let head = try #require(response("HTTP/1.1 \(status) X\r\n\(fields)\r\n\r\n", method: method).value)
        #expect(head.framing == framing)
        #expect(head.declaredLength == declared)
        #expect(head.isPersistent == isPersistent)
    }

    @Test("an HTTP/1.0 server keeps the connection only when it says so")
    func http10() {
        let head = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n"
        #expect(response(head + "\r\n").value?.isPersistent == false)
        #expect(response(head + "Connection: keep-alive\r\n\r\n").value?.isPersistent == true)
    }

    @Test("interim heads come one after the other")
    func interim() throws {
        var decoder = ResponseDecoder()
        var head = ResponseHead()
        let text = bytes("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
        try text.withUnsafeBytes { memory in
            let view = ByteView(memory)
            guard case .complete(let consumed) = try decoder.decodeHead(view, method: .get, into: &head) else {
                Issue.record("the first head is there")
                return
            }
            #expect(head.isInterim == true)
            let rest = view.from(consumed)
            #expect(try decoder.decodeHead(rest, method: .get, into: &head) == .complete(consumed: rest.count))
            #expect(head.status == 200)
        }
    }
}
