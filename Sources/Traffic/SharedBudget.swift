import Synchronization

/// How many of a kind all loops together may have at a time, such as connections to an upstream, or targets that are
/// out by their breakers. Asked when one comes or goes, not for every request, so a shared counter is cheap enough.
package final class SharedBudget: Sendable {
    private let used = BoundedCount()
    private let limit: Atomic<Int>
    private let starved = Atomic<Bool>(false)

    package init(limit: Int) { self.limit = Atomic(limit) }

    /// A reload may change it; those beyond it stay until whoever has taken them gives them back.
    package func setLimit(_ limit: Int) { self.limit.store(limit, ordering: .relaxed) }

    /// - Returns: whether one more is allowed; it is counted then.
    package func take() -> Bool { used.take(below: limitNow) }

    package func giveBack() { used.giveBack() }

    /// Whether one more would be allowed now; somebody else may take it.
    package var hasRoom: Bool { count < limitNow }

    /// Somebody has looked in vain for room, and for idle ones that could give way.
    package func noteStarvation() { starved.store(true, ordering: .relaxed) }

    /// Whether nothing was given back since `noteStarvation`.
    package var isStarved: Bool { starved.load(ordering: .relaxed) }

    /// Whether one that would become idle is to end, for whoever lacks it. Says so once.
    package func wantsBack() -> Bool { isStarved && starved.exchange(false, ordering: .relaxed) }

    /// Those that there are.
    package var count: Int { used.value }
    package var limitNow: Int { limit.load(ordering: .relaxed) }
}
