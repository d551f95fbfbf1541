import Configuration
import Proxy

extension ExplainedPipeline.Values {
    /// The limits of one of the two places, each with the identity of its buckets; nil for none.
    func rateLimits(byIdentity: Bool) -> [ExplainedStep.Value]? {
        guard let settings = route.plugins.rateLimit else { return nil }
        let limits = settings.limits.filter { $0.needsIdentity == byIdentity }
        if limits.isEmpty { return nil }
        return limits.flatMap(values) + [value("headers", settings.headers.value.rawValue, settings.headers.origin)]
    }

    private func values(_ limit: RouteRateLimit) -> [ExplainedStep.Value] {
        let definition = limit.definition
        func named(_ name: String) -> String { "\(limit.name).\(name)" }
        let key = definition.key.value.map(\.text).joined(separator: ", ")
        var values = [
            value(named("buckets"), definition.identity, .file(limit.location)),
            value(named("rate"), definition.rate.value.description, definition.rate.origin),
            number(named("burst"), definition.burst),
            value(named("key"), key, definition.key.origin),
            value(named("missing_key"), definition.missingKey.value.rawValue, definition.missingKey.origin),
            value(named("cost"), Self.text(limit.cost.value), limit.cost.origin),
        ]
        if definition.key.value.contains(.clientAddress) {
            values.append(number(named("ipv6_prefix"), definition.ipv6Prefix))
        }
        if let store = definition.store {
            values.append(value(named("store"), store.value, store.origin))
            values.append(
                value(named("on_failure"), definition.onFailure.value.rawValue, definition.onFailure.origin))
        }
        if let batch = definition.batch { values.append(number(named("batch"), batch)) }
        values += limit.exemption.networks.map { value(named("exempt.networks"), $0.value.description, $0.origin) }
        values += limit.exemption.claims.map {
            value(named("exempt.claims.\($0.path)"), $0.value.value, $0.value.origin)
        }
        values += limit.exemption.headers.map {
            value(named("exempt.headers.\($0.name)"), $0.value.value, $0.value.origin)
        }
        values.append(flag(named("shadow"), limit.isShadow))
        if let preview = limits.first(where: { $0.name == limit.name }) {
            values.append(decision(preview, limit, name: named("decision")))
        }
        return values
    }

    /// What the limit makes of the request, and the setting that says so.
    private func decision(_ preview: LimitPreview, _ limit: RouteRateLimit, name: String) -> ExplainedStep.Value {
        let unless = preview.isClientMissing ? ", unless exempt.networks hold the client: see --client" : ""
        switch preview.decision {
        case .counted(let cost): return value(name, "counted, cost \(cost)\(unless)", limit.cost.origin)
        case .free: return value(name, "not counted: it costs nothing", limit.cost.origin)
        case .exempt: return value(name, "not counted: it is exempt", .file(limit.location))
        case .keyMissing(let parts, let cost):
            let missing = limit.definition.missingKey
            let consequence =
                switch missing.value {
                case .refuse: limit.isShadow.value ? "not counted, as the limit is in shadow" : "refused with 400"
                case .skip: "not counted"
                case .shared: "counted with others that lack it, cost \(cost)"
                }
            let lacked = parts.map(\.text).joined(separator: ", ")
            return value(name, "no \(lacked): \(consequence)\(unless)", missing.origin)
        }
    }

    private static func text(_ cost: RequestCost) -> String {
        ([String(cost.usual)] + cost.byMethod.map { "\($0.method) \($0.cost)" }).joined(separator: ", ")
    }
}
