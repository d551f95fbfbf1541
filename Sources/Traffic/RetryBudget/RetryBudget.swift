import Base
import Synchronization

/// How many retries an upstream is asked to bear.
///
/// A retry is granted when the present second has seen fewer than `perSecondMinimum`, or the last ten seconds fewer
/// than the ratio allows. So over any time there are at most ratio × requests + minimum × seconds, and an upstream that
/// fails altogether is asked only a little more often than one that doesn't.
package struct RetryBudgetLaw: Sendable, Equatable {
    /// Retries for each thousand requests, 0 to 1,000.
    package var perThousand: Int
    /// Retries that each second grants, however few requests there are.
    package var perSecondMinimum: Int

    package init(perThousand: Int, perSecondMinimum: Int) {
        self.perThousand = min(max(perThousand, 0), 1_000)
        self.perSecondMinimum = max(perSecondMinimum, 0)
    }

    /// - Parameters:
    ///   - window: the last ten seconds, the present one included.
    ///   - second: the present second.
    func allows(window: RetryCounts, second: RetryCounts) -> Bool {
        second.retries < perSecondMinimum || (window.retries + 1) * 1_000 <= window.requests * perThousand
    }
}

/// Requests and retries of some time.
package struct RetryCounts: Sendable, Equatable {
    package var requests = 0
    package var retries = 0

    package init(requests: Int = 0, retries: Int = 0) {
        self.requests = requests
        self.retries = retries
    }
}

/// One upstream's budget, shared by all loops without a lock, and kept over reloads. A request costs one exchange of
/// one word; only routes that retry are counted.
package final class RetryBudget: @unchecked Sendable {
    // Sendable: every word is atomic.

    /// By seconds; retries are the marked ones, which a request is not.
    private let counter = SlottedCounter()
    private let perThousand: Atomic<Int>
    private let perSecondMinimum: Atomic<Int>
    private let grantedTotal = Atomic<UInt64>(0)
    private let refusedTotal = Atomic<UInt64>(0)

    package init(_ law: RetryBudgetLaw) {
        perThousand = Atomic(law.perThousand)
        perSecondMinimum = Atomic(law.perSecondMinimum)
    }

    /// A reload may change the law; what was counted stays.
    package func setLaw(_ law: RetryBudgetLaw) {
        perThousand.store(law.perThousand, ordering: .relaxed)
        perSecondMinimum.store(law.perSecondMinimum, ordering: .relaxed)
    }

    package var law: RetryBudgetLaw {
        RetryBudgetLaw(
            perThousand: perThousand.load(ordering: .relaxed),
            perSecondMinimum: perSecondMinimum.load(ordering: .relaxed))
    }

    /// Retries granted since the start.
    package var granted: UInt64 { grantedTotal.load(ordering: .relaxed) }
    /// Retries that would have been made, had there been budget left.
    package var refused: UInt64 { refusedTotal.load(ordering: .relaxed) }

    /// Counts a request, at its first attempt.
    package func countRequest(now: MonotonicTime) {
        _ = counter.update(Self.number(now)) { counts in
            counts.total += 1
            return true
        }
    }

    /// - Returns: whether one more retry may be made; it is counted then.
    package func take(now: MonotonicTime) -> Bool {
        let number = Self.number(now)
        let law = law
        let isGranted = counter.update(number) { second in
            let window = counter.earlier(than: number) + second
            guard law.allows(window: RetryCounts(window), second: RetryCounts(second)) else { return false }
            second.marked += 1
            return true
        }
        if isGranted {
            grantedTotal.wrappingAdd(1, ordering: .relaxed)
        } else {
            refusedTotal.wrappingAdd(1, ordering: .relaxed)
        }
        return isGranted
    }

    /// What the last ten seconds have seen, for introspection.
    package func window(now: MonotonicTime) -> RetryCounts { RetryCounts(counter.window(at: Self.number(now))) }

    private static func number(_ now: MonotonicTime) -> UInt64 {
        UInt64(max(now.nanoseconds, 0)) / 1_000_000_000 &+ SlottedCounter.firstNumber
    }
}

extension RetryCounts {
    fileprivate init(_ counts: SlottedCounter.Counts) { self.init(requests: counts.total, retries: counts.marked) }
}
