import Base

/// Why the identity plugins refuse a request. Status, log code, sentence and challenge (RFC 6750 section 3) follow
/// from the case.
package enum IdentityRefusal: Sendable, Equatable {
    /// There is no token, and the route wants one.
    case tokenMissing
    /// Several places hold a token, or something that can't be one.
    case requestMalformed
    /// The token is wrong, expired, or not for here.
    case tokenInvalid(TokenProblem)
    /// The token is right, but lacks a scope of the route.
    case scopeMissing
    /// The token is right, but a claim isn't as the route wants it.
    case claimRefused
    /// No rule leads from the token's claims to a SPIFFE ID.
    case identityUnmapped(SPIFFERefusal)
    /// The token has no tenant, or another one than the route.
    case tenantRefused(TenantRefusal)
    /// The issuer's keys were never loaded, so nobody can say.
    case issuerUnavailable
    /// The internal token could not be made.
    case mintRefused(MintRefusal)

    package var status: Int {
        switch self {
        case .tokenMissing, .tokenInvalid: 401
        case .requestMalformed: 400
        case .scopeMissing, .claimRefused, .identityUnmapped, .tenantRefused: 403
        case .issuerUnavailable: 503
        case .mintRefused(let refusal): refusal.refusal.status
        }
    }

    /// When the client may try again, in seconds from now; 0 where that would change nothing.
    package var retryAfterSeconds: Int { self == .issuerUnavailable ? 5 : 0 }

    /// For logs, metrics and problem details: stable, kebab-case.
    package var code: StaticString {
        switch self {
        case .tokenMissing: "token-missing"
        case .requestMalformed: "token-ambiguous"
        case .tokenInvalid(let problem): problem.code
        case .scopeMissing: "scope-missing"
        case .claimRefused: "claim-refused"
        case .identityUnmapped(let refusal): refusal.code
        case .tenantRefused(let refusal): refusal.code
        case .issuerUnavailable: "issuer-unavailable"
        case .mintRefused(let refusal): refusal.code
        }
    }

    /// One sentence for the client. It tells what to do about it, and nothing about what the route wants of others.
    package var detail: StaticString {
        switch self {
        case .tokenMissing: "This resource needs an access token."
        case .requestMalformed: "The request must carry exactly one access token, in one place."
        case .tokenInvalid(let problem): problem.detail
        case .scopeMissing: "The access token lacks a scope that this resource needs."
        case .claimRefused, .identityUnmapped: "The access token does not entitle to this resource."
        case .tenantRefused: "The access token belongs to another tenant."
        case .issuerUnavailable: "Access tokens can't be checked at the moment."
        case .mintRefused(let refusal): refusal.refusal.detail
        }
    }

    /// The `error` of the challenge; nil for a challenge without one, as a request without credentials gets it.
    package var challengeError: StaticString? {
        switch self {
        case .requestMalformed: "invalid_request"
        case .tokenInvalid, .mintRefused(.outerTokenExpires): "invalid_token"
        case .scopeMissing, .claimRefused: "insufficient_scope"
        default: nil
        }
    }

    /// Whether the answer has a `WWW-Authenticate` at all.
    package var hasChallenge: Bool {
        switch self {
        case .tokenMissing, .requestMalformed, .tokenInvalid, .scopeMissing, .claimRefused: true
        case .mintRefused(.outerTokenExpires): true
        case .identityUnmapped, .tenantRefused, .issuerUnavailable, .mintRefused: false
        }
    }
}
