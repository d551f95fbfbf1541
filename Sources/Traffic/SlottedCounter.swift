import Base
import Synchronization

/// How often something happened of late, and how often with a mark: shared by all loops without a lock, in ten slots of
/// a time that the caller numbers.
///
/// A slot is one word: its number (20 bits), its total (22) and how many of them were marked (22). Whoever comes first
/// in a time begins its slot anew, and a slot whose number is past counts nothing. A count stops at four million, which
/// no share notices.
struct SlottedCounter: ~Copyable, @unchecked Sendable {
    // Sendable: every word is atomic.

    struct Counts: Equatable {
        var total = 0
        var marked = 0

        static func + (left: Counts, right: Counts) -> Counts {
            Counts(total: left.total + right.total, marked: left.marked + right.marked)
        }
    }

    static let slotCount = 10
    /// What the caller's numbers begin with: so that there are ten before them, and a slot that was never written is
    /// past.
    static let firstNumber: UInt64 = 100

    private static let countBits: UInt64 = 22
    private static let countMaximum: UInt64 = 1 << countBits - 1
    private static let numberMask: UInt64 = 1 << 20 - 1

    private let words = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: slotCount)

    init() { for index in 0..<Self.slotCount { (words + index).initialize(to: Atomic(0)) } }

    deinit { words.deallocate() }

    /// Counts in the slot of this number what `change` says; called again when another loop was faster.
    /// - Parameter change: gets what the slot has counted, and says whether it shall count what was made of that.
    @inline(__always)
    func update(_ number: UInt64, _ change: (inout Counts) -> Bool) -> Bool {
        let slot = words + Self.index(number)
        var word = slot.pointee.load(ordering: .relaxed)
        while true {
            var counts = Self.counts(word, at: number)
            guard change(&counts) else { return false }
            let next =
                (number & Self.numberMask) << (2 * Self.countBits)
                | min(UInt64(counts.total), Self.countMaximum) << Self.countBits
                | min(UInt64(counts.marked), Self.countMaximum)
            let (exchanged, found) = slot.pointee.compareExchange(expected: word, desired: next, ordering: .relaxed)
            if exchanged { return true }
            word = found
        }
    }

    /// Counts one.
    func add(isMarked: Bool, at number: UInt64) {
        _ = update(number) { counts in
            counts.total += 1
            if isMarked { counts.marked += 1 }
            return true
        }
    }

    /// What the slot of this number has counted, and the nine before.
    func window(at number: UInt64) -> Counts {
        earlier(than: number) + Self.counts(words[Self.index(number)].load(ordering: .relaxed), at: number)
    }

    /// What the nine before the slot of this number have counted.
    func earlier(than number: UInt64) -> Counts {
        var sum = Counts()
        var back: UInt64 = 1
        while back < UInt64(Self.slotCount) {
            let before = number &- back
            let counts = Self.counts(words[Self.index(before)].load(ordering: .relaxed), at: before)
            sum.total += counts.total
            sum.marked += counts.marked
            back += 1
        }
        return sum
    }

    /// Whether the slot of this number was ever written since the last reset, at whatever time.
    func wasWritten(at number: UInt64) -> Bool { words[Self.index(number)].load(ordering: .relaxed) != 0 }

    /// Forgets everything.
    func reset() { for index in 0..<Self.slotCount { words[index].store(0, ordering: .relaxed) } }

    private static func index(_ number: UInt64) -> Int { Int(number % UInt64(slotCount)) }

    private static func counts(_ word: UInt64, at number: UInt64) -> Counts {
        guard word >> (2 * countBits) == number & numberMask else { return Counts() }
        return Counts(total: Int(word >> countBits & countMaximum), marked: Int(word & countMaximum))
    }
}
