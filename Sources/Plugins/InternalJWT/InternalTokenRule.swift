import Base
import Identity
import JOSE

/// What kind of token the gateway issues: the standard that its header and claims follow.
package enum InternalTokenProfile: UInt8, Sendable {
    /// A plain JWT (RFC 7519) with a SPIFFE ID as its subject.
    case `internal`
    /// A JWT-SVID (JWT-SVID specification, sections 2 and 3): RS, PS or ES only, `typ` is `JWT`.
    case jwtSVID
    /// An OAuth 2.0 access token (RFC 9068): `typ` is `at+jwt`; `client_id` and `jti` always, scopes as a string.
    case accessToken

    /// The header's `typ`.
    var type: StaticString {
        switch self {
        case .internal, .jwtSVID: "JWT"
        case .accessToken: "at+jwt"
        }
    }
}

/// How scopes are written.
package enum ScopeFormat: Sendable {
    /// `["read","transfer"]`, empty if there are none.
    case array
    /// `"read transfer"` (RFC 8693 section 4.2); left out if there are none, because the string can't be empty.
    case string
}

/// What the gateway says about a caller to the services behind it, compiled for one route.
package struct InternalTokenRule {
    package enum Audience {
        /// Must live as long as the rule.
        case literal(ByteView)
        /// The token's tenant.
        case tenant
        /// Literals and tenants, put together.
        indirect case joined([Audience])
    }

    let issuer: ByteView
    let audiences: [Audience]
    let lifetime: Int64
    let profile: InternalTokenProfile
    let scopeFormat: ScopeFormat
    let claims: [ByteView]
    let hasID: Bool
    let actor: ByteView

    /// The texts must live as long as the rule.
    /// - Parameters:
    ///   - issuer: `iss`.
    ///   - audiences: at least one. One is written as a string, several as an array.
    ///   - lifetime: in seconds, at least 1; a token's life is shorter where the outer token's is.
    ///   - claims: names of the outer token's claims to copy, at the top level, dots being part of a name. What the
    ///     outer token doesn't have is left out, and what the gateway writes itself.
    ///   - hasID: whether there is a `jti`; an access token always has one.
    ///   - actor: `act.sub`; empty for none.
    package init(
        issuer: ByteView, audiences: [Audience], lifetime: Int64, profile: InternalTokenProfile = .internal,
        scopeFormat: ScopeFormat = .array, claims: [ByteView] = [], hasID: Bool = false, actor: ByteView = ByteView()
    ) {
        precondition(!audiences.isEmpty && lifetime >= 1, "the configuration has neither without audience nor life")
        self.issuer = issuer
        self.audiences = audiences
        self.lifetime = lifetime
        self.profile = profile
        self.scopeFormat = profile == .accessToken ? .string : scopeFormat
        var kept: [ByteView] = []
        for name in claims where !Self.isReserved(name, in: profile) && !kept.contains(where: { $0 == name }) {
            kept.append(name)
        }
        self.claims = kept
        self.hasID = hasID || profile == .accessToken
        self.actor = actor
    }

    /// Claims that the gateway alone writes, or whose meaning ends with the outer token: they can't be copied.
    package static func isReserved(_ name: ByteView, in profile: InternalTokenProfile) -> Bool {
        switch name.string {
        case "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "tenant", "act": true
        case "client_id": profile == .accessToken
        default: false
        }
    }

    /// How long before a token's expiry its copy is no longer used, in seconds: a tenth of its life, from 1 to 5. A
    /// request needs time to arrive, and clocks differ.
    package static func margin(lifetime: Int64) -> Int64 { max(1, min(lifetime / 10, 5)) }
}

/// Who a token is issued about. A view: it is valid as long as what it was made from.
package struct TokenIdentity {
    /// The SPIFFE ID.
    package var subject: ByteView
    /// Empty for none.
    package var tenant: ByteView
    package var scopes: ScopeList
    /// The outer token's claims.
    package var claims: JSONValue
    /// The OAuth client that the outer token was issued to; empty if unknown.
    package var client: ByteView
    /// The outer token's `exp`, in Unix seconds.
    package var expiry: Int64

    package init(
        subject: ByteView, tenant: ByteView, scopes: ScopeList, claims: JSONValue, client: ByteView, expiry: Int64
    ) {
        self.subject = subject
        self.tenant = tenant
        self.scopes = scopes
        self.claims = claims
        self.client = client
        self.expiry = expiry
    }
}

/// Why no internal token can be had.
package enum MintRefusal: Error, Sendable, Equatable {
    /// The outer token has less than a second left, or is in its time of grace: nothing may outlive it.
    case outerTokenExpires
    /// The loop has no signing key yet.
    case noSigningKey
    /// The signing key's algorithm can't be used in this profile: EdDSA in a JWT-SVID.
    case algorithmUnfit
    /// An audience is the tenant, and the token has none.
    case tenantMissing
    /// An access token needs a `client_id`, and the outer token names no client.
    case clientMissing
    /// The claims take more than `TokenMint.claimsLengthMaximum`.
    case tooLarge
    /// OpenSSL refused to sign.
    case signingFailed

    /// For logs, metrics and the audit line: stable, kebab-case, from a fixed list.
    package var code: StaticString {
        switch self {
        case .outerTokenExpires: "token-expired"
        case .noSigningKey: "no-signing-key"
        case .algorithmUnfit: "signing-algorithm-unfit"
        case .tenantMissing: "tenant-missing"
        case .clientMissing: "client-missing"
        case .tooLarge: "internal-token-too-large"
        case .signingFailed: "signing-failed"
        }
    }

    /// The answer. The first is 401 with `invalid_token` (RFC 6750 section 3.1): a fresh token would be let in.
    package var refusal: PluginRefusal {
        switch self {
        case .outerTokenExpires: PluginRefusal(status: 401, code: code, detail: "The token has expired.")
        case .noSigningKey, .algorithmUnfit, .signingFailed:
            PluginRefusal(status: 503, code: code, detail: "The gateway can't issue a token at the moment.")
        case .tenantMissing, .clientMissing, .tooLarge:
            PluginRefusal(status: 403, code: code, detail: "This token can't be used here.")
        }
    }
}
