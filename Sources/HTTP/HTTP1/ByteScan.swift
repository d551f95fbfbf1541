import Base

/// Finds the end of a run of bytes of one class, eight bytes at a time.
///
/// Each test marks bit 7 of the bytes that stop the run. The subtractions may borrow into the bytes above a marked
/// one, so only the lowest mark counts: that is the first byte in memory, since words are read as little-endian.
/// The only place of this module that reads memory without a bounds check per byte: the loops stay within the view.
enum ByteScan {
    private static var low: UInt64 { 0x0101_0101_0101_0101 }
    private static var high: UInt64 { 0x8080_8080_8080_8080 }

    @inline(__always)
    private static func word(_ view: ByteView, _ index: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(view.base).loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// The index of the first byte at or after `start` that is no `tchar` (RFC 9110 section 5.6.2).
    @inline(__always)
    static func endOfToken(_ view: ByteView, from start: Int) -> Int {
        precondition(start >= 0)
        var index = start
        while index + 8 <= view.count {
            let stops = notLetterDigitHyphen(word(view, index))
            if stops == 0 {
                index += 8
                continue
            }
            index += stops.trailingZeroBitCount >> 3
            if !ByteSet.token.contains(view.base[index]) { return index }
            index += 1
        }
        while index < view.count, ByteSet.token.contains(view.base[index]) { index += 1 }
        return index
    }

    @inline(__always)
    private static func notLetterDigitHyphen(_ word: UInt64) -> UInt64 {
        let ascii = word & ~high
        let lower = ascii | (low &* 0x20)
        let letter = (lower &+ low &* (0x80 - 0x61)) & ~(lower &+ low &* (0x80 - 0x7b))
        let digit = (ascii &+ low &* (0x80 - 0x30)) & ~(ascii &+ low &* (0x80 - 0x3a))
        let notHyphen = (ascii ^ (low &* 0x2d)) &+ low &* 0x7f
        return (~(letter | digit | ~notHyphen) | word) & high
    }

    /// The index of the first byte at or after `start` that is no letter, digit or hyphen.
    @inline(__always)
    static func endOfWord(_ view: ByteView, from start: Int) -> Int {
        precondition(start >= 0)
        var index = start
        while index + 8 <= view.count {
            let stops = notLetterDigitHyphen(word(view, index))
            if stops != 0 { return index + stops.trailingZeroBitCount >> 3 }
            index += 8
        }
        while index < view.count {
            let byte = view.base[index]
            guard ASCII.isAlpha(byte) || ASCII.isDigit(byte) || byte == ASCII.hyphen else { return index }
            index += 1
        }
        return index
    }

    /// The index of the first byte at or after `start` that can't be in a field value or a reason phrase: a control
    /// byte other than tab (RFC 9110 section 5.5).
    @inline(__always)
    static func endOfFieldText(_ view: ByteView, from start: Int) -> Int {
        precondition(start >= 0)
        var index = start
        while index + 16 <= view.count {
            if notFieldText(word(view, index)) | notFieldText(word(view, index + 8)) != 0 { break }
            index += 16
        }
        while index + 8 <= view.count {
            let stops = notFieldText(word(view, index))
            if stops == 0 {
                index += 8
                continue
            }
            index += stops.trailingZeroBitCount >> 3
            if view.base[index] != ASCII.tab { return index }
            index += 1
        }
        while index < view.count, isFieldText(view.base[index]) { index += 1 }
        return index
    }

    @inline(__always)
    private static func notFieldText(_ word: UInt64) -> UInt64 {
        let delete = word ^ (low &* 0x7f)
        return ((word &- low &* 0x20) & ~word | (delete &- low) & ~delete) & high
    }

    @inline(__always)
    private static func isFieldText(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != ASCII.delete : byte == ASCII.tab
    }

    /// The index of the first byte at or after `start` that is not visible ASCII (0x21...0x7e).
    @inline(__always)
    static func endOfVisible(_ view: ByteView, from start: Int) -> Int {
        precondition(start >= 0)
        var index = start
        while index + 8 <= view.count {
            let word = word(view, index)
            let delete = word ^ (low &* 0x7f)
            let stops = ((word &- low &* 0x21) & ~word | (delete &- low) & ~delete | word) & high
            if stops != 0 { return index + stops.trailingZeroBitCount >> 3 }
            index += 8
        }
        while index < view.count, view.base[index] &- 0x21 < 0x5e { index += 1 }
        return index
    }
}
