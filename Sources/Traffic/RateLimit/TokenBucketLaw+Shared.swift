import Base

/// The law where somebody else keeps the buckets.
extension TokenBucketLaw {
    /// The time between two tokens, in microseconds: exactly the interval that this law counts by.
    package var intervalMicroseconds: Double { Double(interval) / Double(Self.ticksPerNanosecond) / 1_000 }

    /// How a bucket stands that will be full in that time, rounded up to a nanosecond.
    package func standing(timeToFull: TimeAmount, cost: Int, isAllowed: Bool) -> BucketStanding {
        let most = Self.fillTimeMaximum.nanoseconds
        let nanoseconds = min(max(timeToFull.nanoseconds, 0), most)
        // What rounding up has added must not look like a token less.
        let missing = max(nanoseconds * Self.ticksPerNanosecond - (Self.ticksPerNanosecond - 1), 0)
        return standing(missing, now: 0, cost: cost, isAllowed: isAllowed)
    }
}
