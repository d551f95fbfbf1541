import Base
import Synchronization

/// One upstream's or target's breaker, shared by all loops and kept over reloads. While it is closed, asking it is one
/// load, and a success costs two more; while it is open, refusing is two. Only what changes its state takes a lock.
package final class CircuitBreaker: Sendable {
    private struct Shared: Sendable {
        var policy = BreakerPolicy()
        var state = BreakerState.closed
        var random: RandomSource
        var counts = BreakerCounts()
        /// Whether it must not open: nobody goes by it, and nobody would close it.
        var isRetired = false
    }

    private let shared: Lock<Shared>
    /// What every request reads: what may be done, in the lowest bits, and the number of the phase.
    private let gate = Atomic<UInt64>(1 << Gate.bits)
    /// Until when nobody may go while it is open, or waits for probes; means nothing otherwise.
    private let openUntil = Atomic<Int64>(0)
    /// When probes have succeeded last; the least instant for never.
    private let closedAt = Atomic<Int64>(.min)
    /// While it recovers: the sum of the requests' shares, see `BreakerRecovery`.
    private let recoverySum = Atomic<UInt64>(0)
    /// The policy's recover time, in nanoseconds.
    private let recoverTime = Atomic<Int64>(0)
    private let failuresInARow = Atomic<Int>(0)
    private let window = OutcomeWindow()
    private let thresholds = BreakerThresholds()
    private let signal: ChangeSignal
    private let ejections: SharedBudget?

    private enum Gate: UInt64 {
        case closed = 0
        case open = 1
        /// Half open, and a probe may go.
        case probing = 2
        /// Half open, and all probes are under way or done.
        case waiting = 3
        /// A growing share may go.
        case recovering = 4

        static let bits: UInt64 = 3
        static let mask: UInt64 = 7

        init(_ state: BreakerState, probes: Int) {
            switch state {
            case .closed: self = .closed
            case .open: self = .open
            case .halfOpen(let granted, _, _, _): self = granted < max(probes, 1) ? .probing : .waiting
            case .recovering: self = .recovering
            }
        }
    }

    /// - Parameters:
    ///   - seed: for the jitter.
    ///   - signal: told when it changes whether requests may go.
    ///   - ejections: asked before it opens; nil where it always may.
    package init(
        _ policy: BreakerPolicy, seed: UInt64, signal: ChangeSignal = ChangeSignal(), ejections: SharedBudget? = nil
    ) {
        shared = Lock(Shared(random: RandomSource(seed: seed)))
        self.signal = signal
        self.ejections = ejections
        adopt(policy, now: .zero)
    }

    /// Where it stands, for introspection.
    package var state: BreakerState { shared.withLock { $0.state } }
    package var counts: BreakerCounts { shared.withLock { $0.counts } }
    /// Failures since the last success, as long as it is closed.
    package var consecutiveFailures: Int { failuresInARow.load(ordering: .relaxed) }
    /// When probes have succeeded last; nil for never.
    package var recovery: MonotonicTime? {
        let instant = closedAt.load(ordering: .relaxed)
        return instant == .min ? nil : MonotonicTime(nanoseconds: instant)
    }

    /// Goes by `policy` from now on. What has been counted stays, unless it was retired; an open time that has begun is
    /// not changed.
    /// - Returns: what that has changed.
    @discardableResult
    package func adopt(_ policy: BreakerPolicy, now: MonotonicTime) -> BreakerChange? {
        shared.withLock { shared in
            if shared.isRetired {
                shared.isRetired = false
                forget()
                publish(shared.state, shared.policy, isNewPhase: true)
            }
            guard shared.policy != policy || !thresholds.isSet else { return nil }
            if shared.policy.window != policy.window || !thresholds.isSet { window.reset(length: policy.window) }
            shared.policy = policy
            thresholds.set(policy)
            recoverTime.store(policy.recoverTime.nanoseconds, ordering: .relaxed)
            let before = shared.state
            shared.state.adopt(policy, now: now)
            if shared.state.counts, !before.counts {
                close(&shared, now)
                return .closed
            }
            publish(shared.state, policy, isNewPhase: false)
            return nil
        }
    }

    // MARK: Asking

    /// Whether a request may go to the upstream.
    @inline(__always)
    package func admit(now: MonotonicTime) -> BreakerVerdict {
        let seen = gate.load(ordering: .relaxed)
        guard seen & Gate.mask != Gate.closed.rawValue else {
            return .admitted(BreakerTicket(phase: seen >> Gate.bits, isProbe: false))
        }
        return admitSlowly(seen, now)
    }

    @inline(never)
    private func admitSlowly(_ seen: UInt64, _ now: MonotonicTime) -> BreakerVerdict {
        // As long as it refuses, or lets a share through, it does so without a lock.
        if let refusal = refusal(seen, now) { return .refused(retryAfter: refusal) }
        if seen & Gate.mask == Gate.recovering.rawValue {
            let elapsed = now - MonotonicTime(nanoseconds: closedAt.load(ordering: .relaxed))
            let time = TimeAmount(nanoseconds: recoverTime.load(ordering: .relaxed))
            if elapsed < time {
                return admit(permille: BreakerRecovery.share(elapsed: elapsed, of: time), phase: seen >> Gate.bits)
            }
        }
        return shared.withLock { shared in
            let before = shared.state
            let admission = shared.state.admit(shared.policy, now: now)
            if shared.state != before {
                var isNewPhase = false
                if case .open = before { isNewPhase = true }
                publish(shared.state, shared.policy, isNewPhase: isNewPhase)
            }
            let phase = gate.load(ordering: .relaxed) >> Gate.bits
            switch admission {
            case .share(let permille): return admit(permille: permille, phase: phase)
            case .allowed: return .admitted(BreakerTicket(phase: phase, isProbe: false))
            case .probe:
                shared.counts.probes &+= 1
                var turn: UInt32 = 0
                if case .halfOpen(_, _, _, let present) = shared.state { turn = present.number }
                return .admitted(BreakerTicket(phase: phase, isProbe: true, turn: turn))
            case .refused(let left): return .refused(retryAfter: left)
            }
        }
    }

    /// Lets a share of the requests through.
    private func admit(permille: Int, phase: UInt64) -> BreakerVerdict {
        let sum = recoverySum.wrappingAdd(UInt64(clamping: permille), ordering: .relaxed).oldValue
        guard BreakerRecovery.admits(sum: sum, permille: permille) else {
            return .refused(retryAfter: BreakerState.probeTime)
        }
        return .admitted(BreakerTicket(phase: phase, isProbe: false))
    }

    /// For how long it refuses all; nil when a request may go.
    package func refusal(now: MonotonicTime) -> TimeAmount? { refusal(gate.load(ordering: .relaxed), now) }

    private func refusal(_ seen: UInt64, _ now: MonotonicTime) -> TimeAmount? {
        switch Gate(rawValue: seen & Gate.mask) {
        case .open:
            let until = MonotonicTime(nanoseconds: openUntil.load(ordering: .relaxed))
            return now < until ? until - now : nil
        case .waiting:
            let until = MonotonicTime(nanoseconds: openUntil.load(ordering: .relaxed))
            // No longer than the probes have their places: whoever keeps a copy looks again then.
            return now < until ? min(until - now, BreakerState.probeTime) : nil
        case .closed, .probing, .recovering, nil: return nil
        }
    }

    // MARK: Telling

    /// Takes the outcome of a request that was admitted. One of a former phase tells nothing about this one: it is
    /// dropped, so that what was under way when the breaker opened can't open it again once it has closed.
    /// - Returns: what that has changed.
    @discardableResult
    package func record(_ outcome: CallOutcome, _ ticket: BreakerTicket, now: MonotonicTime) -> BreakerChange? {
        guard isCurrent(ticket) else { return nil }
        if ticket.isProbe { return endProbe(outcome, ticket, now) }
        if outcome == .unknown { return nil }
        let inARow: Int
        if outcome == .failure {
            inARow = failuresInARow.wrappingAdd(1, ordering: .relaxed).newValue
        } else {
            // Nothing is written while all is well.
            if failuresInARow.load(ordering: .relaxed) != 0 { failuresInARow.store(0, ordering: .relaxed) }
            inARow = 0
        }
        var cause = thresholds.isExceeded(inARow: inARow) ? BreakerCause.consecutiveFailures : nil
        if thresholds.hasRatio, let sum = window.count(outcome, now: now) {
            cause = cause ?? thresholds.excess(of: sum)
        }
        return cause.flatMap { trip($0, ticket, now) }
    }

    @inline(never)
    private func trip(_ cause: BreakerCause, _ ticket: BreakerTicket, _ now: MonotonicTime) -> BreakerChange? {
        shared.withLock { shared in
            guard shared.state.counts, !shared.isRetired, isCurrent(ticket) else { return nil }
            guard ejections?.take() ?? true else {
                shared.counts.suppressed &+= 1
                return nil
            }
            shared.state.trip(shared.policy, now: now, chance: shared.random.unit())
            shared.counts.openings &+= 1
            shared.counts.cause = cause
            publish(shared.state, shared.policy, isNewPhase: true)
            return .opened(cause)
        }
    }

    private func endProbe(
        _ outcome: CallOutcome, _ ticket: BreakerTicket, _ now: MonotonicTime
    ) -> BreakerChange? {
        shared.withLock { shared in
            guard isCurrent(ticket), case .halfOpen = shared.state else { return nil }
            shared.state.probeEnded(
                outcome, turn: ticket.turn, shared.policy, now: now, chance: shared.random.unit())
            switch shared.state {
            case .halfOpen:
                publish(shared.state, shared.policy, isNewPhase: false)
                return nil
            case .open:
                shared.counts.openings &+= 1
                shared.counts.cause = .failedProbe
                publish(shared.state, shared.policy, isNewPhase: true)
                return .opened(.failedProbe)
            case .closed, .recovering:
                close(&shared, now)
                return .closed
            }
        }
    }

    /// Closes it, whatever it has seen: an operator's wish.
    package func reset(now: MonotonicTime) {
        shared.withLock { shared in
            let before = shared.state
            shared.state = .closed
            if !before.counts { return close(&shared, now) }
            forget()
            publish(.closed, shared.policy, isNewPhase: false)
        }
    }

    /// Whether the outcome of what was admitted with the ticket still tells anything.
    package func isCurrent(_ ticket: BreakerTicket) -> Bool {
        ticket.phase == gate.load(ordering: .relaxed) >> Gate.bits
    }

    /// Begins to count anew, unless it is open: who was to blame has been found elsewhere.
    package func forgive() {
        shared.withLock { if $0.state.counts { forget() } }
    }

    /// Closes it until a policy is adopted: the configuration has no breaker there any more, or no target, though
    /// requests under way may still know it. What comes of those tells nothing then either.
    package func retire(now: MonotonicTime) {
        shared.withLock { shared in
            guard !shared.isRetired else { return }
            shared.isRetired = true
            let before = shared.state
            shared.state = .closed
            if !before.counts { return close(&shared, now) }
            forget()
            publish(.closed, shared.policy, isNewPhase: true)
        }
    }

    private func close(_ shared: inout Shared, _ now: MonotonicTime) {
        forget()
        ejections?.giveBack()
        closedAt.store(now.nanoseconds, ordering: .relaxed)
        recoverySum.store(BreakerRecovery.firstSum, ordering: .relaxed)
        publish(shared.state, shared.policy, isNewPhase: true)
    }

    /// What was counted before must not open it again.
    private func forget() {
        failuresInARow.store(0, ordering: .relaxed)
        window.reset(length: nil)
    }

    /// Makes the state known to who reads it without the lock. Called with the lock held.
    private func publish(_ state: BreakerState, _ policy: BreakerPolicy, isNewPhase: Bool) {
        switch state {
        case .open(let until, _): openUntil.store(until.nanoseconds, ordering: .relaxed)
        case .halfOpen(_, _, _, let turn):
            openUntil.store((turn.lastGrant + policy.probePatience).nanoseconds, ordering: .relaxed)
        case .closed, .recovering: break
        }
        let before = gate.load(ordering: .relaxed)
        let phase = (before >> Gate.bits) &+ (isNewPhase ? 1 : 0)
        let after = phase << Gate.bits | Gate(state, probes: policy.probes).rawValue
        guard after != before else { return }
        gate.store(after, ordering: .relaxed)
        signal.raise()
    }
}

/// What `admit` says.
package enum BreakerVerdict: Sendable, Equatable {
    /// The request may go; its outcome must be told with the ticket.
    case admitted(BreakerTicket)
    /// It may not; in that time it might.
    case refused(retryAfter: TimeAmount)
}

/// What an outcome has made of a breaker.
package enum BreakerChange: Sendable, Equatable {
    case opened(BreakerCause)
    case closed
}

/// When and how a request was admitted.
package struct BreakerTicket: Sendable, Equatable {
    let phase: UInt64
    /// Whether it is one of the counted requests that decide whether the breaker closes.
    package let isProbe: Bool
    /// With which other probes it has a place (`ProbeTurn`).
    let turn: UInt32

    init(phase: UInt64, isProbe: Bool, turn: UInt32 = 0) {
        self.phase = phase
        self.isProbe = isProbe
        self.turn = turn
    }

    /// Of a request that no breaker was asked about.
    package static var none: BreakerTicket { BreakerTicket(phase: 0, isProbe: false) }
}
