/// A small, fast, seedable generator (xoshiro256**, Blackman and Vigna, 2018): for spreading load, jitter and request
/// ids. Never for keys or secrets.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// The same seed gives the same sequence.
    package init(seed: UInt64) {
        var mix = seed
        func next(_ mix: inout UInt64) -> UInt64 {
            mix &+= 0x9e37_79b9_7f4a_7c15
            var value = mix
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return value ^ (value >> 31)
        }
        state = (next(&mix), next(&mix), next(&mix), next(&mix))
    }

    package mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = (state.3 << 45) | (state.3 >> 19)
        return result
    }

    /// 0 to below 1.
    package mutating func unit() -> Double { Double(next() >> 11) / Double(1 << 53 as UInt64) }
}
