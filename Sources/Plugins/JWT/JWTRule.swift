import Base
import Identity
import JOSE

/// What one route wants of a client's token: the plugin `jwt`, compiled.
package struct JWTRule {
    /// Indices into the snapshot's issuers.
    package let issuers: [Int]
    /// Whether a request without a token is refused. One with a bad token always is.
    package let isRequired: Bool
    package let sources: [TokenSource]
    /// Whether one of them is a parameter of the query.
    package let hasQuerySource: Bool
    /// All of them must be in the token.
    let scopes: [ByteView]
    /// One of them must be in the token; empty: any.
    let anyScope: [ByteView]
    /// The token must be for one of these; empty: what its issuer wants is enough.
    let audiences: [ByteView]
    let conditions: [ClaimCondition]
    package let challenge: Challenge

    /// - Parameters: the views must live as long as the rule.
    package init(
        issuers: [Int], isRequired: Bool, sources: [TokenSource], scopes: [ByteView], anyScope: [ByteView],
        audiences: [ByteView], conditions: [ClaimCondition], challenge: Challenge
    ) {
        self.issuers = issuers
        self.isRequired = isRequired
        self.sources = sources
        hasQuerySource = sources.contains { if case .query = $0 { true } else { false } }
        self.scopes = scopes
        self.anyScope = anyScope
        self.audiences = audiences
        self.conditions = conditions
        self.challenge = challenge
    }

    /// Why a good token is not good enough here, or nil.
    func refusal(_ claims: JSONValue, scopes held: ScopeList) -> IdentityRefusal? {
        if !audiences.isEmpty, let problem = TokenPolicy.audienceProblem(claims, audiences) {
            return .tokenInvalid(problem)
        }
        if !held.containsAll(scopes) { return .scopeMissing }
        if !anyScope.isEmpty, !held.containsAny(anyScope) { return .scopeMissing }
        return conditions.hold(in: claims) ? nil : .claimRefused
    }
}
