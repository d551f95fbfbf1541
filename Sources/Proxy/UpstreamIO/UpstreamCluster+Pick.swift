import Base
import Observability
import Traffic
import Upstream

/// Where an attempt may go.
enum TargetChoice: Equatable {
    /// The target of this index.
    case target(Int)
    /// Nowhere: circuit breakers are open. In that time one may let a request through.
    case refused(retryAfter: TimeAmount)
    /// Nowhere: all targets are drained, known to be down or tried already.
    case none

    var isTarget: Bool {
        if case .target = self { return true }
        return false
    }
}

extension UpstreamCluster {
    /// The target for the next attempt of `exchange`. Follow with `attemptEnded`.
    func pick(for exchange: Exchange) -> TargetChoice {
        if let watch { return pick(for: exchange, watch) }
        guard
            let picked = balancer.pick(
                hash: hash(of: exchange), excluding: exchange.attempt.excludedTargets, available: .all)
        else { return .none }
        balancer.begin(picked)
        return .target(picked)
    }

    private func pick(for exchange: Exchange, _ watch: UpstreamWatch) -> TargetChoice {
        let now = exchange.worker.loop.now
        watch.refresh(&balancer, now: now)
        exchange.attempt.upstreamTicket = .none
        exchange.attempt.targetTicket = .none
        if watch.plan.guardsUpstream {
            switch watch.plan.health.breaker.admit(now: now) {
            case .admitted(let ticket): exchange.attempt.upstreamTicket = ticket
            case .refused(let left): return .refused(retryAfter: left)
            }
        }
        let choice = pickTarget(for: exchange, watch, now)
        if case .target(let picked) = choice {
            balancer.begin(picked)
            return choice
        }
        if watch.plan.guardsUpstream {
            // Nothing came of it: a probe is another's.
            watch.plan.health.breaker.record(.unknown, exchange.attempt.upstreamTicket, now: now)
        }
        guard let left = watch.refusal(among: exchange.attempt.excludedTargets, now: now) else { return choice }
        if case .refused(let other) = choice { return .refused(retryAfter: min(left, other)) }
        return .refused(retryAfter: left)
    }

    private func pickTarget(
        for exchange: Exchange, _ watch: UpstreamWatch, _ now: MonotonicTime
    ) -> TargetChoice {
        let availability = watch.availability
        var excluded = exchange.attempt.excludedTargets
        let hash = hash(of: exchange)
        var least: TimeAmount?
        while true {
            guard
                let picked = balancer.pick(hash: hash, excluding: excluded, available: availability.chosen)
                    ?? balancer.pick(hash: hash, excluding: excluded, available: availability.reserve)
            else { return least.map { .refused(retryAfter: $0) } ?? .none }
            // In a panic nobody is asked whether they are fit.
            guard watch.plan.guardsTargets, !availability.isPanic else { return .target(picked) }
            switch watch.plan.targets[picked].breaker.admit(now: now) {
            case .admitted(let ticket):
                exchange.attempt.targetTicket = ticket
                return .target(picked)
            case .refused(let left):
                // Another loop was faster, the last probe has just been granted, or it takes a share only.
                least = min(least ?? left, left)
                excluded.insert(picked)
            }
        }
    }

    /// Whether a request that has tried its targets before may try one again now, as far as that can be told without
    /// taking a place.
    func mayPick(now: MonotonicTime) -> Bool {
        guard let watch else { return true }
        if watch.plan.guardsUpstream, watch.plan.health.breaker.refusal(now: now) != nil { return false }
        watch.refresh(&balancer, now: now)
        return !watch.availability.chosen.isEmpty || !watch.availability.reserve.isEmpty
    }

    /// An attempt that `pick` began is over.
    func attemptEnded(_ attempt: Attempt, _ outcome: AttemptOutcome, now: MonotonicTime) {
        balancer.end(attempt.target)
        if let watch { tell(watch, attempt, outcome, now) }
    }

    /// The target has answered with a head, and breakers are told of it now, because the answer decides a probe, or
    /// whether there will be another attempt: its end may be far away.
    func attemptAnswered(_ attempt: inout Attempt, now: MonotonicTime) {
        guard let watch else { return }
        tell(watch, attempt, .answered(status: attempt.status), now)
        attempt.upstreamTicket = .none
        attempt.targetTicket = .none
    }

    /// The plan is read where it lies: a copy would retain all that it holds.
    private func tell(_ watch: UpstreamWatch, _ attempt: Attempt, _ outcome: AttemptOutcome, _ now: MonotonicTime) {
        guard watch.plan.guardsUpstream || watch.plan.guardsTargets else { return }
        let told: CallOutcome
        switch outcome {
        case .answered(let status):
            told = watch.plan.rule.outcome(status: status, time: attempt.answerTime - attempt.sentTime)
        case .failed(let error): told = error.failureKind.map { watch.plan.rule.outcome($0) } ?? .unknown
        case .dropped: told = .unknown
        }
        if watch.plan.guardsTargets {
            let breaker = watch.plan.targets[attempt.target].breaker
            let isLate = attempt.targetTicket != .none && !breaker.isCurrent(attempt.targetTicket)
            let change = breaker.record(told, attempt.targetTicket, now: now)
            if let change { log(change, watch.plan, target: watch.plan.targets[attempt.target].target) }
            // A failing target that is taken out is no failure of the upstream's: others answer in its place. Neither
            // is what was still under way on it.
            if !attempt.upstreamTicket.isProbe {
                if isLate { return }
                if case .opened = change { return watch.plan.health.breaker.forgive() }
            }
        }
        guard watch.plan.guardsUpstream,
            let change = watch.plan.health.breaker.record(told, attempt.upstreamTicket, now: now)
        else { return }
        log(change, watch.plan, target: nil)
    }

    private func log(_ change: BreakerChange, _ plan: HealthPlan, target: String?) {
        switch change {
        case .opened(let cause):
            plan.log.warning("a circuit breaker has opened") { line in
                line.field("upstream", name)
                if let target { line.field("target", target) }
                line.field("cause", ByteView(cause.label).string)
            }
        case .closed:
            plan.log.info("a circuit breaker has closed") { line in
                line.field("upstream", name)
                if let target { line.field("target", target) }
            }
        }
    }
}

extension UpstreamError {
    /// What it is to a circuit breaker; nil when no target is to blame.
    var failureKind: FailureRule.Kinds? {
        switch self {
        case .connectRefused, .connectTimedOut, .connectFailed, .nameNotResolved: .connect
        case .responseHeaderTimedOut, .attemptTimedOut, .idleTimedOut, .requestTimedOut: .timeout
        case .resetBeforeResponse, .closedBeforeResponse, .malformedResponse, .unexpectedUpgrade, .responseTruncated:
            .reset
        case .noTargetAvailable, .poolExhausted: nil
        }
    }
}
