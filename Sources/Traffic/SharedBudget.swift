import Synchronization

/// How many of a kind all loops together may have at a time, such as connections to an upstream, or targets that are out
/// by their breakers. Asked when one comes or goes, not for every request, so a shared counter is cheap enough.
package final class SharedBudget: Sendable {
    private let used = Atomic<Int>(0)
    private let limit: Atomic<Int>

    package init(limit: Int) { self.limit = Atomic(limit) }

    /// A reload may change it; those beyond it end by themselves.
    package func setLimit(_ limit: Int) { self.limit.store(limit, ordering: .relaxed) }

    /// - Returns: whether one more is allowed; it is counted then.
    package func take() -> Bool {
        let before = used.wrappingAdd(1, ordering: .relaxed).oldValue
        if before < limit.load(ordering: .relaxed) { return true }
        giveBack()
        return false
    }

    package func giveBack() { used.wrappingSubtract(1, ordering: .relaxed) }

    /// Those that there are.
    package var count: Int { used.load(ordering: .relaxed) }
    package var limitNow: Int { limit.load(ordering: .relaxed) }
}
