import Base

/// Bytes of JSON strings: what may stand in them, and how they are written.
enum JSONBytes {
    @inline(__always)
    static func areEqual(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var index = 0
        while index + 8 <= count {
            let a = UnsafeRawPointer(left + index).loadUnaligned(as: UInt64.self)
            let b = UnsafeRawPointer(right + index).loadUnaligned(as: UInt64.self)
            if a != b { return false }
            index += 8
        }
        while index < count {
            if left[index] != right[index] { return false }
            index += 1
        }
        return true
    }

    /// Whether one of eight bytes is a quote, a backslash, a control character or not ASCII.
    @inline(__always)
    static func holdsSpecial(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5c)
        let found = (quote &- ones) | (backslash &- ones) | (word &- ones &* 0x20) | word
        return found & (ones &* 0x80) != 0
    }

    /// The length of the well-formed UTF-8 sequence that starts with a byte over 127 (Unicode table 3-7); 0 if there
    /// is none.
    static func sequenceLength(_ base: UnsafePointer<UInt8>, left: Int) -> Int {
        let first = base[0]
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xbf
        switch first {
        case 0xc2...0xdf: length = 2
        case 0xe0...0xef:
            length = 3
            if first == 0xe0 { low = 0xa0 }
            if first == 0xed { high = 0x9f }
        case 0xf0...0xf4:
            length = 4
            if first == 0xf0 { low = 0x90 }
            if first == 0xf4 { high = 0x8f }
        default: return 0
        }
        guard left >= length, base[1] >= low, base[1] <= high else { return 0 }
        var index = 2
        while index < length {
            if base[index] & 0xc0 != 0x80 { return 0 }
            index += 1
        }
        return length
    }
}
