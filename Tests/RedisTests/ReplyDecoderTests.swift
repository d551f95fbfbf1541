import Base
import Redis
import TestSupport
import Testing

/// A reply as text: nested, and independent of where its bytes were.
func rendered(_ items: [ReplyItem], in reply: ByteView) -> String {
    var rest = items[...]
    func next() -> String {
        guard let item = rest.popFirst() else { return "?" }
        switch item.kind {
        case .simpleText: return "+" + item.text(in: reply).string
        case .error: return "-" + item.text(in: reply).string
        case .integer: return "\(item.number)"
        case .text: return "'" + item.text(in: reply).string + "'"
        case .null: return "null"
        case .boolean: return item.number == 1 ? "true" : "false"
        case .aggregate: return "[" + (0..<item.number).map { _ in next() }.joined(separator: " ") + "]"
        }
    }
    return next()
}

/// How bytes reach a decoder.
enum Feeding: CaseIterable {
    case whole, byteByByte, withTail
}

@Suite("Replies")
struct ReplyDecoderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let bytes: String
        let meaning: String
        var testDescription: String { bytes.debugDescription }
        init(_ bytes: String, _ meaning: String) {
            self.bytes = bytes
            self.meaning = meaning
        }
    }

    static let replies = [
        Case("+OK\r\n", "+OK"),
        Case("+\r\n", "+"),
        Case("-ERR no such thing\r\n", "-ERR no such thing"),
        Case(":0\r\n", "0"),
        Case(":-1\r\n", "-1"),
        Case(":+7\r\n", "7"),
        Case(":9223372036854775807\r\n", "9223372036854775807"),
        Case(":-9223372036854775808\r\n", "-9223372036854775808"),
        Case("$5\r\nhello\r\n", "'hello'"),
        Case("$0\r\n\r\n", "''"),
        Case("$4\r\na\r\nb\r\n", "'a\r\nb'"),
        Case("$-1\r\n", "null"),
        Case("*-1\r\n", "null"),
        Case("_\r\n", "null"),
        Case("*0\r\n", "[]"),
        Case("*2\r\n:1\r\n$1\r\nx\r\n", "[1 'x']"),
        Case("*3\r\n*1\r\n*0\r\n_\r\n*2\r\n:1\r\n:2\r\n", "[[[]] null [1 2]]"),
        Case("#t\r\n", "true"),
        Case("#f\r\n", "false"),
        Case(",3.25\r\n", "'3.25'"),
        Case("(3492890328409238509324850943850943825024385\r\n", "'3492890328409238509324850943850943825024385'"),
        Case("=7\r\ntxt:abc\r\n", "'txt:abc'"),
        Case("!5\r\nERR x\r\n", "-ERR x"),
        Case("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "[+a 1 +b 2]"),
        Case("~2\r\n:1\r\n:2\r\n", "[1 2]"),
    ]

    @Test("every kind of reply means the same, however its bytes come", arguments: replies, Feeding.allCases)
    func meaning(reply: Case, feeding: Feeding) throws {
        let tail = feeding == .withTail ? "+tail\r\n" : ""
        let bytes = Array((reply.bytes + tail).utf8)
        let length = reply.bytes.utf8.count
        try bytes.withUnsafeBytes { raw in
            let all = ByteView(raw)
            var decoder = ReplyDecoder()
            if feeding == .byteByByte {
                for count in 0..<length {
                    let progress = try decoder.decode(all.prefix(count))
                    #expect(progress == .needsMore)
                }
            }
            let progress = try decoder.decode(all)
            #expect(progress == .complete(count: length))
            #expect(rendered(decoder.items, in: all) == reply.meaning)
        }
    }

    @Test("one decoder reads a stream of replies, pushes between them")
    func stream() throws {
        let bytes = Array(":1\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n*2\r\n:2\r\n:3\r\n".utf8)
        try bytes.withUnsafeBytes { raw in
            var rest = ByteView(raw)
            var decoder = ReplyDecoder()
            let progress0 = try decoder.decode(rest)
            #expect(progress0 == .complete(count: 4))
            rest = rest.from(4)
            let progress1 = try decoder.decode(rest)
            #expect(progress1 == .push(count: 28))
            rest = rest.from(28)
            let progress2 = try decoder.decode(rest)
            #expect(progress2 == .complete(count: 12))
            #expect(rendered(decoder.items, in: rest) == "[2 3]")
        }
    }

    static let malformed: [(String, ReplyError)] = [
        ("OK\r\n", .unknownType),
        ("\r\n", .unknownType),
        ("|1\r\n", .unknownType),
        ("*1\r\n>1\r\n", .unknownType),
        ("+a\n", .malformedLine),
        ("+a\rb\r\n", .malformedLine),
        (":\r\n", .malformedNumber),
        (":-\r\n", .malformedNumber),
        (":1a\r\n", .malformedNumber),
        (":9223372036854775808\r\n", .malformedNumber),
        (":-9223372036854775809\r\n", .malformedNumber),
        ("$-2\r\n", .malformedNumber),
        ("$?\r\n", .malformedNumber),
        ("*-2\r\n", .malformedNumber),
        ("%-1\r\n", .malformedNumber),
        ("#x\r\n", .malformedNumber),
        ("$1\r\nab\r\n", .malformedText),
        ("$1\r\na\rb", .malformedText),
        ("$65537\r\n", .tooLong),
        ("$9223372036854775807\r\n", .tooLong),
        ("*1025\r\n", .tooMany),
        ("%9223372036854775807\r\n", .tooMany),
        (String(repeating: "*1\r\n", count: 9), .tooDeep),
        ("*2\r\n*1024\r\n" + String(repeating: ":1\r\n", count: 1_023), .tooMany),
        ("+" + String(repeating: "a", count: 65_537), .tooLong),
    ]

    @Test("what is no reply is told from one that isn't there yet", arguments: malformed)
    func refused(text: String, error: ReplyError) {
        let bytes = Array(text.utf8)
        bytes.withUnsafeBytes { raw in
            var decoder = ReplyDecoder()
            #expect(throws: error) { _ = try decoder.decode(ByteView(raw)) }
        }
    }

    @Test("any first byte is a known type or an error, never a trap")
    func firstBytes() {
        for byte in UInt8.min...UInt8.max {
            let bytes = [byte] + Array("1\r\n".utf8)
            bytes.withUnsafeBytes { raw in
                var decoder = ReplyDecoder()
                _ = try? decoder.decode(ByteView(raw))
            }
        }
    }

    @Test("damaged streams end in a reply, an error or a wait, however they are cut")
    func fuzz() {
        var random = FuzzPlan.random(seed: 0x5e5)
        let alphabet = Array("+-:$*_#,(=!%~>|0123456789\r\n\r\n\r\nab".utf8)
        for _ in 0..<FuzzPlan.iterations(usual: 3_000) {
            var bytes = Array(Self.replies[Int.random(in: 0..<Self.replies.count, using: &random)].bytes.utf8)
            bytes += Array(Self.replies[Int.random(in: 0..<Self.replies.count, using: &random)].bytes.utf8)
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let whole = outcome(bytes, cuts: [])
            let cut = outcome(
                bytes, cuts: (0..<6).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted())
            #expect(whole == cut, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
        }
    }

    /// What the whole stream says.
    private func outcome(_ bytes: [UInt8], cuts: [Int]) -> [String] {
        var said: [String] = []
        bytes.withUnsafeBytes { raw in
            let all = ByteView(raw)
            var decoder = ReplyDecoder()
            var start = 0
            for end in cuts + [bytes.count] {
                while start < end {
                    guard let progress = try? decoder.decode(all[start..<end]) else {
                        said.append("error")
                        return
                    }
                    if progress == .needsMore { break }
                    said.append(rendered(decoder.items, in: all[start..<end]))
                    switch progress {
                    case .complete(let count), .push(let count): start += count
                    case .needsMore: break
                    }
                }
            }
        }
        return said
    }
}
