import Base

/// The law of a token bucket: tokens come at a steady rate, up to `burst` of them wait, and a request takes some.
///
/// A bucket's whole state is one number: the instant at which it will be full again (the "theoretical arrival time" of
/// GCRA, ITU-T I.371). A token taken moves that instant away by the time that a token takes to come; a request is
/// allowed as long as the instant is no farther than the time that an empty bucket takes to fill. Nothing has to be
/// refilled, and no rounding adds up.
package struct TokenBucketLaw: Sendable, Hashable {
    /// Tokens that come in `period`.
    package let count: Int
    package let period: TimeAmount
    /// The most tokens that wait.
    package let burst: Int
    /// The time between two tokens, in ticks.
    let interval: Int64

    /// A tick is a sixteenth of a nanosecond: fine enough that the fastest rate is exact to 1 in 10,000, and coarse
    /// enough that 64 bits last for 18 years.
    static let ticksPerNanosecond: Int64 = 16
    package static let periodMaximum = TimeAmount.seconds(86_400)
    package static let burstMaximum = 10_000_000
    /// The longest that an empty bucket may take to fill.
    package static let fillTimeMaximum = TimeAmount.seconds(366 * 86_400)

    /// Nil when the rate is not above zero or too high, when nothing could ever pass, or when the bucket would take
    /// longer than `fillTimeMaximum` to fill.
    package init?(count: Int, period: TimeAmount, burst: Int) {
        guard count > 0, period > .zero, period <= Self.periodMaximum, burst > 0, burst <= Self.burstMaximum,
            Int64(count) <= period.nanoseconds / 1_000
        else { return nil }
        self.count = count
        self.period = period
        self.burst = burst
        let ticks = period.nanoseconds * Self.ticksPerNanosecond
        interval = (ticks + Int64(count) / 2) / Int64(count)
        let (fill, overflow) = interval.multipliedReportingOverflow(by: Int64(burst))
        guard !overflow, fill <= Self.fillTimeMaximum.nanoseconds * Self.ticksPerNanosecond else { return nil }
    }

    /// The time that an empty bucket takes to fill, in ticks.
    var fillTime: Int64 { interval * Int64(burst) }

    /// The time that an empty bucket takes to fill.
    package var timeToFill: TimeAmount { Self.time(fillTime) }

    /// What is missing in a bucket by this law that is as full, in proportion, as one by another law.
    /// - Parameter missing: in ticks, in the other.
    func debt(_ missing: Int64, of other: TokenBucketLaw) -> Int64 {
        if other == self { return missing }
        let share = min(Double(missing) / Double(other.fillTime), 1)
        return Int64((share * Double(fillTime)).rounded(.up))
    }

    /// What becomes of a request for `cost` tokens.
    /// - Parameters:
    ///   - fullAt: the bucket's state, in ticks.
    ///   - now: in ticks, of the same clock.
    /// - Returns: the state afterwards; nil when the tokens aren't there, and the state stays as it is.
    @inline(__always)
    func taking(_ cost: Int, from fullAt: Int64, now: Int64) -> Int64? {
        // More than the bucket ever holds can't be had, and its product might not fit.
        guard cost <= burst else { return nil }
        let next = max(fullAt, now) + interval * Int64(max(cost, 0))
        return next - now <= fillTime ? next : nil
    }

    /// How a bucket stands.
    @inline(__always)
    func standing(_ fullAt: Int64, now: Int64, cost: Int, isAllowed: Bool) -> BucketStanding {
        let missing = max(fullAt - now, 0)
        let wanted = interval * Int64(min(max(cost, 0), burst))
        let wait = isAllowed ? 0 : max(missing + wanted - fillTime, 0)
        let remaining = max(fillTime - missing, 0) / interval
        // The bucket holds a token more when that much less is missing.
        let toNext = missing - (fillTime - (remaining + 1) * interval)
        return BucketStanding(
            isAllowed: isAllowed, remaining: Int(remaining), wait: Self.time(wait),
            timeToNext: missing > 0 ? Self.time(toNext) : .zero, timeToFull: Self.time(missing))
    }

    /// Rounded up: who waits that long finds what they waited for.
    private static func time(_ ticks: Int64) -> TimeAmount {
        TimeAmount(nanoseconds: (ticks + ticksPerNanosecond - 1) / ticksPerNanosecond)
    }
}

/// What a bucket said to a request, and how it stands afterwards.
package struct BucketStanding: Sendable, Equatable {
    package let isAllowed: Bool
    /// Whole tokens that are there now.
    package let remaining: Int
    /// How long until as many tokens as were asked for will be there, if nobody else takes any; zero when allowed.
    package let wait: TimeAmount
    /// How long until one more token is there; zero when the bucket is full.
    package let timeToNext: TimeAmount
    /// How long until the bucket is full.
    package let timeToFull: TimeAmount
}
