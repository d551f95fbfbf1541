import Base

/// Where a breaker stands.
///
/// ```
///            too many failures                 open time over
///   closed ─────────────────────▶ open ───────────────────────▶ half open
///     ▲                            ▲ ▲                            │   │
///     │                            │ └──────── a probe fails ─────┘   │
///     │ recover time over          │ too many failures                │
///     └────────────────────── recovering ◀── all probes succeed ──────┘
/// ```
/// Without a recover time, probes that succeed close it.
package enum BreakerState: Sendable, Equatable {
    case closed
    /// - Parameter streak: how often it has opened since it was last closed.
    case open(until: MonotonicTime, streak: Int)
    /// - Parameters:
    ///   - granted: probes that have a place or have succeeded; the policy says how many there are.
    ///   - succeeded: those of them that have.
    ///   - turn: whose turn it is to have a place.
    case halfOpen(granted: Int, succeeded: Int, streak: Int, turn: ProbeTurn = ProbeTurn())
    /// The probes have succeeded: a growing share of the requests is let through.
    case recovering(since: MonotonicTime, streak: Int)

    /// From when requests may go again, while it keeps all of them back, or all but probes; nil in other states.
    package var returnTime: MonotonicTime? {
        switch self {
        case .open(let until, _): until
        case .halfOpen: .zero
        case .closed, .recovering: nil
        }
    }

    /// Whether outcomes are counted, and may open it.
    package var counts: Bool {
        switch self {
        case .closed, .recovering: true
        case .open, .halfOpen: false
        }
    }
}

/// Probes that have their places together. When they have had no outcome for too long, the places are others': a probe
/// may have a client that sends its content drop by drop, or wait for an event. Its outcome still counts if it has one.
package struct ProbeTurn: Sendable, Equatable {
    package var number: UInt32
    package var lastGrant: MonotonicTime

    package init(number: UInt32 = 0, lastGrant: MonotonicTime = .zero) {
        self.number = number
        self.lastGrant = lastGrant
    }
}

/// Whether a request may go to the upstream, by the state alone.
package enum BreakerAdmission: Sendable, Equatable {
    case allowed
    /// It may, and what becomes of it decides. Its outcome must be told.
    case probe
    /// So many of a thousand requests may, see `BreakerRecovery`.
    case share(permille: Int)
    /// It may not; in that time it might.
    case refused(retryAfter: TimeAmount)
}

extension BreakerState {
    /// When the probes will have answered nobody knows; a second is the least that `Retry-After` can say.
    static var probeTime: TimeAmount { .seconds(1) }

    /// What the breaker says to a request.
    package mutating func admit(_ policy: BreakerPolicy, now: MonotonicTime) -> BreakerAdmission {
        if case .open(let until, let streak) = self, now >= until {
            self = .halfOpen(granted: 0, succeeded: 0, streak: streak)
        }
        if case .recovering(let since, _) = self, now - since >= policy.recoverTime { self = .closed }
        switch self {
        case .closed: return .allowed
        case .recovering(let since, _):
            return .share(permille: BreakerRecovery.share(elapsed: now - since, of: policy.recoverTime))
        case .open(let until, _): return .refused(retryAfter: until - now)
        case .halfOpen(var granted, let succeeded, let streak, var turn):
            let isFull = granted >= max(policy.probes, 1)
            if isFull, now - turn.lastGrant >= policy.probePatience {
                granted = succeeded
                turn.number &+= 1
            }
            guard granted < max(policy.probes, 1) else { return .refused(retryAfter: Self.probeTime) }
            turn.lastGrant = now
            self = .halfOpen(granted: granted + 1, succeeded: succeeded, streak: streak, turn: turn)
            return .probe
        }
    }

    /// What another policy makes of it at once. An open time that has begun stays.
    package mutating func adopt(_ policy: BreakerPolicy, now: MonotonicTime) {
        switch self {
        case .halfOpen(_, let succeeded, let streak, _) where succeeded >= max(policy.probes, 1):
            // Nobody would be asked any more.
            self = Self.afterProbes(policy, streak: streak, now: now)
        case .recovering(let since, _) where now - since >= policy.recoverTime: self = .closed
        case .closed, .open, .halfOpen, .recovering: break
        }
    }

    private static func afterProbes(_ policy: BreakerPolicy, streak: Int, now: MonotonicTime) -> BreakerState {
        policy.recoverTime > .zero ? .recovering(since: now, streak: streak) : .closed
    }

    /// Opens a breaker that is closed or recovering, because the counts say so.
    package mutating func trip(_ policy: BreakerPolicy, now: MonotonicTime, chance: Double) {
        switch self {
        case .closed: open(policy, streak: 1, now: now, chance: chance)
        case .recovering(_, let streak): open(policy, streak: streak + 1, now: now, chance: chance)
        case .open, .halfOpen: break
        }
    }

    /// Takes the outcome of a probe.
    ///
    /// One that comes when the breaker isn't half open any more is from a former round, and says nothing.
    /// - Parameter turn: that of the probe; nil where there is one only.
    package mutating func probeEnded(
        _ outcome: CallOutcome, turn ofProbe: UInt32? = nil, _ policy: BreakerPolicy, now: MonotonicTime, chance: Double
    ) {
        guard case .halfOpen(let granted, let succeeded, let streak, let turn) = self else { return }
        // Another has its place.
        let isLate = ofProbe.map { $0 != turn.number } ?? false
        switch outcome {
        case .unknown:
            guard !isLate else { return }
            self = .halfOpen(granted: max(granted - 1, succeeded), succeeded: succeeded, streak: streak, turn: turn)
        case .slow where policy.slowRatio == nil, .success:
            guard succeeded + 1 < max(policy.probes, 1) else {
                self = Self.afterProbes(policy, streak: streak, now: now)
                return
            }
            self = .halfOpen(
                granted: granted + (isLate ? 1 : 0), succeeded: succeeded + 1, streak: streak, turn: turn)
        case .failure, .slow: open(policy, streak: streak + 1, now: now, chance: chance)
        }
    }

    private mutating func open(_ policy: BreakerPolicy, streak: Int, now: MonotonicTime, chance: Double) {
        self = .open(until: now + policy.openTime(streak: streak, chance: chance), streak: streak)
    }
}
