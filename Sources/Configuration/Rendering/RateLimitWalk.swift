import Base

extension ModelWalk {
    static func walk<Sink: ModelSink>(_ settings: RateLimitSettings, _ sink: inout Sink) {
        sink.beginObject("rate_limit")
        sink.text("headers", settings.headers.value.rawValue, settings.headers.origin)
        sink.beginObject("limits")
        for limit in settings.limits { walk(limit, &sink) }
        sink.endObject()
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ limit: RouteRateLimit, _ sink: inout Sink) {
        let definition = limit.definition
        sink.beginObject(named: limit.name)
        sink.text("buckets", definition.identity, .builtIn)
        sink.text("rate", definition.rate.value.description, definition.rate.origin)
        sink.integer("burst", definition.burst)
        sink.beginList("key")
        for part in definition.key.value { sink.element(part.text, definition.key.origin) }
        sink.endList()
        sink.integer("ipv6_prefix", definition.ipv6Prefix)
        sink.text("missing_key", definition.missingKey.value.rawValue, definition.missingKey.origin)
        sink.integer("keys_max", definition.keysMax)
        if let store = definition.store {
            sink.text("store", store)
            sink.text("on_failure", definition.onFailure.value.rawValue, definition.onFailure.origin)
            if let batch = definition.batch { sink.integer("batch", batch) }
        }
        sink.beginObject("cost")
        sink.integer("default", limit.cost.value.usual, limit.cost.origin)
        for cost in limit.cost.value.byMethod {
            sink.text(named: cost.method, "\(cost.cost)", limit.cost.origin)
        }
        sink.endObject()
        if !limit.exemption.isEmpty { walk(limit.exemption, &sink) }
        sink.boolean("shadow", limit.isShadow)
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ exemption: RateLimitExemption, _ sink: inout Sink) {
        sink.beginObject("exempt")
        sink.networks("networks", exemption.networks)
        sink.beginObject("claims")
        for claim in exemption.claims {
            sink.text(named: claim.path.description, claim.value.value, claim.value.origin)
        }
        sink.endObject()
        sink.beginObject("headers")
        for header in exemption.headers { sink.text(named: header.name, header.value.value, header.value.origin) }
        sink.endObject()
        sink.endObject()
    }
}
