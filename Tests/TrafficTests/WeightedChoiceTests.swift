import Base
import Testing
import Traffic

@Suite("Weighted choice")
struct WeightedChoiceTests {
    static func choice(_ weights: [String: Int], order: [String]) -> WeightedChoice {
        WeightedChoice(order.map { name in WeightedChoice.Side(identity: identity(name), weight: weights[name] ?? 0) })
    }

    static func identity(_ name: String) -> UInt64 {
        name.withByteView { KeyedHash(first: 1, second: 2).hash($0) }
    }

    static let callers: [UInt64] = {
        var random = RandomSource(seed: 7)
        return (0..<100_000).map { _ in random.next() }
    }()

    static func sides(_ weights: [String: Int], order: [String]) -> [String] {
        let choice = choice(weights, order: order)
        return callers.map { order[choice.side(for: $0)] }
    }

    @Test(
        "each side gets its share",
        arguments: [
            ["a": 95, "b": 5], ["a": 1, "b": 1], ["a": 999, "b": 1], ["a": 5, "b": 3, "c": 2], ["a": 0, "b": 1],
        ])
    func shares(weights: [String: Int]) {
        let order = weights.keys.sorted()
        let sides = Self.sides(weights, order: order)
        let total = weights.values.reduce(0, +)
        for name in order {
            let expected = Double(weights[name] ?? 0) / Double(total)
            let share = Double(sides.count { $0 == name }) / Double(sides.count)
            // Five standard deviations of a binomial share.
            let margin = 5 * (expected * (1 - expected) / Double(sides.count)).squareRoot()
            #expect(abs(share - expected) <= margin, "\(name): \(share)")
        }
    }

    @Test("a caller stays where it is, whatever the order")
    func order() {
        let weights = ["a": 5, "b": 3, "c": 2]
        #expect(Self.sides(weights, order: ["a", "b", "c"]) == Self.sides(weights, order: ["c", "a", "b"]))
    }

    @Test("of a side whose weight grows nobody leaves, and between the others nobody moves")
    func growth() {
        let order = ["a", "b", "c"]
        let before = Self.sides(["a": 90, "b": 5, "c": 5], order: order)
        let after = Self.sides(["a": 90, "b": 25, "c": 5], order: order)
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0.1 == "b" })
        // From 5 of 100 to 25 of 120: no more than the difference has moved.
        let share = Double(moved.count) / Double(before.count)
        #expect(abs(share - (25.0 / 120 - 0.05)) < 0.005, "\(share)")
    }

    @Test("from 95:5 to 90:10 five of a hundred callers move")
    func canary() {
        let before = Self.sides(["a": 95, "b": 5], order: ["a", "b"])
        let after = Self.sides(["a": 90, "b": 10], order: ["a", "b"])
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0 == ("a", "b") })
        #expect(abs(Double(moved.count) / Double(before.count) - 0.05) < 0.005)
    }

    @Test("every process chooses alike: these are on record")
    func record() {
        let choice = Self.choice(["a": 3, "b": 2, "c": 1], order: ["a", "b", "c"])
        let sides = (0..<24).map { choice.side(for: UInt64($0) &* 0x9e37_79b9_7f4a_7c15) }
        #expect(sides == Self.recorded, "\(sides)")
    }

    static let recorded = [0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 2, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1, 2, 0]
}
