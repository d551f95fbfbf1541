import Base

/// A hash for the tables of hosts and segments. Not keyed: their keys come from the configuration, so a peer can't make
/// them collide.
enum SegmentHash {
    /// Eight bytes a step, the folded multiplication of each mixed into the next.
    static func hash(_ bytes: ByteView, seed: UInt64) -> UInt64 {
        let base = UnsafeRawPointer(bytes.base)
        var rest = bytes.count
        var state = (seed &+ 1) &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(truncatingIfNeeded: rest)
        var offset = 0
        while rest >= 8 {
            state = mix(state ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
            rest -= 8
        }
        if rest > 0 { state = mix(state ^ tail(base + offset, count: rest)) }
        return state
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low
    }

    /// One to seven bytes as one number, without reading beyond them.
    private static func tail(_ base: UnsafeRawPointer, count: Int) -> UInt64 {
        if count >= 4 {
            let first = base.loadUnaligned(as: UInt32.self)
            let last = base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            return UInt64(first) << 32 | UInt64(last)
        }
        let first = base.load(as: UInt8.self)
        let middle = base.load(fromByteOffset: count / 2, as: UInt8.self)
        let last = base.load(fromByteOffset: count - 1, as: UInt8.self)
        return UInt64(first) << 16 | UInt64(middle) << 8 | UInt64(last)
    }
}

extension ByteView {
    /// Equality eight bytes a step.
    func isSame(as other: ByteView) -> Bool {
        guard count == other.count else { return false }
        let left = UnsafeRawPointer(base)
        let right = UnsafeRawPointer(other.base)
        var offset = 0
        while offset + 8 <= count {
            if left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            {
                return false
            }
            offset += 8
        }
        while offset < count {
            if base[offset] != other.base[offset] { return false }
            offset += 1
        }
        return true
    }

    func count(of byte: UInt8) -> Int {
        var found = 0
        var index = 0
        while index < count {
            if base[index] == byte { found += 1 }
            index += 1
        }
        return found
    }
}
