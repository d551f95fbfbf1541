/// Consistent hashing (Karger and others, 1997): every target has points on a circle in proportion to its weight, and a
/// key belongs to the next point. A target that comes or goes, or can't be had, moves only the keys that are its own.
///
/// Immutable: making one takes milliseconds, so all loops share it, and reloads that leave the targets as they are.
package final class HashRing: @unchecked Sendable {
    // Sendable because nothing changes between init and deinit.

    /// Points of a target of the smallest weight, when there is room: about 6 % deviation from the fair share.
    private static let pointsPerShare = 256
    /// Points in all, unless rounding up takes a few more.
    private static let pointLimit = 65_536
    /// For looking up; valid as long as the ring. Plain pointers, so that loops don't count the ring's references.
    let points: Points

    /// - Parameter targets: those without a weight have no points.
    package init(_ targets: [BalancerTarget]) {
        let weights = targets.map(\.weight)
        let divisor = max(1, weights.reduce(0, Self.greatestCommonDivisor))
        let shares = weights.reduce(0) { $0 + $1 / divisor }
        let perShare = min(Self.pointsPerShare, Self.pointLimit / max(1, shares))
        var points: [(position: UInt64, owner: UInt8)] = []
        for (index, target) in targets.enumerated() where target.weight > 0 {
            let share = target.weight / divisor
            let count = perShare > 0 ? share * perShare : max(1, share * Self.pointLimit / shares)
            var position = Self.mix(target.identity)
            for _ in 0..<count {
                position = Self.mix(position &+ 0x9e37_79b9_7f4a_7c15)
                points.append((position, UInt8(truncatingIfNeeded: index)))
            }
        }
        points.sort { ($0.position, $0.owner) < ($1.position, $1.owner) }
        let positions = UnsafeMutablePointer<UInt64>.allocate(capacity: max(points.count, 1))
        let owners = UnsafeMutablePointer<UInt8>.allocate(capacity: max(points.count, 1))
        for (index, point) in points.enumerated() {
            (positions + index).initialize(to: point.position)
            (owners + index).initialize(to: point.owner)
        }
        self.points = Points(positions: positions, owners: owners, count: points.count)
    }

    deinit {
        points.positions.deallocate()
        points.owners.deallocate()
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        var (a, b) = (left, right)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }

    /// A bijection that spreads every bit over all (the finisher of SplitMix64).
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// The ring's points, as long as it lives.
    struct Points {
        /// Ascending.
        fileprivate let positions: UnsafeMutablePointer<UInt64>
        fileprivate let owners: UnsafeMutablePointer<UInt8>
        fileprivate let count: Int

        /// How far a look-up walks past targets that can't be had.
        private static let walkLimit = 256

        /// The owner of the first point at or after `hash` that is in `eligible`. Nil when it isn't found within the
        /// limit.
        func target(for hash: UInt64, among eligible: TargetSet) -> Int? {
            guard count > 0 else { return nil }
            var low = 0
            var high = count
            while low < high {
                let middle = (low + high) / 2
                if positions[middle] < hash { low = middle + 1 } else { high = middle }
            }
            var index = low
            var steps = min(Self.walkLimit, count)
            while steps > 0 {
                if index == count { index = 0 }
                let owner = Int(owners[index])
                if eligible.contains(owner) { return owner }
                index += 1
                steps -= 1
            }
            return nil
        }
    }
}
