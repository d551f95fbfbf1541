import Base

/// Turns what an upstream says about breakers and health into the model, and reports what has no effect.
struct HealthAssembly {
    let draft: UpstreamDraft
    let file: FileDecoder

    func circuitBreaker() -> CircuitBreakerSettings? {
        guard let (draft, node) = draft.circuitBreaker else { return nil }
        let settings = CircuitBreakerSettings(
            scope: draft.scope ?? .builtIn(.both),
            consecutiveFailures: draft.consecutiveFailures ?? .builtIn(Defaults.breakerFailures),
            failureRatio: draft.failureRatio, slowRatio: draft.slowRatio,
            slowTime: draft.slowTime ?? .builtIn(Defaults.breakerSlowTime),
            window: draft.window ?? .builtIn(Defaults.breakerWindow),
            volumeMin: draft.volumeMin ?? .builtIn(Defaults.breakerVolumeMin),
            failures: draft.failures ?? CircuitBreakerSettings.defaultFailures.map { .builtIn($0) },
            openTime: draft.openTime ?? .builtIn(Defaults.breakerOpenTime),
            openGrowth: draft.openGrowth ?? .builtIn(Defaults.breakerOpenGrowth),
            openTimeMax: draft.openTimeMax
                ?? .builtIn(max(Defaults.breakerOpenTimeMax, draft.openTime?.value ?? .zero)),
            jitter: draft.jitter ?? .builtIn(Defaults.breakerJitter),
            probes: draft.probes ?? .builtIn(Defaults.breakerProbes), recoverTime: draft.recoverTime,
            ejectedMax: draft.ejectedMax ?? .builtIn(Defaults.breakerEjectedMax),
            fallback: draft.fallback.map { fallback in
                CircuitBreakerSettings.Fallback(
                    status: fallback.status ?? .builtIn(Defaults.fallbackStatus),
                    contentType: fallback.contentType ?? .builtIn(Defaults.contentType),
                    body: fallback.body ?? .builtIn(""))
            })
        check(settings, draft, node)
        if !file.holdsUnknownKey(node) { checkEjections(settings) }
        return settings
    }

    private func check(_ settings: CircuitBreakerSettings, _ draft: CircuitBreakerDraft, _ node: Int) {
        if let zero = draft.consecutiveFailures, zero.value == 0, draft.failureRatio == nil, draft.slowRatio == nil,
            !file.holdsUnknownKey(node), let place = zero.origin.location
        {
            file.error(
                at: place, "nothing opens this circuit breaker",
                expected: "`consecutive_failures` above 0, `failure_ratio` or `slow_ratio`")
        }
        checkRatios(draft, node)
        if let longest = draft.openTimeMax, longest.value < settings.openTime.value,
            let place = longest.origin.location
        {
            file.error(
                at: place, "`open_for_max` is shorter than `open_for`",
                expected: "at least \(DurationFormat.text(settings.openTime.value))")
        }
        if let place = draft.ejectedMax?.origin.location, settings.scope.value == .upstream {
            file.error(at: place, "`ejected_max` has no effect with `scope: upstream`", expected: "no such key")
        }
        if let fallback = settings.fallback { check(fallback, draft.fallback) }
    }

    /// What only parts of the requests need, without any that would open the breaker.
    private func checkRatios(_ draft: CircuitBreakerDraft, _ node: Int) {
        if file.holdsUnknownKey(node) || file.key("slow_ratio", in: node) != nil { return }
        if let place = draft.slowTime?.origin.location {
            file.error(at: place, "`slow_time` has no effect without `slow_ratio`", suggestion: "add `slow_ratio`")
        }
        if file.key("failure_ratio", in: node) != nil { return }
        for (place, name) in [
            (draft.window?.origin.location, "window"), (draft.volumeMin?.origin.location, "volume_min"),
        ] {
            guard let place else { continue }
            file.error(
                at: place, "`\(name)` has no effect without `failure_ratio` or `slow_ratio`",
                suggestion: "add one of them")
        }
    }

    private func check(_ fallback: CircuitBreakerSettings.Fallback, _ draft: FallbackDraft?) {
        if FixedResponse.isWithoutContent(fallback.status.value), let place = draft?.body?.origin.location {
            file.error(
                at: place, "an answer with status \(fallback.status.value) has no body", expected: "no `body`")
        }
        if draft?.body == nil, let place = draft?.contentType?.origin.location {
            file.error(at: place, "an answer without body has no type", expected: "no `content_type`, or a `body`")
        }
    }

    /// Where nothing else has a breaker, none that can open is a trap: it looks as if there were one.
    private func checkEjections(_ settings: CircuitBreakerSettings) {
        guard settings.scope.value == .targets,
            let place = settings.ejectedMax.origin.location ?? settings.scope.origin.location
        else { return }
        let all = draft.targets.count
        let weighted = draft.targets.count { ($0.value.weight?.value ?? 1) > 0 }
        let percent = settings.ejectedMax.value
        if settings.ejectedTargets(of: all) == 0 {
            let least = (100 + all - 1) / max(all, 1)
            file.error(
                at: place,
                "no target's breaker can open: \(percent)% of \(all) target\(all == 1 ? "" : "s"), rounded down, is none",
                expected: "`ejected_max` of at least \(least)%, or `scope: upstream`")
        } else if weighted > 0, settings.ejectedTargets(of: weighted) == 0 {
            file.warning(
                at: place,
                "as long as targets have `weight: 0`, no target's breaker can open: \(percent)% of the others, rounded down, is none",
                suggestion: "`ejected_max: 100%` lets them open")
        }
    }

    func healthCheck() -> HealthCheckSettings? {
        guard let (draft, node) = draft.healthCheck else { return nil }
        let kind = draft.kind ?? .builtIn(.http)
        if kind.value == .tcp {
            for name: StaticString in ["path", "method", "host", "statuses", "body_contains"] {
                guard let key = file.key(name, in: node) else { continue }
                file.error(key, "`\(name)` has no effect with `type: tcp`", expected: "no such key")
            }
        } else if draft.method?.value == .head, let place = draft.bodyContains?.origin.location {
            file.error(at: place, "an answer to HEAD has no content", suggestion: "use `method: GET`")
        }
        if let text = draft.bodyContains, text.value.isEmpty, let place = text.origin.location {
            file.error(at: place, "the text is empty", expected: "at least one byte, or no such key")
        }
        return HealthCheckSettings(
            kind: kind, path: draft.path ?? .builtIn(Defaults.checkPath), method: draft.method ?? .builtIn(.get),
            host: draft.host, statuses: draft.statuses ?? [.builtIn(StatusRange(200, 299))],
            bodyContains: draft.bodyContains, interval: draft.interval ?? .builtIn(Defaults.checkInterval),
            jitter: draft.jitter ?? .builtIn(Defaults.checkJitter),
            timeout: draft.timeout ?? .builtIn(Defaults.checkTimeout),
            healthyThreshold: draft.healthyThreshold ?? .builtIn(Defaults.checkHealthyThreshold),
            unhealthyThreshold: draft.unhealthyThreshold ?? .builtIn(Defaults.checkUnhealthyThreshold))
    }

    func slowStart(_ balancer: Balancer) -> Setting<TimeAmount>? {
        guard let time = draft.slowStart else { return nil }
        if case .consistentHash = balancer, let place = time.origin.location {
            file.error(
                at: place, "`slow_start` has no effect with `balancer: consistent_hash`", expected: "no such key")
        }
        return time
    }
}
