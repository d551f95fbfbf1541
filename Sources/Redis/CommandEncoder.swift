import Base

/// Writes commands as servers read them: an array of bulk strings, so that no argument can be taken for anything else.
package enum CommandEncoder {
    /// Begins a command of `count` words.
    package static func begin(_ count: Int, in buffer: inout IOBuffer) {
        buffer.append(byte: ASCII.asterisk)
        buffer.append(decimal: count)
        buffer.append("\r\n")
    }

    /// Appends the next word.
    package static func append(_ word: ByteView, to buffer: inout IOBuffer) {
        buffer.append(byte: UInt8(ascii: "$"))
        buffer.append(decimal: word.count)
        buffer.append("\r\n")
        buffer.append(word)
        buffer.append("\r\n")
    }

    /// Appends a command. Off the hot path only.
    package static func append(_ words: [String], to buffer: inout IOBuffer) {
        begin(words.count, in: &buffer)
        for word in words { word.withByteView { append($0, to: &buffer) } }
    }

    /// Appends a number as the next word.
    static func append(_ number: Int, to buffer: inout IOBuffer) {
        let magnitude = UInt64(number.magnitude)
        buffer.append(byte: UInt8(ascii: "$"))
        buffer.append(decimal: magnitude.decimalCount + (number < 0 ? 1 : 0))
        buffer.append("\r\n")
        if number < 0 { buffer.append(byte: ASCII.hyphen) }
        buffer.append(decimal: magnitude)
        buffer.append("\r\n")
    }
}
