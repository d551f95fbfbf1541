extension ModelWalk {
    /// What an upstream says about breakers and health.
    static func walkHealth<Sink: ModelSink>(_ upstream: Upstream, _ sink: inout Sink) {
        if let breaker = upstream.circuitBreaker { walk(breaker, &sink) }
        if let check = upstream.healthCheck { walk(check, &sink) }
        if let time = upstream.slowStart { sink.duration("slow_start", time) }
        if upstream.panicThreshold.value != 0 { sink.percent("panic_threshold", upstream.panicThreshold) }
    }

    private static func walk<Sink: ModelSink>(_ breaker: CircuitBreakerSettings, _ sink: inout Sink) {
        sink.beginObject("circuit_breaker")
        sink.text("scope", breaker.scope.value.rawValue, breaker.scope.origin)
        sink.integer("consecutive_failures", breaker.consecutiveFailures)
        if let ratio = breaker.failureRatio { sink.percent("failure_ratio", ratio) }
        if let ratio = breaker.slowRatio { sink.percent("slow_ratio", ratio) }
        sink.duration("slow_time", breaker.slowTime)
        sink.duration("window", breaker.window)
        sink.integer("volume_min", breaker.volumeMin)
        sink.beginList("failures")
        for failure in breaker.failures { sink.element(failure.value.text, failure.origin) }
        sink.endList()
        sink.duration("open_for", breaker.openTime)
        sink.integer("open_growth", breaker.openGrowth)
        sink.duration("open_for_max", breaker.openTimeMax)
        sink.percent("jitter", breaker.jitter)
        sink.integer("probes", breaker.probes)
        if let time = breaker.recoverTime { sink.duration("recover_for", time) }
        sink.percent("ejected_max", breaker.ejectedMax)
        if let fallback = breaker.fallback {
            sink.beginObject("fallback")
            sink.integer("status", fallback.status)
            sink.text("content_type", fallback.contentType)
            sink.text("body", fallback.body)
            sink.endObject()
        }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ check: HealthCheckSettings, _ sink: inout Sink) {
        sink.beginObject("health_check")
        sink.text("type", check.kind.value.rawValue, check.kind.origin)
        if check.kind.value == .http {
            sink.text("path", check.path)
            sink.text("method", check.method.value.rawValue, check.method.origin)
            if let host = check.host { sink.text("host", host) }
            sink.beginList("statuses")
            for range in check.statuses { sink.element(range.value.text, range.origin) }
            sink.endList()
            if let text = check.bodyContains { sink.text("body_contains", text) }
        }
        sink.duration("interval", check.interval)
        sink.percent("jitter", check.jitter)
        sink.duration("timeout", check.timeout)
        sink.integer("healthy_threshold", check.healthyThreshold)
        sink.integer("unhealthy_threshold", check.unhealthyThreshold)
        sink.endObject()
    }
}

extension ModelSink {
    fileprivate mutating func percent(_ key: StaticString, _ setting: Setting<Int>) {
        text(key, "\(setting.value)%", setting.origin)
    }
}
