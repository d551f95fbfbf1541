import Base

/// Keeps series of one shard alive: the handles that it gives are valid as long as it lives.
///
/// A compiled snapshot owns one for its routes, and whatever outlives a snapshot (a connection pool) owns one of its
/// own. A reload therefore needs no bookkeeping: the new snapshot takes its lease before the old one lets go, so a kept
/// route keeps its counts, and a removed route's series vanish when the last request on the old snapshot has ended.
package final class MetricsLease: Sendable {
    private let shard: MetricsShard
    private let routes = Lock<[Series]>([])
    private let targets = Lock<[Series]>([])
    private let decisions = Lock<[Series]>([])
    private let refusals = Lock<[Series]>([])
    private let limits = Lock<[Series]>([])

    init(shard: MetricsShard) { self.shard = shard }

    deinit {
        shard.routes.release(routes.withLock { $0 })
        shard.targets.release(targets.withLock { $0 })
        shard.decisions.release(decisions.withLock { $0 })
        shard.refusals.release(refusals.withLock { $0 })
        shard.limits.release(limits.withLock { $0 })
    }

    /// The counters of routes, in the order of their ids. To be called when a snapshot is compiled, not for each
    /// request.
    /// - Parameter ids: the routes' identities, `domain/route`, which a reload doesn't change; `RouteMetrics.unrouted`
    ///   for requests that no route took.
    package func routeMetrics(ids: [String]) -> [RouteMetrics] {
        let series = shard.routes.acquire(ids.map { SeriesName(owner: $0, target: "") })
        routes.withLock { $0 += series }
        return series.map { RouteMetrics(slot: $0.slot) }
    }

    /// The counters of one route.
    package func routeMetrics(id: String) -> RouteMetrics { routeMetrics(ids: [id])[0] }

    /// The counters of one target of an upstream.
    /// - Parameters:
    ///   - upstream: the upstream's identity, `domain/upstream`.
    ///   - target: the target as configured, such as `http://10.1.0.11:8080`.
    package func targetMetrics(upstream: String, target: String) -> TargetMetrics {
        let series = shard.targets.acquire([SeriesName(owner: upstream, target: target)])
        targets.withLock { $0 += series }
        return TargetMetrics(slot: series[0].slot)
    }

    /// The counters of one rate limit.
    /// - Parameter limit: its identity, which a reload doesn't change.
    package func limitMetrics(limit: String) -> LimitMetrics {
        let series = shard.limits.acquire([SeriesName(owner: limit, target: "")])
        limits.withLock { $0 += series }
        return LimitMetrics(slot: series[0].slot)
    }

    /// The counter of one decision about an issuer's tokens.
    func decisionCell(issuer: String, _ decision: AuditDecision) -> MetricCell {
        let series = shard.decisions.acquire([SeriesName(owner: issuer, target: decision.label.description)])
        decisions.withLock { $0 += series }
        return series[0].slot.pointee.own[0]
    }

    /// The counter of refusals of an issuer's tokens for one reason.
    func refusalCell(issuer: String, _ reason: StaticString) -> MetricCell {
        let series = shard.refusals.acquire([SeriesName(owner: issuer, target: reason.description)])
        refusals.withLock { $0 += series }
        return series[0].slot.pointee.own[0]
    }
}
