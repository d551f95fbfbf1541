import Base
import Synchronization

/// How many requests of the last seconds there were, and how many of them failed or were slow: shared by all loops
/// without a lock, in slots of a tenth of the window each.
struct OutcomeWindow: ~Copyable, @unchecked Sendable {
    // Sendable: every word is atomic.

    /// The counts of a window.
    struct Sum: Equatable {
        var total = 0
        var failures = 0
        var slow = 0
    }

    private let failures = SlottedCounter()
    private let slow = SlottedCounter()
    /// The time of a slot, in nanoseconds.
    private let slotTime = Atomic<Int64>(1_000_000_000)
    /// The last slot that has a failure or a slow answer; 0 for none.
    private let lastTrouble = Atomic<UInt64>(0)

    /// Counts a request.
    /// - Returns: the window with it; nil when all that it holds went well.
    func count(_ outcome: CallOutcome, now: MonotonicTime) -> Sum? {
        let number = number(now)
        failures.add(isMarked: outcome == .failure, at: number)
        // Nothing is written where nothing was slow.
        if outcome == .slow || slow.wasWritten(at: number) { slow.add(isMarked: outcome == .slow, at: number) }
        if outcome == .failure || outcome == .slow {
            lastTrouble.max(number, ordering: .relaxed)
        } else if number &- lastTrouble.load(ordering: .relaxed) >= UInt64(SlottedCounter.slotCount) {
            return nil
        }
        return sum(at: number)
    }

    func sum(now: MonotonicTime) -> Sum { sum(at: number(now)) }

    private func sum(at number: UInt64) -> Sum {
        let counts = failures.window(at: number)
        return Sum(total: counts.total, failures: counts.marked, slow: slow.window(at: number).marked)
    }

    /// Forgets everything.
    /// - Parameter length: the window's from now on; nil for the same as before.
    func reset(length: TimeAmount?) {
        if let length {
            slotTime.store(max(length.nanoseconds / Int64(SlottedCounter.slotCount), 1_000_000), ordering: .relaxed)
        }
        lastTrouble.store(0, ordering: .relaxed)
        failures.reset()
        slow.reset()
    }

    private func number(_ now: MonotonicTime) -> UInt64 {
        UInt64(max(now.nanoseconds, 0) / slotTime.load(ordering: .relaxed)) &+ SlottedCounter.firstNumber
    }
}
