import Base

/// The key ids that clients have named and no key has: which of them are being looked for, and which were in vain.
///
/// One fetch for clients in a cool-down is all that there is. An id that was looked for in vain doesn't use up the
/// next one, until it is forgotten: after twice the cool-down, or when there are too many. Only a fetch that began when
/// the id had been named can be in vain: the answer to an earlier one may be older than the key.
struct UnknownKeys: Sendable {
    /// Ids in the lists together. Beyond: they are not remembered, and the cool-down alone holds.
    static let countMax = 256
    /// Longer ids are refused at once, in bytes. Ids in key sets are not concerned.
    static let idBytesMax = 256

    private var cooldown: TimeAmount
    /// When clients may cause the next fetch.
    private var nextFetch = MonotonicTime.zero
    /// Those that the fetch under way was made for.
    private var awaited = Set<String>()
    /// Those that came while it was under way.
    private var joined = Set<String>()
    /// Until when an id stays refused.
    private var refused: [String: MonotonicTime] = [:]

    init(cooldown: TimeAmount) { self.cooldown = cooldown }

    mutating func adopt(cooldown: TimeAmount, now: MonotonicTime) {
        self.cooldown = cooldown
        nextFetch = min(nextFetch, now + cooldown)
    }

    /// Has `id` wait for the fetch under way.
    /// - Returns: nil, or until when it is not worth that.
    mutating func expect(_ id: String?, now: MonotonicTime) -> MonotonicTime? {
        guard let id else { return nil }
        if let end = refusalEnd(id, now: now) { return end }
        if !awaited.contains(id), joined.count < Self.countMax { joined.insert(id) }
        return nil
    }

    /// When clients may cause the next fetch; nil for now.
    func cooldownEnd(now: MonotonicTime) -> MonotonicTime? { nextFetch > now ? nextFetch : nil }

    /// Has a fetch made for `id`, the cool-down being over: it counts as made, and its outcome will be remembered.
    /// - Returns: nil, or until when none is made for this id.
    mutating func fetch(_ id: String?, now: MonotonicTime) -> MonotonicTime? {
        if let id {
            if let end = refusalEnd(id, now: now) { return end }
            awaited.insert(id)
        }
        nextFetch = now + cooldown
        return nil
    }

    /// Whether the fetch under way was made for an id that is still unknown.
    func isInVain(isKnown: (String) -> Bool) -> Bool { !awaited.allSatisfy(isKnown) }

    /// The keys are there: whoever has none of them was looked for in vain.
    /// - Returns: whether a fetch is to be made at once for those who came too late for this one; then it counts as
    ///   made.
    mutating func settle(now: MonotonicTime, isKnown: (String) -> Bool) -> Bool {
        if refused.count + awaited.count > Self.countMax { refused = refused.filter { $0.value > now } }
        let end = now + cooldown + cooldown
        for id in awaited where refused.count < Self.countMax && !isKnown(id) { refused[id] = end }
        awaited = joined.filter { !isKnown($0) }
        joined.removeAll(keepingCapacity: true)
        guard !awaited.isEmpty, nextFetch <= now else {
            awaited.removeAll(keepingCapacity: true)
            return false
        }
        nextFetch = now + cooldown
        return true
    }

    /// The fetch has failed: nothing is known about the ids that were looked for.
    mutating func abandon() {
        awaited.removeAll(keepingCapacity: true)
        joined.removeAll(keepingCapacity: true)
    }

    /// Until when nothing is done about `id`; nil for a good one.
    private mutating func refusalEnd(_ id: String, now: MonotonicTime) -> MonotonicTime? {
        if id.utf8.count > Self.idBytesMax { return .distantFuture }
        guard let end = refused[id] else { return nil }
        if now < end { return end }
        refused[id] = nil
        return nil
    }
}
