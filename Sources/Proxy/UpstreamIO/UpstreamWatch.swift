import Base
import Observability
import Traffic
import Upstream

/// Circuit breakers, health and slow start of one upstream as one loop sees them: a copy of what all loops share, made
/// anew when that has changed or a time has come. A request pays for two comparisons and the breakers' loads.
final class UpstreamWatch {
    let plan: HealthPlan
    private let weights: [Int]
    private var seenVersion: UInt64 = 0
    private var nextLook = MonotonicTime.zero
    private(set) var availability = Availability()

    /// - Parameter weights: of the targets, as configured.
    init(_ plan: HealthPlan, weights: [Int]) {
        self.plan = plan
        self.weights = weights
    }

    /// Makes the copy anew if it is old.
    @inline(__always)
    func refresh(_ balancer: inout Balancer, now: MonotonicTime) {
        let version = plan.health.signal.version
        if version != seenVersion || now >= nextLook { look(&balancer, version, now) }
    }

    @inline(never)
    private func look(_ balancer: inout Balancer, _ version: UInt64, _ now: MonotonicTime) {
        seenVersion = version
        nextLook = .distantFuture
        var healthy = TargetSet()
        for (index, target) in plan.targets.enumerated() {
            if let duration = plan.slowStart { setWeight(of: index, target, duration, &balancer, now) }
            if target.isKnownDown { continue }
            if plan.guardsTargets, let left = target.breaker.refusal(now: now) {
                // What waits for its probes is told by the signal; looking now and then does no harm.
                nextLook = min(nextLook, now + left)
                continue
            }
            healthy.insert(index)
        }
        availability = Availability(healthy: healthy, levels: plan.levels, panicPercent: plan.panicPercent)
    }

    private func setWeight(
        of index: Int, _ target: TargetHealth, _ duration: TimeAmount, _ balancer: inout Balancer, _ now: MonotonicTime
    ) {
        var elapsed = Int64.max
        if let recovery = target.recovery {
            elapsed = max((now - recovery).nanoseconds, 0)
            if let step = SlowStart.nextStep(elapsed: elapsed, duration: duration.nanoseconds) {
                nextLook = min(nextLook, recovery + TimeAmount(nanoseconds: step))
            }
        }
        guard weights[index] > 0 else { return }
        balancer.setWeight(
            SlowStart.weight(weights[index], elapsed: elapsed, duration: duration.nanoseconds), of: index)
    }

    /// For how long no target will be asked, where breakers are the reason; nil where they are not.
    func refusal(among excluded: TargetSet, now: MonotonicTime) -> TimeAmount? {
        guard plan.guardsTargets else { return nil }
        var least: TimeAmount?
        for (index, target) in plan.targets.enumerated() where weights[index] > 0 && !excluded.contains(index) {
            guard !target.isKnownDown, let left = target.breaker.refusal(now: now) else { continue }
            least = min(least ?? left, left)
        }
        return least
    }
}

/// What a configuration says about watching over an upstream, with what is known of it. Nil where it says nothing.
struct HealthPlan: Sendable {
    let health: UpstreamHealth
    /// In the order of the upstream's targets.
    let targets: [TargetHealth]
    /// Told when a breaker opens or closes.
    let log: ErrorLog
    /// Whether the upstream as a whole has a breaker.
    var guardsUpstream = false
    /// Whether each target has one.
    var guardsTargets = false
    var rule = FailureRule()
    /// The targets with a weight, by priority.
    var levels: [TargetSet] = []
    var panicPercent = 0
    var slowStart: TimeAmount?
    var fallback: Fallback?

    /// What the gateway answers instead of 503 while a breaker refuses.
    struct Fallback: Sendable, Equatable {
        let status: Int
        let contentType: String
        let body: String
    }
}
