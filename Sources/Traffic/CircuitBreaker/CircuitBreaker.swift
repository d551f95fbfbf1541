import Base
import Synchronization

/// One upstream's or target's breaker, shared by all loops. While it is closed, asking it is one load, and a success
/// costs one more; only what changes its state takes a lock.
package final class CircuitBreaker: Sendable {
    private struct Shared: Sendable {
        var policy: BreakerPolicy
        var state = BreakerState.closed
        var random: RandomSource
        var openings = 0
    }

    private let shared: Lock<Shared>
    /// Whether `shared.state` is `closed`: what every request reads.
    private let isClosed = Atomic<Bool>(true)
    private let failuresInARow = Atomic<Int>(0)
    private let window: OutcomeWindow
    private let policy: BreakerPolicy

    /// - Parameter seed: for the jitter.
    package init(_ policy: BreakerPolicy, seed: UInt64) {
        self.policy = policy
        window = OutcomeWindow(window: policy.window)
        shared = Lock(Shared(policy: policy, random: RandomSource(seed: seed)))
    }

    /// Where it stands, for introspection.
    package var state: BreakerState { shared.withLock { $0.state } }
    /// How often it has opened.
    package var openings: Int { shared.withLock { $0.openings } }

    /// Whether a request may go to the upstream.
    @inline(__always)
    package func admit(now: MonotonicTime) -> BreakerAdmission {
        isClosed.load(ordering: .relaxed) ? .allowed : admitSlowly(now)
    }

    @inline(never)
    private func admitSlowly(_ now: MonotonicTime) -> BreakerAdmission {
        shared.withLock { $0.state.admit($0.policy, now: now) }
    }

    /// Takes the outcome of a request that was admitted.
    /// - Parameter wasProbe: what `admit` said.
    package func record(_ outcome: CallOutcome, wasProbe: Bool, now: MonotonicTime) {
        if wasProbe { return endProbe(outcome, now) }
        if outcome == .unknown { return }
        let inARow: Int
        if outcome == .failure {
            inARow = failuresInARow.wrappingAdd(1, ordering: .relaxed).newValue
        } else {
            // Nothing is written while all is well.
            if failuresInARow.load(ordering: .relaxed) != 0 { failuresInARow.store(0, ordering: .relaxed) }
            inARow = 0
        }
        var isTooMuch = policy.consecutiveFailures > 0 && inARow >= policy.consecutiveFailures
        if policy.failureRatio != nil || policy.slowRatio != nil {
            isTooMuch = exceeds(window.count(outcome, now: now)) || isTooMuch
        }
        if isTooMuch { trip(now) }
    }

    private func exceeds(_ sum: OutcomeWindow.Sum) -> Bool {
        guard sum.total >= max(policy.volumeMinimum, 1) else { return false }
        let total = Double(sum.total)
        if let ratio = policy.failureRatio, Double(sum.failures) / total >= ratio { return true }
        if let ratio = policy.slowRatio, Double(sum.slow) / total >= ratio { return true }
        return false
    }

    @inline(never)
    private func trip(_ now: MonotonicTime) {
        shared.withLock { shared in
            guard shared.state == .closed else { return }
            shared.state.trip(shared.policy, now: now, chance: shared.random.unit())
            shared.openings += 1
            isClosed.store(false, ordering: .relaxed)
        }
    }

    private func endProbe(_ outcome: CallOutcome, _ now: MonotonicTime) {
        shared.withLock { shared in
            let before = shared.state
            shared.state.probeEnded(outcome, shared.policy, now: now, chance: shared.random.unit())
            if case .halfOpen = before, case .open = shared.state { shared.openings += 1 }
            if shared.state == .closed, before != .closed { close() }
        }
    }

    /// Closes it, whatever it has seen: an operator's wish.
    package func reset() {
        shared.withLock { shared in
            shared.state = .closed
            close()
        }
    }

    /// What was counted before it opened must not open it again.
    private func close() {
        failuresInARow.store(0, ordering: .relaxed)
        window.reset()
        isClosed.store(true, ordering: .relaxed)
    }
}

extension RandomSource {
    /// 0 to below 1.
    fileprivate mutating func unit() -> Double { Double(next() >> 11) / Double(1 << 53 as UInt64) }
}
