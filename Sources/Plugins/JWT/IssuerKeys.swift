import Base
import JOSE
import Observability

/// An issuer as one loop knows it: the keys that it has now, and what its tokens must look like.
///
/// It lives as long as the issuer's settings stay the same, over reloads; a change of settings makes a new one, and
/// what was verified by the old one counts no more.
package final class IssuerKeys {
    /// What the configuration calls the issuer; empty for a shared secret of a route.
    package let name: ByteView
    package let policy: TokenPolicy
    let algorithms: AlgorithmSet
    /// Whether the keys are fetched from somewhere, so that there may be new ones at any time.
    package let isFetched: Bool
    private var verifier: TokenVerifier?
    private let texts = TextArena()
    /// What the loop counts of decisions about the issuer's tokens; nil where nobody asks.
    package var metrics: DecisionMetrics?

    /// Grows whenever the keys change: a token that was verified before has its key looked up again.
    private(set) var generation: UInt64 = 0

    package init(name: String, policy: TokenPolicy, algorithms: AlgorithmSet, isFetched: Bool = false) {
        self.name = texts.keep(name)
        self.policy = policy
        self.algorithms = algorithms
        self.isFetched = isFetched
    }

    /// Whether keys were ever loaded.
    package var hasKeys: Bool { verifier != nil }

    /// The keys now; nil when none were ever loaded.
    package var current: KeySet? { verifier?.keys }

    /// The keys are these from now on.
    package func adopt(_ keys: KeySet) {
        if let verifier, verifier.keys === keys { return }
        verifier = TokenVerifier(keys, algorithms: algorithms)
        generation += 1
    }

    /// Whether the key is still among the issuer's.
    func contains(_ key: VerificationKey) -> Bool { verifier?.keys.keys.contains(key) ?? false }

    /// Whether some key has this id; every one is fine for a token without.
    package func hasKey(_ id: ByteView?) -> Bool {
        guard let id else { return true }
        return verifier?.keys.hasKey(id) ?? false
    }

    /// - Returns: nil when no key was ever loaded.
    func verify(_ token: CompactToken) throws(TokenError) -> VerificationKey? { try verifier?.verify(token) }
}
