/// Divides callers between several sides by weight, so that each caller stays on one side.
///
/// Weighted rendezvous hashing: each side mixes the caller's hash with its own identity into a number between 0 and 1,
/// and the side whose -ln(number) / weight is least takes the caller. A side's score changes with its own weight alone.
/// So when a weight changes, only callers that come to that side or leave it move, which is the least possible; order
/// and number of the others don't matter. Nothing but the four operations is used, whose results IEEE 754 fixes: every
/// process on every machine chooses alike.
package struct WeightedChoice: Sendable, Equatable {
    /// One side.
    package struct Side: Sendable, Equatable {
        /// A hash of what the side is called.
        package let identity: UInt64
        /// 0 takes nobody.
        package let weight: Int

        package init(identity: UInt64, weight: Int) {
            self.identity = identity
            self.weight = max(weight, 0)
        }
    }

    private let sides: [Side]

    /// - Parameter sides: not all of weight 0.
    package init(_ sides: [Side]) { self.sides = sides }

    /// The index of the side that takes the caller; 0 if all weights are 0.
    /// - Parameter hash: the caller's, spread over all 64 bits; a random number chooses by chance.
    package func side(for hash: UInt64) -> Int {
        var best = 0
        var bestScore = Double.infinity
        var index = 0
        while index < sides.count {
            let side = sides[index]
            if side.weight > 0 {
                let score = Self.negativeLogarithm(Self.mix(hash ^ side.identity)) / Double(side.weight)
                if score < bestScore {
                    best = index
                    bestScore = score
                }
            }
            index += 1
        }
        return best
    }

    /// The side that takes everybody; nil when more than one has a weight.
    package var onlySide: Int? {
        let weighted = sides.indices.filter { sides[$0].weight > 0 }
        return weighted.count == 1 ? weighted[0] : nil
    }

    /// Spreads a number over all its bits (the finaliser of MurmurHash3, by A. Appleby; every input has its own
    /// output).
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 33)) &* 0xff51_afd7_ed55_8ccd
        mixed = (mixed ^ (mixed >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return mixed ^ (mixed >> 33)
    }

    /// -ln of `bits` as a number above 0 and below 1: the exponent's part, and a series for what is left.
    static func negativeLogarithm(_ bits: UInt64) -> Double {
        // 53 bits, and a half, so that it is neither 0 nor 1.
        let number = (Double(bits >> 11) + 0.5) / 9_007_199_254_740_992
        var exponent = Double(number.exponent)
        var rest = number.significand
        // From 0.7 to 1.4 the series is short.
        if rest > 1.414_213_562_373_095 {
            rest /= 2
            exponent += 1
        }
        // ln x = 2 artanh((x - 1) / (x + 1))
        let s = (rest - 1) / (rest + 1)
        let square = s * s
        var term = s
        var sum = 0.0
        var divisor = 1.0
        while divisor < 20 {
            sum += term / divisor
            term *= square
            divisor += 2
        }
        return -(exponent * 0.693_147_180_559_945_3 + 2 * sum)
    }
}
