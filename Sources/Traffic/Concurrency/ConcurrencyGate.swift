import Base

/// A request that can wait at a gate.
package protocol ConcurrencyWaiter: AnyObject {}

/// One loop's way to a limit: its requests that wait, first in, first out. Used on the loop's thread only.
///
/// ```
/// enter ─┬─▶ entered ────────────────────────▶ leave
///        ├─▶ queued ─┬─ next ─▶ (entered) ───▶ leave
///        │           ├─ nextExpired ─▶ refused
///        │           └─ cancel
///        └─▶ refused
/// ```
/// After `enter` said `queued`, after `leave`, `cancel`, `nextExpired`, and after the last `next`, the caller asks
/// `wake` whom to tell, as there may be a place.
package final class ConcurrencyGate {
    package let limit: ConcurrencyLimit
    private let seat: Int
    /// Those who wait, by ticket, and holes of those who left; from `head` on.
    private var entries: [Entry] = []
    private var head = 0
    private var lastTicket: UInt64 = 0
    /// Those who wait here.
    package private(set) var waitingCount = 0
    /// Whether the gate is in its keeper's list of gates where somebody waits, and to be looked at.
    package var isListed = false
    package var isDue = false

    private struct Entry {
        /// Nil for a hole.
        var waiter: (any ConcurrencyWaiter)?
        let ticket: UInt64
        let since: MonotonicTime
        var deadline: MonotonicTime
    }

    /// - Parameter seat: the loop's number.
    package init(_ limit: ConcurrencyLimit, seat: Int) {
        self.limit = limit
        self.seat = seat
    }

    package enum Admission: Equatable {
        /// Follow with `leave`.
        case entered
        /// It waits; its ticket is for `cancel`.
        case queued(UInt64)
        case refused
    }

    /// Asks for a place.
    package func enter(_ waiter: any ConcurrencyWaiter, now: MonotonicTime) -> Admission {
        if limit.waitingCount == 0, limit.take() { return .entered }
        guard limit.beginWaiting() else { return .refused }
        lastTicket += 1
        entries.append(Entry(waiter: waiter, ticket: lastTicket, since: now, deadline: now + limit.law.waitMax))
        waitingCount += 1
        publish()
        return .queued(lastTicket)
    }

    /// The place of a request that has entered is free.
    package func leave() { limit.giveBack() }

    /// Whom to tell of a place.
    package func wake() -> ConcurrencyWake { limit.seatToWake(asker: seat) }

    /// Another loop has told of a place.
    package func letterCame() { limit.acknowledge(seat: seat) }

    /// The first of those who wait, with a place of its own now; nil when there is no place or nobody.
    package func next() -> (any ConcurrencyWaiter)? {
        skipHoles()
        guard head < entries.count, limit.take() else { return nil }
        return removeFirst()
    }

    /// The first of those who wait, if it has waited as long as it may: it has no place any more.
    package func nextExpired(now: MonotonicTime) -> (any ConcurrencyWaiter)? {
        skipHoles()
        guard head < entries.count, entries[head].deadline <= now else { return nil }
        limit.countRefusedWaited()
        return removeFirst()
    }

    /// When the first of those who wait has waited as long as it may; nil when nobody waits.
    package var deadline: MonotonicTime? {
        skipHoles()
        return head < entries.count ? entries[head].deadline : nil
    }

    /// After a reload: nobody waits longer than the law says now, counted from now. So deadlines stay in the order in
    /// which requests came, and the first one's is the least.
    package func shortenWaits(now: MonotonicTime) {
        let latest = now + limit.law.waitMax
        var index = head
        while index < entries.count {
            entries[index].deadline = min(entries[index].deadline, latest)
            index += 1
        }
    }

    /// The request of this ticket doesn't wait any more. One that has its place, or was refused, has no ticket.
    package func cancel(_ ticket: UInt64) {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].ticket < ticket { low = middle + 1 } else { high = middle }
        }
        guard low < entries.count, entries[low].ticket == ticket, entries[low].waiter != nil else { return }
        entries[low].waiter = nil
        waitingCount -= 1
        skipHoles()
        publish()
        limit.endWaiting()
    }

    private func removeFirst() -> (any ConcurrencyWaiter)? {
        let waiter = entries[head].waiter
        entries[head].waiter = nil
        waitingCount -= 1
        skipHoles()
        publish()
        limit.endWaiting()
        return waiter
    }

    private func skipHoles() {
        while head < entries.count, entries[head].waiter == nil { head += 1 }
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if entries.count >= 64, entries.count > 2 * waitingCount {
            // So that the list is never much longer than twice what waits.
            entries.removeAll { $0.waiter == nil }
            head = 0
        }
    }

    private func publish() {
        let oldest = head < entries.count ? entries[head].since.nanoseconds : .max
        limit.publish(oldest: oldest, seat: seat)
    }
}
