import Base

/// A token bucket for each kind of message. Messages are literals, so there are as many kinds as the program has
/// places that log, and nothing that a peer sends makes the table grow.
struct MessageLimiter {
    /// Lines of one kind that may come at once.
    let burst: Int64
    /// After that, one line of the kind in this time.
    let refillInterval: TimeAmount

    private var kinds: [UInt64: Kind] = [:]

    struct Kind {
        let message: StaticString
        /// When the bucket will be full again: a bucket as one instant (the virtual scheduling form of GCRA).
        var fullTime: MonotonicTime
        var suppressed = 0
    }

    init(burst: Int, refillInterval: TimeAmount) {
        self.burst = Int64(burst)
        self.refillInterval = refillInterval
    }

    /// Whether a message may be written now: nil when not, else how many of its kind were held back since the last one.
    mutating func admit(_ message: StaticString, at now: MonotonicTime) -> Int? {
        let key = ByteView(message).hash()
        var kind = kinds[key] ?? Kind(message: message, fullTime: now)
        let fullTime = max(kind.fullTime, now) + refillInterval
        guard (fullTime - now).nanoseconds <= burst * refillInterval.nanoseconds else {
            kind.suppressed += 1
            kinds[key] = kind
            return nil
        }
        let suppressed = kind.suppressed
        kind.fullTime = fullTime
        kind.suppressed = 0
        kinds[key] = kind
        return suppressed
    }

    /// The kinds that held messages back and whose bucket has refilled since: no line of theirs has come to tell it.
    mutating func takeSuppressed(at now: MonotonicTime) -> [Kind] {
        var ended: [Kind] = []
        for (key, kind) in kinds where kind.suppressed > 0 && kind.fullTime <= now {
            ended.append(kind)
            kinds[key]?.suppressed = 0
        }
        return ended
    }
}
