import Base
import Configuration

extension ExplainedPipeline.Values {
    /// The circuit breaker that a request meets before a target is picked; nil without one.
    func breaker(_ upstream: Upstream) -> [ExplainedStep.Value]? {
        guard let breaker = upstream.circuitBreaker else { return nil }
        var values = [
            value("upstream", upstream.identity(in: route.domain), .file(upstream.location)),
            value("scope", breaker.scope.value.rawValue, breaker.scope.origin),
            number("consecutive_failures", breaker.consecutiveFailures),
        ]
        if let ratio = breaker.failureRatio { values.append(percent("failure_ratio", ratio)) }
        if let ratio = breaker.slowRatio {
            values += [percent("slow_ratio", ratio), time("slow_time", breaker.slowTime)]
        }
        if breaker.failureRatio != nil || breaker.slowRatio != nil {
            values += [time("window", breaker.window), number("volume_min", breaker.volumeMin)]
            if breaker.scope.value == .both, upstream.ownVolumeMin != breaker.volumeMin.value {
                let text = "\(upstream.ownVolumeMin) requests of the whole upstream"
                values.append(value("volume_min", text, breaker.volumeMin.origin))
            }
        }
        values += breaker.failures.map { value("failures", $0.value.text, $0.origin) }
        values += [
            time("open_for", breaker.openTime), number("open_growth", breaker.openGrowth),
            time("open_for_max", breaker.openTimeMax), percent("jitter", breaker.jitter),
            number("probes", breaker.probes),
        ]
        if let recovery = breaker.recoverTime { values.append(time("recover_for", recovery)) }
        if breaker.scope.value != .upstream {
            let weighted = upstream.targets.count { $0.weight.value > 0 }
            values.append(
                value(
                    "ejected_max",
                    "\(breaker.ejectedMax.value)%: \(upstream.ejectedTargetsMax) of \(weighted) target\(weighted == 1 ? "" : "s")",
                    breaker.ejectedMax.origin))
        }
        if let fallback = breaker.fallback { values.append(number("fallback.status", fallback.status)) }
        return values
    }

    /// What makes targets differ when one is picked.
    func health(_ upstream: Upstream) -> [ExplainedStep.Value] {
        var values: [ExplainedStep.Value] = []
        if let check = upstream.healthCheck {
            values.append(value("health_check.type", check.kind.value.rawValue, check.kind.origin))
            if check.kind.value == .http {
                values.append(value("health_check.path", check.path.value, check.path.origin))
            }
            values += [
                time("health_check.interval", check.interval), time("health_check.timeout", check.timeout),
                number("health_check.healthy_threshold", check.healthyThreshold),
                number("health_check.unhealthy_threshold", check.unhealthyThreshold),
            ]
        }
        if let slowStart = upstream.slowStart { values.append(time("slow_start", slowStart)) }
        if upstream.panicThreshold.value > 0 { values.append(percent("panic_threshold", upstream.panicThreshold)) }
        return values
    }

    private func percent(_ name: String, _ setting: Setting<Int>) -> ExplainedStep.Value {
        value(name, "\(setting.value)%", setting.origin)
    }
}
