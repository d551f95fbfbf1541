import Base
import Configuration
import EventLoop
import Linux
import Observability
import Traffic
import Upstream

/// What is known of all upstreams and their targets, and who checks them. Lives on the control thread; what it holds is
/// shared by all loops and kept over reloads, by the names of upstreams and the URLs of targets.
package final class HealthDirectory {
    private var upstreams: [String: UpstreamHealth] = [:]
    private var checkers: [PoolKey: TargetChecker] = [:]
    /// What a configuration that took effect has named.
    private var served: [String: Set<String>] = [:]
    private let loop: EventLoop
    private let log: Observability.ErrorLog
    private var random = RandomSource(seed: systemEntropy())

    init(loop: EventLoop, log: Observability.ErrorLog) {
        self.loop = loop
        self.log = log
    }

    /// What is known of the upstream `domain/upstream`; nil when no configuration in force names it.
    package func health(of upstream: String) -> UpstreamHealth? { upstreams[upstream] }

    /// What a configuration that isn't in force yet has besides what is known.
    struct Additions {
        fileprivate var upstreams: [UpstreamHealth] = []
        fileprivate var targets: [(upstream: UpstreamHealth, target: TargetHealth)] = []
    }

    /// What loops need to watch over the upstream; nil when its configuration asks for nothing of the kind. Changes
    /// nothing that is in force: what is new goes to `additions`, for `commit`.
    func plan(_ upstream: ConfiguredUpstream, name: String, adding additions: inout Additions) -> HealthPlan? {
        let known: UpstreamHealth
        if let found = upstreams[name] {
            known = found
        } else {
            known = UpstreamHealth(name: name, seed: random.next())
            additions.upstreams.append(known)
        }
        var fresh: [String: TargetHealth] = [:]
        let targets = upstream.targets.map { target in
            if let found = known.known(target.url) ?? fresh[target.url] { return found }
            let made = known.makeTarget(target.url, seed: random.next())
            fresh[target.url] = made
            additions.targets.append((known, made))
            return made
        }
        let levels = Dictionary(grouping: upstream.targets.indices.filter { upstream.targets[$0].weight.value > 0 }) {
            upstream.targets[$0].priority.value
        }
        let isWatched =
            upstream.circuitBreaker != nil || upstream.healthCheck != nil || upstream.slowStart != nil
            || levels.count > 1
        guard isWatched else { return nil }
        var plan = HealthPlan(health: known, targets: targets, log: log)
        plan.levels = levels.sorted { $0.key < $1.key }.map { level in
            level.value.reduce(into: TargetSet()) { $0.insert($1) }
        }
        plan.panicPercent = upstream.panicThreshold.value
        plan.slowStart = upstream.slowStart?.value
        if let breaker = upstream.circuitBreaker {
            plan.guardsUpstream = breaker.scope.value != .targets
            plan.guardsTargets = breaker.scope.value != .upstream
            plan.rule = FailureRule(breaker)
            plan.fallback = breaker.fallback.map {
                HealthPlan.Fallback(
                    status: $0.status.value, contentType: $0.contentType.value, body: $0.body.value)
            }
        }
        return plan
    }

    /// `configuration` is in force: breakers go by it, targets that are new are checked, others no more.
    ///
    /// - Parameters:
    ///   - additions: what `plan` has found to be new with it.
    ///   - endpoints: where a target is at the moment.
    func commit(
        _ configuration: GatewayConfiguration, adding additions: Additions,
        endpoints: @escaping (ConfiguredTarget) -> [IPEndpoint]
    ) {
        for upstream in additions.upstreams { upstreams[upstream.name] = upstream }
        for (upstream, target) in additions.targets { upstream.add(target) }
        var wanted: [String: Set<String>] = [:]
        var checked = Set<PoolKey>()
        for domain in configuration.domains {
            for upstream in domain.upstreams {
                let name = upstream.identity(in: domain.name)
                wanted[name] = Set(upstream.targets.map(\.url))
                guard let health = upstreams[name] else { continue }
                adopt(upstream, health)
                guard let settings = upstream.healthCheck else { continue }
                for target in upstream.targets {
                    let key = PoolKey(upstream: name, target: target.url)
                    guard checked.insert(key).inserted else { continue }
                    check(target, key, HealthCheck(settings), health) { endpoints(target) }
                }
            }
        }
        for (key, checker) in checkers where !checked.contains(key) {
            checker.stop()
            checkers[key] = nil
        }
        let now = SystemClock.monotonic()
        for (name, health) in upstreams {
            health.keepOnly(wanted[name] ?? [], now: now)
            for target in health.closeSurplus(now: now) {
                tell(.closed, of: name, target: target.target, cause: "ejected_max")
            }
            if wanted[name] == nil { upstreams[name] = nil }
        }
        served = wanted
    }

    private func adopt(_ upstream: ConfiguredUpstream, _ health: UpstreamHealth) {
        let now = SystemClock.monotonic()
        let scope = upstream.circuitBreaker?.scope.value
        let policy = upstream.circuitBreaker.map { BreakerPolicy($0) }
        if var policy, scope != .targets {
            policy.volumeMinimum = upstream.ownVolumeMin
            tell(health.breaker.adopt(policy, now: now), of: health.name, target: nil)
        } else {
            health.breaker.retire(now: now)
        }
        health.ejections.setLimit(upstream.ejectedTargetsMax)
        let before = served[health.name]
        for target in upstream.targets {
            guard let known = health.known(target.url) else { continue }
            // A target that is drained takes nobody's place among those that may be out.
            if let policy, scope != .upstream, target.weight.value > 0 {
                tell(known.breaker.adopt(policy, now: now), of: health.name, target: target.url)
            } else {
                known.breaker.retire(now: now)
            }
            if let before, !before.contains(target.url) { known.joined(now: now) }
        }
    }

    /// What a reload has made of a breaker.
    private func tell(_ change: BreakerChange?, of upstream: String, target: String?, cause: String = "probes") {
        guard change == .closed else { return }
        log.info("a circuit breaker has closed") { line in
            line.field("upstream", upstream)
            if let target { line.field("target", target) }
            line.field("cause", cause)
        }
    }

    private func check(
        _ target: ConfiguredTarget, _ key: PoolKey, _ check: HealthCheck, _ health: UpstreamHealth,
        endpoints: @escaping () -> [IPEndpoint]
    ) {
        if let checker = checkers[key] { return checker.adopt(check) }
        guard let known = health.known(key.target) else { return }
        let checker = TargetChecker(
            check, of: key, authority: target.authority, health: known, loop: loop, log: log, seed: random.next(),
            endpoints: endpoints)
        checkers[key] = checker
        checker.start()
    }
}

extension BreakerPolicy {
    init(_ settings: CircuitBreakerSettings) {
        self.init()
        consecutiveFailures = settings.consecutiveFailures.value
        failureRatio = settings.failureRatio.map { Double($0.value) / 100 }
        slowRatio = settings.slowRatio.map { Double($0.value) / 100 }
        window = settings.window.value
        volumeMinimum = settings.volumeMin.value
        openTime = settings.openTime.value
        openTimeGrowth = Double(settings.openGrowth.value)
        openTimeMaximum = settings.openTimeMax.value
        jitter = Double(settings.jitter.value) / 100
        probes = settings.probes.value
        recoverTime = settings.recoverTime?.value ?? .zero
    }
}

extension FailureRule {
    init(_ settings: CircuitBreakerSettings) {
        var kinds: Kinds = []
        var statuses: [Int] = []
        for failure in settings.failures {
            switch failure.value {
            case .connect: kinds.insert(.connect)
            case .timeout: kinds.insert(.timeout)
            case .reset: kinds.insert(.reset)
            case .status(let status): statuses.append(status)
            }
        }
        self.init(kinds: kinds, statuses: statuses)
        slowTime = settings.slowTime.value
    }
}
