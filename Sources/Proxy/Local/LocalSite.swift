import Base
import EventLoop
import HTTP
import Linux
import Observability
import Plugins
import Routing

/// An HTTP service of the gateway itself, such as the admin endpoints: the very machine that proxies, with routes that
/// end in code. It runs on the control thread's loop, apart from the workers, with limits of its own.
package final class LocalSite {
    private let worker: Worker
    private let shard: MetricsShard
    private var listeners = ListenerSet()
    private let endpoints: [LocalEndpoint]
    /// Where it listens; nil while it does not.
    package private(set) var endpoint: IPEndpoint?

    /// As much of answers may wait for clients to read them; beyond that, large ones are refused, since each is made
    /// whole.
    static let unreadBytesMax = 16 * 1024 * 1024
    private static let connectionsMax = 256

    /// Connections that were closed because there were too many.
    package var displacedConnections: UInt64 { worker.displacedCount }

    /// - Parameter loop: the control thread's.
    package init(_ endpoints: [LocalEndpoint], loop: EventLoop, log: ErrorLog, startTime: WallTime) {
        self.endpoints = endpoints
        // Its requests are no part of the gateway's metrics.
        shard = MetricsRegistry(version: "", startTime: startTime).makeShard()
        var parts = WorkerParts(
            metrics: shard,
            limits: ConnectionLimits(totalMax: Self.connectionsMax, perClientMax: Self.connectionsMax), log: log,
            seed: systemEntropy())
        // Whoever holds connections must not keep probes out.
        parts.displacesIdle = true
        worker = Worker(parts, snapshot: Snapshot.local(endpoints, metrics: shard), loop: loop)
    }

    /// Opens `address`, or nothing, without listening there yet: an error changes nothing.
    package func prepare(at address: IPEndpoint?) throws(ListenFailure) -> Change {
        Change(plan: try listeners.plan(local: address))
    }

    /// A change of where to listen, ready to be carried out.
    package struct Change {
        fileprivate let plan: ListenerSet.Plan
    }

    /// Listens where `change` says from now on.
    package func commit(_ change: Change) {
        let plan = change.plan
        worker.adopt(
            WorkerUpdate(
                snapshot: Snapshot.local(endpoints, metrics: shard), upstreams: [], issuers: [],
                listeners: plan.byWorker[0]))
        listeners.commit(plan)
        endpoint = plan.endpoints["admin"]
    }
}

/// A path that code answers.
package struct LocalEndpoint {
    /// A segment in braces stands for any.
    package let path: String
    /// `GET` stands for HEAD too.
    package let method: String
    package let handler: any LocalHandler

    package init(path: String, method: String = "GET", handler: any LocalHandler) {
        self.path = path
        self.method = method
        self.handler = handler
    }
}

extension Snapshot {
    /// A snapshot whose routes are `endpoints`, on any host of the first listener.
    static func local(_ endpoints: [LocalEndpoint], metrics: MetricsShard) -> Snapshot {
        let texts = TextArena()
        let lease = metrics.lease()
        let definitions = endpoints.enumerated().map { index, endpoint in
            RouteDefinition(
                id: endpoint.path, place: index, listeners: 1,
                path: PathPattern(
                    segments: endpoint.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
                        $0.hasPrefix("{") ? .parameter(String($0.dropFirst().dropLast())) : .literal(String($0))
                    }),
                methods: [endpoint.method])
        }
        guard let table = RouteTable.build(definitions).table else {
            preconditionFailure("the gateway's own endpoints have paths of their own")
        }
        let routes = endpoints.map { endpoint in
            var parts = CompiledRoute.Parts()
            parts.identity = texts.keep(endpoint.path)
            parts.action = .local(endpoint.handler)
            return CompiledRoute(parts, metrics: lease.routeMetrics(id: endpoint.path))
        }
        let unrouted = CompiledRoute(CompiledRoute.Parts(), metrics: lease.routeMetrics(id: RouteMetrics.unrouted))
        return Snapshot(
            table: table, routes: routes, unrouted: unrouted, forwarding: ForwardingPolicy(),
            serverHeader: ByteView(), queryTokenNames: [ByteView("access_token")], texts: texts,
            lease: lease)
    }
}
