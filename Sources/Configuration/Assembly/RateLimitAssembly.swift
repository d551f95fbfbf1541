import Base

/// Turns what all places together say about the rate limits of a domain's routes into the model.
///
/// A limit's buckets belong to the place that says what it counts (the nearest one, if several do); routes that take it
/// over from there share them.
final class RateLimitAssembly {
    private let domain: String
    private let identity: IdentityAssembly
    private let context: IdentityAssembly.Context
    /// From the farthest to the nearest.
    private let layers: [Layer]
    /// `rate_limits` of gateway.yaml, and of the domain's file.
    private let gatewayLimits: [String: NamedLimit]
    private let domainLimits: [String: NamedLimit]
    private var used: Set<String> = []

    private struct Layer {
        let draft: RateLimitPluginDraft
        /// What identities of limits that are defined here begin with.
        let prefix: String
    }

    private struct NamedLimit {
        let draft: RateLimitDraft
        let identity: String
        let location: SourceLocation
    }

    /// A limit as far as it is known, from all places together.
    private struct MergedLimit {
        let name: String
        var draft: RateLimitDraft
        /// Of the place that owns the buckets.
        var prefix: String
        var location: SourceLocation
    }

    /// The route that limits are for.
    struct RouteContext {
        let name: String
        /// Nil when its path could not be read.
        let parameters: [String]?
        let plugins: PluginSet
        /// Where the route is.
        let location: SourceLocation
    }

    init(
        gateway: GatewayDraft, gatewayFile: FileDecoder, domain: DomainDraft, file: FileDecoder,
        identity: IdentityAssembly, context: IdentityAssembly.Context
    ) {
        self.domain = context.domain
        self.identity = identity
        self.context = context
        var layers: [Layer] = []
        if let draft = gateway.defaults.plugins.rateLimit { layers.append(Layer(draft: draft, prefix: "")) }
        if let draft = domain.defaults.plugins.rateLimit {
            layers.append(Layer(draft: draft, prefix: context.domain + "/"))
        }
        self.layers = layers
        func byName(_ limits: [Named<RateLimitDraft>], _ prefix: String, _ file: FileDecoder) -> [String: NamedLimit] {
            var table: [String: NamedLimit] = [:]
            for limit in limits {
                table[limit.name] = NamedLimit(
                    draft: limit.value, identity: "\(prefix)rate_limits/\(limit.name)",
                    location: file.location(limit.key))
            }
            return table
        }
        gatewayLimits = byName(gateway.rateLimits, "", gatewayFile)
        domainLimits = byName(domain.rateLimits, context.domain + "/", file)
        for limit in Array(gatewayLimits.values) + Array(domainLimits.values) { _ = definition(of: limit) }
    }

    /// Whether routes that say nothing have limits.
    var isOnByDefault: Bool { !layers.isEmpty }

    /// The limits of a route; nil for none.
    func settings(_ own: RateLimitPluginDraft?, _ route: RouteContext) -> RateLimitSettings? {
        var layers = layers
        if let own { layers.append(Layer(draft: own, prefix: "\(domain)/\(route.name)/")) }
        guard let nearest = layers.last?.draft, nearest.enabled?.value != false else { return nil }
        var limits: [MergedLimit] = []
        var headers = Setting.builtIn(RateLimitHeaders.draft)
        for layer in layers {
            add(layer, to: &limits)
            headers = layer.draft.headers ?? headers
        }
        let place = nearest.place
        if limits.isEmpty {
            if !place.isBroken, !layers.contains(where: { !$0.draft.named.isEmpty }) {
                report(
                    place.location, "there is no limit", expected: "`rate`, `shared` or `limits`",
                    suggestion: "or turn it off with `enabled: false`")
            }
            return nil
        }
        if limits.count > RateLimitSettings.countMax {
            report(
                place.location, "a route has too many rate limits",
                expected: "at most \(RateLimitSettings.countMax), those of the file and of `defaults` included")
        }
        let isBroken = layers.contains { $0.draft.place.isBroken }
        let found = limits.compactMap { complete($0, isBroken: isBroken) }
        for limit in found { check(limit, route) }
        checkStores(found)
        return found.isEmpty ? nil : RateLimitSettings(limits: found, headers: headers)
    }

    /// Named limits of the file that no route has.
    func warnOfUnused(_ named: [Named<RateLimitDraft>], _ file: FileDecoder) {
        for limit in named where !used.contains(limit.name) && identity.gateway.findings.errorCount == 0 {
            file.warning(limit.key, "no route uses the rate limit `\(limit.name)`")
        }
    }

    // MARK: Merging

    private func add(_ layer: Layer, to limits: inout [MergedLimit]) {
        if !layer.draft.own.isEmpty {
            add("default", layer.draft.own, layer.draft.place.location, layer.prefix, to: &limits)
        }
        for (limit, location) in layer.draft.limits {
            add(limit.name, limit.value, location, layer.prefix, to: &limits)
        }
    }

    private func add(
        _ name: String, _ draft: RateLimitDraft, _ location: SourceLocation, _ prefix: String,
        to limits: inout [MergedLimit]
    ) {
        if draft.enabled?.value == false { return limits.removeAll { $0.name == name } }
        if draft.shared != nil, let place = draft.bucketPlace {
            report(
                place, "a shared limit has its own rate, burst and key", expected: "`shared`, or keys of a limit",
                suggestion: "put the key into the shared limit")
        }
        guard let index = limits.firstIndex(where: { $0.name == name }) else {
            return limits.append(MergedLimit(name: name, draft: draft, prefix: prefix, location: location))
        }
        limits[index].draft.take(draft)
        limits[index].location = location
        if draft.shared != nil || draft.bucketPlace != nil { limits[index].prefix = prefix }
    }

    // MARK: Completing

    private func complete(_ limit: MergedLimit, isBroken: Bool) -> RouteRateLimit? {
        var draft = limit.draft
        let found: RateLimitDefinition?
        if let shared = draft.shared {
            guard let named = find(shared) else { return nil }
            found = definition(of: named)
            draft.cost = draft.cost ?? named.draft.cost
            draft.exemption = draft.exemption ?? named.draft.exemption
            draft.isShadow = draft.isShadow ?? named.draft.isShadow
        } else {
            found = definition(
                draft, identity: "\(limit.prefix)rate_limit/\(limit.name)", at: limit.location, isBroken: isBroken)
        }
        guard let found else { return nil }
        let cost = draft.cost ?? .builtIn(RequestCost(usual: 1, byMethod: []))
        check(cost, found, limit.location)
        if let exemption = draft.exemption { check(exemption, limit.location) }
        return RouteRateLimit(
            name: limit.name, definition: found, cost: cost, exemption: draft.exemption ?? .none,
            isShadow: draft.isShadow ?? .builtIn(false), location: limit.location)
    }

    private func find(_ name: Setting<String>) -> NamedLimit? {
        let isGateways = name.origin.location?.file == identity.gateway.document.file
        if !isGateways, let limit = domainLimits[name.value] {
            used.insert(name.value)
            return limit
        }
        if let limit = gatewayLimits[name.value] { return limit }
        if let place = name.origin.location {
            let names = (isGateways ? [] : domainLimits.keys.sorted()) + gatewayLimits.keys.sorted()
            report(
                place, "there is no shared rate limit `\(Visible.text(name.value))`",
                expected: names.isEmpty
                    ? "a limit under `rate_limits`" : ValueType.alternatives(Array(names.prefix(10))),
                suggestion: Spelling.nearest(to: name.value, among: names).map { "did you mean `\($0)`?" })
        }
        return nil
    }

    private func definition(of limit: NamedLimit) -> RateLimitDefinition? {
        let found = definition(limit.draft, identity: limit.identity, at: limit.location, isBroken: false)
        if let found, let cost = limit.draft.cost { check(cost, found, limit.location) }
        return found
    }

    private func definition(
        _ draft: RateLimitDraft, identity: String, at place: SourceLocation, isBroken: Bool
    ) -> RateLimitDefinition? {
        guard let rate = draft.rate else {
            if !isBroken { report(place, "nothing says how many requests are let through", expected: "`rate`") }
            return nil
        }
        let burst = draft.burst ?? .builtIn(rate.value.perSecond)
        // The time that an empty bucket takes to fill, so that every instant that it is about can be told.
        if burst.value > Self.fillDaysMax * 86_400 / rate.value.period.seconds * rate.value.count,
            let place = burst.origin.location ?? rate.origin.location
        {
            report(
                place, "the bucket would take more than a year to fill",
                expected: "a `burst` of at most \(Self.fillDaysMax) days' worth of the `rate`")
        }
        return RateLimitDefinition(
            identity: identity, rate: rate, burst: burst, key: draft.key ?? .builtIn([.clientAddress]),
            ipv6Prefix: draft.ipv6Prefix ?? .builtIn(Defaults.rateLimitIPv6Prefix),
            missingKey: draft.missingKey ?? .builtIn(.refuse),
            keysMax: draft.keysMax ?? .builtIn(Defaults.rateLimitKeysMax), store: store(draft),
            onFailure: draft.onFailure ?? .builtIn(.local), batch: batch(draft, burst))
    }

    private static let fillDaysMax = 365

    // MARK: Stores

    private func store(_ draft: RateLimitDraft) -> Setting<String>? {
        guard let store = draft.store else {
            if let place = draft.onFailure?.origin.location {
                report(
                    place, "`on_failure` without `store`: the process's own buckets always answer", expected: "`store`")
            }
            return nil
        }
        let names = identity.gateway.names(in: "stores")
        if names.contains(store.value) { return store }
        if let place = store.origin.location {
            report(
                place, "gateway.yaml declares no store `\(store.value)`",
                expected: names.isEmpty ? "a store under `stores`" : ValueType.alternatives(Array(names.prefix(10))),
                suggestion: Spelling.nearest(to: store.value, among: names).map { "did you mean `\($0)`?" })
        }
        return nil
    }

    private func batch(_ draft: RateLimitDraft, _ burst: Setting<Int>) -> Setting<Int>? {
        guard let batch = draft.batch, let place = batch.origin.location else { return nil }
        if draft.store == nil {
            report(place, "`batch` without `store`: the process's own buckets need no batches", expected: "`store`")
        } else if batch.value > burst.value {
            report(
                place, "a batch is more than the bucket ever holds",
                expected: "a `batch` of at most \(burst.value), the `burst`")
        }
        return batch
    }

    /// One question is asked of one store.
    private func checkStores(_ limits: [RouteRateLimit]) {
        let stores = limits.compactMap(\.definition.store)
        guard let first = stores.first, let other = stores.first(where: { $0 != first }),
            let place = other.origin.location
        else { return }
        report(
            place, "the limits of one route are in several stores", expected: "one store for all of them",
            related: first.origin.location.map { .init(location: $0, note: "another one") })
    }

    // MARK: Checks

    private func check(_ cost: Setting<RequestCost>, _ definition: RateLimitDefinition, _ location: SourceLocation) {
        guard cost.value.most > definition.burst.value else { return }
        report(
            cost.origin.location ?? location, "a request would take more than the bucket ever holds",
            expected: "a `cost` of at most \(definition.burst.value), the `burst`",
            related: definition.burst.origin.location.map { .init(location: $0, note: "the limit's `burst`") })
    }

    /// An exempt host has the form that requests' hosts are compared in.
    private func check(_ exemption: RateLimitExemption, _ location: SourceLocation) {
        for header in exemption.headers where header.name.lowercased() == "host" {
            guard header.value.value.withByteView({ HostText.host($0) }) != header.value.value else { continue }
            report(
                header.value.origin.location ?? location, "no request's host is written like this",
                expected: "a host in small letters, without port", once: "exempt host")
        }
    }

    /// What only a route can tell: whether its requests have what they are counted by.
    private func check(_ limit: RouteRateLimit, _ route: RouteContext) {
        let key = limit.definition.key
        if limit.definition.missingKey.value == .refuse {
            for part in key.value {
                guard let missing = lack(of: part, in: route) else { continue }
                report(
                    key.origin.location ?? limit.location,
                    "every request of the route `\(domain)/\(route.name)` lacks `\(part.text)`: \(missing)",
                    expected: "another `key`, or `missing_key: skip` or `shared`",
                    related: .init(location: route.location, note: "the route"), once: part.text)
            }
        }
        if route.plugins.jwt == nil, let claim = limit.exemption.claims.first {
            report(
                claim.value.origin.location ?? limit.location,
                "no request of the route `\(domain)/\(route.name)` has claims: it has no `jwt`", expected: "`jwt`",
                related: .init(location: route.location, note: "the route"), once: "exempt claims without jwt")
        }
    }

    /// Why no request of the route can have a part of a key; nil when some can.
    private func lack(of part: RateLimitKeyPart, in route: RouteContext) -> String? {
        switch part {
        case .claim: return route.plugins.jwt == nil ? "the route has no `jwt`" : nil
        case .spiffeID, .tenant: return route.plugins.spiffe == nil ? "the route has no `spiffe`" : nil
        case .pathParameter(let name):
            guard let parameters = route.parameters, !parameters.contains(name) else { return nil }
            return "its path has no such parameter"
        case .clientAddress, .header, .route, .domain, .gateway: return nil
        }
    }

    private func report(
        _ place: SourceLocation, _ message: String, expected: String? = nil, suggestion: String? = nil,
        related: Diagnostic.Related? = nil, once: String? = nil
    ) {
        identity.report(
            place, context, message, expected: expected, suggestion: suggestion, related: related, once: once)
    }
}

extension RateLimitDraft {
    /// The keys of a nearer place before this one's.
    fileprivate mutating func take(_ nearer: RateLimitDraft) {
        if nearer.shared != nil {
            self = RateLimitDraft(shared: nearer.shared, cost: cost, exemption: exemption, isShadow: isShadow)
        } else if nearer.bucketPlace != nil {
            shared = nil
        }
        rate = nearer.rate ?? rate
        burst = nearer.burst ?? burst
        key = nearer.key ?? key
        ipv6Prefix = nearer.ipv6Prefix ?? ipv6Prefix
        missingKey = nearer.missingKey ?? missingKey
        keysMax = nearer.keysMax ?? keysMax
        store = nearer.store ?? store
        onFailure = nearer.onFailure ?? onFailure
        batch = nearer.batch ?? batch
        cost = nearer.cost ?? cost
        exemption = nearer.exemption ?? exemption
        isShadow = nearer.isShadow ?? isShadow
    }
}
