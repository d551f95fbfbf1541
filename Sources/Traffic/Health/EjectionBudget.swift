import Synchronization

/// How many targets of an upstream may be out at once by their breakers, so that a failure that all of them share
/// doesn't leave nobody.
package final class EjectionBudget: Sendable {
    private let used = Atomic<Int>(0)
    private let limit = Atomic<Int>(0)

    package init(limit: Int) { setLimit(limit) }

    /// A reload may change it; targets that are out stay so.
    package func setLimit(_ limit: Int) { self.limit.store(max(limit, 0), ordering: .relaxed) }

    /// - Returns: whether one more may be out; it is counted then.
    package func take() -> Bool {
        let before = used.wrappingAdd(1, ordering: .relaxed).oldValue
        if before < limit.load(ordering: .relaxed) { return true }
        giveBack()
        return false
    }

    package func giveBack() { used.wrappingSubtract(1, ordering: .relaxed) }

    /// Targets that are out.
    package var count: Int { used.load(ordering: .relaxed) }
    package var limitNow: Int { limit.load(ordering: .relaxed) }
}
