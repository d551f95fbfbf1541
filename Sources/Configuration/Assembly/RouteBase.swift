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
    /// Made into a part of the plugins for each route, as only a route can tell what of it is complete.
    let identity: IdentityPluginsDraft
    /// Whether something of the plugins has to be made complete for each route; mostly it hasn't, and asking the plugins
    /// themselves a thousand times shows in the time of a reload.
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
        identity = layers.reduce(IdentityPluginsDraft()) { $0.merged(with: $1.plugins.identity) }
        hasRouteDependentPlugins =
            !plugins.requestHeaders.isEmpty || !identity.isEmpty || layers.contains { $0.plugins.rateLimit != nil }
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
        requestHeaders: HeaderEdit(remove: [], set: []), responseHeaders: HeaderEdit(remove: [], set: []),
        ipRestriction: nil, jwt: nil, spiffe: nil, internalJWT: nil)

    /// This set with the keys that a nearer place gives.
    func merged(with nearer: PluginsDraft) -> PluginSet {
        var merged = self
        if let edit = nearer.requestHeaders { merged.requestHeaders = requestHeaders.merged(with: edit) }
        if let edit = nearer.responseHeaders { merged.responseHeaders = responseHeaders.merged(with: edit) }
        if let restriction = nearer.ipRestriction {
            merged.ipRestriction = IPRestriction(
                allow: restriction.allow ?? ipRestriction?.allow ?? [],
                deny: restriction.deny ?? ipRestriction?.deny ?? [])
        }
        return merged
    }
}

extension HeaderEdit {
    /// What a nearer place sets replaces what this one sets under the same name; what it removes is no longer set.
    fileprivate func merged(with nearer: HeaderEditDraft) -> HeaderEdit {
        let replaced = Set((nearer.set.map(\.name) + (nearer.remove ?? []).map(\.value)).map { $0.lowercased() })
        let kept = set.filter { !replaced.contains($0.name.lowercased()) }
        return HeaderEdit(
            remove: nearer.remove ?? remove,
            set: kept + nearer.set.map { HeaderAssignment(name: $0.name, value: $0.value) })
    }

    /// The edit with its templates' parameters found in a route's path.
    func resolved(with parameters: [String], report: (Setting<ValueTemplate>, String) -> Void) -> HeaderEdit {
        if set.allSatisfy({ $0.value.value.constant != nil }) { return self }
        return HeaderEdit(
            remove: remove,
            set: set.map { assignment in
                switch assignment.value.value.resolved(with: parameters) {
                case .success(let template):
                    return HeaderAssignment(
                        name: assignment.name, value: Setting(value: template, origin: assignment.value.origin))
                case .failure(let unknown):
                    report(assignment.value, unknown.name)
                    return assignment
                }
            })
    }
}
