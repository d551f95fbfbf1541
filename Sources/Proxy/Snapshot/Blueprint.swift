import Base
import Configuration
import HTTP
import Identity
import Observability
import Plugins
import Routing
import Synchronization

/// A checked configuration together with its route table: what every loop's snapshot is made from.
package final class Blueprint: Sendable {
    package let configuration: GatewayConfiguration
    /// All routes of all domains; their indices are the router's.
    package let routes: [Route]
    package let table: RouteTable
    /// Routes that can never be reached.
    package let warnings: [RouteProblem]
    /// The gateway's own keys, read and checked.
    package let signingKeys: [SigningKeyEntry]

    /// - Throws: the routes that can't live together.
    package init(
        _ configuration: GatewayConfiguration, signingKeys: [SigningKeyEntry] = []
    ) throws(RouteConflicts) {
        self.configuration = configuration
        self.signingKeys = signingKeys
        let routes = configuration.domains.flatMap { $0.routes }
        let build = RouteTable.build(routes.enumerated().map { RouteDefinition($1, place: $0) })
        guard let table = build.table else { throw RouteConflicts(routes: routes, problems: build.problems) }
        self.routes = routes
        self.table = table
        warnings = build.problems
    }

    /// One loop's own compiled copy.
    /// - Parameters:
    ///   - limits: the buckets of the routes' rate limits.
    ///   - hash: what their keys are hashed with.
    func makeSnapshot(metrics: MetricsShard, limits: [String: LimitTable], hash: KeyedHash) -> Snapshot {
        let texts = TextArena()
        let lease = metrics.lease()
        let counters = lease.routeMetrics(ids: routes.map(\.identity))
        var compiled: [CompiledRoute] = []
        compiled.reserveCapacity(routes.count)
        var upstreamCount = 0
        let identity = IdentityCompiler(
            texts: texts, configuration: configuration, issuers: configuration.issuerDefinitions,
            number: { Self.chainNumber.wrappingAdd(1, ordering: .relaxed).newValue })
        let limitCompiler = LimitCompiler(
            texts: texts, tables: limits, hash: hash, lease: lease, stores: configuration.stores)
        for domain in configuration.domains {
            let compiler = RouteCompiler(
                texts: texts, upstreams: domain.compiledUpstreams(from: upstreamCount), identity: identity,
                limits: limitCompiler)
            for route in domain.routes {
                compiled.append(CompiledRoute(compiler.compile(route), metrics: counters[compiled.count]))
            }
            upstreamCount += domain.upstreams.count
        }
        let unrouted = CompiledRoute(
            CompiledRoute.Parts(), metrics: lease.routeMetrics(id: RouteMetrics.unrouted))
        var published = PublishedPaths()
        if let publication = configuration.internalTokens?.publication {
            published = PublishedPaths(publication, firstRoute: compiled.count, texts: texts)
            for document in KeyDocument.allCases {
                compiled.append(.published(document, texts: texts, lease: lease))
            }
        }
        return Snapshot(
            table: table.copy(), routes: compiled, published: published, unrouted: unrouted,
            forwarding: ForwardingPolicy(configuration), serverHeader: texts.keep(configuration.serverHeader.value),
            queryTokenNames: queryTokenNames.map { texts.keep($0) }, texts: texts,
            lease: lease, limits: limits)
    }

    /// The query parameters that may hold a token on some route: nothing that is shown has their values.
    var queryTokenNames: [String] {
        var names = ["access_token"]
        for route in routes where route.hasPlugins {
            for source in route.plugins.jwt?.sources ?? [] {
                if case .query(let name) = source.value, !names.contains(name) { names.append(name) }
            }
        }
        return names
    }

    private static let chainNumber = Atomic<UInt64>(0)

    /// What a route is compiled with.
    func upstreams(of route: Route) -> DomainUpstreams {
        var start = 0
        for domain in configuration.domains {
            if domain.name == route.domain { return domain.compiledUpstreams(from: start) }
            start += domain.upstreams.count
        }
        return DomainUpstreams(start: start, hostHeaders: [])
    }
}

extension Domain {
    fileprivate func compiledUpstreams(from start: Int) -> DomainUpstreams {
        DomainUpstreams(start: start, hostHeaders: upstreams.map(\.hostHeader.value))
    }
}

/// Why a configuration whose parts are all right can't be served as a whole.
package struct RouteConflicts: Error {
    /// All routes; the problems' indices are into these.
    package let routes: [Route]
    package let problems: [RouteProblem]
}

extension ForwardingPolicy {
    init(_ configuration: GatewayConfiguration) {
        trustedProxies = configuration.trustedProxies.map(\.value)
        sendsXForwarded = configuration.forwarding.xForwarded.value
        sendsForwarded = configuration.forwarding.forwarded.value
        sendsRequestID = configuration.forwarding.requestID.value
        sendsTraceContext = configuration.forwarding.traceContext.value
    }
}
