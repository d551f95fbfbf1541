import Base
import HTTP
import Traffic
import Upstream

/// An upstream as one loop sees it: its targets' pools and the balancer that picks among them.
///
/// It belongs to a snapshot; its pools outlive it.
final class UpstreamCluster {
    /// `domain/upstream`.
    let name: String
    let targets: [TargetPool]
    var balancer: Balancer
    /// Nil when the upstream has neither breakers nor health checks nor anything else that makes targets differ.
    let watch: UpstreamWatch?
    /// What is answered while a breaker refuses; nil for 503.
    let fallback: CompiledResponse?
    private let hashKey: RequestKey?
    /// What retries are taken from; nil for no limit.
    let retryBudget: RetryBudget?
    /// How many requests may be under way; nil for no limit.
    let gate: ConcurrencyGate?

    init(
        name: String, targets: [TargetPool], balancer: Balancer, hashKey: RequestKey?,
        retryBudget: RetryBudget? = nil, gate: ConcurrencyGate? = nil, watch: UpstreamWatch? = nil,
        fallback: CompiledResponse? = nil
    ) {
        self.retryBudget = retryBudget
        self.gate = gate
        self.name = name
        self.targets = targets
        self.balancer = balancer
        self.hashKey = hashKey
        self.watch = watch
        self.fallback = fallback
    }

    /// Gives up a connection of this loop that no request is at, of the target that has most of them.
    /// - Returns: whether there was one.
    func yieldIdle() -> Bool {
        var most = 0
        for index in 1..<max(targets.count, 1) where targets[index].spareCount > targets[most].spareCount {
            most = index
        }
        return most < targets.count && targets[most].yieldIdle()
    }

    /// What consistent hashing picks a target by; nil for another way of picking, or a request without the key.
    func hash(of exchange: Exchange) -> UInt64? { hashKey?.hash(of: exchange, by: Self.keyHash) }

    /// A constant key, so that all replicas send a client to the same target.
    static let keyHash = KeyedHash(first: 0x706f_7274_6375_6c6c, second: 0x6973_2d74_6172_6765)
}
