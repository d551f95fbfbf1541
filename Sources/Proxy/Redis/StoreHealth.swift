import Base
import Traffic

/// Whether a loop asks its store, leaves it alone, or tries it: the circuit breaker of one loop and one store.
///
/// It is tried with checks of the loop's own, so no request pays for finding out that the store still isn't well.
package struct StoreHealth {
    /// What there is to do about a store that was left alone.
    package enum Trial: Sendable, Equatable {
        /// Not yet: then.
        case later(MonotonicTime)
        /// Connect, and try it.
        case now
    }

    private let policy: BreakerPolicy
    private var state = BreakerState.closed
    private var failuresInARow = 0
    /// How often it has opened.
    package private(set) var openings = 0

    /// - Parameters:
    ///   - failures: how many in a row open the breaker, 1 at least.
    ///   - openTime: how long it stays open at first; it doubles up to `openTimeMax`.
    package init(failures: Int, openTime: TimeAmount, openTimeMax: TimeAmount) {
        var policy = BreakerPolicy()
        policy.consecutiveFailures = max(failures, 1)
        policy.openTime = openTime
        policy.openTimeMaximum = openTimeMax
        policy.openTimeGrowth = 2
        policy.jitter = 0.25
        policy.probes = 3
        self.policy = policy
    }

    /// Whether the store counts as well: then it may be asked.
    package var isClosed: Bool { state == .closed }

    /// A check was answered.
    package mutating func succeeded() { failuresInARow = 0 }

    /// A check failed, or a connection that had been of use did.
    /// - Parameter chance: 0 to below 1.
    /// - Returns: whether that opened the breaker.
    package mutating func failed(now: MonotonicTime, chance: Double) -> Bool {
        failuresInARow += 1
        guard isClosed, failuresInARow >= policy.consecutiveFailures else { return false }
        open(now, chance)
        return true
    }

    /// No server could be had, or none is of use.
    package mutating func unreachable(now: MonotonicTime, chance: Double) {
        switch state {
        case .closed: open(now, chance)
        case .halfOpen: trialEnded(well: false, now: now, chance: chance)
        case .open, .recovering: break
        }
    }

    private mutating func open(_ now: MonotonicTime, _ chance: Double) {
        state.trip(policy, now: now, chance: chance)
        openings += 1
        failuresInARow = 0
    }

    /// When the store may be tried; once `now`, the trial has begun.
    package mutating func trial(now: MonotonicTime) -> Trial {
        if case .open(let until, _) = state, now < until { return .later(until) }
        _ = state.admit(policy, now: now)
        return .now
    }

    /// A trial has ended.
    /// - Returns: whether there must be another one before the store counts as well.
    @discardableResult
    package mutating func trialEnded(well: Bool, now: MonotonicTime, chance: Double) -> Bool {
        state.probeEnded(well ? .success : .failure, policy, now: now, chance: chance)
        if well, !isClosed { _ = state.admit(policy, now: now) }
        if !well { openings += 1 }
        failuresInARow = 0
        return well && !isClosed
    }
}
