import Base

/// Finds the end of a run of bytes of one class, eight bytes at a time.
///
/// Each test marks bit 7 of the bytes that stop the run. It adds to the lower seven bits of each byte, so that nothing
/// is carried from byte to byte. Words are read as little-endian: the lowest mark is the first byte in memory.
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
        while index &+ 8 <= view.count {
            let stops = notLetterDigitHyphen(word(view, index))
            if stops == 0 {
                index &+= 8
                continue
            }
            index &+= stops.trailingZeroBitCount >> 3
            if !ByteSet.token.contains(view.base[index]) { return index }
            index &+= 1
        }
        while index < view.count, ByteSet.token.contains(view.base[index]) { index &+= 1 }
        return index
    }

    /// The index of the first colon at or after `start`; the count when there is none.
    @inline(__always)
    static func index(ofColon view: ByteView, from start: Int) -> Int {
        precondition(start >= 0)
        var index = start
        while index &+ 8 <= view.count {
            let word = word(view, index)
            let stops = ~(((word ^ (low &* 0x3a)) & ~high) &+ low &* 0x7f) & ~word & high
            if stops != 0 { return index &+ stops.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < view.count, view.base[index] != ASCII.colon { index &+= 1 }
        return index
    }

    /// The range without the spaces and tabs at its ends.
    @inline(__always)
    static func trim(_ view: ByteView, from start: Int, to end: Int) -> (start: Int, end: Int) {
        precondition(start >= 0 && start <= end && end <= view.count)
        var start = start
        var end = end
        while start < end, ASCII.isWhitespace(view.base[start]) { start &+= 1 }
        while end > start, ASCII.isWhitespace(view.base[end &- 1]) { end &-= 1 }
        return (start, end)
    }

    @inline(__always)
    private static func notLetterDigitHyphen(_ word: UInt64) -> UInt64 {
        let ascii = word & ~high
        let lower = ascii | (low &* 0x20)
        let letter = inRange(lower, 0x61, 0x7a)
        let digit = inRange(ascii, 0x30, 0x39)
        let notHyphen = (ascii ^ (low &* 0x2d)) &+ low &* 0x7f
        return (~(letter | digit | ~notHyphen) | word) & high
    }

    /// Marks the bytes within `first...last`; all bytes of `ascii` are below 0x80, so nothing is carried.
    @inline(__always)
    private static func inRange(_ ascii: UInt64, _ first: UInt64, _ last: UInt64) -> UInt64 {
        (ascii &+ low &* (0x80 - first)) & ~(ascii &+ low &* (0x7f - last))
    }

    /// Whether `view` is a host name as nearly all are: lower-case letters, digits, `-`, and single dots within.
    /// Says no to names of less than eight bytes.
    @inline(__always)
    static func isPlainHost(_ view: ByteView) -> Bool {
        let count = view.count
        guard count >= 8, count <= 253, view[0] != ASCII.dot, view[count - 1] != ASCII.dot else { return false }
        var index = 0
        var previousDot: UInt64 = 0
        while true {
            let word = word(view, index)
            let ascii = word & ~high
            let notHyphen = (ascii ^ (low &* 0x2d)) &+ low &* 0x7f
            let dots = ~((ascii ^ (low &* 0x2e)) &+ low &* 0x7f) & high
            let plain = inRange(ascii, 0x61, 0x7a) | inRange(ascii, 0x30, 0x39) | ~notHyphen | dots
            if (~plain | word) & high != 0 || dots & (dots << 8 | previousDot) != 0 { return false }
            if index + 8 == count { return true }
            // The last word overlaps the one before it, and so sees a dot at the seam itself.
            previousDot = index &+ 16 <= count ? dots >> 56 : 0
            index = min(index + 8, count - 8)
        }
    }

    /// The index of the first byte at or after `start` that is no letter, digit or hyphen.
    @inline(__always)
    static func endOfWord(_ view: ByteView, from start: Int) -> Int {
        precondition(start >= 0)
        var index = start
        while index &+ 8 <= view.count {
            let stops = notLetterDigitHyphen(word(view, index))
            if stops != 0 { return index &+ stops.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < view.count {
            let byte = view.base[index]
            guard ASCII.isAlpha(byte) || ASCII.isDigit(byte) || byte == ASCII.hyphen else { return index }
            index &+= 1
        }
        return index
    }

    /// The index of the first byte at or after `start` that can't be in a field value or a reason phrase: a control
    /// byte other than tab (RFC 9110 section 5.5).
    @inline(__always)
    static func endOfFieldText(_ view: ByteView, from start: Int) -> Int {
        precondition(start >= 0)
        var index = start
        let firstBlock = start &+ blockLength
        while index &+ 8 <= view.count {
            let stops = notFieldText(word(view, index))
            if stops == 0 {
                index &+= 8
                // Few values are that long; those that are, tokens and cookies, are mostly much longer.
                if index == firstBlock { index = endOfPlainBlocks(view, from: index) }
                continue
            }
            index &+= stops.trailingZeroBitCount >> 3
            if view.base[index] != ASCII.tab { return index }
            index &+= 1
        }
        while index < view.count, isFieldText(view.base[index]) { index &+= 1 }
        return index
    }

    /// Whether `endOfFieldText` is the end.
    @inline(__always)
    static func isFieldText(_ view: ByteView) -> Bool {
        let count = view.count
        guard count >= 8 else { return endOfFieldText(view, from: 0) == count }
        var index = 0
        while true {
            // A tab is a stop, too, and rare.
            if notFieldText(word(view, index)) != 0 { return endOfFieldText(view, from: index) == count }
            if index == count &- 8 { return true }
            // The last word overlaps the one before it.
            index = min(index &+ 8, count &- 8)
        }
    }

    private static var blockLength: Int { 32 }

    /// Passes over blocks without any control byte. What it stops at may be nothing: a word at a time decides.
    private static func endOfPlainBlocks(_ view: ByteView, from start: Int) -> Int {
        var index = start
        while index &+ blockLength <= view.count {
            let marks = controls(view, index) | controls(view, index &+ 16)
            // As one number, because that is one comparison.
            if unsafeBitCast(marks & SIMD2(repeating: high), to: UInt128.self) != 0 { break }
            index &+= blockLength
        }
        return index
    }

    /// Marks at least the bytes below 0x20 and 0x7f. What one byte carries to the next can only mark too many: a borrow
    /// comes from a byte that is marked itself, and 0x7f is marked with a carry, too.
    @inline(__always)
    private static func controls(_ view: ByteView, _ index: Int) -> SIMD2<UInt64> {
        let bytes = UnsafeRawPointer(view.base).loadUnaligned(fromByteOffset: index, as: SIMD2<UInt64>.self)
        return ((bytes &- SIMD2(repeating: low &* 0x20)) | (bytes &+ SIMD2(repeating: low))) & ~bytes
    }

    @inline(__always)
    private static func notFieldText(_ word: UInt64) -> UInt64 {
        let ascii = word & ~high
        return ((ascii &+ low) | ~(ascii &+ low &* 0x60)) & ~word & high
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
        while index &+ 8 <= view.count {
            let word = word(view, index)
            let ascii = word & ~high
            let stops = ((ascii &+ low) | ~(ascii &+ low &* 0x5f) | word) & high
            if stops != 0 { return index &+ stops.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < view.count, view.base[index] &- 0x21 < 0x5e { index &+= 1 }
        return index
    }
}
