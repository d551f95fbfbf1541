import Base
import HTTP
import Linux
import Traffic
import Upstream

/// Everything that a loop needs to serve by a new configuration, made ready by the control thread.
package final class WorkerUpdate: @unchecked Sendable {
    // Sendable for one hand-over: the control thread builds it, then exactly one loop takes it apart.
    let snapshot: Snapshot
    let upstreams: [UpstreamPlan]
    let issuers: [IssuerDefinition]
    /// The limits of requests under way, by the routes' indices.
    let routeLimits: [(route: Int, limit: ConcurrencyLimit)]
    /// Whether internal tokens are issued.
    let signs: Bool
    /// By the index that limits have.
    var stores: [StorePlan] = []
    private var listeners: [ListenerPlan]

    init(
        snapshot: Snapshot, upstreams: [UpstreamPlan], issuers: [IssuerDefinition],
        routeLimits: [(route: Int, limit: ConcurrencyLimit)] = [], signs: Bool = false, listeners: [ListenerPlan]
    ) {
        self.signs = signs
        self.routeLimits = routeLimits
        self.snapshot = snapshot
        self.upstreams = upstreams
        self.issuers = issuers
        self.listeners = listeners
    }

    func takeListeners() -> [ListenerPlan] {
        let taken = listeners
        listeners = []
        return taken
    }
}

/// A listener as one loop shall have it.
package final class ListenerPlan {
    let index: Int
    let settings: ListenerSettings
    package let endpoint: IPEndpoint
    package let count: ListenerCount
    private var socket: ListeningSocket?

    /// - Parameter socket: nil when the loop has the socket already.
    init(
        index: Int, settings: ListenerSettings, endpoint: IPEndpoint, count: ListenerCount,
        socket: consuming ListeningSocket?
    ) {
        self.index = index
        self.settings = settings
        self.endpoint = endpoint
        self.count = count
        self.socket = socket
    }

    /// The socket that the loop shall listen with; nil when it has one already.
    package func takeSocket() -> ListeningSocket? {
        let taken = socket.take()
        return taken
    }
}

/// An upstream as a loop's snapshot shall have it.
struct UpstreamPlan {
    struct Target {
        let key: PoolKey
        let authority: String
        let endpoints: [IPEndpoint]
    }

    let name: String
    let targets: [Target]
    let policy: BalancingPolicy
    /// What the balancer knows of each target.
    let weights: [BalancerTarget]
    /// For consistent hashing.
    let ring: HashRing?
    let hashKey: ConfiguredHashKey?
    let settings: TargetPool.Settings
    let budget: SharedBudget
    let traffic: UpstreamTraffic
    /// Nil when nothing watches over the upstream.
    let health: HealthPlan?
}
