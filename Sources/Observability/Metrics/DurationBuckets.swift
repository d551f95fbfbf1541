import Base

/// The fixed buckets of every duration histogram: from half a millisecond to a minute.
enum DurationBuckets {
    /// Upper bounds (inclusive) in nanoseconds. One more bucket has no bound.
    static let bounds: InlineArray<16, UInt64> = [
        500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
        60_000_000_000,
    ]

    /// The bounds as Prometheus wants them, in seconds, the unbounded bucket last.
    static let labels: InlineArray<17, StaticString> = [
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10",
        "30", "60", "+Inf",
    ]

    static let count = 17

    /// The bucket of a duration in nanoseconds: four comparisons, then one for the unbounded bucket.
    static func index(of nanoseconds: UInt64) -> Int {
        var low = nanoseconds > bounds[7] ? 8 : 0
        if nanoseconds > bounds[low + 3] { low += 4 }
        if nanoseconds > bounds[low + 1] { low += 2 }
        if nanoseconds > bounds[low] { low += 1 }
        return nanoseconds > bounds[15] ? 16 : low
    }
}

/// Where in a block of cells a histogram is: the sum of all durations in nanoseconds, and a count per bucket.
///
/// Several of one block lie bucket by bucket beside each other, so that durations of about the same length are counted
/// on one cache line.
struct DurationHistogram {
    let sumCell: Int
    let firstBucketCell: Int
    /// How many cells a bucket is behind the one before it: one for each histogram of the group.
    let stride: Int

    func bucketCell(_ bucket: Int) -> Int { firstBucketCell + bucket * stride }

    /// A negative duration counts as none.
    func record(_ duration: TimeAmount, in cells: CellBlock) {
        let nanoseconds = UInt64(max(duration.nanoseconds, 0))
        cells[bucketCell(DurationBuckets.index(of: nanoseconds))].add()
        cells[sumCell].add(nanoseconds)
    }
}
