import Base

/// What is known of an upstream and its targets, over all loops and reloads. Found by the upstream's name.
package final class UpstreamHealth: Sendable {
    /// `domain/upstream`.
    package let name: String
    package let signal = ChangeSignal()
    package let breaker: CircuitBreaker
    package let ejections = SharedBudget(limit: 0)
    private let targets = Lock<[String: TargetHealth]>([:])

    package init(name: String, seed: UInt64) {
        self.name = name
        breaker = CircuitBreaker(BreakerPolicy(), seed: seed, signal: signal)
    }

    /// A target of which nothing is known yet. It isn't one of the upstream's before `add`.
    /// - Parameters:
    ///   - target: as configured, such as `http://10.1.0.11:8080`.
    ///   - seed: for the jitter of its breaker.
    package func makeTarget(_ target: String, seed: UInt64) -> TargetHealth {
        TargetHealth(
            target: target,
            breaker: CircuitBreaker(BreakerPolicy(), seed: seed, signal: signal, ejections: ejections),
            signal: signal)
    }

    package func add(_ target: TargetHealth) { targets.withLock { $0[target.target] = target } }

    package func known(_ target: String) -> TargetHealth? { targets.withLock { $0[target] } }

    package var allTargets: [TargetHealth] { targets.withLock { $0.values.sorted { $0.target < $1.target } } }

    /// Forgets the targets that are in use no more; what they took of the ejections is given back.
    package func keepOnly(_ wanted: Set<String>, now: MonotonicTime) {
        let gone = targets.withLock { targets in
            let gone = targets.values.filter { !wanted.contains($0.target) }
            for target in gone { targets[target.target] = nil }
            return gone
        }
        for target in gone { target.breaker.retire(now: now) }
    }

    /// Closes the breakers of targets that are out beyond what may be since a reload: of those that would have come
    /// back soonest.
    /// - Returns: the targets that are back.
    package func closeSurplus(now: MonotonicTime) -> [TargetHealth] {
        let surplus = ejections.count - ejections.limitNow
        guard surplus > 0 else { return [] }
        let out = allTargets.compactMap { target in target.breaker.state.returnTime.map { (target, $0) } }
        let back = out.sorted { $0.1 < $1.1 }.prefix(surplus).map(\.0)
        for target in back { target.breaker.reset(now: now) }
        return back
    }
}
