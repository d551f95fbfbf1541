import Base
import Configuration
import HTTP
import Observability
import Plugins
import Redis
import Traffic

/// Turns the rate limits of a route into what requests are held to, for one loop. Texts are kept in `texts`.
struct LimitCompiler {
    let texts: TextArena
    /// By identity; they must live as long as what is compiled.
    let tables: [String: LimitTable]
    let terms: LimitTerms
    let lease: MetricsLease
    /// In the configuration's order.
    var stores: [SharedStore] = []
    private let hasher = SharedKeyHasher()
    private let stocks = Stocks()

    /// One for each limit, whatever the number of its routes.
    private final class Stocks {
        var byIdentity: [String: TokenStock] = [:]
    }

    init(
        texts: TextArena, tables: [String: LimitTable], hash: KeyedHash, lease: MetricsLease, stores: [SharedStore] = []
    ) {
        self.texts = texts
        self.tables = tables
        terms = LimitTerms(texts: texts, hash: hash)
        self.lease = lease
        self.stores = stores
    }

    /// Nil when the route has no limit.
    func compile(_ settings: RateLimitSettings?, of route: ConfiguredRoute, claims: ClaimSlots) -> RateLimitChain? {
        guard let settings else { return nil }
        var policy = IOBuffer()
        var rules: [RateLimitRule] = []
        for limit in settings.limits {
            guard let rule = compile(limit, of: route, claims: claims) else { continue }
            rules.append(rule)
            rule.appendPolicy(to: &policy)
        }
        return RateLimitChain(
            rules, fields: RateLimitFields(form(settings.headers.value), policy: texts.keep(policy.readable)))
    }

    private func compile(
        _ limit: RouteRateLimit, of route: ConfiguredRoute, claims: ClaimSlots
    ) -> RateLimitRule? {
        let definition = limit.definition
        guard let table = tables[definition.identity]?.table else { return nil }
        let identity = texts.keep(definition.identity)
        return RateLimitRule(
            name: texts.keep(limit.name), identity: identity, backing: backing(limit, table.buckets),
            law: definition.law,
            key: terms.key(definition, of: route, claims: claims), cost: terms.cost(limit.cost.value),
            exemption: terms.exemptions(limit.exemption, claims: claims), isShadow: limit.isShadow.value,
            needsIdentity: limit.needsIdentity, metrics: lease.limitMetrics(limit: definition.identity))
    }

    /// Where the buckets are.
    private func backing(_ limit: RouteRateLimit, _ buckets: Buckets) -> LimitBacking {
        let definition = limit.definition
        guard let name = definition.store?.value, let store = stores.firstIndex(where: { $0.name == name }) else {
            return .local(buckets)
        }
        let failure: SharedLimit.Failure
        switch definition.onFailure.value {
        case .local: failure = .local
        case .allow: failure = .allow
        case .refuse: failure = .refuse
        }
        // Not `ipv6_prefix`: with another one, keys without an IPv6 address are the same.
        let form = definition.key.value.map(\.text).joined(separator: ",")
        return .shared(
            SharedLimit(
                store: store,
                bucket: SharedBucket(
                    prefix: stores[store].redis.prefix.value, limit: definition.identity,
                    interval: definition.law.intervalMicroseconds, burst: definition.law.burst,
                    onlyCounts: limit.isShadow.value, texts: texts),
                failure: failure, buckets: buckets, stock: stock(definition), hasher: hasher, form: texts.keep(form)))
    }

    private func stock(_ definition: RateLimitDefinition) -> TokenStock? {
        guard let batch = definition.batch?.value, batch > 1 else { return nil }
        let stock = stocks.byIdentity[definition.identity] ?? TokenStock(law: definition.law, batch: batch)
        stocks.byIdentity[definition.identity] = stock
        return stock
    }

    private func form(_ headers: RateLimitHeaders) -> RateLimitFields.Form {
        switch headers {
        case .draft: .draft
        case .legacy: .legacy
        case .both: .both
        case .none: .none
        }
    }
}
