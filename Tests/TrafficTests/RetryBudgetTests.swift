import Base
import Dispatch
import Testing
import Traffic

@Suite("Retry budget")
struct RetryBudgetTests {
    static func at(_ milliseconds: Int64) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    /// (requests, permille, minimum, retries granted within one second)
    static let cases: [(Int, Int, Int, Int)] = [
        (0, 200, 0, 0), (0, 200, 3, 3), (4, 200, 0, 0), (5, 200, 0, 1), (100, 200, 0, 20), (100, 200, 10, 20),
        (100, 200, 30, 30), (100, 0, 0, 0), (100, 1_000, 0, 100), (1_000, 1, 0, 1),
    ]

    @Test("retries are granted up to the ratio or the minimum, whichever is more", arguments: cases.indices)
    func grants(index: Int) {
        let (requests, perThousand, minimum, expected) = Self.cases[index]
        let budget = RetryBudget(RetryBudgetLaw(perThousand: perThousand, perSecondMinimum: minimum))
        for _ in 0..<requests { budget.countRequest(now: Self.at(500)) }
        var granted = 0
        for _ in 0..<requests + 100 where budget.take(now: Self.at(500)) { granted += 1 }
        #expect(granted == expected)
        #expect(budget.granted == UInt64(expected))
        #expect(budget.refused == UInt64(requests + 100 - expected))
    }

    @Test("the minimum comes anew each second, the ratio's share with requests of ten seconds")
    func time() {
        let budget = RetryBudget(RetryBudgetLaw(perThousand: 100, perSecondMinimum: 2))
        for _ in 0..<100 { budget.countRequest(now: Self.at(0)) }
        var granted: [Int] = []
        for second in 0..<12 {
            var count = 0
            for _ in 0..<50 where budget.take(now: Self.at(Int64(second) * 1_000)) { count += 1 }
            granted.append(count)
        }
        #expect(granted == [10, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    }

    @Test("what is older than ten seconds counts no more, and a second of long ago isn't taken for this one")
    func window() {
        let budget = RetryBudget(RetryBudgetLaw(perThousand: 1_000, perSecondMinimum: 0))
        for _ in 0..<7 { budget.countRequest(now: Self.at(0)) }
        #expect(budget.window(now: Self.at(9_999)) == RetryCounts(requests: 7))
        #expect(budget.window(now: Self.at(10_000)) == RetryCounts())
        #expect(!budget.take(now: Self.at(10_000)))
        budget.countRequest(now: Self.at(20_000))
        #expect(budget.window(now: Self.at(20_000)) == RetryCounts(requests: 1))
    }

    @Test("another law holds for what was counted before")
    func law() {
        let budget = RetryBudget(RetryBudgetLaw(perThousand: 0, perSecondMinimum: 0))
        for _ in 0..<10 { budget.countRequest(now: Self.at(0)) }
        #expect(!budget.take(now: Self.at(0)))
        budget.setLaw(RetryBudgetLaw(perThousand: 500, perSecondMinimum: 0))
        #expect((0..<10).filter { _ in budget.take(now: Self.at(0)) }.count == 5)
    }

    @Test("many loops at once get no more than one would", .timeLimit(.minutes(1)))
    func contention() {
        let budget = RetryBudget(RetryBudgetLaw(perThousand: 200, perSecondMinimum: 7))
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<5_000 { budget.countRequest(now: Self.at(100)) }
        }
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<5_000 { _ = budget.take(now: Self.at(100)) }
        }
        #expect(budget.window(now: Self.at(100)) == RetryCounts(requests: 20_000, retries: 4_000))
    }
}
