import Base

/// Tokens that were verified, each loop's own, found by all of their bytes.
///
/// Only tokens whose signature held get in, so a flood of invalid ones changes nothing here. When the number of entries
/// or their memory is at its limit, the one makes room that came first of those not asked for since: one that was goes
/// back to the end, once. So finding an entry touches no other, which with many tokens would be two more to wait for.
package final class VerifiedTokenCache {
    private var buckets: [VerifiedToken?] = []
    private var newest: VerifiedToken?
    private unowned(unsafe) var oldest: VerifiedToken?
    private let hash: KeyedHash
    private let limits: TokenCacheLimits
    package private(set) var count = 0
    package private(set) var bytes = 0
    /// Entries that made room for others.
    package private(set) var evictions: UInt64 = 0

    /// - Parameter random: keys the hash, so that nobody can make tokens meet in one bucket.
    package init(limits: TokenCacheLimits, random: inout RandomSource) {
        self.limits = limits
        hash = KeyedHash(first: random.next(), second: random.next())
    }

    deinit { removeAll() }

    /// The entry of exactly this token.
    package func find(_ token: ByteView) -> VerifiedToken? {
        guard !buckets.isEmpty else { return nil }
        var entry = buckets[bucket(of: token)]
        while let candidate = entry {
            if candidate.token == token {
                candidate.wasUsed = true
                return candidate
            }
            entry = candidate.nextInBucket
        }
        return nil
    }

    /// Adds a token that `find` did not know.
    package func insert(_ entry: VerifiedToken) {
        guard entry.bytes <= limits.bytesMax, limits.entriesMax > 0 else { return }
        if buckets.isEmpty { buckets = Array(repeating: nil, count: limits.bucketCount) }
        while count >= limits.entriesMax || bytes + entry.bytes > limits.bytesMax, let next = nextToLeave {
            remove(next)
            evictions += 1
        }
        let index = bucket(of: entry.token)
        entry.nextInBucket = buckets[index]
        buckets[index] = entry
        entry.isCached = true
        count += 1
        bytes += entry.bytes
        link(entry)
    }

    /// Keeps what a route's plugins decided about a token with it. Its memory counts: others may have to go for it, or
    /// the token itself.
    package func keep(_ identity: RouteIdentity, with entry: VerifiedToken) {
        let growth = entry.keep(identity)
        guard entry.isCached else { return }
        bytes += growth
        while bytes > limits.bytesMax, let next = nextToLeave {
            remove(next)
            evictions += 1
        }
    }

    package func remove(_ entry: VerifiedToken) {
        let index = bucket(of: entry.token)
        var previous: VerifiedToken?
        var candidate = buckets[index]
        while let current = candidate, current !== entry {
            previous = current
            candidate = current.nextInBucket
        }
        guard candidate != nil else { return }
        if let previous { previous.nextInBucket = entry.nextInBucket } else { buckets[index] = entry.nextInBucket }
        entry.nextInBucket = nil
        entry.isCached = false
        count -= 1
        bytes -= entry.bytes
        unlink(entry)
    }

    package func removeAll() {
        while let last = oldest { remove(last) }
    }

    /// The end of a token is its signature, which is as good as random and different for every token: hashing all of it
    /// would find nothing sooner.
    private func bucket(of token: ByteView) -> Int {
        let tail = token.from(max(token.count - Self.hashedBytes, 0))
        return Int(truncatingIfNeeded: hash.hash(tail)) & (buckets.count - 1)
    }

    private static let hashedBytes = 32

    // MARK: By age

    /// The entry that makes room. Passes over a few that were used since they were last looked at; when all are in use,
    /// age decides.
    private var nextToLeave: VerifiedToken? {
        var passed = 0
        while passed < Self.passedMax, let last = oldest, last.wasUsed {
            last.wasUsed = false
            unlink(last)
            link(last)
            passed += 1
        }
        return oldest
    }

    private static let passedMax = 16

    private func link(_ entry: VerifiedToken) {
        entry.older = newest
        newest?.newer = entry
        newest = entry
        if oldest == nil { oldest = entry }
    }

    private func unlink(_ entry: VerifiedToken) {
        let newer = entry.newer
        let older = entry.older
        if let newer { newer.older = older } else { newest = older }
        if let older { older.newer = newer } else { oldest = newer }
        entry.newer = nil
        entry.older = nil
    }
}

/// How much a loop's cache of verified tokens may hold.
package struct TokenCacheLimits: Sendable {
    package var entriesMax: Int
    /// All memory of the entries together.
    package var bytesMax: Int

    package init(entriesMax: Int = 16_384, bytesMax: Int = 64 * 1024 * 1024) {
        self.entriesMax = entriesMax
        self.bytesMax = bytesMax
    }

    /// A power of two, about one and a half buckets for each entry.
    var bucketCount: Int {
        var count = 16
        while count < entriesMax + entriesMax / 2 { count *= 2 }
        return count
    }
}
