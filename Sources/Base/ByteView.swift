/// A borrowed run of bytes: a pointer and a count, two words, passed by value.
///
/// A view owns nothing. It is valid until its owner (an `IOBuffer`, a header list's arena) is next changed; code that
/// keeps bytes longer keeps offsets instead. Every subscript is checked, in release builds too: what a peer sends can
/// at worst stop the process, never read another connection's memory.
@usableFromInline package struct ByteView: @unchecked Sendable {
    // Sendable because it is a plain pair of words: who passes a view to another thread keeps its owner alive.
    @usableFromInline package let base: UnsafePointer<UInt8>
    @usableFromInline package let count: Int

    @inlinable package init(base: UnsafePointer<UInt8>, count: Int) {
        precondition(count >= 0)
        self.base = base
        self.count = count
    }

    /// The empty view.
    @inlinable package init() {
        self.base = ("" as StaticString).utf8Start
        self.count = 0
    }

    @inlinable package init(_ buffer: UnsafeRawBufferPointer) {
        self.base = buffer.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) } ?? ("" as StaticString).utf8Start
        self.count = buffer.count
    }

    /// The bytes of a literal, which live as long as the process.
    @inlinable package init(_ literal: StaticString) {
        self.base = literal.utf8Start
        self.count = literal.utf8CodeUnitCount
    }

    @inlinable package var isEmpty: Bool { count == 0 }

    @inlinable package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count)
        return base[index]
    }

    /// The bytes in `range`, which must lie within the view.
    @inlinable package subscript(range: Range<Int>) -> ByteView {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return ByteView(base: base + range.lowerBound, count: range.count)
    }

    /// The bytes from `index` to the end.
    @inlinable package func from(_ index: Int) -> ByteView { self[index..<count] }

    /// The first `length` bytes.
    @inlinable package func prefix(_ length: Int) -> ByteView { self[0..<length] }

    /// For handing the bytes to a C call or a copy.
    @inlinable package var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}

extension ByteView {
    /// Byte-wise equality.
    package static func == (left: ByteView, right: ByteView) -> Bool {
        guard left.count == right.count else { return false }
        // Many at a time: tokens of a kilobyte are compared whole.
        var index = 0
        while index &+ 32 <= left.count {
            let difference =
                (left.words(at: index) ^ right.words(at: index))
                | (left.words(at: index &+ 16) ^ right.words(at: index &+ 16))
            // As one number, because that is one comparison.
            if unsafeBitCast(difference, to: UInt128.self) != 0 { return false }
            index &+= 32
        }
        while index + 8 <= left.count {
            if left.word(at: index) != right.word(at: index) { return false }
            index += 8
        }
        while index < left.count {
            if left.base[index] != right.base[index] { return false }
            index += 1
        }
        return true
    }

    @inline(__always)
    private func words(at index: Int) -> SIMD2<UInt64> {
        UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: SIMD2<UInt64>.self)
    }

    @inline(__always)
    private func word(at index: Int) -> UInt64 {
        UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    package static func == (left: ByteView, right: StaticString) -> Bool { left == ByteView(right) }

    /// Equality under ASCII case folding. Bytes above 127 compare as they are.
    package func equalsIgnoringCase(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index < count {
            if base[index] != other.base[index],
                ASCII.lowercased(base[index]) != ASCII.lowercased(other.base[index])
            {
                return false
            }
            index += 1
        }
        return true
    }

    package func equalsIgnoringCase(_ other: StaticString) -> Bool { equalsIgnoringCase(ByteView(other)) }

    package func hasPrefix(_ prefix: ByteView) -> Bool {
        count >= prefix.count && self.prefix(prefix.count) == prefix
    }

    package func hasSuffix(_ suffix: ByteView) -> Bool {
        count >= suffix.count && from(count - suffix.count) == suffix
    }

    /// The index of the first `byte` at or after `start`.
    package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        var index = start
        // Eight at a time while none of them is it: the lowest byte that becomes zero sets its top bit.
        let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
        while index + 8 <= count {
            let difference = word(at: index) ^ pattern
            if (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080 != 0 { break }
            index += 8
        }
        while index < count {
            if base[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// The view without spaces and tabs at its ends (OWS, RFC 9110 section 5.6.3).
    @inlinable package func trimmingWhitespace() -> ByteView {
        // Nearly always there is none.
        guard count > 0, ASCII.isWhitespace(base[0]) || ASCII.isWhitespace(base[count - 1]) else { return self }
        return withoutWhitespace()
    }

    @usableFromInline @inline(never)
    func withoutWhitespace() -> ByteView {
        var start = 0
        var end = count
        while start < end, ASCII.isWhitespace(base[start]) { start += 1 }
        while end > start, ASCII.isWhitespace(base[end - 1]) { end -= 1 }
        return self[start..<end]
    }

    /// The value of a run of decimal digits. Nil when it is empty, holds anything else or exceeds `Int.max`.
    package func decimalValue() -> Int? {
        guard count > 0, count <= 19 else { return nil }
        var value = 0
        for index in 0..<count {
            let digit = base[index] &- ASCII.zero
            guard digit <= 9 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(digit))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }

    /// FNV-1a over the bytes. Not keyed: only for tables that a peer can't fill.
    package func hash(seed: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
        var hash = seed
        for index in 0..<count {
            hash = (hash ^ UInt64(base[index])) &* 0x0000_0100_0000_01b3
        }
        return hash
    }

    /// A copy as text; invalid UTF-8 becomes U+FFFD. Off the hot path only.
    package var string: String { String(decoding: raw, as: UTF8.self) }
}

extension String {
    /// Calls `body` with the text's UTF-8 bytes. Off the hot path only.
    @inlinable package func withByteView<Result, Failure: Error>(
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var copy = self
        var outcome: Swift.Result<Result, Failure>?
        copy.withUTF8 { bytes in
            let view = ByteView(UnsafeRawBufferPointer(bytes))
            do throws(Failure) {
                outcome = .success(try body(view))
            } catch {
                outcome = .failure(error)
            }
        }
        guard let outcome else { preconditionFailure("withUTF8 always calls its body") }
        return try outcome.get()
    }
}
