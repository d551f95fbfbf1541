import Synchronization

/// A count that goes up when something has changed of what loops keep a copy of: reading it is all that a request pays.
package final class ChangeSignal: Sendable {
    private let count = Atomic<UInt64>(1)

    package init() {}

    /// What there is has been looked at when this is what it was then. Never 0.
    package var version: UInt64 { count.load(ordering: .acquiring) }

    package func raise() { count.wrappingAdd(1, ordering: .releasing) }
}
