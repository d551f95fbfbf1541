import Admin
import Configuration

/// A route's retries, concurrency limits and split.
extension ExplainedPipeline.Values {
    /// Nil when nothing limits how many requests are under way.
    func concurrency(_ upstream: Upstream?) -> [ExplainedStep.Value]? {
        let values = limit("concurrency", route.concurrency) + limit("upstream.concurrency", upstream?.concurrency)
        return values.isEmpty ? nil : values
    }

    private func limit(_ name: String, _ settings: ConcurrencySettings?) -> [ExplainedStep.Value] {
        guard let settings else { return [] }
        let values = [number("\(name).requests_max", settings.requestsMax)]
        guard settings.queueMax.value > 0 else { return values }
        return values + [
            number("\(name).queue.requests_max", settings.queueMax), time("\(name).queue.wait_max", settings.waitMax),
        ]
    }

    func split(_ split: Split?) -> [ExplainedStep.Value] {
        guard let split else { return [] }
        let sides = split.sides.map { side in
            value("split", "\(route.domain)/\(side.upstreamName), weight \(side.weight.value)", side.weight.origin)
        }
        return sides + (split.key.map { [value("split.key", $0.value.text, $0.origin)] } ?? [])
    }

    func retries(_ upstream: Upstream?) -> [ExplainedStep.Value] {
        let values = [
            number("retries.connect_failures_max", route.retries.connectFailuresMax),
            flag("retries.stale_connection", route.retries.staleConnection),
        ]
        guard let further = route.retries.further else { return values }
        let conditions = further.conditions.map { value("retries.on", $0.value.rawValue, $0.origin) }
        let methods = further.methods.map { value("retries.methods", $0.value, $0.origin) }
        var times = [
            time("retries.backoff.base", further.backoffBase), time("retries.backoff.max", further.backoffMax),
            time("retries.retry_after_max", further.retryAfterMax),
        ]
        if let timeout = further.perTryTimeout { times.insert(time("retries.per_try_timeout", timeout), at: 0) }
        let budget = upstream.map { upstream in
            [
                value(
                    "retry_budget.ratio", "\(upstream.retryBudget.percent.value)%", upstream.retryBudget.percent.origin),
                number("retry_budget.per_second_min", upstream.retryBudget.perSecondMin),
            ]
        }
        return values + [number("retries.attempts_max", further.attemptsMax)] + conditions + methods + times
            + [size("retries.body_bytes_max", further.bodyBytesMax)] + (budget ?? [])
    }
}
