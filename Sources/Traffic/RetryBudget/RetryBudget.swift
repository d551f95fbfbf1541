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

    /// What the ratio is reckoned over.
    package static let windowSeconds = 10

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
///
/// A word for each of ten seconds: the second's number (20 bits), its requests (22) and its retries (22). Whoever comes
/// first in a second begins its word anew. A count stops at four million.
package final class RetryBudget: @unchecked Sendable {
    // Sendable: every word is atomic.

    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let perThousand: Atomic<Int>
    private let perSecondMinimum: Atomic<Int>
    private let grantedTotal = Atomic<UInt64>(0)
    private let refusedTotal = Atomic<UInt64>(0)

    private static let slotCount = RetryBudgetLaw.windowSeconds
    private static let countBits: UInt64 = 22
    private static let countMaximum: UInt64 = 1 << countBits - 1
    private static let numberMask: UInt64 = 1 << 20 - 1

    package init(_ law: RetryBudgetLaw) {
        perThousand = Atomic(law.perThousand)
        perSecondMinimum = Atomic(law.perSecondMinimum)
        words = .allocate(capacity: Self.slotCount)
        for index in 0..<Self.slotCount { (words + index).initialize(to: Atomic(0)) }
    }

    deinit { words.deallocate() }

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
        let number = Self.number(now)
        let slot = words + Int(number % UInt64(Self.slotCount))
        var word = slot.pointee.load(ordering: .relaxed)
        while true {
            let counts = Self.counts(word, at: number)
            let next = Self.word(number, requests: counts.requests + 1, retries: counts.retries)
            let (exchanged, found) = slot.pointee.compareExchange(expected: word, desired: next, ordering: .relaxed)
            if exchanged { return }
            word = found
        }
    }

    /// - Returns: whether one more retry may be made; it is counted then.
    package func take(now: MonotonicTime) -> Bool {
        let number = Self.number(now)
        let slot = words + Int(number % UInt64(Self.slotCount))
        var word = slot.pointee.load(ordering: .relaxed)
        while true {
            let second = Self.counts(word, at: number)
            var window = earlier(than: number)
            window.requests += second.requests
            window.retries += second.retries
            guard law.allows(window: window, second: second) else {
                refusedTotal.wrappingAdd(1, ordering: .relaxed)
                return false
            }
            let next = Self.word(number, requests: second.requests, retries: second.retries + 1)
            let (exchanged, found) = slot.pointee.compareExchange(expected: word, desired: next, ordering: .relaxed)
            if exchanged {
                grantedTotal.wrappingAdd(1, ordering: .relaxed)
                return true
            }
            word = found
        }
    }

    /// What the last ten seconds have seen, for introspection.
    package func window(now: MonotonicTime) -> RetryCounts {
        let number = Self.number(now)
        var sum = earlier(than: number)
        let slot = words + Int(number % UInt64(Self.slotCount))
        let second = Self.counts(slot.pointee.load(ordering: .relaxed), at: number)
        sum.requests += second.requests
        sum.retries += second.retries
        return sum
    }

    /// The nine seconds before.
    private func earlier(than number: UInt64) -> RetryCounts {
        var sum = RetryCounts()
        var back: UInt64 = 1
        while back < UInt64(Self.slotCount) {
            let before = number &- back
            let counts = Self.counts(
                words[Int(before % UInt64(Self.slotCount))].load(ordering: .relaxed), at: before)
            sum.requests += counts.requests
            sum.retries += counts.retries
            back += 1
        }
        return sum
    }

    /// Well above zero, so that there are seconds before it, and a word that was never written is of none of them.
    private static func number(_ now: MonotonicTime) -> UInt64 {
        UInt64(max(now.nanoseconds, 0)) / 1_000_000_000 &+ 100
    }

    /// What a word says of the second of this number.
    private static func counts(_ word: UInt64, at number: UInt64) -> RetryCounts {
        guard word >> (2 * countBits) == number & numberMask else { return RetryCounts() }
        return RetryCounts(
            requests: Int(word >> countBits & countMaximum), retries: Int(word & countMaximum))
    }

    private static func word(_ number: UInt64, requests: Int, retries: Int) -> UInt64 {
        (number & numberMask) << (2 * countBits) | min(UInt64(requests), countMaximum) << countBits
            | min(UInt64(retries), countMaximum)
    }
}
