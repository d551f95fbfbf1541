/// How many requests to one target are under way on one loop. It outlives balancers, as the requests do: those of a new
/// one go by it, and a request that an old one began ends in it.
package final class TargetLoad {
    /// In a place that doesn't move, so that balancers read it without counting references.
    let count: UnsafeMutablePointer<Int>

    package init() {
        count = .allocate(capacity: 1)
        count.initialize(to: 0)
    }

    deinit { count.deallocate() }
}
