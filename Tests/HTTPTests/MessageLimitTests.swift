import HTTP
import Testing

@Suite("Limits on heads")
struct MessageLimitTests {
    @Test(
        "the field lines together may be as large as the limit and no larger, whatever is in front of them",
        arguments: [
            "GET / HTTP/1.1\r\n", "\r\nGET / HTTP/1.1\r\n",
            "DELETE /\(String(repeating: "a", count: 500)) HTTP/1.1\r\n",
        ])
    func headBytes(line: String) {
        var limits = MessageLimits()
        let fields = "Host: a\r\nX: \(String(repeating: "x", count: 100))\r\n"
        let text = line + fields + "\r\n"
        limits.headBytes = fields.utf8.count
        #expect(request(text, limits: limits).value != nil)
        limits.headBytes -= 1
        #expect(request(text, limits: limits) == .failed(.headTooLarge))
        // Certain before the end is there.
        #expect(request(String(text.unicodeScalars.dropLast()), limits: limits) == .failed(.headTooLarge))
        #expect(request(String(text.unicodeScalars.dropLast(2)), limits: limits) == .incomplete)
    }

    @Test("an over-long target is 414, whatever follows")
    func target() {
        var limits = MessageLimits()
        limits.targetBytes = 10
        #expect(request("GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).value != nil)
        #expect(request("GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits) == .failed(.targetTooLong))
        #expect(request("GET /1234567890\u{01}", limits: limits) == .failed(.targetTooLong))
        #expect(request("GET /1234567890", limits: limits) == .failed(.targetTooLong))
        // A target that fits into its own limit fits, however small the fields' is.
        limits.headBytes = 8
        #expect(request("GET /123456789", limits: limits) == .incomplete)
        #expect(request("GET /123456789 HTTP/1.0\r\nA: b\r\n\r\n", limits: limits).value != nil)
    }

    @Test("fields are counted")
    func fieldCount() {
        var limits = MessageLimits()
        limits.fieldCount = 3
        let head = "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n"
        #expect(request(head + "\r\n", limits: limits).value?.fields.count == 3)
        #expect(request(head + "C: 3\r\n\r\n", limits: limits) == .failed(.tooManyFields))
        #expect(
            response("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n", limits: limits) == .failed(.tooManyFields))
    }

    @Test("every error has a status, a code of its own and a sentence")
    func errors() {
        var codes: Set<String> = []
        for error in MessageError.allCases {
            codes.insert("\(error.code)")
            #expect([400, 414, 417, 431, 501, 505].contains(error.statusHint))
            #expect("\(error.reason)".hasSuffix("."))
        }
        #expect(codes.count == MessageError.allCases.count)
        #expect(MessageError.targetTooLong.statusHint == 414)
        #expect(MessageError.tooManyFields.statusHint == 431)
        #expect(MessageError.unsupportedVersion.statusHint == 505)
    }
}
