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

    /// Whether `id` is worth waiting for the fetch under way.
    mutating func expect(_ id: String?, now: MonotonicTime) -> Bool {
        guard let id else { return true }
        guard isWorthwhile(id, now: now) else { return false }
        if !awaited.contains(id), joined.count < Self.countMax { joined.insert(id) }
        return true
    }

    /// Whether a fetch may be made for `id`; then it counts as made, and its outcome will be remembered.
    mutating func mayFetch(_ id: String?, now: MonotonicTime) -> Bool {
        guard nextFetch <= now else { return false }
        if let id {
            guard isWorthwhile(id, now: now) else { return false }
            awaited.insert(id)
        }
        nextFetch = now + cooldown
        return true
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

    private mutating func isWorthwhile(_ id: String, now: MonotonicTime) -> Bool {
        id.utf8.count <= Self.idBytesMax && !isRefused(id, now: now)
    }

    private mutating func isRefused(_ id: String, now: MonotonicTime) -> Bool {
        guard let end = refused[id] else { return false }
        if now < end { return true }
        refused[id] = nil
        return false
    }
}
