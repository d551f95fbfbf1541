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

    enum Verdict {
        /// The message may be written. So many of its kind were held back since the last one.
        case admitted(suppressed: Int)
        /// It is counted as one of those. None of its kind is admitted before.
        case heldBack(until: MonotonicTime)
    }

    /// What a kind is found by.
    static func key(of message: StaticString) -> UInt64 { ByteView(message).hash() }

    /// - Parameters:
    ///   - key: of `message`.
    ///   - held: how many were held back elsewhere, because of an earlier verdict.
    mutating func admit(_ message: StaticString, key: UInt64, held: Int, at now: MonotonicTime) -> Verdict {
        var kind = kinds[key] ?? Kind(message: message, fullTime: now)
        kind.suppressed += held
        let fullTime = max(kind.fullTime, now) + refillInterval
        guard (fullTime - now).nanoseconds <= burst * refillInterval.nanoseconds else {
            kind.suppressed += 1
            kinds[key] = kind
            let spent = (burst - 1) * refillInterval.nanoseconds
            return .heldBack(until: MonotonicTime(nanoseconds: kind.fullTime.nanoseconds - spent))
        }
        let suppressed = kind.suppressed
        kind.fullTime = fullTime
        kind.suppressed = 0
        kinds[key] = kind
        return .admitted(suppressed: suppressed)
    }

    /// So many of a kind were held back elsewhere.
    mutating func note(held: Int, key: UInt64) { kinds[key]?.suppressed += held }

    /// The kinds that held messages back and whose bucket has refilled since: no line of theirs has come to tell it.
    /// At the end, which is in the distant future, all that held messages back.
    mutating func takeSuppressed(at now: MonotonicTime) -> [Kind] {
        var ended: [Kind] = []
        for (key, kind) in kinds where kind.suppressed > 0 && kind.fullTime <= now {
            ended.append(kind)
            kinds[key]?.suppressed = 0
        }
        return ended
    }
}
