import Base

/// Waiting times that double with each failure in a row, up to a limit, with jitter so that many don't come back at
/// once.
package struct Backoff: Sendable, Hashable {
    package let first: TimeAmount
    package let limit: TimeAmount

    package init(first: TimeAmount, limit: TimeAmount) {
        self.first = TimeAmount(nanoseconds: max(1, first.nanoseconds))
        self.limit = max(self.first, limit)
    }

    /// The time to wait after `failures` in a row, at least one: between three and five quarters of the doubled time.
    ///
    /// - Parameter random: 64 random bits.
    package func delay(failures: Int, random: UInt64) -> TimeAmount {
        Backoff.jittered(first.doubled(max(failures, 1) - 1, upTo: limit), random: random)
    }

    /// The time to wait before the given retry, from 1: anything from nothing to the doubled time ("full jitter"), so
    /// that many that failed together don't come back together.
    ///
    /// - Parameter random: 64 random bits.
    package func fullJitter(retry: Int, random: UInt64) -> TimeAmount {
        let bound = UInt64(first.doubled(max(retry, 1) - 1, upTo: limit).nanoseconds)
        return TimeAmount(nanoseconds: Int64(bound.multipliedFullWidth(by: random).high))
    }

    /// `amount`, shortened or lengthened by at most a quarter.
    static func jittered(_ amount: TimeAmount, random: UInt64) -> TimeAmount {
        let quarter = amount.nanoseconds / 4
        let offset = Int64(random % UInt64(2 * quarter + 1)) - quarter
        let (sum, overflow) = amount.nanoseconds.addingReportingOverflow(offset)
        return TimeAmount(nanoseconds: overflow ? .max : sum)
    }
}
