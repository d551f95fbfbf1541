import Base
import Foundation
import Observability
import Testing

@Suite("JSON")
struct JSONTests {
    /// The text as the only element of an array, parsed back by an independent reader.
    private func roundTrip(_ bytes: [UInt8]) throws -> String {
        var json = JSONWriter()
        json.array { json in withBytes(bytes) { json.value($0) } }
        let buffer = json.finish()
        let parsed = try JSONSerialization.jsonObject(with: Data(buffer.readable.raw)) as? [String]
        return try #require(parsed?.first)
    }

    @Test("every byte value gives valid JSON that reads back as the repaired text", arguments: UInt8.min...UInt8.max)
    func everyByte(byte: UInt8) throws {
        for padding in 0..<18 {
            let bytes = Array(repeating: UInt8(ascii: "a"), count: padding) + [byte] + Array("tail of text".utf8)
            #expect(try roundTrip(bytes) == String(decoding: bytes, as: UTF8.self))
            let last = bytes.prefix(padding + 1)
            #expect(try roundTrip(Array(last)) == String(decoding: last, as: UTF8.self))
        }
        #expect(try roundTrip([byte]) == String(decoding: [byte], as: UTF8.self))
        #expect(try roundTrip([byte, byte, byte]) == String(decoding: [byte, byte, byte], as: UTF8.self))
    }

    @Test(
        "characters and their escapes",
        arguments: [
            ("", #"[""]"#), ("plain", #"["plain"]"#), ("a\"b", #"["a\"b"]"#), ("a\\b", #"["a\\b"]"#),
            ("\n\r\t", #"["\n\r\t"]"#), ("\u{0}\u{1b}\u{7f}", #"["\u0000\u001b\u007f"]"#), ("ü€😀", #"["ü€😀"]"#),
            ("/", #"["/"]"#),
        ])
    func escapes(input: String, expected: String) {
        var json = JSONWriter()
        json.array { $0.value(input) }
        #expect(text(json.finish()) == expected)
    }

    @Test(
        "each maximal ill-formed part of UTF-8 becomes one U+FFFD",
        arguments: [
            ([0xc0, 0xaf], "\u{fffd}\u{fffd}"), ([0xe0, 0x80, 0x80], "\u{fffd}\u{fffd}\u{fffd}"),
            ([0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"),
            ([0xf4, 0x90, 0x80, 0x80], "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ([0xf0, 0x9f, 0x98], "\u{fffd}"), ([0xf0, 0x9f, 0x98, 0x41], "\u{fffd}A"), ([0xe2, 0x82, 0xac], "€"),
            ([0xe2, 0x82], "\u{fffd}"), ([0xff, 0xfe], "\u{fffd}\u{fffd}"), ([0x80], "\u{fffd}"),
        ] as [([UInt8], String)])
    func illFormed(bytes: [UInt8], expected: String) throws {
        #expect(try roundTrip(bytes) == expected)
    }

    @Test("random bytes give what the standard library's repair gives")
    func fuzz() throws {
        var random = RandomSource(seed: 7)
        let interesting: [UInt8] = [
            0x00, 0x1f, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xff,
        ]
        for _ in 0..<fuzzIterations {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0x20..<0x7f, using: &random)
                    : interesting.randomElement(using: &random) ?? 0
            }
            #expect(try roundTrip(bytes) == String(decoding: bytes, as: UTF8.self), "\(bytes)")
        }
    }

    @Test("objects, arrays and all kinds of values, compact")
    func compact() {
        var json = JSONWriter()
        json.object { json in
            json.field("text", "a")
            json.field("view", ByteView("b"))
            json.field("least", Int.min)
            json.field("most", Int.max)
            json.field("half", 0.5)
            json.field("tiny", Double.leastNonzeroMagnitude)
            json.field("infinite", Double.infinity)
            json.field("none", Double.nan)
            json.field("flag", true)
            json.null("nothing")
            json.object("empty") { _ in }
            json.array("list") { json in
                json.value(1)
                json.array { _ in }
                json.object { $0.field(named: "name \"x\"", "y") }
            }
            json.object(named: "routes") { $0.field(named: "a/b", -1) }
        }
        #expect(
            text(json.finish()) == #"{"text":"a","view":"b","least":-9223372036854775808,"most":9223372036854775807,"#
                + #""half":0.5,"tiny":5e-324,"infinite":null,"none":null,"flag":true,"nothing":null,"empty":{},"#
                + #""list":[1,[],{"name \"x\"":"y"}],"routes":{"a/b":-1}}"#)
    }

    @Test("indented for people")
    func indented() {
        var json = JSONWriter(layout: .indented)
        json.object { json in
            json.field("a", 1)
            json.array("b") { json in
                json.value("x")
                json.object { _ in }
            }
        }
        #expect(
            text(json.finish()) == """
                {
                  "a": 1,
                  "b": [
                    "x",
                    {}
                  ]
                }
                """)
    }

    @Test("what the buffer held before stays")
    func appends() {
        var buffer = IOBuffer()
        buffer.append("head ")
        var json = JSONWriter(into: buffer)
        json.value("x")
        #expect(text(json.finish()) == "head \"x\"")
    }
}
