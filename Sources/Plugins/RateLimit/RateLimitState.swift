import Base
import Traffic

/// What a request took of its limits, and how they stood then. Kept with the exchange, and reused with it. An
/// object, so that handing it on moves nothing.
package final class RateLimitState {
    /// Bits by the limit's place in its chain: those that took tokens, those that clients are told of, those that
    /// refused the request.
    var taken: UInt8 = 0
    /// Of those that took tokens: from what the loop had in stock.
    var stocked: UInt8 = 0
    /// Those that the store has charged in an earlier phase: `SharedInquiry.returns` gives that back.
    var charged: UInt8 = 0
    var told: UInt8 = 0
    package internal(set) var refused: UInt8 = 0
    var keys = InlineArray<8, UInt64>(repeating: 0)
    var standings = InlineArray<8, RateLimitStanding>(repeating: RateLimitStanding())

    package init() {}

    /// Whether no limit has been checked.
    package var isEmpty: Bool { taken | told | refused == 0 }

    /// Whether clients are told anything.
    package var hasStandings: Bool { told != 0 }

    /// Whether there is something to give back to the store, should the request go no further.
    package var isCharged: Bool { charged != 0 }

    package func reset() {
        taken = 0
        stocked = 0
        charged = 0
        told = 0
        refused = 0
    }

    /// For how long a refused client should stay away, in whole seconds: until every limit that refused has tokens for
    /// such a request again, if nobody else takes them.
    package var retryAfter: Int {
        var longest = 1
        for index in 0..<8 where refused & 1 << UInt8(index) != 0 { longest = max(longest, standings[index].next) }
        return longest
    }
}

/// How a limit stands for a caller. Whole seconds are reckoned out where somebody is told them.
struct RateLimitStanding {
    var remaining = 0
    private var timeToNext = TimeAmount.zero
    private var timeToFull = TimeAmount.zero

    init() {}

    init(_ standing: BucketStanding) {
        remaining = standing.remaining
        timeToNext = standing.isAllowed ? standing.timeToNext : standing.wait
        timeToFull = standing.timeToFull
    }

    /// The bucket has got tokens back.
    /// - Parameter isRefused: whether it refused the request, and so tells for how long such a one has to wait.
    mutating func giveBack(_ cost: Int, by law: TokenBucketLaw, isRefused: Bool) {
        let standing = law.standing(timeToFull: timeToFull, givenBack: cost)
        remaining = standing.remaining
        timeToFull = standing.timeToFull
        if !isRefused { timeToNext = standing.timeToNext }
    }

    /// Seconds until more tokens are there: enough for the request if it was refused, else one. 0 when the bucket is
    /// full.
    var next: Int { timeToNext.secondsUp }
    /// Seconds until the bucket is full.
    var full: Int { timeToFull.secondsUp }
}
