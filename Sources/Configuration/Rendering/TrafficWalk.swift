import Base

/// Retries, concurrency limits and splits.
extension ModelWalk {
    static func walk<Sink: ModelSink>(_ retries: RetryPolicy, _ sink: inout Sink) {
        sink.beginObject("retries")
        sink.integer("connect_failures_max", retries.connectFailuresMax)
        sink.boolean("stale_connection", retries.staleConnection)
        if let further = retries.further {
            sink.integer("attempts_max", further.attemptsMax)
            sink.beginList("on")
            for condition in further.conditions { sink.element(condition.value.rawValue, condition.origin) }
            sink.endList()
            sink.texts("methods", further.methods)
            if let timeout = further.perTryTimeout { sink.duration("per_try_timeout", timeout) }
            sink.beginObject("backoff")
            sink.duration("base", further.backoffBase)
            sink.duration("max", further.backoffMax)
            sink.endObject()
            sink.integer("body_bytes_max", further.bodyBytesMax)
            sink.duration("retry_after_max", further.retryAfterMax)
        }
        sink.endObject()
    }

    static func walk<Sink: ModelSink>(_ budget: RetryBudgetSettings, _ sink: inout Sink) {
        sink.beginObject("retry_budget")
        sink.text("ratio", "\(budget.percent.value)%", budget.percent.origin)
        sink.integer("per_second_min", budget.perSecondMin)
        sink.endObject()
    }

    static func walk<Sink: ModelSink>(_ concurrency: ConcurrencySettings?, _ sink: inout Sink) {
        guard let concurrency else { return }
        sink.beginObject("concurrency")
        sink.integer("requests_max", concurrency.requestsMax)
        if concurrency.queueMax.value > 0 {
            sink.beginObject("queue")
            sink.integer("requests_max", concurrency.queueMax)
            sink.duration("wait_max", concurrency.waitMax)
            sink.endObject()
        }
        sink.endObject()
    }

    static func walk<Sink: ModelSink>(_ split: Split, _ sink: inout Sink) {
        sink.beginObject("split")
        sink.beginObject("upstreams")
        for side in split.sides {
            sink.beginObject(named: side.upstreamName)
            sink.integer("weight", side.weight)
            sink.endObject()
        }
        sink.endObject()
        if let key = split.key { sink.text("key", key.value.text, key.origin) }
        sink.endObject()
    }
}
