import Base
import Configuration
import Traffic
import Upstream

extension UpstreamPlan {
    /// A configured upstream, with its targets' addresses as far as they are known.
    init(
        _ upstream: ConfiguredUpstream, name: String, names: NameDirectory, budget: SharedBudget,
        traffic: UpstreamTraffic, health: HealthPlan?, rings: inout HashRings
    ) {
        var settings = TargetPool.Settings()
        settings.connectTimeout = upstream.connectTimeout.value
        settings.idleTimeout = upstream.keepAlive.idleTimeout.value
        settings.idleConnectionsMax = upstream.keepAlive.connectionsMax.value
        settings.requestsPerConnectionMax = upstream.keepAlive.requestsMax.value
        let targets = upstream.targets.map { target in
            Target(
                key: PoolKey(upstream: name, target: target.url),
                authority: target.authority,
                endpoints: Self.endpoints(of: target, names))
        }
        let policy = BalancingPolicy(upstream.balancer.value)
        let weights = upstream.targets.map { target in
            BalancerTarget(
                weight: target.weight.value,
                identity: target.authority.withByteView { UpstreamCluster.keyHash.hash($0) })
        }
        self.init(
            name: name, targets: targets, policy: policy, weights: weights,
            ring: policy == .consistentHash ? rings.ring(of: weights, for: name) : nil,
            hashKey: Self.hashKey(upstream), settings: settings, budget: budget, traffic: traffic, health: health)
    }

    static func endpoints(of target: ConfiguredTarget, _ names: NameDirectory) -> [IPEndpoint] {
        switch target.host {
        case .address(let address): [IPEndpoint(address: address, port: target.port)]
        case .name(let name): names.addresses(of: name).map { IPEndpoint(address: $0, port: target.port) }
        }
    }

    private static func hashKey(_ upstream: ConfiguredUpstream) -> ConfiguredHashKey? {
        guard case .consistentHash(let key) = upstream.balancer.value else { return nil }
        return key
    }
}

extension BalancingPolicy {
    init(_ balancer: ConfiguredBalancer) {
        switch balancer {
        case .roundRobin: self = .roundRobin
        case .leastRequests: self = .leastRequests
        case .consistentHash: self = .consistentHash
        }
    }
}
