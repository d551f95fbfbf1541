import Base

/// Checks tokens against one issuer's keys, with the algorithms that the issuer's tokens may have.
///
/// Not thread-safe: each loop has its own for each key set; what OpenSSL needs for a key is made when it is first used.
package final class TokenVerifier {
    /// How many keys are tried for one token.
    package static let maximumTries = 4

    package let keys: KeySet
    package let algorithms: AlgorithmSet
    private var verifiers: [Entry] = []

    private struct Entry {
        let algorithm: SignatureAlgorithm
        let verifier: SignatureVerifier
        let keyIndex: Int
    }

    /// - Parameter algorithms: the token's own `alg` only chooses among these (RFC 8725 section 3.1).
    package init(_ keys: KeySet, algorithms: AlgorithmSet) {
        self.keys = keys
        self.algorithms = algorithms
    }

    /// The key that signed the token.
    ///
    /// With a `kid`, the keys that have it are tried, else those that have none at all, for keys from files; without
    /// one, all that fit the algorithm.
    /// - Throws: `keyNotFound` if the set has no such key, which fetching the set anew may mend; and `keyMismatch`,
    ///   `ambiguousKey`, `algorithmNotAllowed`, `badSignature`, which it can't.
    package func verify(_ token: CompactToken) throws(TokenError) -> VerificationKey {
        guard algorithms.contains(token.algorithm) else { throw .algorithmNotAllowed }
        guard let keyID = token.keyID else {
            return try verify(token, .any, otherwise: .keyNotFound)
        }
        var hasKeyID = false
        for key in keys.keys where key.hasKeyID(keyID) { hasKeyID = true }
        if hasKeyID { return try verify(token, .exactly(keyID), otherwise: .keyMismatch) }
        return try verify(token, .unnamed, otherwise: .keyNotFound)
    }

    private enum Choice {
        case any
        case unnamed
        case exactly(ByteView)
    }

    private func verify(
        _ token: CompactToken, _ choice: Choice, otherwise error: TokenError
    ) throws(TokenError) -> VerificationKey {
        let algorithm = token.algorithm
        var fitting = 0
        var index = 0
        let count = keys.keys.count
        while index < count {
            if isChosen(keys.keys[index], choice), keys.keys[index].fits(algorithm) { fitting += 1 }
            index += 1
        }
        if fitting == 0 { throw error }
        if fitting > Self.maximumTries { throw .ambiguousKey }
        index = 0
        while index < count {
            let key = keys.keys[index]
            if isChosen(key, choice), key.fits(algorithm), let verifier = verifier(index, algorithm),
                verifier.verify(token.signingInput, signature: token.signature)
            {
                return key
            }
            index += 1
        }
        throw .badSignature
    }

    private func isChosen(_ key: VerificationKey, _ choice: Choice) -> Bool {
        switch choice {
        case .any: true
        case .unnamed: key.keyID == nil
        case .exactly(let keyID): key.hasKeyID(keyID)
        }
    }

    /// Nil if OpenSSL can't use the key, out of memory for instance; the token is then refused.
    private func verifier(_ index: Int, _ algorithm: SignatureAlgorithm) -> SignatureVerifier? {
        var place = 0
        while place < verifiers.count {
            if verifiers[place].keyIndex == index, verifiers[place].algorithm == algorithm {
                return verifiers[place].verifier
            }
            place += 1
        }
        guard let verifier = try? SignatureVerifier(keys.keys[index], algorithm) else { return nil }
        verifiers.append(Entry(algorithm: algorithm, verifier: verifier, keyIndex: index))
        return verifier
    }
}
