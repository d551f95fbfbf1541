import Base

/// Every plugin of one route, compiled. The set is closed: one binary, one list, one place to read it.
///
/// A plugin is a folder: its behaviour, its page, its tests and, in `Configuration`, its keys. To the rest of the
/// gateway it is one field here, nil where the route hasn't got it; the request machine's step of its phase asks for
/// it. Rate limits are the exception: their buckets outlive snapshots, so `CompiledRoute.rateLimits` has them.
///
/// A class, so that a call copies none of it.
package final class PluginChain {
    /// `ip_restriction`. Step `access`: may refuse the request.
    private let ipRestriction: IPRestrictionRule?
    /// `jwt`, `spiffe` and `internal_jwt`. Steps `authenticate` and `state`: who sends the request, and what upstreams
    /// are told about that; nil when the route doesn't ask.
    package let identity: IdentityChain?
    /// `request_transform`. Step `transform`: changes what the upstream sees.
    package let requestTransform: RequestTransformRule?
    /// `response_transform`: changes what the client sees.
    package let responseTransform: ResponseTransformRule?

    /// Whether one of the two transforms has to do with the request.
    package let hasTransforms: Bool
    /// Whether `responseTransform` reads the request before it is changed.
    package let readsAheadForAnswer: Bool

    package init(
        ipRestriction: IPRestrictionRule? = nil, identity: IdentityChain? = nil,
        requestTransform: RequestTransformRule? = nil, responseTransform: ResponseTransformRule? = nil
    ) {
        self.ipRestriction = ipRestriction
        self.identity = identity
        self.requestTransform = requestTransform
        self.responseTransform = responseTransform
        readsAheadForAnswer = responseTransform?.readsAhead ?? false
        let readsRequest = responseTransform.map { $0.readsAhead || !$0.withheldFields.isEmpty } ?? false
        hasTransforms = requestTransform != nil || readsRequest
    }

    /// Why the request may not come in; nil when it may.
    /// - Parameter client: nil when nobody knows who it is.
    package func accessRefusal(of client: IPAddress?) -> PluginRefusal? { ipRestriction?.refusal(of: client) }
}

/// Why a plugin refuses a request: the gateway answers instead, with problem details.
package struct PluginRefusal: Sendable {
    package let status: Int
    /// For logs: stable, kebab-case.
    package let code: StaticString
    /// One sentence for the client.
    package let detail: StaticString
}
