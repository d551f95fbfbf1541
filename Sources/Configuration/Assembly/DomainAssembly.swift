import Base

/// Turns what a domain's file says into upstreams and routes.
final class DomainAssembly {
    let draft: DomainDraft
    let file: FileDecoder
    let claims: DomainClaims
    let base: RouteBase
    /// What is wrong in another file (a template of gateway.yaml's defaults) is reported there.
    let gateway: FileDecoder
    let identity: IdentityAssembly
    let identityContext: IdentityAssembly.Context
    let rateLimits: RateLimitAssembly
    private let admin: Setting<IPEndpoint>?
    private(set) var upstreamIndices: [String: Int] = [:]
    private(set) var upstreamTimeouts: [String: TimeoutsDraft] = [:]

    init(
        draft: DomainDraft, file: FileDecoder, claims: DomainClaims, base: RouteBase, gateway: FileDecoder,
        gatewayDraft: GatewayDraft, identity: IdentityAssembly, trustDomain: Setting<String>?, entryNode: Int
    ) {
        self.draft = draft
        self.file = file
        self.claims = claims
        self.base = base
        self.gateway = gateway
        self.identity = identity
        admin = gatewayDraft.admin?.draft.address
        identityContext = IdentityAssembly.Context(
            domain: claims.name, file: file, trustDomain: trustDomain, entry: claims.entry,
            hasBrokenTrustDomain: trustDomain == nil && gateway.key("trust_domain", in: entryNode) != nil)
        rateLimits = RateLimitAssembly(
            gateway: gatewayDraft, gatewayFile: gateway, domain: draft, file: file, identity: identity,
            context: identityContext)
        for named in draft.upstreams { upstreamTimeouts[named.name] = named.value.timeouts }
        base.checkBackoff(draft.defaults.retries, file)
    }

    func upstreams() -> [Upstream] {
        let upstreams = draft.upstreams.compactMap(upstream)
        var used = Set<String>()
        var last = ""
        // Routes of one upstream mostly stand together.
        for named in draft.routes {
            for side in named.value.split?.value.sides ?? [] {
                if let name = side.value.upstream?.value { used.insert(name) }
            }
            guard let name = named.value.upstream?.value, name != last else { continue }
            used.insert(name)
            last = name
        }
        let isMisspelt = used.contains { upstreamTimeouts[$0] == nil }
        for named in draft.upstreams where !used.contains(named.name) && !isMisspelt {
            file.warning(named.key, "no route uses the upstream `\(named.name)`")
        }
        return upstreams
    }

    private func upstream(_ named: Named<UpstreamDraft>) -> Upstream? {
        let value = named.value
        let targets = value.targets.compactMap { target -> Target? in
            guard let url = target.value.url, let place = target.origin.location else { return nil }
            checkReach(of: url.host, url.port, at: place)
            return Target(
                host: url.host, port: url.port, weight: target.value.weight ?? .builtIn(1),
                priority: target.value.priority ?? .builtIn(0), location: place)
        }
        guard let first = value.targets.first?.origin.location else { return nil }
        if targets.allSatisfy({ $0.weight.value == 0 }) {
            file.error(at: first, "all targets have weight 0", expected: "a target with a weight above 0")
        }
        let balancer = balancer(named)
        let health = HealthAssembly(draft: value, file: file)
        return Upstream(
            name: named.name, targets: targets, balancer: balancer,
            connectTimeout: value.timeouts.connect ?? base.connect,
            keepAlive: KeepAlive(
                connectionsMax: value.keepAlive.connectionsMax ?? .builtIn(Defaults.poolConnectionsMax),
                idleTimeout: value.keepAlive.idleTimeout ?? .builtIn(Defaults.poolIdleTimeout),
                requestsMax: value.keepAlive.requestsMax ?? .builtIn(Defaults.poolRequestsMax)),
            connectionsMax: value.connectionsMax ?? .builtIn(Defaults.upstreamConnectionsMax),
            hostHeader: value.hostHeader ?? .builtIn(.preserve),
            retryBudget: RetryBudgetSettings(value.retryBudget), concurrency: value.concurrency,
            circuitBreaker: health.circuitBreaker(), healthCheck: health.healthCheck(),
            slowStart: health.slowStart(balancer.value),
            panicThreshold: value.panicThreshold ?? .builtIn(Defaults.panicThreshold),
            location: file.location(named.key))
    }

    /// A team's file must not put the operators' listener in front of everybody.
    private func checkReach(of host: TargetHost, _ port: UInt16, at place: SourceLocation) {
        guard let admin, admin.value.port == port, let adminPlace = admin.origin.location else { return }
        let own = admin.value.address
        let reachesIt =
            switch host {
            case .address(let address):
                address.unmapped == own.unmapped || (own.isUnspecified && address.isLoopback)
                    || (own.isLoopback && address.isUnspecified)
            case .name(let name): name == "localhost" && (own.isLoopback || own.isUnspecified)
            }
        guard reachesIt else { return }
        file.error(
            at: place, "the target is the gateway's own admin listener", expected: "a service's address",
            related: .init(location: adminPlace, note: "the admin listener"))
    }

    private func balancer(_ named: Named<UpstreamDraft>) -> Setting<Balancer> {
        let kind = named.value.balancer
        if kind?.value == .consistentHash {
            if let key = named.value.hashOn { return Setting(value: .consistentHash(key.value), origin: key.origin) }
            if file.key("hash_on", in: named.node) == nil, let place = kind?.origin.location {
                file.error(
                    at: place, "`consistent_hash` needs `hash_on`",
                    expected: "`hash_on: client_address`, `hash_on: {header: NAME}` or `hash_on: {cookie: NAME}`")
            }
            return .builtIn(.roundRobin)
        }
        if let place = named.value.hashOn?.origin.location, file.key("balancer", in: named.node) == nil || kind != nil {
            file.error(
                at: place, "`hash_on` has no effect with this balancer", suggestion: "add `balancer: consistent_hash`")
        }
        let value: Balancer = kind?.value == .leastRequests ? .leastRequests : .roundRobin
        return Setting(value: value, origin: kind?.origin ?? .builtIn)
    }

    /// - Parameter upstreams: what `Domain.upstreams` will be.
    func routes(_ upstreams: [Upstream]) -> [Route] {
        for (index, upstream) in upstreams.enumerated() { upstreamIndices[upstream.name] = index }
        var routes: [Route] = []
        routes.reserveCapacity(draft.routes.count)
        for named in draft.routes {
            if let route = RouteAssembly(named: named, draft: named.value, domain: self).route() {
                routes.append(route)
            }
        }
        rateLimits.warnOfUnused(draft.rateLimits, file)
        return routes
    }
}
