import Base
import HTTP
import Proxy
import Testing

@Suite("Answers to health checks")
struct CheckResponseTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        let text: String
        let progress: CheckResponse.Progress
        /// Whether the end of the connection is needed to know.
        var needsEnd = false
        var method = Method.get
        var testDescription: String { name }

        init(
            _ name: String, _ bytes: String, text: String = "", _ progress: CheckResponse.Progress,
            needsEnd: Bool = false, method: Method = .get
        ) {
            self.name = name
            self.bytes = bytes
            self.text = text
            self.progress = progress
            self.needsEnd = needsEnd
            self.method = method
        }
    }

    static let cases: [Case] = [
        Case("a head is enough", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", .status(200)),
        Case("interim heads are passed over", "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No\r\n\r\n", .status(204)),
        Case(
            "endless interim heads", String(repeating: "HTTP/1.1 103 Early\r\n\r\n", count: 9), .malformed),
        Case("no HTTP", "hello\r\n\r\n", .malformed),
        Case(
            "the text is in the content", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nit is oky", text: "ok",
            .status(200)),
        Case(
            "the text over two chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            text: "ok", .status(200)),
        Case(
            "the text is not there", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noook", text: "okk", .wrongContent),
        Case("no content at all", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", text: "ok", .wrongContent),
        Case("content up to the close", "HTTP/1.1 200 OK\r\n\r\nis ok", text: "ok", .status(200), needsEnd: true),
        Case("a head that breaks off", "HTTP/1.1 200 OK\r\nContent-", .lost, needsEnd: true),
        Case(
            "content that breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", text: "ok", .lost,
            needsEnd: true),
        Case(
            "the text comes too late",
            "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + String(repeating: "x", count: 66_000), text: "ok",
            .contentTooLong),
        Case("HEAD has no content", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", .status(200), method: .head),
    ]

    @Test("whole, byte by byte and in pieces, an answer means the same", arguments: cases)
    func pieces(entry: Case) {
        for size in [Int.max, 1, 7] {
            var response = CheckResponse(method: entry.method, text: Array(entry.text.utf8))
            var progress = CheckResponse.Progress.needsMore
            var rest = Array(entry.bytes.utf8)[...]
            while progress == .needsMore, !rest.isEmpty {
                let piece = Array(rest.prefix(size))
                rest = rest.dropFirst(piece.count)
                progress = piece.withUnsafeBytes { response.receive(ByteView($0)) }
            }
            #expect((progress == .needsMore) == entry.needsEnd)
            if progress == .needsMore { progress = response.receiveEnd() }
            #expect(progress == entry.progress, "in pieces of \(size)")
        }
    }
}
