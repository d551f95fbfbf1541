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
        plugins = layers.reduce(.none) { $0.merged(with: $1.plugins) }
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

    func retries(for route: RetriesDraft) -> RetryPolicy {
        route.isEmpty ? retries : RetryPolicy(retriesDraft.merged(with: route))
    }
}

extension PluginSet {
    static let none = PluginSet(
        requestTransform: nil, responseTransform: nil, ipRestriction: nil, jwt: nil, spiffe: nil, internalJWT: nil)

    /// This set with the keys that a nearer place gives.
    func merged(with nearer: PluginsDraft) -> PluginSet {
        var merged = self
        if let restriction = nearer.ipRestriction {
            merged.ipRestriction = IPRestriction(
                allow: restriction.allow ?? ipRestriction?.allow ?? [],
                deny: restriction.deny ?? ipRestriction?.deny ?? [])
        }
        return merged
    }
}
