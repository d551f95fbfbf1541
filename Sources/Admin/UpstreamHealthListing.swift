import Base
import Configuration
import Observability
import Traffic

/// What is known of upstreams and targets, as JSON: where each stands, and why.
struct UpstreamHealthListing {
    let upstream: Upstream
    /// Nil when nothing is known of it.
    let health: UpstreamHealth?
    let now: MonotonicTime

    private var guardsUpstream: Bool { upstream.circuitBreaker.map { $0.scope.value != .targets } ?? false }
    private var guardsTargets: Bool { upstream.circuitBreaker.map { $0.scope.value != .upstream } ?? false }

    /// The upstream's own members.
    var members: [(String, JSONOutput)] {
        guard let health else { return [] }
        var members: [(String, JSONOutput)] = []
        if guardsUpstream { members.append(("circuit_breaker", json(health.breaker))) }
        if guardsTargets {
            members.append(("ejected", .integer(health.ejections.count)))
            members.append(("ejected_max", .integer(health.ejections.limitNow)))
        }
        return members
    }

    /// A target's members.
    func members(of target: Target, _ url: String) -> [(String, JSONOutput)] {
        guard let known = health?.known(url) else { return [] }
        let verdict = verdict(of: target, known)
        var members: [(String, JSONOutput)] = [
            ("priority", .integer(target.priority.value)), ("state", .string(verdict.state)),
            ("reason", .string(verdict.reason)),
        ]
        if guardsTargets { members.append(("circuit_breaker", json(known.breaker))) }
        if upstream.healthCheck != nil {
            let check = known.lastCheck
            members.append(
                (
                    "health_check",
                    [
                        "state": .string(check.standing.label.description), "last_result": .optional(check.result),
                        "passed": .integer(Int(clamping: check.passed)),
                        "failed": .integer(Int(clamping: check.failed)),
                    ]
                ))
        }
        return members
    }

    /// Whether requests go there, in a word, and why.
    private func verdict(of target: Target, _ known: TargetHealth) -> (state: String, reason: String) {
        if target.weight.value == 0 { return ("drained", "its weight is 0") }
        if known.isKnownDown { return ("down", "health check: \(known.lastCheck.result ?? "failed")") }
        if guardsTargets {
            switch known.breaker.state {
            case .closed: break
            case .open: return ("ejected", "circuit breaker: \(causeText(known.breaker))")
            case .halfOpen: return ("probing", "circuit breaker: probes decide")
            case .recovering(let since, _): return ("recovering", "circuit breaker: \(shareText(since)) of requests")
            }
        }
        if let duration = upstream.slowStart?.value, let recovery = known.recovery, now - recovery < duration {
            return ("slow_start", "its share grows until it has been back for \(DurationFormat.text(duration))")
        }
        if upstream.healthCheck != nil, known.lastCheck.standing == .unknown {
            return ("up", "not checked yet")
        }
        return ("up", known.lastCheck.result.map { "health check: \($0)" } ?? "nothing is known against it")
    }

    /// The part of the requests that a breaker lets through that recovers.
    private func shareText(_ since: MonotonicTime) -> String {
        let time = upstream.circuitBreaker?.recoverTime?.value ?? .zero
        return "\(BreakerRecovery.share(elapsed: now - since, of: time) / 10)%"
    }

    private func causeText(_ breaker: CircuitBreaker) -> String { breaker.counts.cause?.label.description ?? "opened" }

    private func json(_ breaker: CircuitBreaker) -> JSONOutput {
        let counts = breaker.counts
        var members: [(String, JSONOutput)] = []
        switch breaker.state {
        case .closed:
            members = [
                ("state", .string("closed")),
                ("reason", .string(counts.cause.map { "closed again after \($0.label)" } ?? "never opened")),
                ("consecutive_failures", .integer(breaker.consecutiveFailures)),
            ]
        case .open(let until, let streak):
            members = [
                ("state", .string("open")), ("reason", .string(causeText(breaker))),
                ("open_for_ms", .integer(Int(max((until - now).milliseconds, 0)))), ("streak", .integer(streak)),
            ]
        case .halfOpen(let granted, let succeeded, let streak, _):
            members = [
                ("state", .string("half_open")), ("reason", .string(causeText(breaker))),
                ("probes_granted", .integer(granted)), ("probes_succeeded", .integer(succeeded)),
                ("streak", .integer(streak)),
            ]
        case .recovering(let since, let streak):
            let left = since + (upstream.circuitBreaker?.recoverTime?.value ?? .zero) - now
            members = [
                ("state", .string("recovering")), ("reason", .string(causeText(breaker))),
                ("share", .string(shareText(since))), ("recovered_in_ms", .integer(Int(max(left.milliseconds, 0)))),
                ("streak", .integer(streak)),
            ]
        }
        members += [
            ("openings", .integer(Int(clamping: counts.openings))), ("probes", .integer(Int(clamping: counts.probes))),
            ("suppressed", .integer(Int(clamping: counts.suppressed))),
        ]
        return .object(members)
    }
}

extension UpstreamHealthSample {
    /// What the metrics tell of an upstream; nil when nothing watches over it.
    init?(_ upstream: Upstream, _ health: UpstreamHealth?) {
        guard let health, upstream.circuitBreaker != nil || upstream.healthCheck != nil else { return nil }
        self.init(name: health.name)
        let scope = upstream.circuitBreaker?.scope.value
        if let scope, scope != .targets { breaker = BreakerSample(health.breaker) }
        for target in upstream.targets {
            let url = target.url
            guard let known = health.known(url), !targets.contains(where: { $0.target == url }) else { continue }
            var sample = TargetSample(target: url)
            if let scope, scope != .upstream { sample.breaker = BreakerSample(known.breaker) }
            if upstream.healthCheck != nil {
                let check = known.lastCheck
                sample.check = TargetSample.Check(isUp: !known.isKnownDown, passed: check.passed, failed: check.failed)
            }
            targets.append(sample)
        }
    }
}

extension BreakerSample {
    fileprivate init(_ breaker: CircuitBreaker) {
        let counts = breaker.counts
        let state: State =
            switch breaker.state {
            case .closed: .closed
            case .open: .open
            case .halfOpen: .halfOpen
            case .recovering: .recovering
            }
        self.init(state: state, openings: counts.openings, probes: counts.probes, suppressed: counts.suppressed)
    }
}
