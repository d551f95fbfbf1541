/// An IPv4 or IPv6 address: a value of 17 bytes without references.
///
/// Text is read by the strict rules of `inet_pton`: four decimal numbers without leading zeros (so never octal), or RFC
/// 4291 section 2.2 without a zone. An IPv4-mapped IPv6 address stays what it is until `unmapped` is asked for.
package struct IPAddress: Sendable, Hashable {
    /// The first eight bytes of an IPv6 address, in network order from the most significant bit on. Zero for IPv4.
    package let high: UInt64
    /// The last eight bytes of an IPv6 address; for IPv4 the address in the low 32 bits.
    package let low: UInt64
    package let isIPv4: Bool

    /// An IPv4 address from its 32 bits, the first byte being the most significant.
    package init(ipv4 bits: UInt32) {
        high = 0
        low = UInt64(bits)
        isIPv4 = true
    }

    /// An IPv6 address from its 128 bits.
    package init(ipv6High high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
        isIPv4 = false
    }

    /// An address from its 4 or 16 bytes in network order. Nil for any other count.
    package init?(bytes: ByteView) {
        switch bytes.count {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: bytes.bigEndianValue(0..<4)))
        case 16: self.init(ipv6High: bytes.bigEndianValue(0..<8), low: bytes.bigEndianValue(8..<16))
        default: return nil
        }
    }

    /// Reads an address without brackets, port or zone. Nil for anything that isn't exactly one address.
    package init?(text: ByteView) {
        if text.firstIndex(of: ASCII.colon) == nil {
            guard let bits = Self.readIPv4(text) else { return nil }
            self.init(ipv4: bits)
        } else {
            guard let (high, low) = Self.readIPv6(text) else { return nil }
            self.init(ipv6High: high, low: low)
        }
    }

    package init?(text: String) {
        guard let address = text.withByteView({ IPAddress(text: $0) }) else { return nil }
        self = address
    }

    /// 32 or 128.
    package var bitCount: Int { isIPv4 ? 32 : 128 }

    /// The byte at `index` in network order, below 4 or 16.
    package func byte(at index: Int) -> UInt8 {
        precondition(index >= 0 && index < bitCount / 8)
        let position = isIPv4 ? index + 12 : index
        let word = position < 8 ? high : low
        return UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (position & 7)))
    }

    /// The 4 or 16 bytes in network order. Off the hot path only.
    package var bytes: [UInt8] { (0..<bitCount / 8).map { byte(at: $0) } }

    /// The IPv4 address inside `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2); any other address as it is.
    package var unmapped: IPAddress {
        guard !isIPv4, high == 0, low >> 32 == 0xffff else { return self }
        return IPAddress(ipv4: UInt32(truncatingIfNeeded: low))
    }

    /// 127.0.0.0/8, `::1`, and the mapped form of the former.
    package var isLoopback: Bool {
        let address = unmapped
        return address.isIPv4 ? address.low >> 24 == 127 : address.high == 0 && address.low == 1
    }

    /// `0.0.0.0` and `::`: for a listener every address of the host, for a client the host itself.
    package var isUnspecified: Bool { high == 0 && unmapped.low == 0 }
}

extension IPAddress {
    private static func readIPv4(_ text: ByteView) -> UInt32? {
        guard text.count >= 7, text.count <= 15 else { return nil }
        var bits: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var parts = 1
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == ASCII.dot {
                guard digits > 0, parts < 4 else { return nil }
                bits = bits << 8 | part
                part = 0
                digits = 0
                parts += 1
            } else {
                // A leading zero is refused: some readers take it for octal (RFC 6943 section 3.1.1).
                guard ASCII.isDigit(byte), digits == 0 || part > 0 else { return nil }
                part = part * 10 + UInt32(byte &- ASCII.zero)
                digits += 1
                guard part <= 255 else { return nil }
            }
            index += 1
        }
        guard parts == 4, digits > 0 else { return nil }
        return bits << 8 | part
    }

    private static func readIPv6(_ text: ByteView) -> (high: UInt64, low: UInt64)? {
        guard text.count >= 2, text.count <= 45 else { return nil }
        var groups = IPv6Groups()
        var gap: Int?
        var index = 0
        if text[0] == ASCII.colon {
            guard text[1] == ASCII.colon else { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            let start = index
            var value: UInt64 = 0
            while index < text.count, let digit = ASCII.hexValue(text[index]) {
                value = value << 4 | UInt64(digit)
                index += 1
                guard index - start <= 4 else { return nil }
            }
            if index < text.count, text[index] == ASCII.dot {
                guard groups.count <= 6, let bits = readIPv4(text.from(start)) else { return nil }
                groups.append(UInt64(bits >> 16))
                groups.append(UInt64(bits & 0xffff))
                break
            }
            guard index > start, groups.count < 8 else { return nil }
            groups.append(value)
            if index == text.count { break }
            guard text[index] == ASCII.colon, index + 1 < text.count else { return nil }
            index += 1
            if text[index] == ASCII.colon {
                guard gap == nil else { return nil }
                gap = groups.count
                index += 1
            }
        }
        return groups.bits(gap: gap)
    }

    /// The sixteen-bit groups as they were written, at most eight.
    private struct IPv6Groups {
        var count = 0
        var high: UInt64 = 0
        var low: UInt64 = 0

        mutating func append(_ group: UInt64) {
            high = high << 16 | low >> 48
            low = low << 16 | group
            count += 1
        }

        /// The 128 bits, `::` standing before the group `gap` for all that are missing, at least one.
        func bits(gap: Int?) -> (high: UInt64, low: UInt64)? {
            guard let gap else { return count == 8 ? (high, low) : nil }
            guard count < 8 else { return nil }
            var result = (high: UInt64(0), low: UInt64(0))
            for position in 0..<count {
                let fromEnd = count - 1 - position
                let group = (fromEnd < 4 ? low >> UInt64(16 * fromEnd) : high >> UInt64(16 * (fromEnd - 4))) & 0xffff
                let target = position < gap ? 7 - position : fromEnd
                if target < 4 {
                    result.low |= group << UInt64(16 * target)
                } else {
                    result.high |= group << UInt64(16 * (target - 4))
                }
            }
            return result
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Appends the canonical text: dotted decimal, or RFC 5952 (lower case, the longest run of zeros as `::`, a mapped
    /// IPv4 address in dots). At most 45 bytes.
    package func append(to buffer: inout IOBuffer) {
        if isIPv4 {
            appendDotted(low, to: &buffer)
        } else if high == 0, low >> 32 == 0xffff {
            buffer.append("::ffff:")
            appendDotted(low & 0xffff_ffff, to: &buffer)
        } else {
            appendGroups(to: &buffer)
        }
    }

    package var description: String {
        var buffer = IOBuffer(capacity: 48)
        append(to: &buffer)
        return buffer.readable.string
    }

    private func appendDotted(_ bits: UInt64, to buffer: inout IOBuffer) {
        buffer.reserve(16)
        guard let start = buffer.writable.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        var end = Self.writeOctet(bits >> 24, to: start)
        end = Self.writeOctet(bits >> 16, to: end)
        end = Self.writeOctet(bits >> 8, to: end)
        // Without the last dot.
        end = Self.writeOctet(bits, to: end) - 1
        buffer.commit(end - start)
    }

    /// Writes the low eight bits of `bits` in decimal, and a dot. - Returns: where the text goes on.
    @inline(__always)
    private static func writeOctet(
        _ bits: UInt64, to place: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        let number = UInt8(truncatingIfNeeded: bits)
        var place = place
        if number >= 10 {
            if number >= 100 {
                place.pointee = ASCII.zero &+ number / 100
                place += 1
            }
            place.pointee = ASCII.zero &+ number / 10 % 10
            place += 1
        }
        place[0] = ASCII.zero &+ number % 10
        place[1] = ASCII.dot
        return place + 2
    }

    private func group(_ index: Int) -> UInt64 {
        (index < 4 ? high >> UInt64(48 - 16 * index) : low >> UInt64(48 - 16 * (index - 4))) & 0xffff
    }

    private func appendGroups(to buffer: inout IOBuffer) {
        var gap = (start: 8, length: 1)
        var index = 0
        while index < 8 {
            let start = index
            while index < 8, group(index) == 0 { index += 1 }
            if index - start > gap.length { gap = (start, index - start) }
            index += 1
        }
        index = 0
        while index < 8 {
            if index == gap.start {
                buffer.append("::")
                index += gap.length
                continue
            }
            if index > 0, index != gap.start + gap.length { buffer.append(byte: ASCII.colon) }
            buffer.append(hex: Int(group(index)))
            index += 1
        }
    }
}

extension ByteView {
    /// The bytes of a range of at most eight as one number, the first being the most significant.
    fileprivate func bigEndianValue(_ range: Range<Int>) -> UInt64 {
        var value: UInt64 = 0
        for index in range { value = value << 8 | UInt64(self[index]) }
        return value
    }
}
