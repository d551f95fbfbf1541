import Base
import Configuration
import Proxy

/// Everything that `explain` tells about one request.
package struct Explanation {
    /// Near misses shown.
    private static let nearMissesMax = 8

    package let request: SampleRequest
    /// The URL that was asked about; here and below, values that are tokens are masked.
    package let url: String
    package let query: String
    /// The query that the upstream sees, when it isn't the client's; empty for none.
    package let upstreamQuery: String?
    package let listener: Listener
    /// Whether neither an option nor the URL's port names the listener.
    package let isListenerAssumed: Bool
    package let preview: RequestPreview
    package let files: SourceFiles
    /// The route that takes the request, or that refuses it.
    package let route: Route?
    package let action: RouteAction?
    package let nearMisses: [NearMiss]
    /// Routes that lost and aren't among the near misses.
    package let otherCount: Int
    /// Nil without a route.
    package let pipeline: ExplainedPipeline?
    /// Nil when the route has no identity plugins, or the request was refused before them.
    package let identity: ExplainedIdentity?

    /// Where the redirect leads; nil when there is none.
    package let redirectLocation: String?
    /// The path that the upstream sees; nil when none is asked.
    package let upstreamPath: String?

    /// - Parameters:
    ///   - listenerName: nil to take the one that the URL's port leads to, else the first one by which a route takes
    ///     the request.
    ///   - referenced: what isn't to be shown of the configuration.
    package init(
        _ request: SampleRequest, listenerName: String?, client: IPAddress?, caller: CallerQuestion,
        in blueprint: Blueprint, hiding referenced: ReferencedTexts
    ) throws(UsageError) {
        let listeners = blueprint.configuration.listeners
        let index: Int
        var isAssumed = false
        if let listenerName {
            guard let named = listeners.firstIndex(where: { $0.name == listenerName }) else {
                throw .invalidValue(
                    of: "listener", given: listenerName,
                    expected: listeners.map { "`\($0.name)`" }.joined(separator: ", "))
            }
            index = named
        } else if let port = request.port,
            let led = listeners.firstIndex(where: { Int($0.address.value.port) == port })
        {
            index = led
        } else {
            isAssumed = listeners.count > 1
            index = Self.servingListener(request, client: client, in: blueprint) ?? 0
        }
        let preview = RequestPreview(request.head, listener: index, client: client, caller: caller, in: blueprint)
        self.request = request
        self.preview = preview
        listener = listeners[index]
        isListenerAssumed = isAssumed
        files = blueprint.configuration.files
        let route = preview.route.map { blueprint.routes[$0] }
        self.route = route
        action = route?.action
        nearMisses = NearMiss.all(
            preview, blueprint, method: request.method, limit: Self.nearMissesMax, hiding: referenced)
        let mask = TokenMask(blueprint, query: preview.query)
        url = mask.url(request.url)
        query = mask.query(preview.query)
        upstreamQuery = preview.upstreamQuery.map(mask.query)
        redirectLocation = preview.redirectLocation.map { mask.url(referenced.masked($0)) }
        upstreamPath = preview.upstreamPath.map(referenced.masked)
        let losers = (preview.explanation?.verdicts.count ?? 0) - (route == nil ? 0 : 1)
        otherCount = max(0, losers - nearMisses.count)
        pipeline = route.map {
            ExplainedPipeline(
                blueprint.configuration, listener: listeners[index], route: $0, transforms: preview.transforms,
                limits: preview.limits, splitSide: preview.splitSide)
        }
        identity = route.flatMap { route in
            preview.identity.map { ExplainedIdentity($0, route: route, blueprint.configuration) }
        }
    }

    /// What decides which side of a split takes the request.
    func splitDecision(_ split: Split) -> String {
        if split.sides.count(where: { $0.weight.value > 0 }) == 1 { return "no other side has a weight" }
        guard let key = split.key?.value else { return "by chance: it has no key" }
        if preview.splitSide != nil { return "by \(key.text)" }
        switch key {
        case .clientAddress: return "by \(key.text): --client says whose request it is"
        case .spiffeID, .tenant, .claim:
            return "by \(key.text): --token or --claims says whose request it is; by chance for one without"
        case .header, .cookie: return "by chance: the request has no \(key.text)"
        }
    }

    /// The first listener by which a route takes the request.
    private static func servingListener(_ request: SampleRequest, client: IPAddress?, in blueprint: Blueprint) -> Int? {
        blueprint.configuration.listeners.indices.first { index in
            RequestPreview(request.head, listener: index, client: client, in: blueprint).route != nil
        }
    }

    /// Whether a route takes the request, or the gateway itself answers it with what was asked for.
    package var isServed: Bool {
        switch preview.outcome {
        case .route: true
        case .answer(let answer): answer.status < 400
        }
    }
}
