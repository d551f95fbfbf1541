import Base
import Synchronization

/// How a reload ended; the `result` label of its counter.
package enum ReloadResult: UInt8, CaseIterable, Sendable {
    case applied
    case rejected
    case unchanged

    var label: StaticString {
        switch self {
        case .applied: "applied"
        case .rejected: "rejected"
        case .unchanged: "unchanged"
        }
    }
}

/// What only the operating system or another part knows; the scraper collects it before each scrape.
package struct ProcessSample: Sendable {
    /// Nil where it could not be read: the metric is then left out.
    package var residentBytes: UInt64?
    package var openDescriptors: UInt64?
    package var accessLog = LogStatistics()
    package var auditLog = LogStatistics()
    package var errorLog = LogStatistics()
    /// Connections to the admin listener that had to make room for others.
    package var displacedAdminConnections: UInt64 = 0
    /// By name.
    package var issuers: [IssuerSample] = []
    package var stores: [StoreSample] = []
    /// Nil when the gateway issues no tokens.
    package var signingKeys: SigningKeySample?
    package var concurrency: [ConcurrencySample] = []
    package var retryBudgets: [RetryBudgetSample] = []
    /// Those that breakers or health checks watch over.
    package var upstreams: [UpstreamHealthSample] = []
    /// By the limit's identity: buckets in use that other keys took over.
    package var limitTakeovers: [(limit: String, count: UInt64)] = []

    package init() {}
}

/// All metrics of the process: the loops' shards and what is counted once for all of them.
package final class MetricsRegistry: Sendable {
    let version: String
    let startTime: WallTime
    private let shards = Lock<[MetricsShard]>([])
    private let configuration = Lock(Configured())
    private let applied = Atomic<UInt64>(0)
    private let rejected = Atomic<UInt64>(0)
    private let unchanged = Atomic<UInt64>(0)
    private let resolutionFailures = Atomic<UInt64>(0)

    /// The configuration that is served.
    struct Configured: Sendable {
        var digest: String?
        var since: WallTime?
    }

    /// - Parameters:
    ///   - version: the program's version, for the build metric.
    ///   - startTime: when the process started.
    package init(version: String, startTime: WallTime) {
        self.version = version
        self.startTime = startTime
    }

    /// The metrics of one more loop, which live as long as the process.
    package func makeShard() -> MetricsShard {
        let shard = MetricsShard()
        shards.withLock { $0.append(shard) }
        return shard
    }

    /// A configuration took effect: the first one, or a reload's. Counts nothing; see `countReload`.
    package func configurationApplied(digest: String, at time: WallTime) {
        configuration.withLock { $0 = Configured(digest: digest, since: time) }
    }

    /// Counts a reload. From any thread.
    package func countReload(_ result: ReloadResult) {
        switch result {
        case .applied: applied.wrappingAdd(1, ordering: .relaxed)
        case .rejected: rejected.wrappingAdd(1, ordering: .relaxed)
        case .unchanged: unchanged.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Counts a name that could not be resolved again (its last good answer stays in use). From any thread.
    package func countResolutionFailure() { resolutionFailures.wrappingAdd(1, ordering: .relaxed) }

    /// The connections to all targets that loops have, or had and still know, by upstream and target. From any thread.
    package var targetConnections: [TargetConnections] {
        MergedSeries.merge(allShards.map(\.targets)).map(TargetConnections.init)
    }

    /// All that is counted at this moment, to be rendered.
    package func scrape(_ sample: ProcessSample) -> MetricsScrape {
        MetricsScrape(registry: self, shards: shards.withLock { $0 }, sample: sample)
    }
}

/// What a scrape reads.
extension MetricsRegistry {
    var allShards: [MetricsShard] { shards.withLock { $0 } }
    var configured: Configured { configuration.withLock { $0 } }
    var resolutionFailureCount: UInt64 { resolutionFailures.load(ordering: .relaxed) }
    func reloads(_ result: ReloadResult) -> UInt64 {
        switch result {
        case .applied: applied.load(ordering: .relaxed)
        case .rejected: rejected.load(ordering: .relaxed)
        case .unchanged: unchanged.load(ordering: .relaxed)
        }
    }
}
