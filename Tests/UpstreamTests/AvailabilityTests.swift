import Base
import Testing
import Upstream

@Suite("Availability")
struct AvailabilityTests {
    static func set(_ indices: [Int]) -> TargetSet { indices.reduce(into: TargetSet()) { $0.insert($1) } }

    struct Case: Sendable, CustomTestStringConvertible {
        let healthy: [Int]
        let levels: [[Int]]
        let panic: Int
        let chosen: [Int]
        let reserve: [Int]
        let isPanic: Bool
        var testDescription: String { "healthy \(healthy) of \(levels), panic \(panic)%" }

        init(_ healthy: [Int], _ levels: [[Int]], _ panic: Int, _ chosen: [Int], _ reserve: [Int], _ isPanic: Bool) {
            self.healthy = healthy
            self.levels = levels
            self.panic = panic
            self.chosen = chosen
            self.reserve = reserve
            self.isPanic = isPanic
        }
    }

    @Test(
        "requests go to the healthy targets of the first level that has enough of them",
        arguments: [
            Case([0, 1, 2], [[0, 1, 2]], 0, [0, 1, 2], [0, 1, 2], false),
            Case([1], [[0, 1, 2]], 0, [1], [1], false),
            Case([], [[0, 1, 2]], 0, [], [], false),
            // Backups wait until nobody of the first level is left.
            Case([0, 2, 3], [[0, 1], [2, 3]], 0, [0], [0, 2, 3], false),
            Case([2, 3], [[0, 1], [2, 3]], 0, [2, 3], [2, 3], false),
            // Below the threshold the next level takes over; without one, everybody is used.
            Case([0, 2, 3], [[0, 1], [2, 3]], 51, [2, 3], [0, 2, 3], false),
            Case([0], [[0, 1, 2, 3]], 25, [0], [0], false),
            Case([0], [[0, 1, 2, 3]], 26, [0, 1, 2, 3], [0, 1, 2, 3], true),
            Case([], [[0, 1], [2, 3]], 50, [0, 1], [0, 1], true),
            Case([3], [[0, 1], [2, 3]], 60, [2, 3], [2, 3], true),
            Case([], [], 50, [], [], true),
        ])
    func levels(entry: Case) {
        let found = Availability(
            healthy: Self.set(entry.healthy), levels: entry.levels.map(Self.set), panicPercent: entry.panic)
        #expect(found.chosen == Self.set(entry.chosen))
        #expect(found.reserve == Self.set(entry.reserve))
        #expect(found.isPanic == entry.isPanic)
    }

    @Test("a share grows from a tenth to the whole in steps, and the next step is when it changes")
    func slowStart() {
        let duration: Int64 = 20_000
        #expect(SlowStart.weight(10, elapsed: 0, duration: duration) == 60)
        #expect(SlowStart.weight(10, elapsed: 10_000, duration: duration) == 300)
        #expect(SlowStart.weight(10, elapsed: 20_000, duration: duration) == 600)
        #expect(SlowStart.weight(1, elapsed: .max, duration: duration) == 60)
        #expect(SlowStart.weight(1_000, elapsed: .max, duration: duration) == 60_000)
        #expect(SlowStart.weight(.max, elapsed: .max, duration: 0) <= BalancerTarget.weightLimit)
        #expect(SlowStart.weight(1, elapsed: -5, duration: duration) == 6)
        #expect(SlowStart.nextStep(elapsed: duration, duration: duration) == nil)
        #expect(SlowStart.nextStep(elapsed: 0, duration: 0) == nil)
        var elapsed: Int64 = 0
        var steps = 0
        while let next = SlowStart.nextStep(elapsed: elapsed, duration: duration) {
            #expect(next > elapsed && next <= duration)
            let before = SlowStart.weight(7, elapsed: elapsed, duration: duration)
            #expect(SlowStart.weight(7, elapsed: next - 1, duration: duration) == before)
            #expect(SlowStart.weight(7, elapsed: next, duration: duration) >= before)
            elapsed = next
            steps += 1
        }
        #expect(steps == 20)
    }

    @Test("a weight for the time being changes shares, and goes back")
    func weights() {
        var balancer = Balancer(
            policy: .roundRobin, targets: (0..<2).map { BalancerTarget(weight: 60, identity: UInt64($0)) }, seed: 0)
        func picks(_ balancer: inout Balancer) -> Int {
            (0..<110).count { _ in balancer.pick(hash: nil, excluding: TargetSet(), available: .all) == 0 }
        }
        balancer.setWeight(6, of: 0)
        #expect(picks(&balancer) == 10)
        balancer.setWeight(60, of: 0)
        #expect(picks(&balancer) == 55)
    }
}
