import Base
import Redis

/// A request that waits for a store's answer.
package protocol StoreWaiter: AnyObject {
    /// What it has among those that wait; 0 when it waits for none.
    var storeTicket: UInt64 { get set }
    /// Has its question asked.
    func ask(_ session: inout StoreSession, into output: inout IOBuffer)
    /// Whether the answer can be one to its question.
    func canHave(_ answer: BucketAnswer) -> Bool
    /// The store has answered; the answer can be one to its question.
    func storeAnswered(_ answer: BucketAnswer)
    /// It won't: what then is the limits' decision.
    func storeFailed()
}

/// Those that wait, the oldest first: a ring. The first `sentCount` were asked, and are answered in their order.
struct WaitingChecks: ~Copyable {
    struct Entry {
        /// Nil when nobody waits, or no more; the answer is still to come.
        var waiter: (any StoreWaiter)?
        var ticket: UInt64
        /// When the answer is too late.
        var deadline: MonotonicTime
        var wasAskedAgain = false

        /// One whose client left meanwhile is another exchange by now, or none, and has another ticket.
        var isAlive: Bool { waiter.map { $0.storeTicket == ticket } ?? false }
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int
    private var first = 0
    private(set) var count = 0
    private(set) var sentCount = 0

    init(capacity: Int) {
        var size = 16
        while size < capacity { size *= 2 }
        mask = size - 1
        entries = .allocate(capacity: size)
        entries.initialize(repeating: Entry(waiter: nil, ticket: 0, deadline: .zero), count: size)
    }

    deinit {
        entries.deinitialize(count: mask + 1)
        entries.deallocate()
    }

    var isFull: Bool { count > mask }

    mutating func append(_ entry: consuming Entry, isSent: Bool) {
        precondition(!isFull && (!isSent || sentCount == count))
        entries[(first + count) & mask] = entry
        count += 1
        if isSent { sentCount += 1 }
    }

    /// The first that wasn't asked yet.
    func unsent() -> Entry { entries[(first + sentCount) & mask] }

    mutating func unsentWasSent() { sentCount += 1 }

    /// The oldest, which must be there.
    mutating func removeFirst() -> Entry {
        precondition(count > 0)
        let place = entries + first
        let entry = place.pointee
        place.pointee.waiter = nil
        first = (first + 1) & mask
        count -= 1
        sentCount = max(sentCount - 1, 0)
        return entry
    }

    /// Takes those out that weren't asked yet, in their order.
    mutating func removeUnsent() -> [Entry] {
        var unsent: [Entry] = []
        for index in sentCount..<count {
            let place = entries + (first + index) & mask
            unsent.append(place.pointee)
            place.pointee.waiter = nil
        }
        count = sentCount
        return unsent
    }

    /// The connection is gone: those that still wait are to be asked anew.
    mutating func forgetSent() {
        let present = count
        sentCount = 0
        for _ in 0..<present {
            let entry = removeFirst()
            if entry.isAlive { append(entry, isSent: false) }
        }
    }

    /// Takes those out whose answer is too late; entries that were asked keep their place.
    /// - Parameter index: where to go on, 0 at first. Nothing may be taken out or put in meanwhile but at the end.
    /// - Returns: the next such one; nil when there is none.
    mutating func nextLate(now: MonotonicTime, from index: inout Int) -> (any StoreWaiter)? {
        while index < count {
            let place = entries + (first + index) & mask
            index += 1
            guard let waiter = place.pointee.waiter else { continue }
            // In the order of their deadlines, nearly: one that is asked again gets a new one.
            guard place.pointee.deadline <= now else { return nil }
            let isAlive = place.pointee.isAlive
            place.pointee.waiter = nil
            if isAlive { return waiter }
        }
        return nil
    }

    /// When the next answer is too late; nil when nobody waits.
    var nextDeadline: MonotonicTime? {
        for index in 0..<count where entries[(first + index) & mask].waiter != nil {
            return entries[(first + index) & mask].deadline
        }
        return nil
    }
}
