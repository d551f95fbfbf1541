import Base
import Identity
import JOSE

/// Issues internal tokens on one loop: signs them, keeps them, and gives them out again while that is safe.
///
/// Nothing that it gives out outlives the token that it was made from. A token that the outer one's expiry doesn't
/// limit is shared by all outer tokens that say the same; one that it does is shared by those that expire with it.
package final class TokenMint {
    /// The longest claims, in bytes: what fits into an upstream's header limit many times over doesn't.
    package static let claimsLengthMaximum = 16 * 1024
    /// The most that one token may take in the cache, in bytes.
    static let entryLengthMaximum = 64 * 1024

    /// A key, ready to sign on this loop.
    private struct Signer {
        let key: SigningKey
        /// A number that no other key of this mint had.
        let serial: UInt64
        let plain: TokenSigner
        let accessToken: TokenSigner

        init(key: SigningKey, serial: UInt64) throws(KeyError) {
            self.key = key
            self.serial = serial
            plain = try TokenSigner(key, type: "JWT")
            accessToken = try TokenSigner(key, type: "at+jwt")
        }
    }

    private var signer: Signer?
    private var lastSerial: UInt64 = 0
    private var currentSerial: UInt64 = 0
    private let cache: MintedTokenCache
    private let writer = ClaimsWriter()
    private let hasher = SHA256Hasher()
    private var scratch = IOBuffer()
    private var random: RandomSource

    /// How many tokens have been signed.
    package private(set) var signedCount = 0

    /// - Parameter seed: for `jti`; differs between loops and processes.
    package init(limits: MintedCacheLimits = MintedCacheLimits(), seed: UInt64) {
        cache = MintedTokenCache(limits: limits)
        random = RandomSource(seed: seed)
    }

    /// Signs with the state's key from now on. Tokens of a former key are no longer given out.
    package func adopt(_ state: SigningState) throws(KeyError) {
        if let signer, signer.key.isSame(as: state.signer) { return }
        signer = try Signer(key: state.signer, serial: lastSerial + 1)
        lastSerial += 1
        currentSerial = lastSerial
    }

    /// Forgets the signing key: nothing is issued or given out until the next `adopt`.
    package func retire() {
        signer = nil
        currentSerial = 0
    }

    /// How many tokens the cache holds.
    package var cachedCount: Int { cache.count }
    /// How many bytes they take.
    package var cachedByteCount: Int { cache.byteCount }
    /// How many tokens, still good, have made room for others.
    package var evictionCount: UInt64 { cache.evictionCount }
}

/// A minted token, as it lies in the cache: valid until the mint's next `mint`.
package struct MintedToken {
    /// In compact serialisation.
    package let token: ByteView
    /// For the audit line: the first 16 bytes of the token's SHA-256 digest, in hexadecimal.
    package let digest: ByteView
    /// `jti`; empty if it has none.
    package let id: ByteView
    /// Unix seconds.
    package let issuedAt: Int64
    /// `exp`, in Unix seconds.
    package let expiry: Int64
}

extension TokenMint {
    /// The token that a former request got, if it may be used now. Constant time; nothing is allocated.
    /// - Parameters:
    ///   - reference: from `mint`, for the same rule and the same outer token (or one that says the same).
    ///   - outerExpiry: the present outer token's `exp`, in Unix seconds.
    package func token(at reference: MintedReference, now: WallTime, outerExpiry: Int64) -> MintedToken? {
        guard let entry = cache.entry(at: reference), isUsable(entry, now: now, outerExpiry: outerExpiry) else {
            return nil
        }
        cache.touch(reference)
        return Self.view(entry)
    }

    /// What `mint` has just returned, however little of its life is left: none that is made now would live longer.
    package func token(justMinted reference: MintedReference) -> MintedToken? {
        cache.entry(at: reference).flatMap(Self.view)
    }

    /// A token about `identity`: a kept one if there is one that says the same and may be used, else a new one.
    /// - Returns: where it lies: for `token(justMinted:)` at once, and for `token(at:)` in requests to come.
    package func mint(
        _ rule: InternalTokenRule, for identity: TokenIdentity, now: WallTime
    ) throws(MintRefusal) -> MintedReference {
        guard let signer else { throw .noSigningKey }
        if rule.profile == .jwtSVID, !signer.key.signsJWTSVIDs { throw .algorithmUnfit }
        let second = now.seconds
        // More than two seconds are as good as two here, and can't overflow.
        guard identity.expiry > second,
            min(identity.expiry, second + 2) * 1_000_000_000 - now.nanoseconds >= 1_000_000_000
        else { throw .outerTokenExpires }
        let isLimited = identity.expiry < second + rule.lifetime
        let expiry = isLimited ? identity.expiry : second + rule.lifetime
        let claims = try rule.claims(of: identity, with: writer)
        if claims.count > Self.claimsLengthMaximum { throw .tooLarge }
        let tag = MintedTokenCache.Tag(
            signer: signer.serial, lifetime: rule.lifetime, outerExpiry: isLimited ? expiry : 0,
            profile: rule.profile, hasID: rule.hasID)
        let hash = MintedTokenCache.hash(tag, claims)
        if let known = cache.find(tag, claims, hash: hash) {
            if let entry = cache.entry(at: known), isUsable(entry, now: now, outerExpiry: identity.expiry) {
                cache.touch(known)
                return known
            }
            cache.remove(known)
        }
        // A token that ends with the outer one can't be bettered by a new one, so it is used to its last second.
        let margin = isLimited ? 1 : InternalTokenRule.margin(lifetime: rule.lifetime)
        let times = Times(issuedAt: second, expiry: expiry, usableUntil: (expiry - margin) * 1_000_000_000)
        let entry = try sign(claims, tag: tag, hash: hash, times: times, signer: signer)
        signedCount += 1
        return cache.insert(entry, now: now.nanoseconds, signer: currentSerial)
    }

    private struct Times {
        let issuedAt: Int64
        let expiry: Int64
        /// Unix nanoseconds.
        let usableUntil: Int64
    }

    private func isUsable(_ entry: MintedTokenCache.Entry, now: WallTime, outerExpiry: Int64) -> Bool {
        // A clock that was set back must not give out a token from the future.
        entry.tag.signer == currentSerial && now.nanoseconds <= entry.usableUntil && entry.expiry <= outerExpiry
            && entry.issuedAt <= now.seconds
    }

    private static func view(_ entry: MintedTokenCache.Entry) -> MintedToken? {
        guard let storage = entry.storage else { return nil }
        let token = storage + entry.claimsCount
        let digest = token + entry.tokenCount
        return MintedToken(
            token: ByteView(base: token, count: entry.tokenCount),
            digest: ByteView(base: digest, count: MintedTokenCache.digestCount),
            id: ByteView(base: digest + MintedTokenCache.digestCount, count: entry.idCount),
            issuedAt: entry.issuedAt, expiry: entry.expiry)
    }

    /// Makes the token and the cache's entry for it.
    private func sign(
        _ claims: ByteView, tag: MintedTokenCache.Tag, hash: Int, times: Times, signer: Signer
    ) throws(MintRefusal) -> MintedTokenCache.Entry {
        scratch.removeAll()
        scratch.append(claims.prefix(claims.count - 1))
        var id = IOBuffer()
        if tag.hasID {
            id.append(hex16: random.next())
            id.append(hex16: random.next())
            scratch.append(#","jti":""#)
            scratch.append(id.readable)
            scratch.append("\"")
        }
        scratch.append(#","iat":"#)
        scratch.append(decimal: Int(times.issuedAt))
        scratch.append(#","exp":"#)
        scratch.append(decimal: Int(times.expiry))
        scratch.append("}")
        let signing = tag.profile == .accessToken ? signer.accessToken : signer.plain
        let room = signing.tokenCount(claims: scratch.readableCount)
        let capacity = claims.count + room + MintedTokenCache.digestCount + id.readableCount
        let storage = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        storage.update(from: claims.base, count: claims.count)
        let token = storage + claims.count
        let tokenCount: Int
        do throws(TokenError) {
            tokenCount = try signing.sign(
                scratch.readable, into: UnsafeMutableRawBufferPointer(start: token, count: room))
        } catch {
            storage.deallocate()
            throw .signingFailed
        }
        let digest = hasher.digest(ByteView(base: token, count: tokenCount))
        let hexadecimal = token + tokenCount
        digest.withBytes { bytes in
            for index in 0..<MintedTokenCache.digestCount / 2 {
                hexadecimal[2 * index] = ASCII.lowerHexDigit(bytes[index] >> 4)
                hexadecimal[2 * index + 1] = ASCII.lowerHexDigit(bytes[index] & 15)
            }
        }
        (hexadecimal + MintedTokenCache.digestCount).update(from: id.readable.base, count: id.readableCount)
        return MintedTokenCache.Entry(
            tag: tag, hash: hash, stamp: 0, storage: storage, claimsCount: claims.count, tokenCount: tokenCount,
            idCount: id.readableCount, issuedAt: times.issuedAt, expiry: times.expiry,
            usableUntil: times.usableUntil, next: -1, wasUsed: false)
    }
}
