import Base

/// Tokens that a loop has taken from shared buckets in advance, by the bucket's key: so that not every request has to
/// ask for its own.
///
/// A loop never holds more than `batch - 1` tokens of a bucket, and each for `holdTime` at most; then they are lost. So
/// all loops together let through, in any time `t`, at most `rate × t + burst + loops × (batch - 1)`, and waste at most
/// `loops × (batch - 1)` tokens in each `holdTime`.
package final class TokenStock {
    /// How long tokens are held that nobody has asked for.
    package static let holdTime = TimeAmount.seconds(1)
    /// How long a batch that was asked for is waited for before another one is.
    private static let askTime = TimeAmount.milliseconds(500)
    private static let ways = 4
    private static let setCount = 512

    /// How many tokens are asked for at once.
    package let batch: Int
    private let law: TokenBucketLaw
    private var entries: [Entry]

    private struct Entry {
        var key: UInt64 = 0
        var left = 0
        var expiry = MonotonicTime.zero
        /// No other batch is asked for before then.
        var quietUntil = MonotonicTime.zero
        /// How far the bucket was from full when the tokens were taken, and when that was.
        var timeToFull = TimeAmount.zero
        var takenAt = MonotonicTime.zero
    }

    /// - Parameter batch: at least 2.
    package init(law: TokenBucketLaw, batch: Int) {
        self.law = law
        self.batch = max(batch, 2)
        entries = Array(repeating: Entry(), count: Self.ways * Self.setCount)
    }

    /// Takes tokens that are held.
    /// - Returns: how the bucket stands with those that are left; nil when there are too few.
    package func take(_ cost: Int, key: UInt64, now: MonotonicTime) -> BucketStanding? {
        guard let place = find(key), entries[place].left >= cost, entries[place].expiry > now else { return nil }
        entries[place].left -= cost
        return standing(of: place, cost: cost, now: now)
    }

    /// Gives back what was taken.
    package func giveBack(_ cost: Int, key: UInt64) {
        guard let place = find(key) else { return }
        entries[place].left += min(max(cost, 0), batch - 1 - entries[place].left)
    }

    /// How many tokens to ask for, for a request that found too few: the batch, or what it needs when a batch is on its
    /// way already.
    package func tokensToAsk(_ cost: Int, key: UInt64, now: MonotonicTime) -> Int {
        guard cost < batch else { return cost }
        let place = find(key) ?? makeRoom(for: key, now: now)
        guard entries[place].quietUntil <= now else { return cost }
        entries[place].quietUntil = now + Self.askTime
        return batch
    }

    /// More tokens have come than the request needed: that many, not negative.
    package func put(_ tokens: Int, key: UInt64, timeToFull: TimeAmount, now: MonotonicTime) {
        let place = find(key) ?? makeRoom(for: key, now: now)
        let held = entries[place].expiry > now ? entries[place].left : 0
        entries[place].left = held + min(max(tokens, 0), batch - 1 - held)
        entries[place].expiry = now + Self.holdTime
        entries[place].quietUntil = now
        entries[place].timeToFull = timeToFull
        entries[place].takenAt = now
    }

    /// No batch has come.
    package func gotNone(key: UInt64, now: MonotonicTime) {
        if let place = find(key) { entries[place].quietUntil = now }
    }

    private func standing(of place: Int, cost: Int, now: MonotonicTime) -> BucketStanding {
        let entry = entries[place]
        let missing = TimeAmount(
            nanoseconds: max(entry.timeToFull.nanoseconds - (now - entry.takenAt).nanoseconds, 0))
        return law.standing(timeToFull: missing, cost: cost, isAllowed: true).withMore(entry.left, by: law)
    }

    // MARK: Places

    private func find(_ key: UInt64) -> Int? {
        let first = Self.set(of: key)
        for place in first..<first + Self.ways where entries[place].key == key { return place }
        return nil
    }

    /// Takes the place over that loses the fewest tokens.
    private func makeRoom(for key: UInt64, now: MonotonicTime) -> Int {
        let first = Self.set(of: key)
        var poorest = first
        for place in first..<first + Self.ways {
            if entries[place].expiry <= now { entries[place].left = 0 }
            if entries[place].left < entries[poorest].left { poorest = place }
        }
        entries[poorest] = Entry(key: key)
        return poorest
    }

    private static func set(of key: UInt64) -> Int { Int(truncatingIfNeeded: key >> 32) & (setCount - 1) * ways }
}

extension BucketStanding {
    /// With tokens that were taken and not spent: what came back to the bucket meanwhile may be as many, and no more is
    /// promised than it ever holds.
    package func withMore(_ tokens: Int, by law: TokenBucketLaw) -> BucketStanding {
        BucketStanding(
            isAllowed: isAllowed, remaining: min(remaining + max(tokens, 0), law.burst), wait: wait,
            timeToNext: timeToNext,
            timeToFull: timeToFull)
    }
}
