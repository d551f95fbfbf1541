import Base

/// Writes one JSON object after the other into memory that it keeps: a token's claims, a header, a JWK.
///
/// Names and texts may be any bytes: what must be escaped is, and what is not UTF-8 becomes U+FFFD. Not thread-safe:
/// each loop has its own.
package final class ClaimsWriter {
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity = 1024
    private var count = 0
    /// Whether a comma is due before the next member or element.
    private var isSeparated = false

    package init() { memory = .allocate(capacity: capacity) }

    deinit { memory.deallocate() }

    /// Starts a new object; what was written before is gone.
    package func begin() {
        count = 0
        isSeparated = false
        append(ASCII.openBrace)
    }

    /// Ends the object. The view is valid until the next `begin`.
    package func finish() -> ByteView {
        append(ASCII.closeBrace)
        return ByteView(base: memory, count: count)
    }

    // MARK: Members

    package func text(_ name: ByteView, _ value: ByteView) {
        member(name)
        string(value)
    }

    package func integer(_ name: ByteView, _ value: Int64) {
        member(name)
        decimal(value)
    }

    package func bool(_ name: ByteView, _ value: Bool) {
        member(name)
        append(ByteView(value ? "true" : "false"))
    }

    /// A value copied verbatim: JSON by itself, as `JSONValue.raw` is.
    package func raw(_ name: ByteView, _ json: ByteView) {
        member(name)
        append(json)
        isSeparated = true
    }

    package func text(_ name: StaticString, _ value: ByteView) { text(ByteView(name), value) }
    package func integer(_ name: StaticString, _ value: Int64) { integer(ByteView(name), value) }
    package func bool(_ name: StaticString, _ value: Bool) { bool(ByteView(name), value) }
    package func raw(_ name: StaticString, _ json: ByteView) { raw(ByteView(name), json) }

    /// Opens a member that is an object; follow with its members and `endObject`.
    package func beginObject(_ name: ByteView) {
        member(name)
        append(ASCII.openBrace)
        isSeparated = false
    }

    package func endObject() {
        append(ASCII.closeBrace)
        isSeparated = true
    }

    /// Opens a member that is an array; follow with elements and `endArray`.
    package func beginArray(_ name: ByteView) {
        member(name)
        append(ASCII.openBracket)
        isSeparated = false
    }

    package func endArray() {
        append(ASCII.closeBracket)
        isSeparated = true
    }

    package func beginObject(_ name: StaticString) { beginObject(ByteView(name)) }
    package func beginArray(_ name: StaticString) { beginArray(ByteView(name)) }

    /// An element of the array that is open.
    package func element(_ value: ByteView) {
        separate()
        string(value)
    }

    /// An element of the array that is open, copied verbatim.
    package func element(raw json: ByteView) {
        separate()
        append(json)
    }

    // MARK: Parts

    private func separate() {
        if isSeparated { append(ASCII.comma) }
        isSeparated = true
    }

    private func member(_ name: ByteView) {
        separate()
        string(name)
        append(ASCII.colon)
    }

    private func reserve(_ more: Int) {
        guard capacity - count < more else { return }
        capacity = max(capacity * 2, count + more)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        grown.update(from: memory, count: count)
        memory.deallocate()
        memory = grown
    }

    private func append(_ byte: UInt8) {
        reserve(1)
        memory[count] = byte
        count += 1
    }

    private func append(_ bytes: ByteView) {
        reserve(bytes.count)
        (memory + count).update(from: bytes.base, count: bytes.count)
        count += bytes.count
    }

    private func decimal(_ value: Int64) {
        reserve(20)
        if value < 0 { append(ASCII.hyphen) }
        count += memory.writeDecimal(value.magnitude, at: count)
    }

    private func string(_ text: ByteView) {
        // Each byte may become `\u00xx`.
        reserve(text.count * 6 + 2)
        var output = memory + count
        output[0] = ASCII.quote
        output += 1
        let base = text.base
        var index = 0
        while index < text.count {
            while index + 8 <= text.count {
                let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
                if JSONBytes.holdsSpecial(word) { break }
                UnsafeMutableRawPointer(output).storeBytes(of: word, as: UInt64.self)
                output += 8
                index += 8
            }
            let stop = min(index + 8, text.count)
            while index < stop { index += JSONBytes.write(base + index, left: text.count - index, to: &output) }
        }
        output[0] = ASCII.quote
        count = output - memory + 1
    }
}

extension JSONBytes {
    /// Writes the character that starts at `source` as it stands in a string: at most six times the bytes it takes.
    /// - Returns: how many bytes it takes.
    static func write(
        _ source: UnsafePointer<UInt8>, left: Int, to output: inout UnsafeMutablePointer<UInt8>
    ) -> Int {
        let byte = source[0]
        if byte >= 0x80 {
            let length = sequenceLength(source, left: left)
            if length == 0 {
                output[0] = 0xef
                output[1] = 0xbf
                output[2] = 0xbd
                output += 3
                return 1
            }
            output.update(from: source, count: length)
            output += length
            return length
        }
        if byte >= 0x20, byte != ASCII.quote, byte != ASCII.backslash {
            output[0] = byte
            output += 1
            return 1
        }
        output[0] = ASCII.backslash
        if byte >= 0x20 {
            output[1] = byte
            output += 2
            return 1
        }
        output[1] = 0x75
        output[2] = ASCII.zero
        output[3] = ASCII.zero
        output[4] = ASCII.lowerHexDigit(byte >> 4)
        output[5] = ASCII.lowerHexDigit(byte & 15)
        output += 6
        return 1
    }
}
