import Base
import HTTP
import Testing

/// Every byte value at every place where a class of bytes is meant.
@Suite("All 256 bytes")
struct ByteClassTests {
    static let bytes = Array(UInt8.min...UInt8.max)

    static func isToken(_ byte: UInt8) -> Bool {
        Array("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8).contains(byte)
    }

    static func isText(_ byte: UInt8) -> Bool { byte == 9 || (byte >= 0x20 && byte != 0x7f) }

    /// The byte alone at several distances from the line's end, so that the fast and the slow loops both meet it.
    private func around(_ byte: UInt8, _ check: (_ middle: String) -> Void) {
        let character = String(Unicode.Scalar(byte))
        for padding in [0, 1, 7, 8, 9, 20] {
            check("a" + String(repeating: "b", count: padding) + character + "c")
        }
    }

    @Test("in a method", arguments: bytes)
    func method(byte: UInt8) {
        around(byte) { text in
            let accepted = request("\(text) / HTTP/1.1\r\nHost: a\r\n\r\n").value?.method == text
            #expect(accepted == Self.isToken(byte))
        }
    }

    @Test("in a target's path and query", arguments: bytes)
    func target(byte: UInt8) {
        let refusedInPath: [UInt8] = Array("\\#%".utf8)
        around(byte) { text in
            let path = request("GET /\(text) HTTP/1.1\r\nHost: a\r\n\r\n").value
            let isVisible = byte > 0x20 && byte < 0x7f
            #expect((path != nil) == (isVisible && !refusedInPath.contains(byte)))
            let query = request("GET /?\(text) HTTP/1.1\r\nHost: a\r\n\r\n").value?.query
            #expect(query == (isVisible && byte != UInt8(ascii: "#") ? text : nil))
        }
    }

    @Test("in a field name", arguments: bytes)
    func fieldName(byte: UInt8) {
        around(byte) { text in
            let name = request("GET / HTTP/1.1\r\nHost: a\r\n\(text): v\r\n\r\n").value?.fields.last?.name
            let isName = Self.isToken(byte)
            #expect((name == text) == isName)
            if !isName, byte != UInt8(ascii: ":") { #expect(name == nil) }
            #expect(text.asBytes { $0.isValidFieldName } == isName)
        }
    }

    @Test("in a field value", arguments: bytes)
    func fieldValue(byte: UInt8) {
        around(byte) { text in
            let value = request("GET / HTTP/1.1\r\nHost: a\r\nX: \(text)\r\n\r\n").value?.fields.last?.value
            #expect(value == (Self.isText(byte) ? text : nil))
            #expect(text.asBytes { $0.isValidFieldValue } == Self.isText(byte))
        }
    }

    @Test(
        "at every place of a long field value, whatever stands beside it",
        arguments: [0, 9, 10, 13, 0x1f, 0x20, 0x21, 0x7e, 0x7f, 0x80, 0x81, 0x9f, 0xa0, 0xff] as [UInt8])
    func longFieldValue(byte: UInt8) {
        let character = String(Unicode.Scalar(byte))
        for neighbour: UInt8 in [0x20, 0x62, 0x7e, 0x80, 0xff] {
            let run = String(Unicode.Scalar(neighbour))
            for place in 0..<72 {
                let text =
                    "a" + String(repeating: run, count: place) + character + String(repeating: run, count: 71 - place)
                    + "c"
                let value = request("GET / HTTP/1.1\r\nHost: a\r\nX: \(text)\r\n\r\n").value?.fields.last?.value
                #expect(value == (Self.isText(byte) ? text : nil))
            }
        }
    }

    @Test("in a reason phrase", arguments: bytes)
    func reason(byte: UInt8) {
        around(byte) { text in
            let reason = response("HTTP/1.1 200 \(text)\r\n\r\n").value?.reason
            #expect(reason == (Self.isText(byte) ? text : nil))
        }
    }

    @Test("in a host", arguments: bytes)
    func host(byte: UInt8) {
        around(byte) { text in
            let isHost = ASCII.isAlpha(byte) || ASCII.isDigit(byte) || Array("-._~".utf8).contains(byte)
            let accepted = request("GET / HTTP/1.1\r\nHost: \(text)\r\n\r\n").value != nil
            #expect(accepted == isHost)
        }
    }

    @Test("in a chunk size", arguments: bytes)
    func chunkSize(byte: UInt8) {
        let character = String(Unicode.Scalar(byte))
        let outcome = body("1\(character)\r\n\(String(repeating: "x", count: 31))\r\n0\r\n\r\n", .chunked)
        if ASCII.hexValue(byte) == 15 {
            #expect(outcome.value?.content.count == 31)
        } else {
            #expect(outcome.value == nil)
        }
    }

    @Test("in a chunk extension's name and value", arguments: bytes)
    func chunkExtension(byte: UInt8) {
        let character = String(Unicode.Scalar(byte))
        let name = body("1;a\(character)b\r\nx\r\n0\r\n\r\n", .chunked).value
        #expect((name != nil) == (Self.isToken(byte) || byte == UInt8(ascii: "=") || byte == UInt8(ascii: ";")))
        let quoted = body("1;a=\"b\(character)c\"\r\nx\r\n0\r\n\r\n", .chunked).value
        #expect((quoted != nil) == (Self.isText(byte) && byte != UInt8(ascii: "\"")))
    }
}

extension String {
    /// Calls `body` with one byte per character.
    func asBytes<Result>(_ body: (ByteView) -> Result) -> Result {
        bytes(self).withUnsafeBytes { body(ByteView($0)) }
    }
}
