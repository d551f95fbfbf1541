import JOSE

/// The gateway's signing keys over time: which one signs, which are published, and when that changes next. Pure: it
/// lives on the control thread and gets the time as an argument.
///
/// ```
///             publish_before_signing is over         a newer key signs, or its file is gone
///   ─▶ published ─────────────────────────▶ signing ──────────────────────────▶ retired ─▶ left
///                                                       until its last token has expired, and 60 s
/// ```
/// - Without states in the configuration, the newest key signs that has been published for `publishBeforeSigning`. If
///   none has, the oldest signs: the one that verifiers are most likely to know. A key that is alone signs at once.
/// - With a key that the configuration calls `signing`, the operator is the clock: the newest such key signs, at once,
///   and keys without a state are only published.
/// - A key that no longer signs stays published until the last token that it can have signed has expired, whether its
///   file is still there or not. What was signed before this process began counts as signed until it began.
/// - A key that was removed never signs again, even if that makes a key sign that was published a moment ago: an
///   operator who takes a key away means it.
package struct SigningKeyRing {
    /// How long verifiers may go on after a token's expiry, in seconds.
    package static let skew: Int64 = 60
    /// The most keys that may be configured.
    package static let keyCountMaximum = 64

    private struct Record {
        var key: SigningKey
        var state: SigningKeyState?
        var group: Int
        /// Unix seconds.
        var publishedAt: Int64
        /// When the last token that this key can have signed expires, in Unix seconds; nil if it never signed.
        var tokensExpireAt: Int64?
        var isConfigured = true
        /// Its last token has expired, so it is no longer published, although its file is still there.
        var hasLeft = false
    }

    /// Configured ones first, from the oldest to the newest; then removed ones.
    private var records: [Record] = []
    private var signerIndex: Int?
    private var policy = SigningPolicy(publishBeforeSigning: 0, tokenLifetimeMaximum: 0)
    private var generation = 0
    private var sequence: Int64 = 0

    /// What holds now; nil before the first `update` and after `retire`.
    package private(set) var state: SigningState?

    package init() {}

    /// Says whether `update` would take these keys.
    package func check(_ entries: [SigningKeyEntry]) throws(SigningKeyProblem) {
        if entries.isEmpty { throw .noKeys }
        if entries.count > Self.keyCountMaximum { throw .tooMany }
        guard entries.contains(where: { $0.state == nil || $0.state == .signing }) else { throw .noneSigns }
        for (index, entry) in entries.enumerated() {
            if entries[..<index].contains(where: { $0.key.id == entry.key.id }) { throw .repeatedID(entry.key.id) }
            // Two keys under one id: verifiers would take the wrong one for as long as both are published.
            if records.contains(where: { $0.key.id == entry.key.id && !$0.key.isSame(as: entry.key) }) {
                throw .takenID(entry.key.id)
            }
        }
    }

    /// Takes the configured keys, from the oldest to the newest, in place of those of the last call.
    /// - Parameter now: Unix seconds.
    /// - Throws: what `check` throws; then nothing has changed.
    package mutating func update(
        _ entries: [SigningKeyEntry], policy: SigningPolicy, now: Int64
    ) throws(SigningKeyProblem) {
        try check(entries)
        let isFirst = generation == 0
        // Until now the old key signed, with the old longest lifetime.
        noteSigning(now: now)
        let before = records
        records = entries.map { entry in
            if var known = before.first(where: { $0.key.isSame(as: entry.key) }) {
                known.state = entry.state
                known.group = entry.group
                known.isConfigured = true
                return known
            }
            return Self.record(entry, isFirst: isFirst, lifetime: policy.tokenLifetimeMaximum, now: now)
        }
        // Keys of one folder: the file's age says more than its name, which decides between equals.
        records = records.enumerated().sorted { left, right in
            (left.element.group, left.element.publishedAt, left.offset)
                < (right.element.group, right.element.publishedAt, right.offset)
        }.map(\.element)
        for var old in before where !records.contains(where: { $0.key.isSame(as: old.key) }) {
            old.isConfigured = false
            records.append(old)
        }
        self.policy = policy
        signerIndex = nil
        settle(now: now, isForced: true)
    }

    /// The configuration has no keys any more: until the next `update` nothing is signed or published. A key is
    /// remembered, so that no other takes its id, for as long as verifiers may meet tokens that it has signed.
    package mutating func retire(now: Int64) {
        noteSigning(now: now)
        for index in records.indices { records[index].isConfigured = false }
        signerIndex = nil
        state = nil
        forgetLeft(now: now)
    }

    private mutating func forgetLeft(now: Int64) {
        records.removeAll { record in record.tokensExpireAt.map { $0 + Self.skew <= now } ?? true }
    }

    /// Does what is due.
    /// - Returns: the state if it has changed, to be posted to the loops.
    package mutating func advance(now: Int64) -> SigningState? {
        guard state != nil else {
            forgetLeft(now: now)
            return nil
        }
        let last = generation
        noteSigning(now: now)
        settle(now: now, isForced: false)
        return generation == last ? nil : state
    }

    /// When `advance` should be called next, in Unix seconds; nil if nothing will change by itself.
    package func nextChange(now: Int64) -> Int64? {
        var next: Int64?
        func consider(_ instant: Int64) { next = min(next ?? .max, max(instant, now + 1)) }
        for (index, record) in records.enumerated() {
            if isWaiting(index) {
                if maySign(record), !operatorDecides { consider(record.publishedAt + policy.publishBeforeSigning) }
            } else if index != signerIndex, let expiry = record.tokensExpireAt, expiry + Self.skew > now {
                consider(expiry + Self.skew)
            }
        }
        return next
    }
}

extension SigningKeyRing {
    private static func record(_ entry: SigningKeyEntry, isFirst: Bool, lifetime: Int64, now: Int64) -> Record {
        // Only a process that begins can have published a key before it saw it.
        let fileTime = isFirst ? entry.fileTime ?? now : now
        // A retired key comes from a place that signed with it; at the beginning, so may any other.
        let mayHaveSigned = isFirst || entry.state == .retired
        return Record(
            key: entry.key, state: entry.state, group: entry.group, publishedAt: min(fileTime, now),
            tokensExpireAt: mayHaveSigned ? now + lifetime : nil)
    }

    /// Whether the configuration itself says which key signs.
    private var operatorDecides: Bool { records.contains { $0.isConfigured && $0.state == .signing } }

    private func maySign(_ record: Record) -> Bool { record.isConfigured && record.state == nil }

    private func electSigner(now: Int64) -> Int? {
        if operatorDecides { return records.lastIndex { $0.isConfigured && $0.state == .signing } }
        let newest = records.lastIndex { record in
            maySign(record) && !record.hasLeft && record.publishedAt + policy.publishBeforeSigning <= now
        }
        // A clock that was set back must not make the signer too young to sign.
        if let signerIndex, maySign(records[signerIndex]) { return max(signerIndex, newest ?? signerIndex) }
        return newest ?? records.firstIndex { maySign($0) && !$0.hasLeft } ?? records.firstIndex(where: maySign)
    }

    /// Whether a key is published because its time is still to come.
    private func isWaiting(_ index: Int) -> Bool {
        let record = records[index]
        guard record.isConfigured, index != signerIndex else { return false }
        if record.state == .published { return true }
        guard record.state == nil else { return false }
        return operatorDecides || index > signerIndex ?? -1
    }

    /// The present signer may have signed a token this very second.
    private mutating func noteSigning(now: Int64) {
        guard let signerIndex else { return }
        let expiry = now + policy.tokenLifetimeMaximum
        records[signerIndex].tokensExpireAt = max(records[signerIndex].tokensExpireAt ?? expiry, expiry)
    }

    private mutating func settle(now: Int64, isForced: Bool) {
        let signerBefore = signerIndex.map { records[$0].key.id }
        signerIndex = electSigner(now: now)
        guard let signerIndex else { preconditionFailure("check lets in only sets in which a key may sign") }
        let signer = records[signerIndex].key
        let published = records.indices.filter { index in
            if index == signerIndex || isWaiting(index) { return true }
            return records[index].tokensExpireAt.map { $0 + Self.skew > now } ?? false
        }
        for index in records.indices {
            let isPublished = published.contains(index)
            // Verifiers have forgotten a key that had left: it begins anew.
            if isPublished, records[index].hasLeft { records[index].publishedAt = now }
            records[index].hasLeft = !isPublished
        }
        let keys = published.map { Self.view(records[$0], isSigner: $0 == signerIndex, isWaiting: isWaiting($0)) }
        let isChanged = signerBefore != signer.id || keys != state?.keys
        let left = records.indices.filter { !records[$0].isConfigured && !published.contains($0) }
        for index in left.reversed() { records.remove(at: index) }
        // Removed records come last, so the signer's place is what it was.
        guard isForced || isChanged else { return }
        generation += 1
        sequence = max(sequence + 1, now)
        state = SigningState(
            generation: generation, sequence: sequence, keys: keys, signer: signer, policy: policy)
    }

    private static func view(_ record: Record, isSigner: Bool, isWaiting: Bool) -> PublishedKey {
        PublishedKey(
            key: record.key, state: isSigner ? .signing : isWaiting ? .published : .retired,
            publishedAt: record.publishedAt, tokensExpireAt: isSigner ? nil : record.tokensExpireAt)
    }
}
