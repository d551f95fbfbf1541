import Base

/// A hashed timer wheel: 512 slots of 16.8 ms, each a list of places whose timers fall into that slot of some round.
///
/// Setting, moving and cancelling are constant-time and allocate nothing. Precision is a tick: right for time-outs,
/// which is all that it is for.
package struct TimerWheel {
    private static let tickShift: UInt64 = 24  // 2^24 ns = 16.8 ms
    private static let slotCount = 512

    private let start: MonotonicTime
    private var currentTick: UInt64 = 0
    private var heads: [UInt32]
    /// One bit per slot that has timers.
    private var occupied: [UInt64]
    /// How many timers are set.
    package private(set) var count = 0

    /// An empty wheel whose first tick begins at `start`.
    package init(start: MonotonicTime) {
        self.start = start
        heads = [UInt32](repeating: SlotTable.none, count: Self.slotCount)
        occupied = [UInt64](repeating: 0, count: Self.slotCount / 64)
    }

    /// Sets the timer of `place`, unless it is set for no later already.
    package mutating func schedule(_ place: UInt32, at instant: MonotonicTime, in slots: inout SlotTable) {
        let due = max(tick(of: instant) + 1, currentTick + 1)
        let current = slots.dueTick(place)
        if current <= due { return }
        if current != .max { unlink(place, in: &slots) }
        link(place, due: due, in: &slots)
    }

    /// Unsets the timer of `place`, if it has one.
    package mutating func cancel(_ place: UInt32, in slots: inout SlotTable) {
        guard slots[place].dueTick != .max else { return }
        unlink(place, in: &slots)
    }

    /// The next place whose timer is due at `now`; the timer is unset. Nil when no more are.
    package mutating func popDue(at now: MonotonicTime, in slots: inout SlotTable) -> UInt32? {
        let target = tick(of: now)
        if count == 0 {
            currentTick = max(currentTick, target)
            return nil
        }
        // After a long sleep one round visits every slot; more would only repeat it.
        if target > currentTick + UInt64(Self.slotCount) { currentTick = target - UInt64(Self.slotCount) }
        while currentTick < target {
            let slot = Int((currentTick + 1) % UInt64(Self.slotCount))
            var place = occupied[slot / 64] & (1 << UInt64(slot % 64)) == 0 ? SlotTable.none : heads[slot]
            while place != SlotTable.none {
                if slots[place].dueTick <= target {
                    unlink(place, in: &slots)
                    return place
                }
                place = slots[place].next
            }
            currentTick += 1
        }
        return nil
    }

    /// How long until a timer may be due; nil without timers.
    package func timeToNext(from now: MonotonicTime) -> TimeAmount? {
        guard count > 0 else { return nil }
        var offset = 1
        while offset <= Self.slotCount {
            let tick = currentTick + UInt64(offset)
            let slot = Int(tick % UInt64(Self.slotCount))
            let word = occupied[slot / 64] >> UInt64(slot % 64)
            if word == 0 {
                offset += 64 - slot % 64
                continue
            }
            offset += word.trailingZeroBitCount
            let due = start + .nanoseconds(Int64((currentTick + UInt64(offset)) << Self.tickShift))
            return max(.zero, due - now)
        }
        return .milliseconds(16)
    }

    private func tick(of instant: MonotonicTime) -> UInt64 {
        UInt64(max(0, (instant - start).nanoseconds)) >> Self.tickShift
    }

    private mutating func link(_ place: UInt32, due: UInt64, in slots: inout SlotTable) {
        let slot = Int(due % UInt64(Self.slotCount))
        let head = heads[slot]
        slots[place].dueTick = due
        slots[place].next = head
        slots[place].previous = SlotTable.none
        if head != SlotTable.none { slots[head].previous = place }
        heads[slot] = place
        occupied[slot / 64] |= 1 << UInt64(slot % 64)
        count += 1
    }

    private mutating func unlink(_ place: UInt32, in slots: inout SlotTable) {
        let slot = Int(slots[place].dueTick % UInt64(Self.slotCount))
        let next = slots[place].next
        let previous = slots[place].previous
        if previous == SlotTable.none { heads[slot] = next } else { slots[previous].next = next }
        if next != SlotTable.none { slots[next].previous = previous }
        if heads[slot] == SlotTable.none { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
        slots[place].dueTick = .max
        slots[place].next = SlotTable.none
        slots[place].previous = SlotTable.none
        count -= 1
    }
}
