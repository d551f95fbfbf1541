import Base
import JOSE
import TestSupport
import Testing

@Suite("JSON reader")
struct JSONReaderTests {
    @Test(
        "what is JSON is taken",
        arguments: [
            "{}", "[]", "0", "-0", "1", "-1", "1.5", "1e3", "1E+3", "1e-3", "0.1", "true", "false", "null", "\"\"",
            " \t\r\n{ \"a\" : [ 1 , 2 ] } \n", "[[[[]]]]", #"{"a":{"a":1},"b":{"a":1}}"#, #""\u00e9\ud83d\ude00""#,
            #""\"\\\/\b\f\n\r\t""#, "\"é😀\u{10ffff}\u{7f}\"", #"[{"a":1},{"a":1}]"#, #"{"a":1,"A":2}"#, #"{"":0}"#,
            "123456789012345678901234567890", "1e307", "1e-400", #"{"aaaaaaaaaaaaaaaaaaaaaaaa":"bbbbbbbbbbbbbbbbbbb"}"#,
        ])
    func taken(text: String) {
        #expect(jsonError(Array(text.utf8)) == nil)
        // No beginning of it is, unless it is a number's.
        guard let first = text.utf8.first, first >= 0x5b || first == 0x22 else { return }
        let trimmed = Array(text.utf8.reversed().drop { $0 <= 0x20 }.reversed())
        for end in 0..<trimmed.count {
            let error = jsonError(Array(trimmed[..<end]))
            // A cut through a character or a pair of escapes.
            #expect(error == .unexpectedEnd || error == .invalidUTF8 || error == .loneSurrogate)
        }
        #expect(jsonError(trimmed + [0x5d]) == .trailingBytes)
    }

    static let refusals: [(String, JSONError)] = [
        ("", .unexpectedEnd), (" ", .unexpectedEnd), ("{} {}", .trailingBytes), ("1 2", .trailingBytes),
        ("01", .invalidNumber), ("-01", .invalidNumber), ("-", .unexpectedEnd), ("-a", .invalidNumber),
        ("1.", .unexpectedEnd), ("1.a", .invalidNumber), (".5", .unexpectedByte), ("+1", .unexpectedByte),
        ("1e", .unexpectedEnd), ("1ea", .invalidNumber), ("1e+", .unexpectedEnd), ("0x10", .trailingBytes),
        ("1e309", .numberTooLarge), ("1e99999999999999999999", .numberTooLarge), ("1e-401", .numberTooLarge),
        (String(repeating: "9", count: 65), .numberTooLarge), ("0e999", .numberTooLarge), ("NaN", .unexpectedByte),
        ("Infinity", .unexpectedByte),
        ("-Infinity", .invalidNumber), ("nul", .unexpectedEnd), ("nulL", .unexpectedByte), ("True", .unexpectedByte),
        ("[1,]", .unexpectedByte), ("[,1]", .unexpectedByte), ("[1 2]", .unexpectedByte), ("{,}", .unexpectedByte),
        (#"{"a"}"#, .unexpectedByte), (#"{"a":}"#, .unexpectedByte), (#"{"a":1,}"#, .unexpectedByte),
        ("{a:1}", .unexpectedByte), ("{1:1}", .unexpectedByte), ("{'a':1}", .unexpectedByte), ("[1}", .unexpectedByte),
        (#"{"a":1]"#, .unexpectedByte), ("]", .unexpectedByte), ("// a\n1", .unexpectedByte),
        (#"{"a":1,"a":2}"#, .duplicateName), (#"{"a":1,"\u0061":2}"#, .duplicateName),
        (#"{"x":{"a":1,"b":2,"a":3}}"#, .duplicateName), (#"{"":1,"":2}"#, .duplicateName),
        (#"{"é":1,"\u00e9":2}"#, .duplicateName),
        (#""\ud800""#, .loneSurrogate), (#""\udc00""#, .loneSurrogate), (#""\ud800\u0041""#, .loneSurrogate),
        (#""\ud800\ud800""#, .loneSurrogate), (#""\ud800x""#, .loneSurrogate), (#""\x41""#, .invalidEscape),
        (#""\u00g0""#, .invalidEscape), (#""\U0041""#, .invalidEscape), (#""\u12""#, .unexpectedEnd),
        (#""\u12"  "#, .invalidEscape),
        ("\"a\nb\"", .controlCharacter), ("\"\u{0}\"", .controlCharacter), ("\"aaaaaaaaaaa\u{1f}\"", .controlCharacter),
        ("\u{feff}{}", .unexpectedByte), ("\u{a0}1", .unexpectedByte), ("{}\u{0}", .trailingBytes),
    ]

    @Test("what isn't is refused with its reason", arguments: refusals)
    func refused(text: String, error: JSONError) { #expect(jsonError(Array(text.utf8)) == error) }

    @Test(
        "strings are well-formed UTF-8",
        arguments: [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80],
            [0xe2, 0x82], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xfe],
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) {
        for padding in 0..<9 {
            let quoted: [UInt8] = [0x22] + [UInt8](repeating: 0x61, count: padding) + bytes + [0x22]
            #expect(jsonError(quoted) == .invalidUTF8)
        }
    }

    @Test("of all bytes, a string takes those from the space up, quote and backslash aside")
    func allBytes() {
        for byte in UInt8.min...UInt8.max {
            for padding in [0, 7, 8] {
                let text: [UInt8] = [0x22] + [UInt8](repeating: 0x61, count: padding) + [byte, 0x62, 0x22]
                let isPlain = byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5c
                // A backslash and a `b` are an escape.
                #expect((jsonError(text) == nil) == (isPlain || byte == 0x5c), "byte \(byte)")
            }
        }
    }

    @Test("limits: bytes, depth, values")
    func limits() {
        let limits = JSONLimits(bytes: 20, depth: 3, values: 5)
        #expect(jsonError(Array("[[[]]]".utf8), limits) == nil)
        #expect(jsonError(Array("[[[[]]]]".utf8), limits) == .tooDeep)
        #expect(jsonError(Array("[1,2,3,4]".utf8), limits) == nil)
        #expect(jsonError(Array("[1,2,3,4,5]".utf8), limits) == .tooManyValues)
        #expect(jsonError(Array(#"{"a":1,"b":2}"#.utf8), limits) == nil)
        #expect(jsonError(Array(#"{"a":1,"b":2,"c":3}"#.utf8), limits) == .tooManyValues)
        #expect(jsonError([UInt8](repeating: 0x20, count: 20) + [0x31], limits) == .tooLarge)
        #expect(jsonError([UInt8](repeating: 0x5b, count: 60_000)) == .tooDeep)
    }

    @Test("members, elements, paths and raw text")
    func access() throws {
        let text = #"{"a":[1,"x\n",true,null,{"b":{"c.d":"\u00e9\ud83d\ude00"}}], "e" : { "f" : 1.50 } }"#
        try withJSON(text) { root in
            #expect(root.count == 2)
            let list = try #require(root.member("a"))
            #expect(list.elements.map { $0.kind } == [.number, .string, .true, .null, .object])
            #expect(list.elements.map { $0.raw.string }[1] == #""x\n""#)
            #expect(list.elements.map { $0.text?.string ?? "" }[1] == "x\n")
            #expect(root.members.map { $0.name.string } == ["a", "e"])
            #expect(root.member("e")?.raw.string == #"{ "f" : 1.50 }"#)
            #expect(root.value(at: JSONPath(dotted: "e.f"))?.double == 1.5)
            #expect(root.value(at: JSONPath(dotted: "e.g")) == nil)
            #expect(root.value(at: JSONPath(dotted: "e.f.g")) == nil)
            #expect(root.value(at: JSONPath(names: []))?.raw.count == text.utf8.count)
            let nested = try #require(Array(list.elements).last)
            #expect(nested.value(at: JSONPath(dotted: #"b.c\.d"#))?.text?.string == "é😀")
            #expect(nested.value(at: JSONPath(names: ["b", "c.d"]))?.text?.string == "é😀")
            #expect(list.member("a") == nil && root.text == nil && root.integer == nil && root.bool == nil)
        }
    }

    static let numbers: [(String, Int64?, Double)] = [
        ("0", 0, 0), ("-0", 0, -0.0), ("1700000000", 1_700_000_000, 1_700_000_000), ("-5", -5, -5),
        ("9223372036854775807", .max, 9.223372036854775807e18),
        ("-9223372036854775808", .min, -9.223372036854775808e18),
        ("9223372036854775808", nil, 9.223372036854775808e18), ("1700000000.123", nil, 1700000000.123),
        ("1e3", nil, 1000), ("0.1", nil, 0.1), ("0.30000000000000004", nil, 0.30000000000000004),
        ("123456789.123456789123456789", nil, 123456789.123456789123456789), ("-2.5E-3", nil, -0.0025),
        ("9007199254740993", 9_007_199_254_740_993, 9_007_199_254_740_992), ("1.0", nil, 1),
        ("0.00000000000000000000000000000000000000000000000001", nil, 1e-50), ("1e-400", nil, 0),
    ]

    @Test("numbers, exactly as integers and nearest as doubles", arguments: numbers)
    func number(text: String, integer: Int64?, double: Double) throws {
        try withJSON(text) { value in
            #expect(value.integer == integer)
            #expect(value.double == double)
        }
    }

    @Test("a document is used again and again, also after a failure and for larger texts")
    func reuse() throws {
        let document = JSONDocument(seed: 7)
        for size in [1, 40, 3, 900, 2] {
            let text = "{" + (0..<size).map { #""name\#($0)":"\u0041\#($0)""# }.joined(separator: ",") + "}"
            try ByteView.of(text) { view in
                let root = try document.read(view, limits: .keySet)
                #expect(root.count == size)
                #expect(root.member(ByteView.kept("name\(size - 1)"))?.text?.string == "A\(size - 1)")
            }
            ByteView.of(String(text.dropLast(2))) { view in
                #expect(throws: JSONError.unexpectedEnd) { try document.read(view, limits: .keySet) }
            }
            ByteView.of(#"{"name0":0,"x":{"name0":1},"name0":0}"#) { view in
                #expect(throws: JSONError.duplicateName) { try document.read(view, limits: .keySet) }
            }
        }
    }

    @Test("random bytes and damaged texts never read out of bounds, and what is taken reads back the same")
    func fuzz() throws {
        var random = FuzzPlan.random(seed: 0x4a53)
        let document = JSONDocument(seed: 3)
        let seeds =
            (Self.refusals.map(\.0) + [#"{"a":[1,2,{"b":"\u00e9\ud83d\ude00"}],"c":-1.5e3,"d":[true,false,null]}"#])
            .map { Array($0.utf8) }
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: seeds[Int.random(in: 0..<seeds.count, using: &random)], at: place)
                }
            }
            ByteView.of(bytes) { view in
                guard let root = try? document.read(view, limits: .claims) else { return }
                let walked = Self.walk(root)
                // Each value by itself is JSON, the same.
                let again = JSONDocument(seed: 4)
                guard let copy = try? again.read(root.raw, limits: .claims) else {
                    Issue.record("its own raw text is refused: \(view.string)")
                    return
                }
                #expect(Self.walk(copy) == walked)
            }
        }
    }

    /// All of a value, as text.
    private static func walk(_ value: JSONValue) -> String {
        switch value.kind {
        case .object: "{" + value.members.map { "\($0.name.string):\(walk($0.value))" }.joined(separator: ",") + "}"
        case .array: "[" + value.elements.map { walk($0) }.joined(separator: ",") + "]"
        case .string: "'\(value.text?.string ?? "")'"
        case .number: "\(value.integer.map { "\($0)" } ?? "")/\(value.double ?? .nan)"
        default: "\(value.kind)"
        }
    }
}

extension ByteView {
    /// A text's bytes for as long as the test process lives.
    static func kept(_ text: String) -> ByteView {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: text.utf8.count + 1)
        memory.update(from: Array(text.utf8), count: text.utf8.count)
        return ByteView(base: memory, count: text.utf8.count)
    }
}
