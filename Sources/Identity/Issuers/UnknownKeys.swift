import Base

/// The key ids that clients have named and no key has: which of them are being looked for, and which were in vain.
///
/// One fetch for clients in a cool-down is all that there is. An id that was looked for in vain doesn't use up the
/// next one, until it is forgotten: after twice the cool-down, or when there are too many.
struct UnknownKeys: Sendable {
    /// Ids in either list. Beyond: they are not remembered, and the cool-down alone holds.
    static let countMax = 256
    /// Longer ids are refused at once, in bytes. Ids in key sets are not concerned.
    static let idBytesMax = 256

    private let cooldown: TimeAmount
    /// When clients may cause the next fetch.
    private var nextFetch = MonotonicTime.zero
    private var awaited = Set<String>()
    /// Until when an id stays refused.
    private var refused: [String: MonotonicTime] = [:]

    init(cooldown: TimeAmount) { self.cooldown = cooldown }

    /// Whether `id` is worth waiting for the fetch under way; then its outcome will be remembered.
    mutating func expect(_ id: String?, now: MonotonicTime) -> Bool {
        guard let id else { return true }
        guard id.utf8.count <= Self.idBytesMax, !isRefused(id, now: now) else { return false }
        if awaited.count < Self.countMax { awaited.insert(id) }
        return true
    }

    /// Whether a fetch may be made for `id`; then it counts as made.
    mutating func mayFetch(_ id: String?, now: MonotonicTime) -> Bool {
        guard nextFetch <= now, expect(id, now: now) else { return false }
        nextFetch = now + cooldown
        return true
    }

    /// The keys are there: whoever has none of them was looked for in vain.
    mutating func settle(now: MonotonicTime, isKnown: (String) -> Bool) {
        if refused.count + awaited.count > Self.countMax { refused = refused.filter { $0.value > now } }
        let end = now + cooldown + cooldown
        for id in awaited where refused.count < Self.countMax && !isKnown(id) { refused[id] = end }
        awaited.removeAll(keepingCapacity: true)
    }

    /// The fetch has failed: nothing is known about the ids that were looked for.
    mutating func abandon() { awaited.removeAll(keepingCapacity: true) }

    private mutating func isRefused(_ id: String, now: MonotonicTime) -> Bool {
        guard let end = refused[id] else { return false }
        if now < end { return true }
        refused[id] = nil
        return false
    }
}
