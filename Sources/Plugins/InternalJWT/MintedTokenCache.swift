import Base

/// Where a minted token lies in its loop's cache: to be kept with the verified token that it was made from, so that the
/// next request finds it without rendering or hashing anything. May go stale at any time; the cache notices.
package struct MintedReference: Sendable, Equatable {
    let place: UInt32
    /// Differs for each token that a place has held.
    let stamp: UInt64
}

/// How much a loop's cache of minted tokens may hold.
package struct MintedCacheLimits: Sendable {
    /// Tokens.
    package var count: Int
    /// Bytes of tokens and of what they are found by.
    package var bytes: Int

    package init(count: Int = 16 * 1024, bytes: Int = 16 * 1024 * 1024) {
        self.count = count
        self.bytes = bytes
    }
}

/// The minted tokens of one loop, found by all that is said in them. Bounded in count and bytes.
///
/// Places are reused by the clock algorithm: a hand goes round and takes the first place whose token has not been used
/// since it last came by, has expired or was signed with a former key. It passes 16 used ones at most, so making room
/// takes constant time. A flood of tokens that are used once only replaces its own: what is in use is passed over, and
/// each turn of the hand costs the flood as many signatures as there are places.
final class MintedTokenCache {
    /// What a token is found by, beside its claims.
    struct Tag: Equatable {
        /// The key that signed it, by a number that no other key of the process has.
        var signer: UInt64
        /// In seconds: a route that asks for short-lived tokens must not get another's longer-lived one.
        var lifetime: Int64
        /// The outer token's expiry if that is what ends this token's life, otherwise 0.
        var outerExpiry: Int64
        var profile: InternalTokenProfile
        var hasID: Bool
    }

    struct Entry {
        var tag: Tag
        var hash: Int
        var stamp: UInt64
        /// The claims that it is found by, the token, its digest in hexadecimal, and its id.
        var storage: UnsafeMutablePointer<UInt8>?
        var claimsCount: Int
        var tokenCount: Int
        var idCount: Int
        /// Unix seconds.
        var issuedAt: Int64
        var expiry: Int64
        /// Unix nanoseconds; up to here it is given out.
        var usableUntil: Int64
        /// The next place in the bucket, or in the list of free ones; -1 for none.
        var next: Int32
        var wasUsed: Bool

        var byteCount: Int { claimsCount + tokenCount + MintedTokenCache.digestCount + idCount }
    }

    /// Characters of a digest: 16 bytes in hexadecimal.
    static let digestCount = 32
    private static let entriesPassedMaximum = 16

    private var entries: [Entry] = []
    private var buckets: [Int32]
    private var freePlace: Int32 = -1
    private var hand = 0
    private var lastStamp: UInt64 = 0
    private let limits: MintedCacheLimits

    /// How many tokens it holds.
    private(set) var count = 0
    /// How many bytes they take.
    private(set) var byteCount = 0
    /// Tokens that could still be given out and made room for others.
    private(set) var evictionCount: UInt64 = 0

    init(limits: MintedCacheLimits) {
        self.limits = MintedCacheLimits(
            count: min(max(limits.count, 1), 1 << 24), bytes: max(limits.bytes, 2 * TokenMint.entryLengthMaximum))
        buckets = Array(repeating: -1, count: 64)
    }

    deinit {
        for entry in entries { entry.storage?.deallocate() }
    }

    /// The entry that a reference leads to, if it is still there.
    @inline(__always)
    func entry(at reference: MintedReference) -> Entry? {
        let place = Int(reference.place)
        guard place < entries.count, entries[place].stamp == reference.stamp else { return nil }
        return entries[place]
    }

    /// Notes that an entry was given out.
    @inline(__always)
    func touch(_ reference: MintedReference) { entries[Int(reference.place)].wasUsed = true }

    static func hash(_ tag: Tag, _ claims: ByteView) -> Int {
        // Keyed at random in each process, because clients have a say in the claims.
        var hasher = Hasher()
        hasher.combine(tag.signer)
        hasher.combine(tag.lifetime)
        hasher.combine(tag.outerExpiry)
        hasher.combine(bytes: claims.raw)
        return hasher.finalize()
    }

    func find(_ tag: Tag, _ claims: ByteView, hash: Int) -> MintedReference? {
        var place = buckets[hash & (buckets.count - 1)]
        while place >= 0 {
            let entry = entries[Int(place)]
            if entry.hash == hash, entry.tag == tag, entry.claimsCount == claims.count, let storage = entry.storage,
                ByteView(base: storage, count: entry.claimsCount) == claims
            {
                return MintedReference(place: UInt32(place), stamp: entry.stamp)
            }
            place = entry.next
        }
        return nil
    }

    func remove(_ reference: MintedReference) {
        if entry(at: reference) != nil { free(Int(reference.place)) }
    }

    /// Adds an entry, whose storage becomes the cache's, and makes room for it.
    /// - Parameters:
    ///   - now: Unix nanoseconds.
    ///   - signer: entries of other signers give way first.
    func insert(_ entry: Entry, now: Int64, signer: UInt64) -> MintedReference {
        // Two places a time: what has expired makes room before memory grows.
        var looked = 0
        while looked < 2, !entries.isEmpty {
            advanceHand()
            if entries[hand].storage != nil, isDead(entries[hand], now: now, signer: signer) { free(hand) }
            looked += 1
        }
        while count >= limits.count || count > 0 && byteCount + entry.byteCount > limits.bytes {
            evict(now: now, signer: signer)
        }
        if freePlace < 0 { addPlace() }
        let place = freePlace
        freePlace = entries[Int(place)].next
        lastStamp += 1
        var added = entry
        added.stamp = lastStamp
        let bucket = added.hash & (buckets.count - 1)
        added.next = buckets[bucket]
        buckets[bucket] = place
        entries[Int(place)] = added
        count += 1
        byteCount += added.byteCount
        return MintedReference(place: UInt32(place), stamp: lastStamp)
    }

    private func isDead(_ entry: Entry, now: Int64, signer: UInt64) -> Bool {
        entry.usableUntil < now || entry.tag.signer != signer
    }

    private func advanceHand() { hand = hand + 1 < entries.count ? hand + 1 : 0 }

    private func evict(now: Int64, signer: UInt64) {
        var passed = 0
        while true {
            advanceHand()
            guard entries[hand].storage != nil else { continue }
            guard entries[hand].wasUsed, passed < Self.entriesPassedMaximum,
                !isDead(entries[hand], now: now, signer: signer)
            else { break }
            entries[hand].wasUsed = false
            passed += 1
        }
        if !isDead(entries[hand], now: now, signer: signer) { evictionCount += 1 }
        free(hand)
    }

    private func free(_ place: Int) {
        let entry = entries[place]
        let bucket = entry.hash & (buckets.count - 1)
        if buckets[bucket] == place {
            buckets[bucket] = entry.next
        } else {
            var before = Int(buckets[bucket])
            while Int(entries[before].next) != place { before = Int(entries[before].next) }
            entries[before].next = entry.next
        }
        entry.storage?.deallocate()
        entries[place].storage = nil
        entries[place].stamp = 0
        entries[place].next = freePlace
        freePlace = Int32(place)
        count -= 1
        byteCount -= entry.byteCount
    }

    private func addPlace() {
        let tag = Tag(signer: 0, lifetime: 0, outerExpiry: 0, profile: .internal, hasID: false)
        entries.append(
            Entry(
                tag: tag, hash: 0, stamp: 0, storage: nil, claimsCount: 0, tokenCount: 0, idCount: 0, issuedAt: 0,
                expiry: 0, usableUntil: 0, next: freePlace, wasUsed: false))
        freePlace = Int32(entries.count - 1)
        if entries.count > buckets.count { spread() }
    }

    /// Doubles the buckets.
    private func spread() {
        buckets = Array(repeating: -1, count: buckets.count * 2)
        for place in entries.indices where entries[place].storage != nil {
            let bucket = entries[place].hash & (buckets.count - 1)
            entries[place].next = buckets[bucket]
            buckets[bucket] = Int32(place)
        }
    }
}
