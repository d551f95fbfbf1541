import Synchronization

/// A count that threads share and that stays within a limit: who finds no room leaves no trace. Adding first and taking
/// back what was too much would refuse others, for that moment, although there is room for them.
///
/// Sequentially consistent, as whoever counts in two of these may depend on their order (`ConcurrencyLimit`).
package struct BoundedCount: ~Copyable, Sendable {
    private let count = Atomic<Int>(0)

    package init() {}

    package var value: Int { count.load(ordering: .sequentiallyConsistent) }

    /// - Returns: whether one more is allowed; it is counted then.
    package borrowing func take(below limit: Int) -> Bool {
        var found = count.load(ordering: .sequentiallyConsistent)
        while found < limit {
            let (exchanged, now) = count.compareExchange(
                expected: found, desired: found + 1, ordering: .sequentiallyConsistent)
            if exchanged { return true }
            found = now
        }
        return false
    }

    package borrowing func giveBack() {
        let before = count.wrappingSubtract(1, ordering: .sequentiallyConsistent).oldValue
        assert(before > 0, "what was taken is given back once")
    }
}
