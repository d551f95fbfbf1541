import Base

/// What gateway.yaml says about one issuer.
struct IssuerDraft {
    var issuer: Setting<String>?
    var discoveryURL: Setting<HTTPURL>?
    var keySetURL: Setting<HTTPURL>?
    var keySetFile: Setting<String>?
    var allowHTTP: Setting<Bool>?
    var authorities: Setting<String>?
    var algorithms: [Setting<TokenAlgorithm>]?
    var audiences: [Setting<String>]?
    var authorizedParties: [Setting<String>]?
    var anyAudience: Setting<Bool>?
    var types: [Setting<String>]?
    var allowIDTokens: Setting<Bool>?
    var clockSkew: Setting<TimeAmount>?
    var lifetimeMax: Setting<TimeAmount>?
    var tenant: Setting<String>?
    var claims = IssuerClaimsDraft()
    var refresh = IssuerRefreshDraft()
}

struct IssuerClaimsDraft {
    var subject: Setting<ClaimPath>?
    var scope: [Setting<ClaimPath>]?
    var tenant: Setting<ClaimPath>?
    var client: Setting<ClaimPath>?
}

struct IssuerRefreshDraft {
    var intervalMin: Setting<TimeAmount>?
    var intervalMax: Setting<TimeAmount>?
    var fetchTimeout: Setting<TimeAmount>?
    var unknownKeyCooldown: Setting<TimeAmount>?
}

struct InternalTokensDraft {
    var issuer: Setting<String>?
    var keys: [Setting<SigningKeyDraft>]?
    var publishBeforeSigning: Setting<TimeAmount>?
    var lifetimeMax: Setting<TimeAmount>?
    var publication: (draft: KeyPublicationDraft, node: Int)?
}

struct SigningKeyDraft: Sendable, Equatable {
    var file: Setting<String>?
    var folder: Setting<String>?
    var algorithm: Setting<TokenAlgorithm>?
    var id: Setting<String>?
    var state: Setting<FixedKeyState>?
}

struct KeyPublicationDraft {
    var listeners: [Setting<String>]?
    var keySetPath: Setting<String>?
    var bundlePath: Setting<String>?
}

struct AuditLogDraft: LineLogDraft {
    var enabled: Setting<Bool>?
    var destination: Setting<LogDestination>?
    var decisions: Setting<AuditedDecisions>?
}

/// What a place says about the identity plugins, or several places together.
struct IdentityPluginsDraft {
    var jwt: JWTDraft?
    var spiffe: SPIFFEDraft?
    var internalJWT: InternalJWTDraft?

    var isEmpty: Bool { jwt == nil && spiffe == nil && internalJWT == nil }

    /// The nearer place's keys before this one's. A plugin is off when the nearest place that names it says so.
    func merged(with nearer: IdentityPluginsDraft) -> IdentityPluginsDraft {
        if nearer.isEmpty { return self }
        return IdentityPluginsDraft(
            jwt: nearer.jwt.map { near in jwt.map { $0.merged(with: near) } ?? near } ?? jwt,
            spiffe: nearer.spiffe.map { near in spiffe.map { $0.merged(with: near) } ?? near } ?? spiffe,
            internalJWT: nearer.internalJWT.map { near in internalJWT.map { $0.merged(with: near) } ?? near }
                ?? internalJWT)
    }
}

/// Where a plugin's keys were written, and whether all of them could be read.
struct PluginPlace {
    var location = SourceLocation(file: 0, line: 1, column: 1)
    /// An error was reported: what seems to be missing may only be wrong.
    var isBroken = false

    func merged(with nearer: PluginPlace) -> PluginPlace {
        PluginPlace(location: nearer.location, isBroken: isBroken || nearer.isBroken)
    }
}

struct JWTDraft {
    var place = PluginPlace()
    var enabled: Setting<Bool>?
    var issuers: [Setting<String>]?
    var sharedSecret: SharedSecretDraft?
    var required: Setting<Bool>?
    var scopes: [Setting<String>]?
    var anyScope: [Setting<String>]?
    var audiences: [Setting<String>]?
    var claims: [ClaimCondition] = []
    var sources: [Setting<TokenSource>]?
    var realm: Setting<String>?

    func merged(with nearer: JWTDraft) -> JWTDraft {
        let replaced = Set(nearer.claims.map(\.path))
        return JWTDraft(
            place: place.merged(with: nearer.place), enabled: nearer.enabled, issuers: nearer.issuers ?? issuers,
            sharedSecret: nearer.sharedSecret ?? sharedSecret, required: nearer.required ?? required,
            scopes: nearer.scopes ?? scopes, anyScope: nearer.anyScope ?? anyScope,
            audiences: nearer.audiences ?? audiences,
            claims: claims.filter { !replaced.contains($0.path) } + nearer.claims,
            sources: nearer.sources ?? sources, realm: nearer.realm ?? realm)
    }
}

struct SharedSecretDraft {
    var issuer: Setting<String>?
    var secret: Setting<SecretText>?
    var audiences: [Setting<String>]?
}

struct SPIFFEDraft {
    var place = PluginPlace()
    var enabled: Setting<Bool>?
    var rules: [SPIFFERuleDraft]?
    var tenant: Setting<IdentityTemplate>?
    var routeTenant: Setting<RouteTenant>?

    func merged(with nearer: SPIFFEDraft) -> SPIFFEDraft {
        SPIFFEDraft(
            place: place.merged(with: nearer.place), enabled: nearer.enabled, rules: nearer.rules ?? rules,
            tenant: nearer.tenant ?? tenant, routeTenant: nearer.routeTenant ?? routeTenant)
    }
}

struct SPIFFERuleDraft: Sendable, Equatable {
    var conditions: [ClaimCondition] = []
    var id: Setting<SPIFFETemplate>?
}

struct InternalJWTDraft {
    var place = PluginPlace()
    var enabled: Setting<Bool>?
    var audience: [Setting<IdentityTemplate>]?
    var lifetime: Setting<TimeAmount>?
    var profile: Setting<InternalTokenProfile>?
    var scopeFormat: Setting<ScopeFormat>?
    var claims: [Setting<String>]?
    var tokenID: Setting<Bool>?
    var actor: Setting<String>?
    var header: Setting<InternalTokenHeader>?
    var keepAuthorization: Setting<Bool>?

    func merged(with nearer: InternalJWTDraft) -> InternalJWTDraft {
        InternalJWTDraft(
            place: place.merged(with: nearer.place), enabled: nearer.enabled, audience: nearer.audience ?? audience,
            lifetime: nearer.lifetime ?? lifetime, profile: nearer.profile ?? profile,
            scopeFormat: nearer.scopeFormat ?? scopeFormat, claims: nearer.claims ?? claims,
            tokenID: nearer.tokenID ?? tokenID, actor: nearer.actor ?? actor, header: nearer.header ?? header,
            keepAuthorization: nearer.keepAuthorization ?? keepAuthorization)
    }
}
