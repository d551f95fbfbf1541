import Base

/// What holds for the routes of a domain before each route has its say: built-in defaults, gateway.yaml's `defaults`
/// and the file's own keys, merged once.
struct RouteBase {
    let connect: Setting<TimeAmount>
    let request: Setting<TimeAmount>
    /// An upstream's own come between these and the built-in ones.
    let responseHeader: Setting<TimeAmount>
    let idle: Setting<TimeAmount>
    let limits: RouteLimits
    let retries: RetryPolicy
    private let retriesDraft: RetriesDraft
    let plugins: PluginSet
    private let ipRestriction: IPRestrictionDraft?
    let sharedPlugins: SharedPlugins?
    /// Made into a part of the plugins for each route, as only a route can tell what of it is complete.
    let identity: IdentityPluginsDraft
    /// The same for the transforms.
    let transforms: TransformBase
    /// Whether something of the plugins has to be made complete for each route; mostly it hasn't, and asking the
    /// plugins themselves a thousand times shows in the time of a reload.
    let hasRouteDependentPlugins: Bool

    /// - Parameter layers: from the farthest to the nearest.
    init(_ layers: [RouteDefaultsDraft]) {
        func nearest<Value>(_ pick: (RouteDefaultsDraft) -> Setting<Value>?, _ builtIn: Value) -> Setting<Value> {
            for layer in layers.reversed() {
                if let value = pick(layer) { return value }
            }
            return .builtIn(builtIn)
        }
        connect = nearest({ $0.timeouts.connect }, Defaults.connect)
        request = nearest({ $0.timeouts.request }, Defaults.request)
        responseHeader = nearest({ $0.timeouts.responseHeader }, Defaults.responseHeader)
        idle = nearest({ $0.timeouts.idle }, Defaults.idle)
        limits = RouteLimits(bodyBytesMax: nearest({ $0.limits.bodyBytesMax }, Defaults.bodyBytesMax))
        retriesDraft = layers.reduce(RetriesDraft()) { $0.merged(with: $1.retries) }
        retries = RetryPolicy(retriesDraft)
        let restrictions = layers.compactMap(\.plugins.ipRestriction)
        ipRestriction = restrictions.isEmpty ? nil : restrictions.reduce(IPRestrictionDraft()) { $0.merged(with: $1) }
        plugins = PluginSet(ipRestriction: ipRestriction?.restriction)
        sharedPlugins = SharedPlugins(plugins)
        identity = layers.reduce(IdentityPluginsDraft()) { $0.merged(with: $1.plugins.identity) }
        transforms = layers.reduce(TransformBase()) { $0.merged(with: $1.plugins) }
        hasRouteDependentPlugins =
            !transforms.isEmpty || !identity.isEmpty || layers.contains { $0.plugins.rateLimit != nil }
    }

    func timeouts(for route: TimeoutsDraft, upstream: TimeoutsDraft?) -> RouteTimeouts {
        RouteTimeouts(
            request: route.request ?? request,
            responseHeader: route.responseHeader ?? upstream?.responseHeader ?? responseHeader,
            idle: route.idle ?? upstream?.idle ?? idle)
    }

    func limits(for route: RouteLimitsDraft) -> RouteLimits {
        route.bodyBytesMax.map { RouteLimits(bodyBytesMax: $0) } ?? limits
    }

    /// What a place says of one of `base` and `max`, where another one says the other.
    func checkBackoff(_ nearer: RetriesDraft, _ file: FileDecoder) {
        guard (nearer.backoffBase == nil) != (nearer.backoffMax == nil) else { return }
        let all = retriesDraft.merged(with: nearer)
        BackoffDraft(base: all.backoffBase, max: all.backoffMax).report(
            at: (nearer.backoffBase ?? nearer.backoffMax)?.origin.location, file)
    }

    func retries(for route: RetriesDraft) -> RetryPolicy {
        route.isEmpty ? retries : RetryPolicy(retriesDraft.merged(with: route))
    }

    /// What needs no look at the route's path, with the keys that the route gives.
    func plugins(for route: PluginsDraft?) -> PluginSet {
        guard let nearer = route?.ipRestriction else { return plugins }
        return PluginSet(ipRestriction: (ipRestriction ?? IPRestrictionDraft()).merged(with: nearer).restriction)
    }
}

extension PluginSet {
    static let none = PluginSet(ipRestriction: nil)

    fileprivate init(ipRestriction: IPRestriction?) {
        self.init(
            requestTransform: nil, responseTransform: nil, ipRestriction: ipRestriction, jwt: nil, spiffe: nil,
            internalJWT: nil)
    }
}

extension IPRestrictionDraft {
    /// This with the keys that a nearer place gives, which names the plugin.
    fileprivate func merged(with nearer: IPRestrictionDraft) -> IPRestrictionDraft {
        IPRestrictionDraft(
            enabled: nearer.enabled, allow: nearer.allow ?? allow, deny: nearer.deny ?? deny)
    }

    /// Nil when it is turned off.
    fileprivate var restriction: IPRestriction? {
        enabled?.value == false ? nil : IPRestriction(allow: allow ?? [], deny: deny ?? [])
    }
}
