import Base

/// What a route wants of a client's token: the plugin `jwt`.
package struct JWTSettings: Sendable, Equatable {
    /// In the order written, each once; empty only with a shared secret.
    package let issuers: [Setting<IssuerReference>]
    package let sharedSecret: SharedSecret?
    /// Whether a request without a token is refused. One with a bad token always is.
    package let required: Setting<Bool>
    /// All of them must be in the token.
    package let scopes: [Setting<String>]
    /// One of them must be in the token; empty: any.
    package let anyScope: [Setting<String>]
    /// The token must be for one of these, too; empty: what its issuer says is enough.
    package let audiences: [Setting<String>]
    /// All must hold.
    package let claims: [ClaimCondition]
    /// Where tokens are looked for, 1…8. Two tokens in one request are refused.
    package let sources: [Setting<TokenSource>]
    /// `realm` of the challenge; printable ASCII without `"` and `\`.
    package let realm: Setting<String>
    /// The place of the nearest `jwt`.
    @Provenance package var location: SourceLocation
}

/// An issuer that a route names.
package struct IssuerReference: Sendable, Equatable {
    /// Index into `GatewayConfiguration.issuers`; the name is what counts in a comparison.
    @Provenance package var index: Int
    package let name: String
}

/// Tokens with HS256 and a secret that both sides know.
package struct SharedSecret: Sendable, Equatable {
    /// What `iss` must be.
    package let issuer: Setting<String>
    /// 32…4096 bytes. Out of `${env:…}` or `${file:…}`; never shown.
    package let secret: Setting<SecretText>
    /// The token must be for one of these. Never empty.
    package let audiences: [Setting<String>]
}

/// Text that nobody sees: whoever prints it by accident prints a mask.
package struct SecretText: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    package var description: String { EffectiveConfiguration.mask }
    package var debugDescription: String { EffectiveConfiguration.mask }
}

/// A condition on a claim.
package struct ClaimCondition: Sendable, Equatable {
    package let path: ClaimPath
    package let test: ClaimTest
    @Provenance package var location: SourceLocation
}

/// What a claim must be.
package enum ClaimTest: Sendable, Equatable {
    /// A text of these bytes, or a whole number or truth value that is written so.
    case equals(String)
    /// One of these, as `equals` has it.
    case oneOf([String])
    /// A list that holds the text, or a text of which it is a word.
    case contains(String)
    /// It is there and not null, whatever its value.
    case present
    /// It isn't there, or null.
    case absent
}

/// Where a token may stand in a request.
package enum TokenSource: Sendable, Hashable {
    /// A header's value. `Authorization` must begin with `Bearer `; others may.
    case header(String)
    /// A query parameter.
    case query(String)
    case cookie(String)

    /// The same for places that are one: names of headers have no case.
    var folded: TokenSource {
        if case .header(let name) = self { .header(name.lowercased()) } else { self }
    }
}

/// How a token's user becomes a SPIFFE ID: the plugin `spiffe`.
package struct SPIFFESettings: Sendable, Equatable {
    /// The domain's trust domain: every ID begins with `spiffe://` and this.
    package let trustDomain: String
    /// The first that matches counts; 1…32. When none does, the request is refused.
    package let rules: [SPIFFERuleSettings]
    /// Where the tenant comes from; nil: the issuer's own rule.
    package let tenant: Setting<IdentityTemplate>?
    /// What the tenant must be; nil: anything.
    package let routeTenant: Setting<RouteTenant>?
    /// The place of the nearest `spiffe`.
    @Provenance package var location: SourceLocation
}

/// One way from claims to a SPIFFE ID.
package struct SPIFFERuleSettings: Sendable, Equatable {
    /// All must hold; empty: always.
    package let conditions: [ClaimCondition]
    /// `spiffe://`, the trust domain and the path, `{trust_domain}` already filled in: the first part is always a
    /// literal that holds at least `spiffe://TRUST-DOMAIN/`.
    package let id: Setting<IdentityTemplate>
}

/// Text with places for what is known about a caller.
package struct IdentityTemplate: Sendable, Hashable {
    /// No two literals in a row, no empty ones. Never empty.
    package let parts: [IdentityPart]

    package init(parts: [IdentityPart]) { self.parts = parts }

    /// The text, when it has no places to fill.
    package var constant: String? {
        guard parts.count == 1, case .literal(let text) = parts[0] else { return nil }
        return text
    }
}

/// A piece of an identity template.
package enum IdentityPart: Sendable, Hashable {
    case literal(String)
    /// `{claim.PATH}`, a text or a whole number. With `|escape`, bytes outside `[A-Za-z0-9.-]` become `_XX`.
    case claim(ClaimPath, isEscaped: Bool)
    /// `{issuer.tenant}`: what the issuer's own rule gives (its `tenant`, or its tenant claim).
    case issuerTenant
    /// `{tenant}`: the tenant that the `spiffe` plugin found. Not within the tenant's own template.
    case tenant
}

/// Which tenant a route is for.
package enum RouteTenant: Sendable, Hashable {
    case fixed(String)
    /// `{path.NAME}`: the route's path parameter and its index in `PathTemplate.parameters`.
    case pathParameter(name: String, index: Int)
    /// `{host.N}`: a label of the request's host, 1 the leftmost, 1…127.
    case hostLabel(Int)
}

/// The token that upstreams get: the plugin `internal_jwt`.
package struct InternalJWTSettings: Sendable, Equatable {
    /// 1…16. Templates of text and `{tenant}` only.
    package let audience: [Setting<IdentityTemplate>]
    /// 1s…`InternalTokens.lifetimeMax`.
    package let lifetime: Setting<TimeAmount>
    package let profile: Setting<InternalTokenProfile>
    package let scopeFormat: Setting<ScopeFormat>
    /// Top-level claims copied from the client's token; at most 32, none that the gateway writes itself.
    package let claims: [Setting<String>]
    /// Whether each token has a `jti`; always with `accessToken`.
    package let tokenID: Setting<Bool>
    /// `act.sub`, a SPIFFE ID; nil: no `act`.
    package let actor: Setting<String>?
    package let header: Setting<InternalTokenHeader>
    /// Whether the client's own `Authorization` goes on to the upstream. Only with another header.
    package let keepAuthorization: Setting<Bool>
    /// The place of the nearest `internal_jwt`.
    @Provenance package var location: SourceLocation
}

/// Which rules the internal token keeps to.
package enum InternalTokenProfile: String, Sendable, Hashable, CaseIterable {
    case `internal`
    /// JWT-SVID: RS, PS and ES only, `typ: JWT`.
    case jwtSVID = "jwt_svid"
    /// RFC 9068: `typ: at+jwt`, `client_id`, `jti`.
    case accessToken = "access_token"
}

/// How `scope` is written.
package enum ScopeFormat: String, Sendable, Hashable, CaseIterable {
    case array
    /// One text of words, as RFC 8693 section 4.2 has it.
    case string
}

/// Which header carries the internal token.
package enum InternalTokenHeader: String, Sendable, Hashable, CaseIterable {
    /// `Bearer TOKEN`, instead of the client's.
    case authorization = "Authorization"
    case internalJWT = "X-Internal-JWT"
    case internalToken = "X-Internal-Token"
}
