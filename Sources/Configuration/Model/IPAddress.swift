import Base

/// An IPv4 or IPv6 address. IPv4 is kept as its mapped form `::ffff:a.b.c.d`, so that a client that comes in over a
/// dual-stack socket equals itself.
package struct IPAddress: Sendable, Hashable {
    /// The first eight bytes, big-endian.
    package let high: UInt64
    /// The last eight bytes, big-endian.
    package let low: UInt64

    @inlinable package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter v4: the four bytes, big-endian: 127.0.0.1 is 0x7f00_0001.
    @inlinable package init(v4: UInt32) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(v4))
    }

    @inlinable package var isV4: Bool { high == 0 && low >> 32 == 0xffff }

    /// 127.0.0.0/8 and ::1.
    package var isLoopback: Bool { isV4 ? (low >> 24) & 0xff == 127 : high == 0 && low == 1 }

    /// 0.0.0.0 and ::.
    package var isUnspecified: Bool { high == 0 && (low == 0 || low == 0xffff_0000_0000) }
}

/// A network: an address and how many of its leading bits count.
package struct CIDR: Sendable, Hashable {
    /// All bits after the prefix are 0.
    package let base: IPAddress
    /// Out of 128: an IPv4 network `/8` has 104.
    package let bits: Int
    @usableFromInline let highMask: UInt64
    @usableFromInline let lowMask: UInt64

    /// - Parameter bits: 0…128.
    package init(_ address: IPAddress, bits: Int) {
        precondition((0...128).contains(bits))
        let high: UInt64 = bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
        let low: UInt64 = bits >= 128 ? .max : bits <= 64 ? 0 : ~(UInt64.max >> UInt64(bits - 64))
        highMask = high
        lowMask = low
        base = IPAddress(high: address.high & high, low: address.low & low)
        self.bits = bits
    }

    @inlinable package func contains(_ address: IPAddress) -> Bool {
        address.high & highMask == base.high && address.low & lowMask == base.low
    }
}

/// An address to listen on or connect to.
package struct SocketAddress: Sendable, Hashable {
    package let address: IPAddress
    /// 0: whatever is free.
    package let port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or the canonical form of RFC 5952.
    package var description: String {
        if isV4 {
            let bytes: [UInt64] = [low >> 24 & 0xff, low >> 16 & 0xff, low >> 8 & 0xff, low & 0xff]
            return bytes.map(String.init).joined(separator: ".")
        }
        let groups: [UInt64] = (0..<8).map { (index: Int) -> UInt64 in
            let half: UInt64 = index < 4 ? high : low
            return half >> UInt64(48 - 16 * (index & 3)) & 0xffff
        }
        let gap = Self.longestZeroRun(groups)
        var text = ""
        var index = 0
        while index < 8 {
            if let gap, index == gap.lowerBound {
                text += "::"
                index = gap.upperBound
                continue
            }
            if !text.isEmpty, !text.hasSuffix(":") { text += ":" }
            text += String(groups[index], radix: 16)
            index += 1
        }
        return text
    }

    /// The first of the longest runs of at least two zero groups (RFC 5952 section 4.2).
    private static func longestZeroRun(_ groups: [UInt64]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best?.count ?? 0 { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}

extension CIDR: CustomStringConvertible {
    package var description: String { "\(base)/\(base.isV4 && bits >= 96 ? bits - 96 : bits)" }
}

extension SocketAddress: CustomStringConvertible {
    package var description: String { address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
