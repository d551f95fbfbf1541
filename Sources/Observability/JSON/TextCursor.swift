import Base

/// Writes text into memory that was reserved for it beforehand: one bounds check for each piece, no growth and no call
/// into another module while a line is put together.
struct TextCursor {
    private var next: UnsafeMutablePointer<UInt8>
    private let start: UnsafeMutablePointer<UInt8>
    private let end: UnsafeMutablePointer<UInt8>

    /// A cursor at the tail of `buffer`, which must not be touched until `commit`.
    /// - Parameter capacity: the most that will be written, in bytes; at least 1. Writing more stops the process.
    init(reserving capacity: Int, in buffer: inout IOBuffer) {
        buffer.reserve(capacity)
        let free = buffer.writable
        guard let base = free.baseAddress, free.count >= capacity else {
            preconditionFailure("reserve makes room")
        }
        start = base.assumingMemoryBound(to: UInt8.self)
        next = start
        end = start + free.count
    }

    /// Makes what was written readable.
    consuming func commit(to buffer: inout IOBuffer) { buffer.commit(next - start) }

    @inline(__always)
    private func check(_ count: Int) { precondition(end - next >= count, "more text than was reserved for") }

    @inline(__always)
    mutating func write(byte: UInt8) {
        check(1)
        next.pointee = byte
        next += 1
    }

    @inline(__always)
    mutating func write(_ literal: StaticString) {
        check(literal.utf8CodeUnitCount)
        store(literal)
    }

    @inline(__always)
    mutating func write<let count: Int>(_ bytes: InlineArray<count, UInt8>) {
        check(count)
        UnsafeMutableRawPointer(next).storeBytes(of: bytes, as: InlineArray<count, UInt8>.self)
        next += count
    }

    mutating func write(_ view: ByteView) {
        check(view.count)
        next.update(from: view.base, count: view.count)
        next += view.count
    }

    /// In decimal without leading zeros.
    mutating func write(decimal number: UInt64) {
        check(Self.decimalCapacity)
        store(decimal: number)
    }

    /// `name`, then `number` in decimal.
    @inline(__always)
    mutating func write(_ name: StaticString, decimal number: UInt64) {
        check(name.utf8CodeUnitCount + Self.decimalCapacity)
        store(name)
        store(decimal: number)
    }

    /// The same with three digits behind a point; `thousandths` is below 1,000.
    @inline(__always)
    mutating func write(_ name: StaticString, decimal number: UInt64, thousandths: UInt64) {
        check(name.utf8CodeUnitCount + Self.decimalCapacity + 4)
        store(name)
        store(decimal: number)
        next.pointee = ASCII.dot
        next += 1
        store(hundreds: thousandths)
    }

    /// The most digits of a number.
    private static var decimalCapacity: Int { 20 }

    @inline(__always)
    private mutating func store(decimal number: UInt64) {
        if number < 10 {
            next.pointee = ASCII.zero &+ UInt8(truncatingIfNeeded: number)
            next += 1
        } else {
            storeSeveralDigits(number)
        }
    }

    @inline(never)
    private mutating func storeSeveralDigits(_ number: UInt64) {
        if number < 100 { return store(pair: number) }
        if number < 1_000 { return store(hundreds: number) }
        write(number, digits: Self.digitCount(number))
    }

    @inline(__always)
    private mutating func store(hundreds number: UInt64) {
        next.pointee = ASCII.zero &+ UInt8(truncatingIfNeeded: number / 100)
        next += 1
        store(pair: number % 100)
    }

    @inline(__always)
    private mutating func store(pair number: UInt64) {
        let pair = UnsafeRawPointer(Self.digitPairs.utf8Start)
            .loadUnaligned(fromByteOffset: 2 * Int(number), as: UInt16.self)
        UnsafeMutableRawPointer(next).storeBytes(of: pair, as: UInt16.self)
        next += 2
    }

    private static func digitCount(_ number: UInt64) -> Int {
        var rest = number
        var count = 0
        while rest >= 10_000 {
            rest /= 10_000
            count += 4
        }
        return count + (rest < 100 ? (rest < 10 ? 1 : 2) : (rest < 1_000 ? 3 : 4))
    }

    /// In decimal with exactly `digits` digits, higher ones cut off; two at a time.
    mutating func write(_ number: UInt64, digits: Int) {
        check(digits)
        let pairs = UnsafeRawPointer(Self.digitPairs.utf8Start)
        let target = UnsafeMutableRawPointer(next)
        var rest = number
        var index = digits
        while index >= 2 {
            index -= 2
            let pair = pairs.loadUnaligned(fromByteOffset: 2 * Int(rest % 100), as: UInt16.self)
            target.storeBytes(of: pair, toByteOffset: index, as: UInt16.self)
            rest /= 100
        }
        if index == 1 { next[0] = ASCII.zero &+ UInt8(truncatingIfNeeded: rest % 10) }
        next += digits
    }

    /// `00`, `01` … `99`.
    private static var digitPairs: StaticString {
        """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """
    }

    /// In lower-case hexadecimal with exactly `digits` digits (at most 16), higher ones cut off.
    mutating func write(hex number: UInt64, digits: Int) {
        check(digits)
        var index = digits
        var rest = number
        while index > 0 {
            index -= 1
            next[index] = ASCII.lowerHexDigit(UInt8(truncatingIfNeeded: rest) & 15)
            rest >>= 4
        }
        next += digits
    }

    /// In lower-case hexadecimal with 16 digits, eight of them at a time.
    mutating func write(hex16 number: UInt64) {
        check(16)
        let raw = UnsafeMutableRawPointer(next)
        raw.storeBytes(of: Self.hexDigits(UInt32(truncatingIfNeeded: number >> 32)), as: UInt64.self)
        raw.storeBytes(of: Self.hexDigits(UInt32(truncatingIfNeeded: number)), toByteOffset: 8, as: UInt64.self)
        next += 16
    }

    /// A UUID's text form (RFC 9562 section 4): groups of 8, 4, 4, 4 and 12 lower-case hexadecimal digits.
    mutating func write(uuid high: UInt64, _ low: UInt64) {
        check(36)
        let raw = UnsafeMutableRawPointer(next)
        let third = Self.hexDigits(UInt32(truncatingIfNeeded: high))
        let fourth = Self.hexDigits(UInt32(truncatingIfNeeded: low >> 32))
        raw.storeBytes(of: Self.hexDigits(UInt32(truncatingIfNeeded: high >> 32)), as: UInt64.self)
        raw.storeBytes(of: UInt32(truncatingIfNeeded: third), toByteOffset: 9, as: UInt32.self)
        raw.storeBytes(of: UInt32(truncatingIfNeeded: third >> 32), toByteOffset: 14, as: UInt32.self)
        raw.storeBytes(of: UInt32(truncatingIfNeeded: fourth), toByteOffset: 19, as: UInt32.self)
        raw.storeBytes(of: UInt32(truncatingIfNeeded: fourth >> 32), toByteOffset: 24, as: UInt32.self)
        raw.storeBytes(
            of: Self.hexDigits(UInt32(truncatingIfNeeded: low)), toByteOffset: 28, as: UInt64.self)
        next[8] = ASCII.hyphen
        next[13] = ASCII.hyphen
        next[18] = ASCII.hyphen
        next[23] = ASCII.hyphen
        next += 36
    }

    /// Eight digits in the order of memory: nibbles are spread over bytes, then made letters where they exceed nine.
    private static func hexDigits(_ number: UInt32) -> UInt64 {
        var spread = UInt64(number)
        spread = (spread << 16 | spread) & 0x0000_ffff_0000_ffff
        spread = (spread << 8 | spread) & 0x00ff_00ff_00ff_00ff
        spread = (spread << 4 | spread) & 0x0f0f_0f0f_0f0f_0f0f
        let aboveNine = ((spread &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return (spread &+ 0x3030_3030_3030_3030 &+ aboveNine &* 0x27).bigEndian
    }

    /// The most bytes that `count` bytes of text take as a JSON string: each may become `\u00xx`, and two quotes.
    static func jsonCapacity(_ count: Int) -> Int { count * 6 + 2 }

    /// `name`, then `text` as a JSON string.
    @inline(__always)
    mutating func write(_ name: StaticString, json text: ByteView) {
        check(name.utf8CodeUnitCount + Self.jsonCapacity(text.count))
        store(name)
        store(json: text)
    }

    /// The caller has checked the room.
    @inline(__always)
    private mutating func store(_ literal: StaticString) {
        next.update(from: literal.utf8Start, count: literal.utf8CodeUnitCount)
        next += literal.utf8CodeUnitCount
    }

    /// As a JSON string (RFC 8259 section 7), quotes included.
    ///
    /// Any bytes give valid JSON in valid UTF-8: quote and backslash are escaped, control characters and DEL are
    /// written as `\u00xx`, well-formed UTF-8 is kept as it is, and each maximal ill-formed part becomes U+FFFD. The
    /// replacement loses the byte's value on purpose: `\u00ff` would say that the peer had sent the letter ÿ.
    mutating func write(json text: ByteView) {
        check(Self.jsonCapacity(text.count))
        store(json: text)
    }

    @inline(never)
    private mutating func store(json text: ByteView) {
        next.pointee = ASCII.quote
        next += 1
        if copyPlain(text) { next += text.count } else { writeEscaped(text) }
        next.pointee = ASCII.quote
        next += 1
    }

    /// Copies `text` to `next`, which stays where it is, as far as it is plain: nearly every text is, and then there is
    /// no step for each byte. The last word overlaps the one before. The caller has checked the room.
    /// - Returns: whether all of it was plain.
    @inline(__always)
    private func copyPlain(_ text: ByteView) -> Bool {
        let source = UnsafeRawPointer(text.base)
        let target = UnsafeMutableRawPointer(next)
        let count = text.count
        if count >= 16 {
            var index = 0
            while true {
                let words = source.loadUnaligned(fromByteOffset: index, as: SIMD2<UInt64>.self)
                if JSONEscaping.holdsSpecial(words) { return false }
                target.storeBytes(of: words, toByteOffset: index, as: SIMD2<UInt64>.self)
                if index == count &- 16 { return true }
                index = min(index &+ 16, count &- 16)
            }
        }
        if count >= 8 { return Self.copyEnds(as: UInt64.self, source, target, count) }
        if count >= 4 { return Self.copyEnds(as: UInt32.self, source, target, count) }
        if count >= 2 { return Self.copyEnds(as: UInt16.self, source, target, count) }
        if count == 1 {
            guard JSONEscaping.isPlain(text.base[0]) else { return false }
            next[0] = text.base[0]
        }
        return true
    }

    /// Copies a text of one to two words, which overlap, if it is plain.
    @inline(__always)
    private static func copyEnds<Word: FixedWidthInteger>(
        as: Word.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int
    ) -> Bool {
        let end = count &- MemoryLayout<Word>.size
        let first = source.loadUnaligned(as: Word.self)
        let last = source.loadUnaligned(fromByteOffset: end, as: Word.self)
        // What is missing to eight bytes is filled with plain ones.
        let spaces = UInt64(0x2020_2020_2020_2020) << UInt64(2 &* Word.bitWidth)
        if Word.bitWidth == 64 {
            if JSONEscaping.holdsSpecial(SIMD2(UInt64(first), UInt64(last))) { return false }
        } else if JSONEscaping.holdsSpecial(UInt64(first) | UInt64(last) &<< UInt64(Word.bitWidth) | spaces) {
            return false
        }
        target.storeBytes(of: first, as: Word.self)
        target.storeBytes(of: last, toByteOffset: end, as: Word.self)
        return true
    }

    /// The same for any text, byte by byte where it isn't plain.
    @inline(never)
    private mutating func writeEscaped(_ text: ByteView) {
        let base = text.base
        let count = text.count
        var index = 0
        while index < count {
            while index + 8 <= count {
                let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
                if JSONEscaping.holdsSpecial(word) { break }
                UnsafeMutableRawPointer(next).storeBytes(of: word, as: UInt64.self)
                next += 8
                index += 8
            }
            // A word's worth one by one, so that a special byte is not looked for again at each step.
            let stop = min(index + 8, count)
            while index < stop {
                let byte = base[index]
                if JSONEscaping.isPlain(byte) {
                    next.pointee = byte
                    next += 1
                    index += 1
                } else {
                    index += writeSpecial(base + index, left: count - index)
                }
            }
        }
    }

    /// Writes the character that starts at `source` and is not plain ASCII. The caller has checked the room.
    /// - Returns: how many bytes of the source it took.
    private mutating func writeSpecial(_ source: UnsafePointer<UInt8>, left: Int) -> Int {
        let byte = source.pointee
        if byte >= 0x80 {
            let (length, wellFormed) = JSONEscaping.scalar(source, left: left)
            if wellFormed {
                next.update(from: source, count: length)
                next += length
            } else {
                next[0] = 0xef
                next[1] = 0xbf
                next[2] = 0xbd
                next += 3
            }
            return length
        }
        next[0] = ASCII.backslash
        switch byte {
        case ASCII.quote, ASCII.backslash: next[1] = byte
        case ASCII.lf: next[1] = 0x6e
        case ASCII.cr: next[1] = 0x72
        case ASCII.tab: next[1] = 0x74
        default:
            next[1] = 0x75
            next[2] = ASCII.zero
            next[3] = ASCII.zero
            next += 4
            write(hex: UInt64(byte), digits: 2)
            return 1
        }
        next += 2
        return 1
    }
}
