import Base

/// The identity of a distributed trace: 128 bits, not all zero (W3C Trace Context section 3.2.2.3).
package struct TraceID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    /// Nil for the invalid identity of zeros.
    package init?(high: UInt64, low: UInt64) {
        guard high | low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    /// A random identity.
    package init(using random: inout RandomSource) {
        high = random.next()
        low = random.next() | 1
    }

    /// Appends the 32 lower-case hexadecimal digits.
    package func append(to buffer: inout IOBuffer) {
        var cursor = TextCursor(reserving: 32, in: &buffer)
        write(to: &cursor)
        cursor.commit(to: &buffer)
    }

    func write(to cursor: inout TextCursor) {
        cursor.write(hex16: high)
        cursor.write(hex16: low)
    }
}

/// What the `traceparent` header carries (W3C Trace Context, level 1, section 3.2, with the random flag of level 2).
@usableFromInline package struct TraceContext: Hashable, Sendable {
    package let traceID: TraceID
    /// The span that is the parent of whoever receives the header; not zero.
    package let spanID: UInt64
    /// Bit 0: sampled; bit 1: the trace id is random. No other bit is ever set.
    @usableFromInline package let flags: UInt8

    /// The bytes of the header's value as `append` writes it.
    package static let textLength = 55

    @inlinable package var isSampled: Bool { flags & 1 != 0 }

    init(traceID: TraceID, spanID: UInt64, flags: UInt8) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
    }

    /// The root of a new trace.
    package init(sampled: Bool, using random: inout RandomSource) {
        traceID = TraceID(using: &random)
        spanID = random.next() | 1
        flags = sampled ? 3 : 2
    }

    /// The same trace with a span of ours as the parent, for the request to the upstream.
    package func child(using random: inout RandomSource) -> TraceContext {
        TraceContext(traceID: traceID, spanID: random.next() | 1, flags: flags)
    }

    /// Appends the header's value in version 00.
    package func append(to buffer: inout IOBuffer) {
        var cursor = TextCursor(reserving: Self.textLength, in: &buffer)
        cursor.write("00-")
        traceID.write(to: &cursor)
        cursor.write(byte: ASCII.hyphen)
        cursor.write(hex16: spanID)
        cursor.write(byte: ASCII.hyphen)
        cursor.write(hex: UInt64(flags), digits: 2)
        cursor.commit(to: &buffer)
    }
}

extension TraceContext {
    /// Reads a `traceparent` value. Nil for anything but a valid one: the trace then starts anew, and `tracestate` is
    /// dropped with it (section 3.3 of the processing model). Surrounding whitespace must be gone already.
    ///
    /// Version 00 is taken literally. Of a higher version only the known fields count, as section 3.2.4 asks: more may
    /// follow after a hyphen, and of its flags only "sampled" has a meaning. Version ff is invalid.
    package init?(parsing text: ByteView) {
        guard text.count >= Self.textLength,
            text[2] == ASCII.hyphen, text[35] == ASCII.hyphen, text[52] == ASCII.hyphen,
            let version = Self.hex(text, at: 0, digits: 2), version != 0xff,
            let high = Self.hex(text, at: 3, digits: 16), let low = Self.hex(text, at: 19, digits: 16),
            let traceID = TraceID(high: high, low: low),
            let spanID = Self.hex(text, at: 36, digits: 16), spanID != 0,
            let flags = Self.hex(text, at: 53, digits: 2)
        else { return nil }
        if text.count > Self.textLength {
            guard version > 0, text[Self.textLength] == ASCII.hyphen else { return nil }
        }
        self.init(
            traceID: traceID, spanID: spanID, flags: UInt8(truncatingIfNeeded: flags) & (version == 0 ? 3 : 1))
    }

    /// Up to 16 lower-case hexadecimal digits, which lie within the text.
    private static func hex(_ text: ByteView, at start: Int, digits: Int) -> UInt64? {
        precondition(start + digits <= text.count)
        var value: UInt64 = 0
        var isValid = true
        for index in start..<start + digits {
            let byte = text.base[index]
            let letter = byte &- 0x61
            let digit = byte &- 0x30
            isValid = isValid && (digit < 10 || letter < 6)
            value = value << 4 | UInt64(digit < 10 ? digit : letter &+ 10)
        }
        return isValid ? value : nil
    }
}

/// The `tracestate` header, which the gateway passes on but does not read.
@usableFromInline package enum TraceState {
    /// In bytes, over all lines of the header together; section 3.3.1.5 asks for at least this much.
    @inlinable package static var maximumLength: Int { 512 }

    /// Whether a value of that length is passed on; a longer one is dropped whole.
    @inlinable package static func isAcceptable(length: Int) -> Bool { length > 0 && length <= maximumLength }
}
