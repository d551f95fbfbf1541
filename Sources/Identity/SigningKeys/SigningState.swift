import Base
import JOSE

/// What the configuration says of a key, and what becomes of it.
package enum SigningKeyState: String, Sendable {
    /// Verifiers can learn it; it doesn't sign yet.
    case published
    /// It signs.
    case signing
    /// It signed; it is published for the tokens that are still alive.
    case retired
}

/// A configured key, for `SigningKeyRing.update`.
package struct SigningKeyEntry: Sendable {
    package let key: SigningKey
    /// Nil to have the ring decide by age.
    package let state: SigningKeyState?
    /// When its file was last changed, in Unix seconds; nil if unknown.
    package let fileTime: Int64?
    /// The index of its entry in the configuration's list, which goes from the oldest to the newest. Keys of one folder
    /// have the same.
    package let group: Int

    package init(key: SigningKey, state: SigningKeyState?, fileTime: Int64?, group: Int) {
        self.key = key
        self.state = state
        self.fileTime = fileTime.map { max($0, 0) }
        self.group = group
    }
}

/// The times of a ring, in seconds.
package struct SigningPolicy: Sendable, Equatable {
    /// How long a key is published before it signs.
    package let publishBeforeSigning: Int64
    /// The longest life of a token that a route may ask for.
    package let tokenLifetimeMaximum: Int64

    package init(publishBeforeSigning: Int64, tokenLifetimeMaximum: Int64) {
        self.publishBeforeSigning = publishBeforeSigning
        self.tokenLifetimeMaximum = tokenLifetimeMaximum
    }

    /// How long verifiers may keep the published set, in seconds: for at most half the time that a key is published
    /// before it signs, so that a set fetched just before the key appeared is stale before its first token comes; and
    /// 5 minutes at most.
    package var maxAge: Int64 { min(publishBeforeSigning / 2, 300) }
}

/// Why a set of signing keys can't be used.
package enum SigningKeyProblem: Error, Equatable, Sendable {
    /// No key at all.
    case noKeys
    /// More than `SigningKeyRing.keyCountMaximum`.
    case tooMany
    /// Every key is `published` or `retired`.
    case noneSigns
    /// Two keys have this id.
    case repeatedID(String)
    /// Another key had this id, or this one with another algorithm, and its tokens may still be alive.
    case takenID(String)

    package var message: String {
        switch self {
        case .noKeys: "no signing key"
        case .tooMany: "more than \(SigningKeyRing.keyCountMaximum) signing keys"
        case .noneSigns: "every key is `published` or `retired`, so none may sign"
        case .repeatedID(let id): "two signing keys have the id \"\(id)\""
        case .takenID(let id):
            "the id \"\(id)\" belongs to another key, or to this one with another algorithm, whose tokens may still be "
                + "alive; give the new key an id of its own"
        }
    }
}

/// A key in the published set, for documents and the admin listener.
package struct PublishedKey: Sendable, Equatable {
    package let key: SigningKey
    package let state: SigningKeyState
    /// Unix seconds.
    package let publishedAt: Int64
    /// When its last token has expired, in Unix seconds; nil while it signs and if it never did.
    package let tokensExpireAt: Int64?

    package static func == (left: PublishedKey, right: PublishedKey) -> Bool {
        left.key.isSame(as: right.key) && left.state == right.state
    }
}

/// What the loops sign with and what verifiers are shown, at one moment. Immutable: made by `SigningKeyRing` on the
/// control thread and posted to every loop.
package final class SigningState: Sendable {
    /// Grows by one with each change.
    package let generation: Int
    /// The key that signs.
    package let signer: SigningKey
    /// Every published key, the signer among them.
    package let keys: [PublishedKey]
    /// A JWK set (RFC 7517 section 5), for verifiers of JWTs: `use` is `sig`.
    package let keySetText: String
    /// A SPIFFE bundle (SPIFFE Trust Domain and Bundle, section 4): `use` is `jwt-svid`, with sequence and refresh
    /// hint. EdDSA keys are not in it: a JWT-SVID can't be signed by them.
    package let bundleText: String
    /// For `Cache-Control` of both documents, in seconds; 0 is `no-cache`.
    package let maxAge: Int64
    /// The documents' entity tags (RFC 9110 section 8.8.3), quoted: equal for equal texts, in every replica.
    package let keySetTag: String
    package let bundleTag: String

    /// - Parameter sequence: grows with each change, over restarts as well.
    init(generation: Int, sequence: Int64, keys: [PublishedKey], signer: SigningKey, policy: SigningPolicy) {
        self.generation = generation
        self.signer = signer
        self.keys = keys
        maxAge = policy.maxAge
        keySetText = KeySet.text(keys.map(\.key.verificationKey), use: "sig")
        // Consumers of a bundle poll; a hint of nothing would have them do nothing else.
        let hint = maxAge > 0 ? maxAge : 60
        let svidKeys = keys.map(\.key).filter(\.signsJWTSVIDs).map(\.verificationKey)
        let set = KeySet.text(svidKeys, use: "jwt-svid")
        bundleText = set.dropLast() + #","spiffe_sequence":\#(sequence),"spiffe_refresh_hint":\#(hint)}"#
        keySetTag = Self.tag(of: keySetText)
        bundleTag = Self.tag(of: bundleText)
    }

    private static func tag(of text: String) -> String {
        let digest = text.withByteView { SHA256Digest(of: $0) }
        return "\"\(digest.base64URL.prefix(22))\""
    }
}
