import Base
import Configuration
import HTTP
import Linux
import Observability
import Plugins
import Routing
import Upstream

/// A checked configuration together with its route table: what every loop's snapshot is made from.
package final class Blueprint: Sendable {
    package let configuration: GatewayConfiguration
    /// All routes of all domains; their indices are the router's.
    package let routes: [Route]
    package let table: RouteTable
    /// Routes that can never be reached.
    package let warnings: [RouteProblem]

    /// - Throws: the routes that can't live together.
    package init(_ configuration: GatewayConfiguration) throws(RouteConflicts) {
        self.configuration = configuration
        let routes = configuration.domains.flatMap { $0.routes }
        let build = RouteTable.build(routes.enumerated().map { RouteDefinition($1, place: $0) })
        guard let table = build.table else { throw RouteConflicts(routes: routes, problems: build.problems) }
        self.routes = routes
        self.table = table
        warnings = build.problems
    }

    /// One loop's own compiled copy.
    func makeSnapshot(metrics: MetricsShard) -> Snapshot {
        let texts = TextArena()
        let lease = metrics.lease()
        var compiled: [CompiledRoute] = []
        compiled.reserveCapacity(routes.count)
        var upstreamCount = 0
        for domain in configuration.domains {
            let compiler = RouteCompiler(texts: texts, upstreams: domain.compiledUpstreams(from: upstreamCount))
            for route in domain.routes {
                compiled.append(
                    CompiledRoute(compiler.compile(route), metrics: lease.routeMetrics(id: route.identity)))
            }
            upstreamCount += domain.upstreams.count
        }
        let unrouted = CompiledRoute(
            CompiledRoute.Parts(), metrics: lease.routeMetrics(id: RouteMetrics.unrouted))
        return Snapshot(
            table: table.copy(), routes: compiled, unrouted: unrouted, forwarding: ForwardingPolicy(configuration),
            serverHeader: texts.keep(configuration.serverHeader.value), digest: configuration.digest, texts: texts,
            lease: lease)
    }

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
