import Base
import Testing
import Upstream

@Suite("Balancer")
struct BalancerTests {
    static func balancer(_ policy: BalancingPolicy, _ weights: [Int], seed: UInt64 = 0) -> Balancer {
        let targets = weights.enumerated().map { BalancerTarget(weight: $1, identity: identity($0)) }
        return Balancer(policy: policy, targets: targets, seed: seed)
    }

    static func identity(_ index: Int) -> UInt64 {
        KeyedHash(first: 0, second: 0).hash(IPAddress(ipv4: 0x0a00_0000 + UInt32(index)))
    }

    static func set(_ members: [Int]) -> TargetSet {
        members.reduce(into: TargetSet()) { $0.insert($1) }
    }

    @Test("in another's place: turns go on for the same targets, and requests under way count for any")
    func successor() {
        let targets = (0..<3).map { BalancerTarget(weight: 1, identity: Self.identity($0)) }
        let loads = targets.map { _ in TargetLoad() }
        var first = Balancer(policy: .roundRobin, targets: targets, loads: loads, seed: 0)
        var reference = first
        for _ in 0..<4 {
            _ = first.pick(hash: nil, excluding: TargetSet(), available: .all)
            _ = reference.pick(hash: nil, excluding: TargetSet(), available: .all)
        }
        var second = Balancer(policy: .roundRobin, targets: targets, loads: loads, seed: 99, after: first)
        for _ in 0..<7 {
            #expect(
                second.pick(hash: nil, excluding: TargetSet(), available: .all)
                    == reference.pick(hash: nil, excluding: TargetSet(), available: .all))
        }
        first.begin(0)
        first.begin(2)
        // One target fewer, another way of picking.
        var third = Balancer(
            policy: .leastRequests, targets: Array(targets.prefix(2)), loads: Array(loads.prefix(2)), seed: 0,
            after: second)
        #expect(third.pick(hash: nil, excluding: TargetSet(), available: .all) == 1)
        first.end(0)
        #expect(third.activeCount(0) == 0)
        #expect(second.activeCount(2) == 1)
    }

    @Test("a ring that is there already is used")
    func sharedRing() {
        let targets = (0..<5).map { BalancerTarget(weight: 1, identity: Self.identity($0)) }
        let ring = HashRing(targets)
        var own = Balancer(policy: .consistentHash, targets: targets, seed: 0)
        var shared = Balancer(policy: .consistentHash, targets: targets, ring: ring, seed: 0)
        for key in 0..<200 {
            let hash = KeyedHash(first: 1, second: 2).hash(IPAddress(ipv4: UInt32(key)))
            #expect(
                own.pick(hash: hash, excluding: TargetSet(), available: .all)
                    == shared.pick(hash: hash, excluding: TargetSet(), available: .all))
        }
    }

    @Test("round robin spreads each cycle exactly by weight, and evenly within it")
    func smooth() {
        var balancer = Self.balancer(.roundRobin, [5, 1, 1])
        let turns = (0..<7).map { _ in balancer.pick(hash: nil, excluding: TargetSet(), available: .all) }
        #expect(turns == [0, 0, 1, 0, 2, 0, 0])
    }

    @Test(
        "over any number of cycles the shares are exact",
        arguments: [
            [1], [1, 1], [3, 2, 1], [0, 1, 0], [10, 0, 7, 3], [65_535, 1], Array(repeating: 1, count: 256),
        ])
    func shares(weights: [Int]) {
        let total = weights.reduce(0, +)
        for seed in [UInt64(0), 3, 17] {
            var balancer = Self.balancer(.roundRobin, weights, seed: seed)
            var counts = Array(repeating: 0, count: weights.count)
            for _ in 0..<total {
                if let target = balancer.pick(hash: nil, excluding: TargetSet(), available: .all) {
                    counts[target] += 1
                }
            }
            #expect(counts == weights)
        }
    }

    @Test("the seed moves the beginning")
    func seed() {
        let firsts = (0..<8).map { seed -> Int? in
            var balancer = Self.balancer(.roundRobin, [1, 1, 1, 1], seed: UInt64(seed))
            return balancer.pick(hash: nil, excluding: TargetSet(), available: .all)
        }
        #expect(Set(firsts).count == 4)
    }

    @Test(
        "what is drained, excluded or unavailable is never picked",
        arguments: [
            BalancingPolicy.roundRobin, .leastRequests, .consistentHash,
        ])
    func never(policy: BalancingPolicy) {
        var random = RandomSource(seed: 4)
        for _ in 0..<200 {
            let count = 1 + Int(random.next() % 10)
            let weights = (0..<count).map { _ in Int(random.next() % 4) }
            var balancer = Self.balancer(policy, weights, seed: random.next())
            for _ in 0..<50 {
                let excluded = Self.set((0..<count).filter { _ in random.next() % 3 == 0 })
                let available = Self.set((0..<count).filter { _ in random.next() % 3 != 0 })
                let eligible = (0..<count).filter {
                    weights[$0] > 0 && !excluded.contains($0) && available.contains($0)
                }
                let hash = random.next() % 4 == 0 ? nil : random.next()
                let target = balancer.pick(hash: hash, excluding: excluded, available: available)
                if let target {
                    #expect(eligible.contains(target))
                    balancer.begin(target)
                    if random.next() % 2 == 0 { balancer.end(target) }
                } else {
                    #expect(eligible.isEmpty)
                }
            }
        }
    }

    @Test("least requests follows load and weight, and takes turns at rest")
    func leastRequests() {
        var balancer = Self.balancer(.leastRequests, [1, 2, 0])
        func pick() -> Int? { balancer.pick(hash: nil, excluding: TargetSet(), available: .all) }
        // At rest: by weight.
        var counts = [0, 0, 0]
        for _ in 0..<30 { if let target = pick() { counts[target] += 1 } }
        #expect(counts == [10, 20, 0])
        // Requests that stay: twice as many on the target of twice the weight.
        for _ in 0..<30 {
            if let target = pick() { balancer.begin(target) }
        }
        #expect(balancer.activeCount(0) == 10)
        #expect(balancer.activeCount(1) == 20)
        // A slow target gets no more.
        for _ in 0..<20 { balancer.end(1) }
        for _ in 0..<10 { #expect(pick() == 1) }
    }

    @Test("no targets, or drained ones only")
    func nobody() {
        for policy in [BalancingPolicy.roundRobin, .leastRequests, .consistentHash] {
            for weights in [[], [0], [0, 0]] {
                var balancer = Self.balancer(policy, weights, seed: 5)
                #expect(balancer.pick(hash: 1, excluding: TargetSet(), available: .all) == nil)
            }
        }
    }
}

@Suite("Consistent hashing")
struct ConsistentHashTests {
    static let hash = KeyedHash(first: 1, second: 2)
    static let keys: [UInt64] = (0..<4_000).map { hash.hash(IPAddress(ipv4: UInt32($0))) }

    private func assignment(_ balancer: inout Balancer, excluding: TargetSet = TargetSet()) -> [Int?] {
        Self.keys.map { balancer.pick(hash: $0, excluding: excluding, available: .all) }
    }

    @Test("a key stays with its target, whatever the turn")
    func stable() {
        var first = BalancerTests.balancer(.consistentHash, [1, 1, 1])
        var second = BalancerTests.balancer(.consistentHash, [1, 1, 1], seed: 99)
        let before = assignment(&first)
        #expect(assignment(&first) == before)
        #expect(assignment(&second) == before)
    }

    @Test(
        "the shares follow the weights",
        arguments: [[1, 1, 1, 1], [1, 2, 3], [100, 300], [65_535, 65_534], [1, 0, 1]])
    func shares(weights: [Int]) {
        var balancer = BalancerTests.balancer(.consistentHash, weights)
        let total = weights.reduce(0, +)
        let assigned = assignment(&balancer)
        for (index, weight) in weights.enumerated() {
            let expected = Double(weight) / Double(total)
            let actual = Double(assigned.count { $0 == index }) / Double(Self.keys.count)
            #expect(abs(actual - expected) <= 0.2 * expected)
        }
    }

    @Test("a target that can't be had moves its own keys only, and spreads them", arguments: [2, 3, 10, 50])
    func excluded(count: Int) {
        var balancer = BalancerTests.balancer(.consistentHash, Array(repeating: 1, count: count))
        let before = assignment(&balancer)
        for gone in [0, count / 2, count - 1] {
            let after = assignment(&balancer, excluding: BalancerTests.set([gone]))
            var heirs = Set<Int?>()
            for (old, new) in zip(before, after) {
                if old == gone { heirs.insert(new) } else { #expect(old == new) }
            }
            #expect(!heirs.contains(gone))
            #expect(heirs.count >= min(count - 1, 5))
        }
    }

    @Test("a new target takes keys, and no other key moves; order in the list doesn't matter")
    func added() {
        let eleven = (0..<11).map { BalancerTarget(weight: 1, identity: BalancerTests.identity($0)) }
        var smaller = Balancer(policy: .consistentHash, targets: Array(eleven.prefix(10)), seed: 0)
        var larger = Balancer(policy: .consistentHash, targets: eleven.reversed(), seed: 0)
        var moved = 0
        for key in Self.keys {
            let before = smaller.pick(hash: key, excluding: TargetSet(), available: .all)
            let after = larger.pick(hash: key, excluding: TargetSet(), available: .all).map { 10 - $0 }
            if before != after {
                moved += 1
                #expect(after == 10)
            }
        }
        #expect(moved > Self.keys.count / 22 && moved < Self.keys.count / 6)
    }

    @Test("the last target left is found among 256")
    func lastLeft() {
        var weights = Array(repeating: 1_000, count: 256)
        weights[77] = 1
        var balancer = BalancerTests.balancer(.consistentHash, weights)
        for key in Self.keys.prefix(200) {
            #expect(balancer.pick(hash: key, excluding: TargetSet(), available: BalancerTests.set([77])) == 77)
        }
    }
}

@Suite("Sets of targets")
struct TargetSetTests {
    @Test("behaves as a set")
    func model() {
        var random = RandomSource(seed: 8)
        var set = TargetSet()
        var other = TargetSet()
        var model = Set<Int>()
        var otherModel = Set<Int>()
        for _ in 0..<3_000 {
            let index = Int(random.next() % 256)
            switch random.next() % 4 {
            case 0: set.remove(index); model.remove(index)
            case 1: other.insert(index); otherModel.insert(index)
            default: set.insert(index); model.insert(index)
            }
            #expect(set.contains(index) == model.contains(index))
            #expect(set.count == model.count)
            #expect(set.intersection(other).count == model.intersection(otherModel).count)
            #expect(set.subtracting(other).count == model.subtracting(otherModel).count)
        }
        #expect(TargetSet(first: 70).count == 70)
        #expect(TargetSet.all.count == 256)
        #expect(TargetSet().isEmpty && !TargetSet(first: 1).isEmpty)
    }
}

@Suite("Keyed hash")
struct KeyedHashTests {
    @Test(
        "the vectors of its authors: key 00…0f, input 00, 01, 02, …",
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)])
    func vectors(count: Int, expected: UInt64) {
        let bytes = (0..<count).map { UInt8($0) }
        let hash = KeyedHash(first: 0x0706_0504_0302_0100, second: 0x0f0e_0d0c_0b0a_0908)
        #expect(bytes.withUnsafeBytes { hash.hash(ByteView($0)) } == expected)
    }

    @Test("an address and its mapped form have one hash")
    func addresses() throws {
        let hash = KeyedHash(first: 1, second: 2)
        let plain = try #require(IPAddress(text: "10.0.0.1"))
        let mapped = try #require(IPAddress(text: "::ffff:10.0.0.1"))
        #expect(hash.hash(plain) == hash.hash(mapped))
        #expect(hash.hash(plain) != hash.hash(try #require(IPAddress(text: "::a00:1"))))
    }
}
