import Base
import HTTP
import Plugins
import Routing
import TestSupport
import Testing

@Suite("Templates of the transforms")
struct TextTableTests {
    @Test("each place stands for what it says")
    func places() throws {
        let fixture = try TransformFixture(
            [("X-A", "one"), ("Cookie", "a=1; b=two"), ("x-a", "two"), ("Cookie", "c=3; b=4")],
            query: "a=b%20c&a=d&e=&f", claims: #""name":"Ann","list":["x","y"]"#)
        #expect(try fixture.render(.capture(0)) == "seven")
        #expect(try fixture.render(.capture(1)) == "x/y")
        #expect(try fixture.render(.query(ByteView("a"))) == "b c")
        #expect(try fixture.render(.query(ByteView("e"))) == nil)
        #expect(try fixture.render(.query(ByteView("f"))) == nil)
        #expect(try fixture.render(.query(ByteView("g"))) == nil)
        #expect(try fixture.render(.field(ByteView("X-a"))) == "one, two")
        #expect(try fixture.render(.field(ByteView("X-B"))) == nil)
        #expect(try fixture.render(.cookie(ByteView("b"))) == "two")
        #expect(try fixture.render(.cookie(ByteView("c"))) == "3")
        #expect(try fixture.render(.cookie(ByteView("B"))) == nil)
        #expect(try fixture.render(.claim(0)) == "Ann")
        #expect(try fixture.render(.claim(1)) == "x,y")
        #expect(try fixture.render(.spiffeID) == "spiffe://bank-a/user/ann")
        #expect(try fixture.render(.tenant) == "t1")
        #expect(try fixture.render(.requestID) == "id-1")
        #expect(try fixture.render(.clientAddress) == "10.1.2.3")
        #expect(try fixture.render(.method) == "POST")
        #expect(try fixture.render(.host) == "app.test")
        #expect(try fixture.render(.fixed(ByteView("f"))) == "f")
    }

    @Test("nobody has no claims, no SPIFFE ID and no tenant")
    func nobody() throws {
        let fixture = try TransformFixture()
        defer { withExtendedLifetime(fixture) {} }
        for attribute in [TextAttribute.claim(0), .spiffeID, .tenant] {
            #expect(try fixture.render(attribute) == nil)
            #expect(try fixture.render(attribute, [.fallback(ByteView("-"))]) == "-")
        }
    }

    @Test(
        "functions run from left to right",
        arguments: [
            ("ABCé", [.lower], "abcé"), ("", [.lower], nil), ("a", [.base64], "YQ=="), ("ab", [.base64], "YWI="),
            ("abc", [.base64], "YWJj"), ("abcd>?", [.base64], "YWJjZD4/"),
            ("abc", [.hash], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("a b/é~", [.urlEscape], "a%20b%2F%C3%A9~"), ("A", [.lower, .base64], "YQ=="),
            ("A", [.base64, .lower], "qq=="),
            ("", [.fallback("None"), .lower], "none"), ("", [.lower, .fallback("None")], "None"),
            ("x", [.fallback("None")], "x"), ("", [.fallback("")], ""), ("", [.fallback(""), .base64], ""),
            ("", [.hash, .fallback("d")], "d"), (" ", [], nil), ("\t ", [.base64], nil), (" ", [.fallback("d")], "d"),
            (" a ", [], " a "),
        ] as [(String, [TextTableTests.Step], String?)])
    func functions(value: String, steps: [Step], expected: String?) throws {
        let fixture = try TransformFixture()
        defer { withExtendedLifetime(fixture) {} }
        let arena = TextArena()
        let functions = steps.map { step -> TextFunction in
            switch step {
            case .lower: .lower
            case .base64: .base64
            case .hash: .hash
            case .urlEscape: .urlEscape
            case .fallback(let text): .fallback(arena.keep(text))
            }
        }
        #expect(try fixture.render(.fixed(arena.keep(value)), functions) == expected)
        withExtendedLifetime(arena) {}
    }

    enum Step: Sendable {
        case lower, base64, hash, urlEscape
        case fallback(String)
    }

    @Test("a text with a missing value is missing as a whole")
    func missing() throws {
        let fixture = try TransformFixture()
        defer { withExtendedLifetime(fixture) {} }
        let pieces: [TextTable.Piece] = [
            .literal(ByteView("a")), .value(.query(ByteView("q")), []), .literal(ByteView("b")),
        ]
        #expect(fixture.render(pieces) == .success(nil))
    }

    @Test("no text carries a control character but a tab, whatever brought it", arguments: 0...255)
    func controls(byte: Int) throws {
        let escape = "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        let fixture = try TransformFixture(query: "q=a\(escape)b")
        defer { withExtendedLifetime(fixture) {} }
        let isControl = byte < 0x20 && byte != 9 || byte == 0x7f
        let rendered = fixture.render([.value(.query(ByteView("q")), [])])
        #expect((rendered == .failure(RenderingProblem(problem: .controlCharacter))) == isControl)
        // Encoded it is harmless.
        #expect(try fixture.render(.query(ByteView("q")), [.base64]) != nil)
        var texts = RenderedTexts()
        let table = TextTable([[.value(.query(ByteView("q")), [])]])
        let problem = table.render(
            fixture.facts, fields: fixture.fields, parameters: fixture.match, isLenient: true, into: &texts)
        #expect(problem == nil && (texts[0] == nil) == isControl)
    }

    @Test("a text has at most 8 KiB, all together 64 KiB")
    func lengths() throws {
        let arena = TextArena()
        let long = arena.keep(String(repeating: "x", count: RenderedTexts.lengthMaximum))
        let fixture = try TransformFixture()
        defer { withExtendedLifetime(fixture) {} }
        #expect(try fixture.render(.fixed(long)) != nil)
        #expect(
            fixture.render([.value(.fixed(long), []), .literal(ByteView("x"))])
                == .failure(RenderingProblem(problem: .tooLong)))
        var texts = RenderedTexts()
        for (count, expected) in [(8, nil), (9, TextProblem.tooLong)] as [(Int, TextProblem?)] {
            texts.removeAll()
            let table = TextTable(Array(repeating: [.value(.fixed(long), [])], count: count))
            #expect(
                table.render(fixture.facts, fields: fixture.fields, parameters: fixture.match, into: &texts) == expected
            )
        }
        withExtendedLifetime(arena) {}
    }
}
