import Base
import HTTP
import Testing

/// One side's content, fed piece by piece.
private struct Side: ~Copyable {
    var decoder = BodyDecoder(.chunked)
    var buffer = IOBuffer()
    let input: [UInt8]
    var fed = 0
    /// What the list showed when the content was complete.
    var trailers: [FieldSummary]?

    init(_ trailers: [FieldSummary]) {
        let lines = trailers.map { "\($0.name): \($0.value)\r\n" }.joined()
        input = bytes("3\r\nabc\r\n0\r\n\(lines)\r\n")
    }

    /// Feeds `count` bytes more, into `list`.
    mutating func feed(_ count: Int, _ list: inout HeaderList) throws(MessageError) {
        let end = min(fed + count, input.count)
        input[fed..<end].withUnsafeBytes { buffer.append(ByteView($0)) }
        fed = end
        while trailers == nil {
            switch try decoder.next(buffer.readable, trailers: &list) {
            case .data(_, let consumed): buffer.consume(consumed)
            case .needsMore(let consumed):
                buffer.consume(consumed)
                return
            case .end(let consumed):
                buffer.consume(consumed)
                trailers = summary(of: list)
            }
        }
    }
}

@Suite("Trailer sections")
struct TrailerTests {
    @Test("an empty trailer section takes no memory, in whatever pieces it comes", arguments: [1, 2, 3, 5, 100])
    func empty(size: Int) throws {
        var list = HeaderList()
        var side = Side([])
        while side.trailers == nil { try side.feed(size, &list) }
        #expect(side.trailers == [])
        #expect(list.memoryBytes == 0)
    }

    @Test("fields of an earlier message are gone when an empty section ends")
    func emptied() throws {
        var list = HeaderList()
        list.append(name: ByteView("X-Old"), value: ByteView("1"))
        var side = Side([])
        try side.feed(100, &list)
        #expect(side.trailers == [])
    }

    @Test("a section is its own, whatever becomes of the list while it is incomplete", arguments: 0..<64)
    func disturbed(cut: Int) throws {
        let fields = [
            FieldSummary(name: "A", value: "1"), FieldSummary(name: "X-Sum", value: String(repeating: "s", count: 40)),
        ]
        var list = HeaderList()
        var side = Side(fields)
        try side.feed(cut, &list)
        guard side.trailers == nil else { return }
        switch cut % 4 {
        case 0: list.removeAll()
        case 1: list.releaseMemory()
        case 2: list.append(name: ByteView("X-Spiffe-ID"), value: ByteView("spiffe://evil/x"))
        default:
            var other = Side([FieldSummary(name: "X-Other", value: String(repeating: "o", count: 2000))])
            try other.feed(.max - 100, &list)
            #expect(other.trailers?.first?.name == "X-Other")
        }
        try side.feed(100, &list)
        #expect(side.trailers == fields)
    }

    @Test("the same holds for a head")
    func disturbedHead() throws {
        let text = "GET /a HTTP/1.1\r\nHost: app.test\r\nX-First: 1\r\nX-Second: 2\r\n\r\n"
        let input = bytes(text)
        for cut in 1..<input.count {
            var decoder = RequestDecoder()
            var head = RequestHead()
            try input[..<cut].withUnsafeBytes { view in
                let progress = try decoder.decodeHead(ByteView(view), into: &head)
                #expect(progress == .incomplete(consumed: 0))
            }
            if cut % 2 == 0 { head.fields.releaseMemory() } else { head.fields.append(.server, value: "x") }
            try input.withUnsafeBytes { view in
                let progress = try decoder.decodeHead(ByteView(view), into: &head)
                #expect(progress == .complete(consumed: input.count))
            }
            #expect(summary(of: head.fields).map(\.name) == ["Host", "X-First", "X-Second"])
            #expect(latin1(head.path) == "/a")
        }
    }

    @Test("two contents that share a list never show each other's trailers", arguments: 0..<300)
    func interleaved(seed: Int) throws {
        var random = RandomSource(seed: UInt64(seed))
        let names = ["X-Spiffe-ID", "X-Sum", "Grpc-Status", "A", "X-Long-Name-Of-A-Trailer-Field", "Host"]
        func fields(_ letter: String) -> [FieldSummary] {
            (0..<Int.random(in: 0...6, using: &random)).map { _ in
                FieldSummary(
                    name: names.randomElement(using: &random) ?? "A",
                    value: String(repeating: letter, count: Int.random(in: 1...60, using: &random)))
            }
        }
        let (left, right) = (fields("l"), fields("r"))
        var list = HeaderList()
        var first = Side(left)
        var second = Side(right)
        while first.trailers == nil || second.trailers == nil {
            if Bool.random(using: &random) {
                try first.feed(Int.random(in: 1...12, using: &random), &list)
            } else {
                try second.feed(Int.random(in: 1...12, using: &random), &list)
            }
        }
        func passed(_ fields: [FieldSummary]) -> [FieldSummary] {
            fields.filter { $0.name != "X-Spiffe-ID" && $0.name != "Host" }
        }
        #expect(first.trailers == passed(left))
        #expect(second.trailers == passed(right))
    }
}
