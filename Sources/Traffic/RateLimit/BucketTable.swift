import Base
import Synchronization

/// The buckets of one limit, one for each key, shared by all loops without a lock.
///
/// ```
/// set ├ key ├ key ├ … 8 ├ fullAt ├ fullAt ├ … 8 ┤     two cache lines; a key's hash names its set
/// ```
/// A key takes the place in its set whose bucket is the fullest: an unused one, as long as there is one, then one that is
/// full again, which has nothing to remember. When all eight are in use, the newcomer takes over the fullest **as it
/// stands**. So nobody gets rid of a limit by crowding the table with other keys: a key that lost its place comes back
/// with at least what it owed. When more keys are in use than have a place, some are limited sooner; none later.
///
/// A place is taken by one exchange of its key and charged by one exchange of its time. Who loses its place between
/// the two charges again elsewhere, so that no request goes uncounted; at worst another's bucket is charged for it, too.
package final class BucketTable: @unchecked Sendable {
    // Sendable: every word is atomic.

    package let law: TokenBucketLaw
    /// The number of keys that it was made for.
    package let capacity: Int
    private let words: UnsafeMutablePointer<Atomic<Int64>>
    private let setCount: Int
    /// When ticks began.
    private let start: MonotonicTime

    private static let places = 8
    /// Places for each key that the table was made for: then fewer than 1 set in 200 has more keys than places.
    private static let placesPerKey = 2.5

    package static let capacityMaximum = 10_000_000

    /// - Parameters:
    ///   - capacity: how many keys in use at a time have a bucket of their own.
    ///   - start: no later than the first `take`.
    package init(law: TokenBucketLaw, capacity: Int, start: MonotonicTime) {
        self.law = law
        self.capacity = min(max(capacity, 1), Self.capacityMaximum)
        self.start = start
        let wanted = Int((Double(self.capacity) * Self.placesPerKey / Double(Self.places)).rounded(.up))
        var setCount = 1
        while setCount < wanted { setCount *= 2 }
        self.setCount = self.capacity == 1 ? 1 : setCount
        let count = self.setCount * Self.places * 2
        // Aligned to a cache line, so that a set is two lines and not three.
        words = UnsafeMutableRawPointer.allocate(byteCount: count * 8, alignment: 64)
            .bindMemory(to: Atomic<Int64>.self, capacity: count)
        for index in 0..<count { (words + index).initialize(to: Atomic(0)) }
    }

    deinit { words.deallocate() }

    /// Memory, in bytes.
    package var byteCount: Int { setCount * Self.places * 16 }

    /// Takes `cost` tokens from the key's bucket if they are there.
    /// - Parameter key: a keyed hash of what the limit is counted by, so that nobody can aim at another's bucket.
    package func take(_ cost: Int, key: UInt64, now: MonotonicTime) -> BucketStanding {
        let ticks = ticks(now)
        let mark = Self.mark(key)
        let set = set(of: key)
        while true {
            let place = place(of: mark, in: set)
            let time = times(set) + place
            let fullAt = time.pointee.load(ordering: .relaxed)
            guard let next = law.taking(cost, from: fullAt, now: ticks) else {
                // What was read may have been a newcomer's.
                if isHeld(place, by: mark, in: set) {
                    return law.standing(fullAt, now: ticks, cost: cost, isAllowed: false)
                }
                continue
            }
            let isCharged = time.pointee.compareExchange(
                expected: fullAt, desired: next, ordering: .acquiringAndReleasing
            ).exchanged
            if isCharged, isHeld(place, by: mark, in: set) {
                return law.standing(next, now: ticks, cost: cost, isAllowed: true)
            }
        }
    }

    /// Gives back what a request took that another limit refused.
    package func giveBack(_ cost: Int, key: UInt64) {
        let set = set(of: key)
        let mark = Self.mark(key)
        for place in 0..<Self.places where isHeld(place, by: mark, in: set) {
            _ = times(set)[place].wrappingSubtract(
                law.interval * Int64(min(max(cost, 0), law.burst)), ordering: .relaxed)
            return
        }
    }

    /// The bucket of a key without touching it; nil when it has none, and so is full.
    package func standing(of key: UInt64, now: MonotonicTime) -> BucketStanding? {
        let set = set(of: key)
        let mark = Self.mark(key)
        for place in 0..<Self.places where isHeld(place, by: mark, in: set) {
            let fullAt = times(set)[place].load(ordering: .relaxed)
            return law.standing(fullAt, now: ticks(now), cost: 0, isAllowed: true)
        }
        return nil
    }

    /// How many buckets are not full. Walks the whole table: for introspection.
    package func inUse(now: MonotonicTime) -> Int {
        let ticks = ticks(now)
        var count = 0
        for set in 0..<setCount {
            let times = times(words + set * Self.places * 2)
            for place in 0..<Self.places where times[place].load(ordering: .relaxed) > ticks { count += 1 }
        }
        return count
    }

    /// A table by another law (or of another size) in which every bucket is as full, in proportion, as it is here.
    /// Requests that charge this table meanwhile may be missing in the other.
    package func converted(to law: TokenBucketLaw, capacity: Int, now: MonotonicTime) -> BucketTable {
        let other = BucketTable(law: law, capacity: capacity, start: start)
        let ticks = ticks(now)
        for set in 0..<setCount {
            let set = words + set * Self.places * 2
            for place in 0..<Self.places {
                let missing = times(set)[place].load(ordering: .relaxed) - ticks
                guard missing > 0 else { continue }
                let share = Double(missing) / Double(self.law.fillTime)
                let key = UInt64(bitPattern: set[place].load(ordering: .relaxed))
                other.restore(key, fullAt: ticks + Int64((share * Double(law.fillTime)).rounded(.up)))
            }
        }
        return other
    }

    /// Nobody else uses the table yet.
    private func restore(_ key: UInt64, fullAt: Int64) {
        let set = set(of: key)
        let place = place(of: Self.mark(key), in: set)
        let time = times(set) + place
        time.pointee.store(max(time.pointee.load(ordering: .relaxed), fullAt), ordering: .relaxed)
    }

    // MARK: Places

    /// Zero stands for an unused place.
    private static func mark(_ key: UInt64) -> Int64 { Int64(bitPattern: key == 0 ? 1 : key) }

    private func ticks(_ now: MonotonicTime) -> Int64 {
        max((now - start).nanoseconds, 0) &* TokenBucketLaw.ticksPerNanosecond
    }

    private func set(of key: UInt64) -> UnsafeMutablePointer<Atomic<Int64>> {
        words + (Int(truncatingIfNeeded: key >> 20) & (setCount - 1)) * Self.places * 2
    }

    private func times(_ set: UnsafeMutablePointer<Atomic<Int64>>) -> UnsafeMutablePointer<Atomic<Int64>> {
        set + Self.places
    }

    private func isHeld(_ place: Int, by mark: Int64, in set: UnsafeMutablePointer<Atomic<Int64>>) -> Bool {
        set[place].load(ordering: .acquiring) == mark
    }

    /// The key's place, taken if it had none.
    private func place(of mark: Int64, in set: UnsafeMutablePointer<Atomic<Int64>>) -> Int {
        while true {
            var fullest = 0
            var fullestTime = Int64.max
            var holder: Int64 = 0
            var place = 0
            while place < Self.places {
                let found = set[place].load(ordering: .acquiring)
                if found == mark { return place }
                let time = times(set)[place].load(ordering: .relaxed)
                if time < fullestTime {
                    fullest = place
                    fullestTime = time
                    holder = found
                }
                place += 1
            }
            if claim(fullest, of: holder, for: mark, in: set) { return fullest }
        }
    }

    /// Takes a place over, unless two do that for one key at once: then whoever sees the other lets go, so that a key
    /// never has two buckets that are charged.
    private func claim(
        _ place: Int, of holder: Int64, for mark: Int64, in set: UnsafeMutablePointer<Atomic<Int64>>
    ) -> Bool {
        // Sequentially consistent: of two who do this, at least one must see the other's mark.
        guard set[place].compareExchange(expected: holder, desired: mark, ordering: .sequentiallyConsistent).exchanged
        else { return false }
        for other in 0..<Self.places where other != place {
            guard set[other].load(ordering: .sequentiallyConsistent) == mark else { continue }
            // The time stays: what the former holder owed is what the next one finds.
            _ = set[place].compareExchange(expected: mark, desired: 0, ordering: .sequentiallyConsistent)
            return false
        }
        return true
    }
}
