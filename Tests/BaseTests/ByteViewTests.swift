import Base
import Testing

@Suite("Byte views")
struct ByteViewTests {
    @Test(
        "decimal values",
        arguments: [
            ("0", 0), ("42", 42), ("0042", 42), ("9223372036854775807", Int.max), ("", nil), ("-1", nil), ("+1", nil),
            ("9223372036854775808", nil), ("9999999999999999999", nil), ("00000000000000000001", nil), ("1x", nil),
            (" 1", nil), ("1/", nil), ("1:", nil), ("٣", nil),
        ] as [(String, Int?)])
    func decimal(text: String, value: Int?) {
        #expect(text.withByteView { $0.decimalValue() } == value)
    }

    @Test("the empty view: every question has an answer")
    func empty() {
        let view = ByteView()
        #expect(view.isEmpty && view.count == 0 && view.string == "")
        #expect(view == ByteView("") && view == "")
        #expect(view.firstIndex(of: 0) == nil)
        #expect(view.from(0).isEmpty && view.prefix(0).isEmpty && view[0..<0].isEmpty)
        #expect(view.trimmingWhitespace().isEmpty)
        #expect(view.hasPrefix(view) && view.hasSuffix(view) && !view.hasPrefix(ByteView("a")))
        #expect(view.equalsIgnoringCase(""))
        #expect(ByteView(UnsafeRawBufferPointer(start: nil, count: 0)).isEmpty)
    }

    @Test("a byte is found wherever it stands, beside bytes that differ in one bit, and not where it doesn't")
    func search() {
        for byte in [UInt8(0), 1, 0x2c, 0x7f, 0x80, 0xff] {
            for count in 0...20 {
                for index in 0..<count {
                    var bytes = (0..<count).map { byte ^ (1 << UInt8($0 % 8)) }
                    bytes.withUnsafeBytes { #expect(ByteView($0).firstIndex(of: byte) == nil) }
                    bytes[index] = byte
                    bytes[count - 1] = byte
                    bytes.withUnsafeBytes { view in
                        #expect(ByteView(view).firstIndex(of: byte) == index)
                        #expect(
                            ByteView(view).firstIndex(of: byte, from: index + 1)
                                == (index < count - 1 ? count - 1 : nil))
                    }
                }
            }
        }
    }

    @Test("one byte that differs, wherever it stands and wherever the bytes lie, makes views differ")
    func differences() {
        for count in 0...80 {
            for offset in 0..<8 {
                let bytes = [UInt8](repeating: 0xee, count: offset) + (0..<UInt8(count))
                let copy = [UInt8](0..<UInt8(count))
                bytes.withUnsafeBytes { left in
                    let view = ByteView(left).from(offset)
                    #expect(copy.withUnsafeBytes { view == ByteView($0) })
                    for index in 0..<count {
                        var other = copy
                        other[index] ^= 0x80
                        #expect(other.withUnsafeBytes { !(view == ByteView($0)) })
                    }
                }
            }
        }
    }

    @Test(
        "prefixes and suffixes",
        arguments: [
            ("abc", "", true, true), ("abc", "a", true, false), ("abc", "c", false, true), ("abc", "abc", true, true),
            ("abc", "abcd", false, false), ("aa", "a", true, true), ("abc", "B", false, false),
        ] as [(String, String, Bool, Bool)])
    func affixes(text: String, affix: String, isPrefix: Bool, isSuffix: Bool) {
        text.withByteView { text in
            affix.withByteView { affix in
                #expect(text.hasPrefix(affix) == isPrefix)
                #expect(text.hasSuffix(affix) == isSuffix)
            }
        }
    }

    @Test("letters alone are equal in either case: all pairs of bytes")
    func caseFolding() {
        for left in UInt8.min...UInt8.max {
            for right in UInt8.min...UInt8.max {
                let isLetterPair = left != right && left | 0x20 == right | 0x20 && (0x61...0x7a).contains(left | 0x20)
                let isEqual = [left].withUnsafeBytes { left in
                    [right].withUnsafeBytes { ByteView(left).equalsIgnoringCase(ByteView($0)) }
                }
                if isEqual != (left == right || isLetterPair) { Issue.record("\(left) and \(right)") }
            }
        }
    }

    @Test(
        "spaces and tabs at the ends go, nothing else does",
        arguments: [
            ("", ""), (" ", ""), (" \t ", ""), ("a", "a"), (" a", "a"), ("a\t", "a"), ("\t a b \t", "a b"),
            ("\u{0b}a\u{0c}", "\u{0b}a\u{0c}"), ("\na\r", "\na\r"), ("\u{a0}a", "\u{a0}a"),
        ])
    func trimming(text: String, expected: String) {
        #expect(text.withByteView { $0.trimmingWhitespace().string } == expected)
    }

    @Test("searching begins where it is told to")
    func searching() {
        let view = ByteView("a,b,c")
        #expect(view.firstIndex(of: ASCII.comma) == 1)
        #expect(view.firstIndex(of: ASCII.comma, from: 1) == 1)
        #expect(view.firstIndex(of: ASCII.comma, from: 2) == 3)
        #expect(view.firstIndex(of: ASCII.comma, from: 4) == nil)
        #expect(view.firstIndex(of: ASCII.comma, from: 99) == nil)
    }

    @Test("invalid UTF-8 becomes replacement characters")
    func invalidText() {
        let bytes: [UInt8] = [0x61, 0xff, 0x62]
        #expect(bytes.withUnsafeBytes { ByteView($0).string } == "a\u{fffd}b")
    }

    @Test("hexadecimal digits there and back, of all 256 bytes")
    func hexadecimal() {
        let digits = Array("0123456789abcdef".utf8)
        for byte in UInt8.min...UInt8.max {
            let folded = (0x41...0x46).contains(byte) ? byte | 0x20 : byte
            #expect(ASCII.hexValue(byte) == digits.firstIndex(of: folded).map { UInt8($0) })
        }
        for value in 0..<16 as Range<UInt8> { #expect(ASCII.hexValue(ASCII.hexDigit(value)) == value) }
    }
}
