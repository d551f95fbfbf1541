/// Which bytes of a text can stand in a JSON string as they are.
enum JSONEscaping {
    /// Printable ASCII but quote and backslash.
    @inline(__always)
    static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c
    }

    /// Whether any of eight bytes is not plain. Each term sets the top bit of a byte that it looks for, and of others
    /// only by a carry or borrow, which can only come from a byte that is not plain: so the answer is exact.
    @inline(__always)
    static func holdsSpecial(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let aboveASCIIOrDelete = word | word &+ ones
        let control = word &- ones &* 0x20
        let quote = (word ^ (ones &* 0x22)) &- ones
        let backslash = (word ^ (ones &* 0x5c)) &- ones
        return (aboveASCIIOrDelete | control | quote | backslash) & 0x8080_8080_8080_8080 != 0
    }

    /// The same of sixteen bytes, in vector registers.
    @inline(__always)
    static func holdsSpecial(_ words: SIMD2<UInt64>) -> Bool {
        let ones = SIMD2<UInt64>(repeating: 0x0101_0101_0101_0101)
        let aboveASCIIOrDelete = words | (words &+ ones)
        let control = words &- ones &* 0x20
        let quote = (words ^ (ones &* 0x22)) &- ones
        let backslash = (words ^ (ones &* 0x5c)) &- ones
        let found = aboveASCIIOrDelete | control | quote | backslash
        return (found[0] | found[1]) & 0x8080_8080_8080_8080 != 0
    }

    /// The length of the UTF-8 sequence at `source`, which starts above ASCII, or of its longest ill-formed part
    /// (Unicode 16 section 3.9, "maximal subpart"; RFC 3629 section 4).
    static func scalar(_ source: UnsafePointer<UInt8>, left: Int) -> (length: Int, wellFormed: Bool) {
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xbf
        switch source.pointee {
        case 0xc2...0xdf: length = 2
        case 0xe0:
            length = 3
            low = 0xa0
        case 0xed:
            length = 3
            high = 0x9f
        case 0xe1...0xef: length = 3
        case 0xf0:
            length = 4
            low = 0x90
        case 0xf1...0xf3: length = 4
        case 0xf4:
            length = 4
            high = 0x8f
        default: return (1, false)
        }
        var index = 1
        while index < length {
            guard index < left, source[index] >= low, source[index] <= high else { return (index, false) }
            low = 0x80
            high = 0xbf
            index += 1
        }
        return (length, true)
    }
}
