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
    /// Tokens that had been verified before.
    @inlinable package static var verifiedTokenHits: ShardCounter { ShardCounter(index: 5) }
    @inlinable package static var verifiedTokenMisses: ShardCounter { ShardCounter(index: 6) }
    /// Verified tokens that had to make room for others.
    @inlinable package static var verifiedTokenEvictions: ShardCounter { ShardCounter(index: 7) }
    /// Internal tokens that were given out again.
    @inlinable package static var mintedTokenHits: ShardCounter { ShardCounter(index: 8) }
    /// Internal tokens that had to be signed.
    @inlinable package static var mintedTokenMisses: ShardCounter { ShardCounter(index: 9) }
    @inlinable package static var mintedTokenEvictions: ShardCounter { ShardCounter(index: 10) }
    static let count = 11
}

/// A level that each loop keeps for itself, whatever the route.
@usableFromInline package struct ShardGauge: Sendable {
    @usableFromInline let index: Int
    @inlinable init(index: Int) { self.index = index }

    /// Client connections open.
    @inlinable package static var connectionsOpen: ShardGauge { ShardGauge(index: 11) }
    /// Requests under way.
    @inlinable package static var requestsActive: ShardGauge { ShardGauge(index: 12) }
    /// Verified tokens kept, and the memory that they take.
    @inlinable package static var verifiedTokens: ShardGauge { ShardGauge(index: 13) }
    @inlinable package static var verifiedTokenBytes: ShardGauge { ShardGauge(index: 14) }
    /// Internal tokens kept, and the memory that they take.
    @inlinable package static var mintedTokens: ShardGauge { ShardGauge(index: 15) }
    @inlinable package static var mintedTokenBytes: ShardGauge { ShardGauge(index: 16) }
    static let count = 6
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
    /// By issuer and decision.
    let decisions = SeriesTable(cellCount: 1)
    /// By limit.
    let limits = SeriesTable(cellCount: LimitMetrics.cellCount)
    /// By issuer and reason.
    let refusals = SeriesTable(cellCount: 1)

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

    /// By the loop's thread only.
    @inlinable package func set(_ gauge: ShardGauge, to level: Int) { cells[gauge.index].set(UInt64(max(level, 0))) }

    /// For what is counted elsewhere on the same loop. By the loop's thread only.
    @inlinable package func set(_ counter: ShardCounter, to total: UInt64) { cells[counter.index].set(total) }

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
