import Base

/// Who issues the tokens that clients bring: one entry of gateway.yaml's `issuers`.
package struct Issuer: Sendable, Equatable {
    /// What routes call it: `[a-z0-9-]{1,63}`.
    package let name: String
    /// What `iss` must be, byte for byte; 1…2048 bytes.
    package let issuer: Setting<String>
    package let keys: Setting<IssuerKeySource>
    /// Whether `http://` URLs are used, for keys and within a discovery document.
    package let allowHTTP: Setting<Bool>
    /// Certificates (PEM) that the issuer's server is verified against; nil: the system's roots.
    package let authorities: Setting<ReferencedFile>?
    /// Never empty, each once.
    package let algorithms: [Setting<TokenAlgorithm>]
    /// A token must be for one of these; empty: `aud` isn't looked at.
    package let audiences: [Setting<String>]
    /// A token's `azp` must be one of these; empty: `azp` isn't looked at.
    package let authorizedParties: [Setting<String>]
    /// Whether neither of the two lists has to be given.
    package let anyAudience: Setting<Bool>
    /// Accepted values of the header's `typ`, in lower case and without `application/`. Never empty. A token without
    /// `typ` counts as `jwt`.
    package let types: [Setting<String>]
    /// Whether tokens that are recognisably ID tokens are accepted.
    package let allowIDTokens: Setting<Bool>
    /// How far clocks may differ, 0s…5m.
    package let clockSkew: Setting<TimeAmount>
    /// The longest that a token may live, 1s…8760h; nil: any time.
    package let lifetimeMax: Setting<TimeAmount>?
    /// What tenant all tokens of the issuer belong to; nil: `claims.tenant` says.
    package let tenant: Setting<String>?
    package let claims: IssuerClaims
    package let refresh: IssuerRefresh
    /// The place of its name.
    @Provenance package var location: SourceLocation
}

/// Where an issuer's keys come from.
package enum IssuerKeySource: Sendable, Equatable {
    /// The OpenID Connect Discovery document, whose `jwks_uri` leads to the keys.
    case discovery(HTTPURL)
    /// The JWK set itself.
    case keySet(HTTPURL)
    /// A JWK set, or a public key or certificate in PEM form.
    case file(ReferencedFile)
}

/// In which claims an issuer says what.
package struct IssuerClaims: Sendable, Equatable {
    package let subject: Setting<ClaimPath>
    /// The first that a token has counts: a list of texts, or one text of words. Never empty.
    package let scope: [Setting<ClaimPath>]
    /// Nil when the issuer has a tenant of its own, or none.
    package let tenant: Setting<ClaimPath>?
    /// The client that the token was issued to.
    package let client: Setting<ClaimPath>
}

/// When an issuer's keys are fetched.
package struct IssuerRefresh: Sendable, Equatable {
    /// Never sooner than this after the last fetch, whatever the answer's `Cache-Control` says; 1s…24h.
    package let intervalMin: Setting<TimeAmount>
    /// Never later than this; 1s…168h, at least `intervalMin`.
    package let intervalMax: Setting<TimeAmount>
    /// How long one fetch may take, 100ms…60s.
    package let fetchTimeout: Setting<TimeAmount>
    /// How long after a fetch an unknown `kid` asks for no other one, 1s…1h.
    package let unknownKeyCooldown: Setting<TimeAmount>
}

/// How a token may be signed (RFC 7518 section 3.1, RFC 8037). Shared secrets have a place of their own.
package enum TokenAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"
}

/// The way to a claim: names of members, from the outside to the inside.
package struct ClaimPath: Sendable, Hashable {
    /// 1…8 names, none of them empty.
    package let names: [String]

    package init(names: [String]) { self.names = names }
}

/// An `http` or `https` URL without user and fragment, taken apart.
package struct HTTPURL: Sendable, Hashable {
    package let isSecure: Bool
    package let host: TargetHost
    /// 80 or 443 unless written.
    package let port: UInt16
    /// Path and query as they go on the wire; `/` when there is none.
    package let target: String
    /// As it was written; at most 2048 bytes.
    package let text: String
}

/// A file that the configuration leads to and somebody else reads. Its bytes are not kept, as they may be secret; the
/// digest tells a changed file from an unchanged one.
package struct ReferencedFile: Sendable, Hashable {
    /// As it is written: absolute, or relative to the folder of the configuration.
    package let name: String
    /// Ready to be opened: absolute, or relative to the working directory if the folder itself was given so.
    package let path: String
    /// SHA-256 over its bytes, 64 lower-case hexadecimal digits.
    package let digest: String
}
