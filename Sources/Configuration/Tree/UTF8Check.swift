import Base

/// Where text stops being UTF-8 (RFC 3629), counted as an editor counts.
enum UTF8Check {
    private static let ascii: UInt64 = 0x8080_8080_8080_8080

    /// The offset of the first byte that does not belong, nil when all is well.
    static func firstInvalid(_ bytes: ByteView) -> Int? {
        var index = 0
        while index < bytes.count {
            // Eight bytes of ASCII at a time: that is what most files are made of.
            while bytes.count - index >= 8, bytes.raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & ascii == 0
            {
                index += 8
            }
            if index == bytes.count { return nil }
            if bytes.base[index] < 0x80 {
                index += 1
                continue
            }
            let length = sequenceLength(bytes, at: index)
            if length == 0 { return index }
            index += length
        }
        return nil
    }

    /// The length of the multi-byte sequence at `index`, 0 when it isn't one.
    private static func sequenceLength(_ bytes: ByteView, at index: Int) -> Int {
        let lead = bytes[index]
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xbf
        switch lead {
        case 0xc2...0xdf: length = 2
        case 0xe0: (length, low) = (3, 0xa0)
        case 0xed: (length, high) = (3, 0x9f)
        case 0xe1...0xef: length = 3
        case 0xf0: (length, low) = (4, 0x90)
        case 0xf1...0xf3: length = 4
        case 0xf4: (length, high) = (4, 0x8f)
        default: return 0
        }
        guard index + length <= bytes.count else { return 0 }
        guard bytes[index + 1] >= low, bytes[index + 1] <= high else { return 0 }
        var offset = 2
        while offset < length {
            if bytes[index + offset] & 0xc0 != 0x80 { return 0 }
            offset += 1
        }
        return length
    }

    /// Whether there is a byte order mark, or lines end by anything but LF: by CR, NEL, LS or PS, as YAML 1.1 has it.
    static func holdsMarkOrRareBreak(_ bytes: ByteView) -> Bool {
        var index = 0
        while index < bytes.count {
            let byte = bytes.base[index]
            index += 1
            if byte < 0x80, byte != ASCII.cr { continue }
            let rest = bytes.from(index - 1)
            switch byte {
            case ASCII.cr: return true
            case 0xc2: if rest.hasPrefix(ByteView("\u{85}")) { return true }
            case 0xe2: if rest.hasPrefix(ByteView("\u{2028}")) || rest.hasPrefix(ByteView("\u{2029}")) { return true }
            case 0xef: if rest.hasPrefix(ByteView("\u{feff}")) { return true }
            default: break
            }
        }
        return false
    }

    /// Line and column of a byte offset, both from 1.
    static func position(of offset: Int, in bytes: ByteView) -> (line: UInt32, column: UInt32) {
        var line: UInt32 = 1
        var column: UInt32 = 1
        var index = 0
        while index < min(offset, bytes.count) {
            let byte = bytes[index]
            if byte == ASCII.lf || (byte == ASCII.cr && !(index + 1 < bytes.count && bytes[index + 1] == ASCII.lf)) {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
            index += 1
        }
        return (line, column)
    }
}
