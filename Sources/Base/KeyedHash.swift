/// SipHash-2-4 (Aumasson and Bernstein, 2012): a hash whose collisions nobody finds who doesn't know the key. For keys
/// that a client chooses: headers, cookies, addresses.
package struct KeyedHash: Sendable, Hashable {
    private let key: (first: UInt64, second: UInt64)

    /// - Parameters first, second: the key. Replicas that shall agree on targets have the same one.
    package init(first: UInt64, second: UInt64) { key = (first, second) }

    package static func == (left: KeyedHash, right: KeyedHash) -> Bool { left.key == right.key }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(key.first)
        hasher.combine(key.second)
    }

    package func hash(_ bytes: ByteView) -> UInt64 {
        var state = State(key.first, key.second)
        let base = UnsafeRawPointer(bytes.base)
        var offset = 0
        while offset + 8 <= bytes.count {
            state.absorb(UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        while offset < bytes.count {
            last |= UInt64(bytes.base[offset]) << shift
            offset += 1
            shift += 8
        }
        state.absorb(last)
        return state.finish()
    }

    /// The hash of an address, the same for an IPv4 address and its mapped form.
    package func hash(_ address: IPAddress) -> UInt64 {
        let plain = address.unmapped
        var state = State(key.first, key.second)
        state.absorb(plain.high)
        state.absorb(plain.low)
        state.absorb(UInt64(plain.bitCount))
        return state.finish()
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        init(_ first: UInt64, _ second: UInt64) {
            v0 = first ^ 0x736f_6d65_7073_6575
            v1 = second ^ 0x646f_7261_6e64_6f6d
            v2 = first ^ 0x6c79_6765_6e65_7261
            v3 = second ^ 0x7465_6462_7974_6573
        }

        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xff
            round()
            round()
            round()
            round()
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = Self.rotate(v1, 13) ^ v0
            v0 = Self.rotate(v0, 32)
            v2 &+= v3
            v3 = Self.rotate(v3, 16) ^ v2
            v0 &+= v3
            v3 = Self.rotate(v3, 21) ^ v0
            v2 &+= v1
            v1 = Self.rotate(v1, 17) ^ v2
            v2 = Self.rotate(v2, 32)
        }

        private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
            value << count | value >> (64 - count)
        }
    }
}
