import Base
import HTTP
import Testing

@Suite("What is kept of a request that is refused")
struct RefusedHeadTests {
    @Test(
        "the method, the path without what may be secret, and the version, as far as they were read",
        arguments: [
            ("HEAD / HTTP/1.1\r\n\r\n", "HEAD / 1"), ("HEAD / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "HEAD / 0"),
            ("DELETE /%zz?token=x HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /%zz 1"),
            ("\r\nDELETE /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /%zz 1"),
            ("GET /a#access_token=x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a 1"),
            ("PUT http://u:p@a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", "PUT /b 1"),
            ("PUT http://u:p@a?c/d HTTP/1.1\r\nHost: a\r\n\r\n", "PUT  1"), ("PUT a/b HTTP/1.1\r\n\r\n", "PUT  1"),
            ("TRACE /t HTTP/1.1\r\nHost: a\r\n\r\n", "TRACE /t 1"),
            ("BREW /%0 HTTP/1.1\r\nHost: a\r\n\r\n", "BREW /%0 1"),
            ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT  1"),
            ("POST / HTTP/1.1\r\nA b\r\n\r\n", "POST / 1"), ("POST / HTTP/2.0\r\n\r\n", "POST / 1"),
            ("POST /\u{01} HTTP/1.1\r\n\r\n", "POST  1"), ("PO\u{01}T / HTTP/1.1\r\n\r\n", "  1"),
            // What came to no end tells as much as there is.
            ("", "  1"), ("HEAD", "  1"), ("HEAD /a", "HEAD  1"), ("HEAD /a HTTP/1", "HEAD /a 1"),
            ("HEAD /a HTTP/1.0\r\nHost: a\r\nX", "HEAD /a 0"), ("\r\nHEAD /a HTTP/1.1\r\nX", "HEAD /a 1"),
        ])
    func kept(text: String, expected: String) {
        for piece in [Int.max, 1, 3] { #expect(Self.kept(bytes(text), piece: piece) == expected) }
    }

    private static func kept(_ input: [UInt8], piece: Int) -> String {
        var decoder = RequestDecoder()
        var head = RequestHead()
        var buffer = IOBuffer()
        var fed = 0
        while fed < input.count {
            let end = fed + min(piece, input.count - fed)
            input[fed..<end].withUnsafeBytes { buffer.append(ByteView($0)) }
            fed = end
            do throws(MessageError) {
                guard case .incomplete(let consumed) = try decoder.decodeHead(buffer.readable, into: &head) else {
                    return "complete"
                }
                buffer.consume(consumed)
            } catch {
                break
            }
        }
        decoder.keepRequestLine(of: buffer.readable, in: &head)
        #expect(head.fields.isEmpty && head.query.isEmpty && head.host.isEmpty)
        #expect(head.method == HTTP.Method(token: head.methodToken))
        return "\(latin1(head.methodToken)) \(latin1(head.path)) \(head.minorVersion)"
    }

    @Test("whatever comes, keeping it never traps")
    func anything() {
        var random = RandomSource(seed: 5)
        let alphabet = bytes("GET /?#:%.*ah\r\n 1HTP\u{00}")
        for _ in 0..<5_000 {
            let start = Int(random.next() % 3) == 0 ? bytes("GET ") : []
            let rest = (0..<Int(random.next() % 40)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            _ = Self.kept(start + rest, piece: Int(random.next() % 7) + 1)
        }
    }
}
