import Upstream

/// The rings of all upstreams that use consistent hashing. Made on the control thread, before any loop is asked to do
/// anything, and kept over reloads as long as targets and weights are the same.
package struct HashRings {
    private let earlier: [String: Entry]
    private var entries: [String: Entry] = [:]

    private struct Entry {
        let targets: [BalancerTarget]
        let ring: HashRing
    }

    /// - Parameter previous: those that are in use.
    package init(after previous: HashRings? = nil) { earlier = previous?.entries ?? [:] }

    /// The ring of an upstream, `domain/name`.
    package mutating func ring(of targets: [BalancerTarget], for upstream: String) -> HashRing {
        if let entry = earlier[upstream], entry.targets == targets {
            entries[upstream] = entry
            return entry.ring
        }
        let ring = HashRing(targets)
        entries[upstream] = Entry(targets: targets, ring: ring)
        return ring
    }
}
