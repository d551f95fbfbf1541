import HTTP

/// A number that each loop counts for itself, whatever the route.
@usableFromInline package struct ShardCounter: Sendable {
    @usableFromInline let index: Int
    @inlinable init(index: Int) { self.index = index }

    @inlinable package static var connectionsAccepted: ShardCounter { ShardCounter(index: 0) }
    @inlinable package static var upstreamConnectionsOpened: ShardCounter { ShardCounter(index: 1) }
    /// Requests sent on an upstream connection that had served another one before.
    @inlinable package static var upstreamConnectionsReused: ShardCounter { ShardCounter(index: 2) }
    @inlinable package static var upstreamConnectFailures: ShardCounter { ShardCounter(index: 3) }
    @inlinable package static var upstreamRetries: ShardCounter { ShardCounter(index: 4) }
    static let count = 5
}

/// A level that each loop keeps for itself, whatever the route.
@usableFromInline package struct ShardGauge: Sendable {
    @usableFromInline let index: Int
    @inlinable init(index: Int) { self.index = index }

    /// Client connections open.
    @inlinable package static var connectionsOpen: ShardGauge { ShardGauge(index: 5) }
    /// Upstream connections waiting in the pool.
    @inlinable package static var upstreamConnectionsIdle: ShardGauge { ShardGauge(index: 6) }
    /// Upstream connections with an exchange under way.
    @inlinable package static var upstreamConnectionsActive: ShardGauge { ShardGauge(index: 7) }
    /// Requests under way.
    @inlinable package static var requestsActive: ShardGauge { ShardGauge(index: 8) }
    static let count = 4
}

/// Which limit made the gateway refuse a client connection; the `limit` label of its counter.
package enum ConnectionLimit: UInt8, CaseIterable, Sendable {
    /// Connections of the whole process.
    case process
    /// Connections of one listener.
    case listener
    /// Connections of one client address.
    case client
    /// The process has no file descriptor left.
    case descriptors

    /// The label value.
    package var label: StaticString {
        switch self {
        case .process: "process"
        case .listener: "listener"
        case .client: "client"
        case .descriptors: "descriptors"
        }
    }
}

/// The metrics of one loop: its thread alone writes, any thread reads.
@usableFromInline package final class MetricsShard: Sendable {
    @usableFromInline let cells: CellBlock
    let routes = SeriesTable(cellCount: RouteMetrics.cellCount)
    let targets = SeriesTable(cellCount: TargetMetrics.cellCount)

    private static let firstLimit = ShardCounter.count + ShardGauge.count
    private static let firstReason = firstLimit + ConnectionLimit.allCases.count

    init() { cells = CellBlock(count: Self.firstReason + MessageError.allCases.count) }

    deinit { cells.deallocate() }

    /// A hold on series of this shard, for a snapshot or a pool of its loop.
    package func lease() -> MetricsLease { MetricsLease(shard: self) }

    /// By the loop's thread only.
    @inlinable package func count(_ counter: ShardCounter, _ amount: UInt64 = 1) { cells[counter.index].add(amount) }

    /// By the loop's thread only.
    @inlinable package func raise(_ gauge: ShardGauge) { cells[gauge.index].add() }

    /// By the loop's thread only.
    @inlinable package func lower(_ gauge: ShardGauge) { cells[gauge.index].subtract() }

    /// Counts a client connection that was closed at once. By the loop's thread only.
    package func countRefusedConnection(_ limit: ConnectionLimit) {
        cells[Self.firstLimit + Int(limit.rawValue)].add()
    }

    /// Counts a request that the codec refused. By the loop's thread only.
    package func countRefusedRequest(_ reason: MessageError) {
        cells[Self.firstReason + Int(reason.rawValue)].add()
    }
}

/// What a scrape reads.
extension MetricsShard {
    func value(_ counter: ShardCounter) -> UInt64 { cells[counter.index].value }
    func value(_ gauge: ShardGauge) -> UInt64 { cells[gauge.index].value }
    func refusedConnections(_ limit: ConnectionLimit) -> UInt64 { cells[Self.firstLimit + Int(limit.rawValue)].value }
    func refusedRequests(_ reason: MessageError) -> UInt64 { cells[Self.firstReason + Int(reason.rawValue)].value }
}
