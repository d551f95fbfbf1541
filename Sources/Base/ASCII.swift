/// Names and classes of ASCII bytes.
@usableFromInline package enum ASCII {
    @inlinable package static var tab: UInt8 { 0x09 }
    @inlinable package static var lf: UInt8 { 0x0a }
    @inlinable package static var cr: UInt8 { 0x0d }
    @inlinable package static var space: UInt8 { 0x20 }
    @inlinable package static var quote: UInt8 { 0x22 }
    @inlinable package static var percent: UInt8 { 0x25 }
    @inlinable package static var asterisk: UInt8 { 0x2a }
    @inlinable package static var comma: UInt8 { 0x2c }
    @inlinable package static var hyphen: UInt8 { 0x2d }
    @inlinable package static var dot: UInt8 { 0x2e }
    @inlinable package static var slash: UInt8 { 0x2f }
    @inlinable package static var zero: UInt8 { 0x30 }
    @inlinable package static var nine: UInt8 { 0x39 }
    @inlinable package static var colon: UInt8 { 0x3a }
    @inlinable package static var semicolon: UInt8 { 0x3b }
    @inlinable package static var equals: UInt8 { 0x3d }
    @inlinable package static var question: UInt8 { 0x3f }
    @inlinable package static var at: UInt8 { 0x40 }
    @inlinable package static var openBracket: UInt8 { 0x5b }
    @inlinable package static var backslash: UInt8 { 0x5c }
    @inlinable package static var closeBracket: UInt8 { 0x5d }
    @inlinable package static var underscore: UInt8 { 0x5f }
    @inlinable package static var openBrace: UInt8 { 0x7b }
    @inlinable package static var closeBrace: UInt8 { 0x7d }
    @inlinable package static var delete: UInt8 { 0x7f }

    @inlinable package static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    @inlinable package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
    @inlinable package static func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
    @inlinable package static func isLower(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }
    @inlinable package static func isAlpha(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
    @inlinable package static func lowercased(_ byte: UInt8) -> UInt8 { isUpper(byte) ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit in either case.
    @inlinable package static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte &- 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The upper-case hexadecimal digit of a value below 16.
    @inlinable package static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 &+ value : 0x37 &+ value
    }

    /// The lower-case hexadecimal digit of a value below 16.
    @inlinable package static func lowerHexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 &+ value : 0x57 &+ value
    }
}

/// A set of byte values: 256 bits, one test and no memory access.
@usableFromInline package struct ByteSet: Sendable {
    @usableFromInline let words: (UInt64, UInt64, UInt64, UInt64)

    package init(_ contains: (UInt8) -> Bool) {
        var bits: [UInt64] = [0, 0, 0, 0]
        for byte in UInt8.min...UInt8.max where contains(byte) { bits[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
        words = (bits[0], bits[1], bits[2], bits[3])
    }

    @inlinable package init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    @inlinable package func contains(_ byte: UInt8) -> Bool {
        let word: UInt64
        switch byte >> 6 {
        case 0: word = words.0
        case 1: word = words.1
        case 2: word = words.2
        default: word = words.3
        }
        return word & (1 << UInt64(byte & 63)) != 0
    }
}

extension ByteSet {
    /// `tchar` of RFC 9110 section 5.6.2: ``!#$%&'*+-.^_`|~``, digits and letters.
    @inlinable package static var token: ByteSet {
        ByteSet(words: (0x03ff_6cfa_0000_0000, 0x57ff_ffff_c7ff_fffe, 0, 0))
    }
}
