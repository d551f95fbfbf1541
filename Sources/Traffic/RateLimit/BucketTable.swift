import Base
import Linux
import Synchronization

/// The buckets of one limit, one for each key, shared by all loops without a lock: owns what `Buckets` works on.
///
/// ```
/// successor, takeovers ┊ set ├ key ├ … 8 ├ fullAt ├ … 8 ┤ set …     a set is two cache lines; a key's hash names it
/// ```
/// A key takes the place in its set whose bucket is the fullest: an unused one, as long as there is one, then one that
/// is full again, which has nothing to remember. When all eight are in use, the newcomer takes over the fullest **as it
/// stands**. So nobody gets rid of a limit by crowding the table with other keys: a key that lost its place comes back
/// with at least what it owed. When more keys are in use than have a place, some are limited sooner; none later.
///
/// A place is taken by one exchange of its key and charged by one exchange of its time. Who loses its place between
/// the two charges again elsewhere, so that no request goes uncounted; at worst another's bucket is charged for it,
/// too.
package final class BucketTable: @unchecked Sendable {
    // Sendable: every word is atomic, and `next` is only set by the one thread that makes successors.

    /// What requests work on; valid as long as the table.
    package let buckets: Buckets
    /// The number of keys that it was made for.
    package let capacity: Int
    private let memory: UnsafeMutableRawPointer
    /// Kept alive for requests that still have this table.
    private var next: (table: BucketTable, place: UnsafeMutablePointer<Buckets>)?

    /// Places for each key that the table was made for: then fewer than 1 set in 100 has more keys than places.
    private static let placesPerKey = 2.5
    private static let lineBytes = 64

    package static let capacityMaximum = 10_000_000

    /// Nil when there isn't memory for it.
    /// - Parameters:
    ///   - capacity: how many keys in use at a time have a bucket of their own.
    ///   - start: no later than the first `take`.
    package init?(law: TokenBucketLaw, capacity: Int, start: MonotonicTime) {
        self.capacity = min(max(capacity, 1), Self.capacityMaximum)
        let wanted = Int((Double(self.capacity) * Self.placesPerKey / Double(Buckets.places)).rounded(.up))
        let setCount = self.capacity == 1 ? 1 : wanted
        let byteCount = Self.lineBytes + setCount * Buckets.setBytes
        // Zeros, untouched: a table of which little is used takes little memory.
        guard let memory = ZeroedMemory.allocate(byteCount: byteCount + Self.lineBytes) else { return nil }
        self.memory = memory
        // Aligned to a cache line, so that a set is two lines and not three.
        let words = memory.alignedUp(toMultipleOf: Self.lineBytes)
            .bindMemory(to: Atomic<Int64>.self, capacity: byteCount / 8)
        buckets = Buckets(law: law, words: words, setCount: setCount, start: start)
    }

    deinit {
        next?.place.deallocate()
        ZeroedMemory.free(memory)
    }

    package var law: TokenBucketLaw { buckets.law }

    /// Memory at most, in bytes.
    package var byteCount: Int { 2 * Self.lineBytes + buckets.setCount * Buckets.setBytes }

    /// Hands everything over to a table by another law (or of another size): every bucket becomes as full there, in
    /// proportion, as it is here, and whoever still charges this table charges the other. No request goes uncounted,
    /// and none finds a bucket fuller than it was: what a bucket owes is there before anybody is sent there.
    ///
    /// To be called before anybody charges the other table by itself.
    /// By one thread at a time, once for each table; takes milliseconds for a million keys.
    package func hand(over other: BucketTable, now: MonotonicTime) {
        guard next == nil, other !== self else { return }
        let place = UnsafeMutablePointer<Buckets>.allocate(capacity: 1)
        place.initialize(to: other.buckets)
        next = (other, place)
        other.buckets.add(takeovers: buckets.takeovers)
        buckets.succeed(by: place, now: now)
    }
}

/// A bucket table without its ownership: plain words, so that a request counts no reference that all loops share.
package struct Buckets: @unchecked Sendable {
    // Sendable: every word is atomic.

    package let law: TokenBucketLaw
    /// The first is the successor's address, the second counts takeovers.
    private let words: UnsafeMutablePointer<Atomic<Int64>>
    let setCount: Int
    /// When ticks began.
    private let start: MonotonicTime

    static let places = 8
    static let setBytes = places * 16
    /// The time of a bucket that was handed over: whoever finds it asks the successor.
    private static let handedOver: Int64 = -1
    private static let firstSet = 8

    init(law: TokenBucketLaw, words: UnsafeMutablePointer<Atomic<Int64>>, setCount: Int, start: MonotonicTime) {
        self.law = law
        self.words = words
        self.setCount = setCount
        self.start = start
    }

    /// Takes `cost` tokens from the key's bucket if they are there.
    /// - Parameter key: a keyed hash of what the limit is counted by, so that nobody can aim at another's bucket.
    package func take(_ cost: Int, key: UInt64, now: MonotonicTime) -> BucketStanding {
        let ticks = ticks(now)
        let mark = Self.mark(key)
        let set = set(of: key)
        while true {
            let place: Int
            if let held = heldPlace(of: mark, in: set) {
                place = held
            } else if let successor {
                // Nobody takes a place here any more.
                return successor.pointee.take(cost, key: key, now: now)
            } else {
                place = seat(of: mark, in: set, now: ticks).place
            }
            let time = times(set) + place
            let fullAt = time.pointee.load(ordering: .acquiring)
            if fullAt < 0, let successor { return successor.pointee.take(cost, key: key, now: now) }
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
        let amount = law.interval * Int64(min(max(cost, 0), law.burst))
        while let place = heldPlace(of: Self.mark(key), in: set) {
            let time = times(set) + place
            let fullAt = time.pointee.load(ordering: .acquiring)
            if fullAt < 0, successor != nil { break }
            let isDone = time.pointee.compareExchange(
                expected: fullAt, desired: fullAt - amount, ordering: .acquiringAndReleasing
            ).exchanged
            if isDone { return }
        }
        successor?.pointee.giveBack(cost, key: key)
    }

    /// The bucket of a key without touching it; nil when it has none, and so is full.
    package func standing(of key: UInt64, now: MonotonicTime) -> BucketStanding? {
        let set = set(of: key)
        if let place = heldPlace(of: Self.mark(key), in: set) {
            let fullAt = times(set)[place].load(ordering: .acquiring)
            if fullAt >= 0 || successor == nil {
                return law.standing(fullAt, now: ticks(now), cost: 0, isAllowed: true)
            }
        }
        return successor?.pointee.standing(of: key, now: now)
    }

    /// How many buckets are not full. Walks the whole table: for introspection.
    package func inUse(now: MonotonicTime) -> Int {
        let ticks = ticks(now)
        var count = 0
        for index in 0..<setCount {
            let times = times(set(at: index))
            for place in 0..<Self.places where times[place].load(ordering: .relaxed) > ticks { count += 1 }
        }
        return count
    }

    /// How many buckets in use other keys have taken over, because there was no room for both; those of former tables
    /// included.
    package var takeovers: UInt64 { UInt64(bitPattern: words[1].load(ordering: .relaxed)) }

    fileprivate func add(takeovers count: UInt64) {
        _ = words[1].wrappingAdd(Int64(bitPattern: count), ordering: .relaxed)
    }

    // MARK: Handing over

    private var successor: UnsafePointer<Buckets>? {
        // Acquiring: who sees the address sees the buckets there.
        UnsafePointer(bitPattern: Int(words[0].load(ordering: .acquiring)))
    }

    /// Bucket by bucket: until a bucket has been moved it is charged here, and from then on there.
    fileprivate func succeed(by other: UnsafeMutablePointer<Buckets>, now: MonotonicTime) {
        words[0].store(Int64(Int(bitPattern: other)), ordering: .sequentiallyConsistent)
        for index in 0..<setCount {
            for place in 0..<Self.places { move(place, in: set(at: index), to: other.pointee, now: now) }
        }
    }

    /// What the bucket owes is written down there first; then it is closed here, if nobody has charged it meanwhile.
    private func move(
        _ place: Int, in set: UnsafeMutablePointer<Atomic<Int64>>, to other: Buckets, now: MonotonicTime
    ) {
        let ticks = ticks(now)
        let time = times(set) + place
        var holder: Int64 = 0
        var movedUpTo = ticks
        func pass(_ key: Int64, _ missing: Int64) {
            guard key != 0, missing > 0 else { return }
            other.inherit(UInt64(bitPattern: key), debt: other.law.debt(missing, of: law), now: now)
        }
        while true {
            let fullAt = time.pointee.load(ordering: .acquiring)
            let found = set[place].load(ordering: .acquiring)
            if found != holder {
                holder = found
                movedUpTo = ticks
            }
            pass(holder, fullAt - movedUpTo)
            movedUpTo = max(movedUpTo, fullAt)
            let isClosed = time.pointee.compareExchange(
                expected: fullAt, desired: Self.handedOver, ordering: .acquiringAndReleasing
            ).exchanged
            guard isClosed else { continue }
            // Who has taken the place over in this moment owes as much, and nobody owes less for that.
            let last = set[place].load(ordering: .acquiring)
            if last != holder { pass(last, fullAt - ticks) }
            return
        }
    }

    /// Takes over what another table knows about a key, while requests already charge this one.
    /// - Parameter debt: what is missing in the bucket, in ticks.
    private func inherit(_ key: UInt64, debt: Int64, now: MonotonicTime) {
        let ticks = ticks(now)
        let mark = Self.mark(key)
        let set = set(of: key)
        while true {
            let seat = seat(of: mark, in: set, now: ticks)
            let time = times(set) + seat.place
            var isDone = false
            while !isDone, isHeld(seat.place, by: mark, in: set) {
                let fullAt = time.pointee.load(ordering: .acquiring)
                // What the key itself took here meanwhile is added; another's place is only taken over, as ever.
                let next =
                    seat.found > ticks
                    ? max(seat.found, ticks + debt) + max(fullAt - seat.found, 0) : max(fullAt, ticks) + debt
                isDone =
                    time.pointee.compareExchange(
                        expected: fullAt, desired: max(min(next, ticks + 2 * law.fillTime), fullAt),
                        ordering: .acquiringAndReleasing
                    ).exchanged
            }
            if isDone, isHeld(seat.place, by: mark, in: set) { return }
        }
    }

    // MARK: Places

    /// Zero stands for an unused place.
    private static func mark(_ key: UInt64) -> Int64 { Int64(bitPattern: key == 0 ? 1 : key) }

    private func ticks(_ now: MonotonicTime) -> Int64 {
        max((now - start).nanoseconds, 0) &* TokenBucketLaw.ticksPerNanosecond
    }

    private func set(of key: UInt64) -> UnsafeMutablePointer<Atomic<Int64>> {
        set(at: Int(truncatingIfNeeded: key.multipliedFullWidth(by: UInt64(setCount)).high))
    }

    private func set(at index: Int) -> UnsafeMutablePointer<Atomic<Int64>> {
        words + Self.firstSet + index * Self.places * 2
    }

    private func times(_ set: UnsafeMutablePointer<Atomic<Int64>>) -> UnsafeMutablePointer<Atomic<Int64>> {
        set + Self.places
    }

    private func isHeld(_ place: Int, by mark: Int64, in set: UnsafeMutablePointer<Atomic<Int64>>) -> Bool {
        set[place].load(ordering: .acquiring) == mark
    }

    /// The key's place if it has one.
    private func heldPlace(of mark: Int64, in set: UnsafeMutablePointer<Atomic<Int64>>) -> Int? {
        var place = 0
        while place < Self.places {
            if isHeld(place, by: mark, in: set) { return place }
            place += 1
        }
        return nil
    }

    /// Where a key sits.
    private struct Seat {
        let place: Int
        /// The time that was found there by who took the place over; 0 when the key had it already.
        var found: Int64 = 0
    }

    /// The key's place, taken if it had none.
    private func seat(of mark: Int64, in set: UnsafeMutablePointer<Atomic<Int64>>, now ticks: Int64) -> Seat {
        while true {
            if let place = heldPlace(of: mark, in: set) { return Seat(place: place) }
            var fullest = 0
            var fullestTime = Int64.max
            var holder: Int64 = 0
            var place = 0
            while place < Self.places {
                let found = set[place].load(ordering: .acquiring)
                let time = times(set)[place].load(ordering: .relaxed)
                if time < fullestTime {
                    fullest = place
                    fullestTime = time
                    holder = found
                }
                place += 1
            }
            if holder != mark, claim(fullest, of: holder, for: mark, in: set) {
                if holder != 0, fullestTime > ticks { add(takeovers: 1) }
                return Seat(place: fullest, found: fullestTime)
            }
        }
    }

    /// Takes a place over, unless two do that for one key at once: then whoever sees the other lets go, so that a key
    /// doesn't stay with two buckets. Who charged the one that was let go, between the two, is not counted: it takes a
    /// third thread in the very moment when a key is new.
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
