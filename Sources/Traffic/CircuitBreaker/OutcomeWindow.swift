import Base
import Synchronization

/// How many requests of the last seconds there were, and how many of them failed or were slow: shared by all loops
/// without a lock, in ten slots of a tenth of the window each.
///
/// A slot is one word: its number since the start, and two counts. A slot whose number is past counts nothing, and the
/// first to write to it begins it anew.
struct OutcomeWindow: ~Copyable, @unchecked Sendable {
    // Sendable: every word is atomic.

    /// The counts of a window.
    struct Sum: Equatable {
        var total = 0
        var failures = 0
        var slow = 0
    }

    private static let slotCount = 10
    /// number: 20 bits, total: 22, counted: 22. A slot's count stops at four million, which no share notices.
    private static let countBits: UInt64 = 22
    private static let countMaximum: UInt64 = 1 << countBits - 1
    private static let numberMask: UInt64 = 1 << 20 - 1

    private let failures = Slots()
    private let slow = Slots()
    /// The time of a slot, in nanoseconds.
    private let slotTime = Atomic<Int64>(1_000_000_000)
    /// The last slot that has a failure or a slow answer; 0 for none.
    private let lastTrouble = Atomic<UInt64>(0)

    private struct Slots: ~Copyable, @unchecked Sendable {
        // Sendable: every word is atomic.
        let words = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: slotCount)
        init() { for index in 0..<slotCount { (words + index).initialize(to: Atomic(0)) } }
        deinit { words.deallocate() }
    }

    /// Counts a request.
    /// - Returns: the window with it; nil when all that it holds went well.
    func count(_ outcome: CallOutcome, now: MonotonicTime) -> Sum? {
        let number = number(now)
        Self.add(outcome == .failure, to: failures, number: number)
        // Nothing is written where nothing was slow.
        if outcome == .slow || slow.words[Self.index(number)].load(ordering: .relaxed) != 0 {
            Self.add(outcome == .slow, to: slow, number: number)
        }
        if outcome == .failure || outcome == .slow {
            lastTrouble.max(number, ordering: .relaxed)
        } else if number &- lastTrouble.load(ordering: .relaxed) >= UInt64(Self.slotCount) {
            return nil
        }
        return sum(at: number)
    }

    func sum(now: MonotonicTime) -> Sum { sum(at: number(now)) }

    private func sum(at number: UInt64) -> Sum {
        var sum = Sum()
        for index in 0..<Self.slotCount {
            let failed = failures.words[index].load(ordering: .relaxed)
            if Self.isAlive(failed, at: number) {
                sum.total += Int(failed >> Self.countBits & Self.countMaximum)
                sum.failures += Int(failed & Self.countMaximum)
            }
            let slowed = slow.words[index].load(ordering: .relaxed)
            if Self.isAlive(slowed, at: number) { sum.slow += Int(slowed & Self.countMaximum) }
        }
        return sum
    }

    /// Forgets everything.
    /// - Parameter length: the window's from now on; nil for the same as before.
    func reset(length: TimeAmount?) {
        if let length {
            slotTime.store(max(length.nanoseconds / Int64(Self.slotCount), 1_000_000), ordering: .relaxed)
        }
        lastTrouble.store(0, ordering: .relaxed)
        for index in 0..<Self.slotCount {
            failures.words[index].store(0, ordering: .relaxed)
            slow.words[index].store(0, ordering: .relaxed)
        }
    }

    /// From 1, so that a slot that was never written is past.
    private func number(_ now: MonotonicTime) -> UInt64 {
        UInt64(max(now.nanoseconds, 0) / slotTime.load(ordering: .relaxed)) &+ 20
    }

    private static func index(_ number: UInt64) -> Int { Int(number % UInt64(slotCount)) }

    private static func isAlive(_ word: UInt64, at number: UInt64) -> Bool {
        (number &- (word >> (2 * countBits))) & numberMask < UInt64(slotCount) && word != 0
    }

    private static func add(_ isCounted: Bool, to slots: borrowing Slots, number: UInt64) {
        let slot = slots.words + index(number)
        var word = slot.pointee.load(ordering: .relaxed)
        while true {
            let isCurrent = word >> (2 * countBits) == number & numberMask
            let total = isCurrent ? word >> countBits & countMaximum : 0
            let counted = isCurrent ? word & countMaximum : 0
            let next =
                (number & numberMask) << (2 * countBits) | min(total + 1, countMaximum) << countBits
                | min(counted + (isCounted ? 1 : 0), countMaximum)
            let (exchanged, found) = slot.pointee.compareExchange(expected: word, desired: next, ordering: .relaxed)
            if exchanged { return }
            word = found
        }
    }
}
