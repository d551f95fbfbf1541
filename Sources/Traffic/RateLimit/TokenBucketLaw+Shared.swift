import Base

/// The law where somebody else keeps the buckets.
extension TokenBucketLaw {
    /// The time between two tokens, in microseconds: exactly the interval that this law counts by.
    package var intervalMicroseconds: Double { Double(interval) / Double(Self.ticksPerNanosecond) / 1_000 }

    /// How a bucket stands that will be full in that time, rounded up to a nanosecond.
    package func standing(timeToFull: TimeAmount, cost: Int, isAllowed: Bool) -> BucketStanding {
        standing(missing(timeToFull), now: 0, cost: cost, isAllowed: isAllowed)
    }

    /// How a bucket stands that would have been full in that time, rounded up to a nanosecond, once it has got tokens
    /// back.
    package func standing(timeToFull: TimeAmount, givenBack cost: Int) -> BucketStanding {
        let left = missing(timeToFull) - interval * Int64(min(max(cost, 0), burst))
        return standing(max(left, 0), now: 0, cost: 0, isAllowed: true)
    }

    /// In ticks; never more than an empty bucket misses, whatever its keeper says.
    private func missing(_ timeToFull: TimeAmount) -> Int64 {
        let most = timeToFill.nanoseconds
        let nanoseconds = min(max(timeToFull.nanoseconds, 0), most)
        // What rounding up has added must not look like a token less.
        return max(nanoseconds * Self.ticksPerNanosecond - (Self.ticksPerNanosecond - 1), 0)
    }
}
