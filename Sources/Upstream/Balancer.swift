/// How requests are spread over an upstream's targets.
package enum BalancingPolicy: Sendable, Hashable {
    /// In turn, in proportion to the weights, and as evenly as they allow.
    case roundRobin
    /// To the target with the fewest requests under way in proportion to its weight; in turn where several are equal.
    case leastRequests
    /// Requests with one key to one target, as long as it can be had.
    case consistentHash
}

/// One target as the balancer sees it.
package struct BalancerTarget: Sendable, Hashable {
    /// 0 for drained: never picked. At most `weightLimit`; more counts as that.
    package let weight: Int
    /// A hash of the target's address (`KeyedHash` with a constant key): in consistent hashing it decides which keys
    /// are the target's, in every process and whatever the other targets are.
    package let identity: UInt64

    package static let weightLimit = 65_535

    package init(weight: Int, identity: UInt64) {
        self.weight = min(max(weight, 0), Self.weightLimit)
        self.identity = identity
    }
}

/// Picks targets for one upstream on one loop. Counts and turns are the loop's own. Picking allocates nothing and takes
/// time in proportion to the number of targets at most.
package struct Balancer {
    package let policy: BalancingPolicy
    private let targets: [BalancerTarget]
    /// The targets with a weight.
    private let weighted: TargetSet
    /// Smooth weighted round robin, as nginx introduced it: on each turn everyone gains its weight, and the one with
    /// most pays what all gained. The sum stays zero.
    private var credits: [Int]
    /// What each target's share is reckoned by; its weight, unless `setWeight` said otherwise.
    private var weights: [Int]
    /// What `active` points into.
    private let loads: [TargetLoad]
    private let active: [UnsafeMutablePointer<Int>]
    private let ring: HashRing?
    private let points: HashRing.Points?

    /// - Parameters:
    ///   - targets: at most `TargetSet.limit`.
    ///   - loads: the targets' requests under way, as many as there are targets; nil for nobody's but the balancer's.
    ///   - ring: of these targets, if there is one already; needed for `consistentHash` alone.
    ///   - seed: where round robin begins, so that many loops don't all begin with the same target.
    ///   - previous: the balancer in whose place this one comes: when it is for the same targets, turns go on.
    package init(
        policy: BalancingPolicy, targets: [BalancerTarget], loads: [TargetLoad]? = nil, ring: HashRing? = nil,
        seed: UInt64, after previous: Balancer? = nil
    ) {
        precondition(targets.count <= TargetSet.limit, "an upstream has too many targets")
        let loads = loads ?? targets.map { _ in TargetLoad() }
        precondition(loads.count == targets.count, "every target has a load")
        self.policy = policy
        self.targets = targets
        var weighted = TargetSet()
        for index in targets.indices where targets[index].weight > 0 { weighted.insert(index) }
        self.weighted = weighted
        weights = targets.map(\.weight)
        self.loads = loads
        active = loads.map(\.count)
        self.ring = policy == .consistentHash ? ring ?? HashRing(targets) : nil
        points = self.ring?.points
        credits = Array(repeating: 0, count: targets.count)
        if let previous, previous.targets == targets {
            credits = previous.credits
            return
        }
        let turns = targets.isEmpty ? 0 : Int(seed % UInt64(targets.count * 4))
        for _ in 0..<turns { _ = takeTurn(weighted) }
    }

    /// The target for the next request. Nil when no target with a weight is available and not excluded.
    ///
    /// - Parameters:
    ///   - hash: the request's key for `consistentHash`, spread over all 64 bits; without one the turn decides.
    ///   - excluding: the targets that this request has tried in vain.
    ///   - available: the targets that are not known to be down.
    package mutating func pick(hash: UInt64?, excluding: TargetSet, available: TargetSet) -> Int? {
        let eligible = weighted.intersection(available).subtracting(excluding)
        guard !eligible.isEmpty else { return nil }
        switch policy {
        case .roundRobin:
            return takeTurn(eligible)
        case .leastRequests:
            return takeTurn(leastLoaded(eligible))
        case .consistentHash:
            guard let hash, let points else { return takeTurn(eligible) }
            return points.target(for: hash, among: eligible) ?? nearest(to: hash, among: eligible)
        }
    }

    /// Gives the target another weight for the time being, above 0: `roundRobin` and `leastRequests` go by it. Which
    /// keys are whose in `consistentHash` doesn't change.
    package mutating func setWeight(_ weight: Int, of target: Int) {
        weights[target] = min(max(weight, 1), BalancerTarget.weightLimit)
    }

    /// A request to the target is under way. Mutating, like `end`, because whoever calls it on a class's property would
    /// have the whole balancer copied, with a count for each array in it.
    package mutating func begin(_ target: Int) { active[target].pointee += 1 }

    /// A request to the target has ended, however.
    package mutating func end(_ target: Int) {
        assert(active[target].pointee > 0, "a request ends once")
        active[target].pointee = max(0, active[target].pointee - 1)
    }

    /// The requests to the target that are under way on this loop.
    package func activeCount(_ target: Int) -> Int { active[target].pointee }

    private mutating func takeTurn(_ eligible: TargetSet) -> Int? {
        // The only one pays what it gains: nothing changes.
        if eligible.count == 1 { return eligible.next(from: 0) }
        var best: Int?
        var bestCredit = Int.min
        var total = 0
        var next = eligible.next(from: 0)
        while let index = next {
            let weight = weights[index]
            total += weight
            credits[index] += weight
            if credits[index] > bestCredit {
                best = index
                bestCredit = credits[index]
            }
            next = eligible.next(from: index + 1)
        }
        if let best { credits[best] -= total }
        return best
    }

    /// The eligible targets with the fewest requests under way for their weight.
    private func leastLoaded(_ eligible: TargetSet) -> TargetSet {
        var least = TargetSet()
        var best: (active: Int, weight: Int)?
        var next = eligible.next(from: 0)
        while let index = next {
            let candidate = (active: active[index].pointee, weight: weights[index])
            if let current = best {
                // active / weight compared without division.
                let left = candidate.active &* current.weight
                let right = current.active &* candidate.weight
                if left < right {
                    best = candidate
                    least = TargetSet()
                    least.insert(index)
                } else if left == right {
                    least.insert(index)
                }
            } else {
                best = candidate
                least.insert(index)
            }
            next = eligible.next(from: index + 1)
        }
        return least
    }

    /// The eligible target whose mixture with the key is highest: what the ring falls back to.
    private func nearest(to hash: UInt64, among eligible: TargetSet) -> Int? {
        var best: Int?
        var bestScore: UInt64 = 0
        var next = eligible.next(from: 0)
        while let index = next {
            let score = HashRing.mix(hash ^ targets[index].identity)
            if best == nil || score > bestScore {
                best = index
                bestScore = score
            }
            next = eligible.next(from: index + 1)
        }
        return best
    }
}
