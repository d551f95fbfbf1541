import Base

/// How large a JWK set may be.
package struct KeySetLimits: Sendable, Equatable {
    package var keys: Int
    package var json: JSONLimits

    package init(keys: Int = 100, json: JSONLimits = .keySet) {
        self.keys = keys
        self.json = json
    }
}

/// An issuer's keys. Immutable.
package final class KeySet: Sendable {
    /// A key of a JWK set that is not used, and why.
    package struct Skipped: Sendable, Equatable {
        /// Its place in the array, from 0.
        package let index: Int
        /// Its `kid`, if it has a usable one.
        package let keyID: String?
        package let error: KeyError
    }

    package let keys: [VerificationKey]
    package let skipped: [Skipped]

    /// Keys from files or a configuration; an exact duplicate counts once.
    package init(keys: [VerificationKey], skipped: [Skipped] = []) {
        var kept: [VerificationKey] = []
        for key in keys where !kept.contains(key) { kept.append(key) }
        self.keys = kept
        self.skipped = skipped
    }

    /// The keys of a JWK set (RFC 7517 section 5). A key that can't be used is skipped and listed, the rest counts;
    /// of keys that are the same in numbers, key id and algorithm one is kept.
    /// - Throws: what is wrong with the set as a whole.
    package convenience init(jwks: ByteView, limits: KeySetLimits = KeySetLimits()) throws(KeyError) {
        let document = JSONDocument()
        let root: JSONValue
        do throws(JSONError) {
            root = try document.read(jwks, limits: limits.json)
        } catch {
            throw .malformed(error)
        }
        guard let list = root.member("keys"), list.isArray else { throw .notAKeySet }
        guard list.count <= limits.keys else { throw .tooManyKeys }
        var keys: [VerificationKey] = []
        var skipped: [Skipped] = []
        var index = 0
        for jwk in list.elements {
            do throws(KeyError) {
                keys.append(try VerificationKey(jwk: jwk))
            } catch {
                let text = jwk.member("kid")?.text
                let keyID = text.flatMap { $0.count <= VerificationKey.maximumKeyIDCount ? $0.string : nil }
                skipped.append(Skipped(index: index, keyID: keyID, error: error))
            }
            index += 1
        }
        self.init(keys: keys, skipped: skipped)
        // `document` must outlive the values that point into it.
        withExtendedLifetime(document) {}
    }

    /// Whether some key has this key id.
    package func hasKey(_ keyID: ByteView) -> Bool { keys.contains { $0.hasKeyID(keyID) } }

    /// Whether both hold the same keys, in any order.
    package func hasSameKeys(as other: KeySet) -> Bool {
        keys.count == other.keys.count && keys.allSatisfy(other.keys.contains)
    }

    /// The JWK set's text for publishing. Off the hot path.
    package static func text(_ keys: [VerificationKey], use: String? = "sig") -> String {
        "{\"keys\":[\(keys.map { $0.jwk(use: use) }.joined(separator: ","))]}"
    }
}
