import Base
import Synchronization

/// What a configuration says about how many requests may be under way at a time.
package struct ConcurrencyLaw: Sendable, Equatable {
    /// Requests under way, of all loops together; at least 1.
    package var requestsMax: Int
    /// Requests that wait for a place, of all loops together; 0 for none.
    package var queueMax: Int
    /// How long one waits.
    package var waitMax: TimeAmount

    package init(requestsMax: Int, queueMax: Int = 0, waitMax: TimeAmount = .zero) {
        self.requestsMax = max(requestsMax, 1)
        self.queueMax = max(queueMax, 0)
        self.waitMax = waitMax
    }
}

/// How many requests of one route, or to one upstream, are under way and wait: shared by all loops, exact, without a
/// lock, and kept over reloads. Each loop has a `ConcurrencyGate` to it, where its own requests wait.
///
/// Nobody is forgotten. Two orders of moves, all sequentially consistent, see to that:
///
/// ```
/// who waits:   waiting += 1, publish when it came     then  is there a place?        ─▶ wake the oldest
/// who leaves:  under way -= 1                         then  does somebody wait?      ─▶ wake the oldest
/// ```
/// Whichever comes first, the other one sees it. And nobody overtakes: as long as somebody waits, on whatever loop, a
/// newcomer waits, too, and a place that becomes free goes to the loop whose first has waited longest.
package final class ConcurrencyLimit: @unchecked Sendable {
    // Sendable: every word is atomic; the seats' memory is as old as the object.

    private let underWay = BoundedCount()
    private let waiting = BoundedCount()
    private let requestsMax: Atomic<Int>
    private let queueMax: Atomic<Int>
    private let waitMax: Atomic<Int64>
    private let refusedFullTotal = Atomic<UInt64>(0)
    private let refusedWaitedTotal = Atomic<UInt64>(0)
    private let retired = Atomic<Bool>(false)
    private let seats: UnsafeMutablePointer<Seat>
    private let seatCount: Int

    /// What the others know of a loop.
    private struct Seat: ~Copyable {
        /// When the first of those who wait there came; `Int64.max` for nobody.
        let oldest = Atomic<Int64>(.max)
        /// Whether the loop has been told of a place, and hasn't looked yet.
        let isTold = Atomic<Bool>(false)
    }

    /// - Parameter loops: how many there are; their gates have the seats 0 to `loops` - 1.
    package init(_ law: ConcurrencyLaw, loops: Int) {
        requestsMax = Atomic(law.requestsMax)
        queueMax = Atomic(law.queueMax)
        waitMax = Atomic(law.waitMax.nanoseconds)
        seatCount = max(loops, 1)
        seats = .allocate(capacity: seatCount)
        for index in 0..<seatCount { (seats + index).initialize(to: Seat()) }
    }

    deinit {
        seats.deinitialize(count: seatCount)
        seats.deallocate()
    }

    /// A reload may change the law. Whoever is under way or waits beyond it stays; `wake` afterwards, as there may be
    /// room now.
    package func setLaw(_ law: ConcurrencyLaw) {
        requestsMax.store(law.requestsMax, ordering: .sequentiallyConsistent)
        queueMax.store(law.queueMax, ordering: .relaxed)
        waitMax.store(law.waitMax.nanoseconds, ordering: .relaxed)
    }

    package var law: ConcurrencyLaw {
        ConcurrencyLaw(
            requestsMax: requestsMax.load(ordering: .relaxed), queueMax: queueMax.load(ordering: .relaxed),
            waitMax: TimeAmount(nanoseconds: waitMax.load(ordering: .relaxed)))
    }

    /// Requests under way.
    package var count: Int { underWay.value }
    /// Requests that wait.
    package var waitingCount: Int { waiting.value }
    /// Requests refused because as many as may waited already.
    package var refusedFull: UInt64 { refusedFullTotal.load(ordering: .relaxed) }
    /// Requests refused because they had waited as long as they may.
    package var refusedWaited: UInt64 { refusedWaitedTotal.load(ordering: .relaxed) }

    /// Whether it will never be given to a snapshot again.
    package var isRetired: Bool { retired.load(ordering: .relaxed) }
    package func retire() { retired.store(true, ordering: .relaxed) }

    // MARK: What gates do

    /// Takes a place, if there is one.
    func take() -> Bool { underWay.take(below: requestsMax.load(ordering: .sequentiallyConsistent)) }

    func giveBack() { underWay.giveBack() }

    /// - Returns: whether one more may wait; it is counted then.
    func beginWaiting() -> Bool {
        if waiting.take(below: queueMax.load(ordering: .relaxed)) { return true }
        refusedFullTotal.wrappingAdd(1, ordering: .relaxed)
        return false
    }

    func endWaiting() { waiting.giveBack() }

    func countRefusedWaited() { refusedWaitedTotal.wrappingAdd(1, ordering: .relaxed) }

    /// Tells the others who is first on the loop of this seat.
    func publish(oldest: Int64, seat: Int) {
        seats[seat].oldest.store(oldest, ordering: .sequentiallyConsistent)
    }

    /// The loop of this seat has read its letter.
    func acknowledge(seat: Int) { seats[seat].isTold.store(false, ordering: .sequentiallyConsistent) }

    /// Who shall be told that there is a place.
    /// - Parameter asker: the seat of the loop that asks.
    func seatToWake(asker: Int) -> ConcurrencyWake {
        guard waitingCount > 0, count < requestsMax.load(ordering: .sequentiallyConsistent) else { return .nobody }
        var first = -1
        var firstTime = Int64.max
        var index = 0
        while index < seatCount {
            let time = seats[index].oldest.load(ordering: .sequentiallyConsistent)
            if time < firstTime {
                first = index
                firstTime = time
            }
            index += 1
        }
        // Who waits without having published it yet will look for a place when it has.
        if first < 0 { return .nobody }
        if first == asker { return .here }
        let wasTold = seats[first].isTold.exchange(true, ordering: .sequentiallyConsistent)
        return wasTold ? .nobody : .loop(first)
    }
}

/// Who shall look for a place that has become free.
package enum ConcurrencyWake: Sendable, Equatable {
    /// Nobody waits, there is no place, or who waits knows already.
    case nobody
    /// This loop: `ConcurrencyGate.next`.
    case here
    /// Another loop: it is to be sent a letter, and calls `ConcurrencyGate.letterCame`.
    case loop(Int)
}
