/// What the identity plugins decide about one request, and why: the story of `LoopIdentity.check` and `state`, told one
/// decision at a time. For `explain`; nothing of it is on a request's way.
package struct IdentityTrace {
    /// What a decision is about. Numbers are places in the rule's lists, from 0.
    package enum Subject: Sendable, Equatable {
        // The plugin `jwt`, in its order.
        case token, form, issuer, algorithm, signature
        case policy(TokenPolicy.Check)
        case audiences, scopes, anyScope
        case condition(Int)
        // The plugin `spiffe`.
        case rule(Int)
        case identity, tenant, routeTenant
        // The plugin `internal_jwt`.
        case internalToken
    }

    package enum Outcome: Sendable, Equatable {
        case good
        /// This alone refuses the request.
        case bad
        /// Nobody looked: there is nothing to look with.
        case unchecked
        /// Says something, decides nothing: a rule that doesn't match, a token that isn't there and needn't be.
        case neutral
    }

    package struct Finding: Sendable, Equatable {
        package let subject: Subject
        package let outcome: Outcome
        /// Why, in a few words. It holds claims, but nothing of a signature.
        package let reason: String
    }

    /// In the order of the steps; those that were not reached are not in it.
    package internal(set) var findings: [Finding] = []
    /// The server's own verdict; nil when the request goes on.
    package internal(set) var refusal: IdentityRefusal?
    /// The `WWW-Authenticate` of the refusal; nil without one.
    package internal(set) var challenge: String?
    /// Place of the token's issuer among the snapshot's; nil when the token is none's.
    package internal(set) var issuerIndex: Int?
    /// Whether the verdict takes a signature for good that nobody has checked.
    package internal(set) var isSignatureUnchecked = false

    /// What the route's plugins made of the token; nil for nobody.
    package internal(set) var identity: RouteIdentity?

    // What the gateway makes of the caller; empty for nothing.
    package internal(set) var subject = ""
    package internal(set) var scopes = ""
    package internal(set) var spiffeID = ""
    package internal(set) var tenant = ""

    /// The internal token's header and claims, as the mint wrote them: JSON; nil when there is none.
    package internal(set) var internalHeader: String?
    package internal(set) var internalClaims: String?

    mutating func note(_ subject: Subject, _ outcome: Outcome, _ reason: String) {
        findings.append(Finding(subject: subject, outcome: outcome, reason: reason))
    }

    mutating func note(_ subject: Subject, isGood: Bool, _ reason: String) {
        note(subject, isGood ? .good : .bad, reason)
    }
}
