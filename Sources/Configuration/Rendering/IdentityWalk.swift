import Base

extension ModelWalk {
    static func walkIdentity<Sink: ModelSink>(_ configuration: GatewayConfiguration, _ sink: inout Sink) {
        let log = configuration.auditLog
        sink.beginObject("audit_log")
        sink.boolean("enabled", log.enabled)
        sink.destination("file", log.destination)
        sink.choice("decisions", log.decisions)
        sink.endObject()
        sink.beginObject("issuers")
        for issuer in configuration.issuers { walk(issuer, &sink) }
        sink.endObject()
        if let tokens = configuration.internalTokens { walk(tokens, &sink) }
    }

    private static func walk<Sink: ModelSink>(_ issuer: Issuer, _ sink: inout Sink) {
        sink.beginObject(named: issuer.name)
        sink.text("issuer", issuer.issuer)
        switch issuer.keys.value {
        case .discovery(let url): sink.text("discovery_url", url.text, issuer.keys.origin)
        case .keySet(let url): sink.text("jwks_url", url.text, issuer.keys.origin)
        case .file(let file): sink.file("jwks_file", file, issuer.keys.origin)
        }
        sink.boolean("allow_http", issuer.allowHTTP)
        if let authorities = issuer.authorities { sink.file("ca_file", authorities.value, authorities.origin) }
        sink.beginList("algorithms")
        for algorithm in issuer.algorithms { sink.element(algorithm.value.rawValue, algorithm.origin) }
        sink.endList()
        sink.texts("audiences", issuer.audiences)
        sink.texts("authorized_parties", issuer.authorizedParties)
        sink.boolean("any_audience", issuer.anyAudience)
        sink.texts("types", issuer.types)
        sink.boolean("allow_id_tokens", issuer.allowIDTokens)
        sink.duration("clock_skew", issuer.clockSkew)
        if let most = issuer.lifetimeMax { sink.duration("lifetime_max", most) }
        if let tenant = issuer.tenant { sink.text("tenant", tenant) }
        sink.beginObject("claims")
        sink.claim("subject", issuer.claims.subject)
        sink.beginList("scope")
        for claim in issuer.claims.scope { sink.element(claim.value.description, claim.origin) }
        sink.endList()
        if let tenant = issuer.claims.tenant { sink.claim("tenant", tenant) }
        sink.claim("client", issuer.claims.client)
        sink.endObject()
        sink.beginObject("refresh")
        sink.duration("interval_min", issuer.refresh.intervalMin)
        sink.duration("interval_max", issuer.refresh.intervalMax)
        sink.duration("fetch_timeout", issuer.refresh.fetchTimeout)
        sink.duration("unknown_key_cooldown", issuer.refresh.unknownKeyCooldown)
        sink.endObject()
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ tokens: InternalTokens, _ sink: inout Sink) {
        sink.beginObject("internal_tokens")
        sink.text("issuer", tokens.issuer)
        sink.beginList("keys")
        for key in tokens.keys {
            sink.beginElement()
            sink.file("file", key.file.value, key.file.origin)
            if let algorithm = key.algorithm { sink.choice("algorithm", algorithm) }
            if let id = key.id { sink.text("id", id) }
            if let state = key.state { sink.choice("state", state) }
            sink.endObject()
        }
        sink.endList()
        sink.duration("publish_before_signing", tokens.publishBeforeSigning)
        sink.duration("ttl_max", tokens.lifetimeMax)
        if let publication = tokens.publication {
            sink.beginObject("publish")
            sink.listeners(publication.listeners)
            sink.text("jwks_path", publication.keySetPath)
            sink.text("bundle_path", publication.bundlePath)
            sink.endObject()
        }
        sink.endObject()
    }

    static func walk<Sink: ModelSink>(_ jwt: JWTSettings, _ sink: inout Sink) {
        sink.beginObject("jwt")
        sink.beginList("issuers")
        for issuer in jwt.issuers { sink.element(issuer.value.name, issuer.origin) }
        sink.endList()
        if let shared = jwt.sharedSecret {
            sink.beginObject("shared_secret")
            sink.text("issuer", shared.issuer)
            sink.secret("secret", shared.secret.value.bytes, shared.secret.origin)
            sink.texts("audiences", shared.audiences)
            sink.endObject()
        }
        sink.boolean("required", jwt.required)
        sink.texts("scopes", jwt.scopes)
        sink.texts("any_scope", jwt.anyScope)
        sink.texts("audiences", jwt.audiences)
        walk(jwt.claims, "claims", &sink)
        sink.beginList("from")
        for source in jwt.sources {
            sink.beginElement()
            switch source.value {
            case .header(let name): sink.text("header", name, source.origin)
            case .query(let name): sink.text("query", name, source.origin)
            case .cookie(let name): sink.text("cookie", name, source.origin)
            }
            sink.endObject()
        }
        sink.endList()
        sink.text("realm", jwt.realm)
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(
        _ conditions: [ClaimCondition], _ key: StaticString, _ sink: inout Sink
    ) {
        sink.beginObject(key)
        for condition in conditions {
            sink.beginObject(named: condition.path.description)
            let origin = Origin.file(condition.location)
            switch condition.test {
            case .equals(let value): sink.text("equals", value, origin)
            case .oneOf(let values):
                sink.beginList("one_of")
                for value in values { sink.element(value, origin) }
                sink.endList()
            case .contains(let value): sink.text("contains", value, origin)
            case .present: sink.boolean("present", true, origin)
            case .absent: sink.boolean("present", false, origin)
            }
            sink.endObject()
        }
        sink.endObject()
    }

    static func walk<Sink: ModelSink>(_ spiffe: SPIFFESettings, _ sink: inout Sink) {
        sink.beginObject("spiffe")
        sink.beginList("rules")
        for rule in spiffe.rules {
            sink.beginElement()
            walk(rule.conditions, "when", &sink)
            sink.text("id", rule.id.value.description, rule.id.origin)
            sink.endObject()
        }
        sink.endList()
        if let tenant = spiffe.tenant { sink.text("tenant", tenant.value.description, tenant.origin) }
        if let tenant = spiffe.routeTenant { sink.text("route_tenant", tenant.value.description, tenant.origin) }
        sink.text("header", SPIFFEHeader.fixed.rawValue, .builtIn)
        sink.endObject()
    }

    static func walk<Sink: ModelSink>(_ token: InternalJWTSettings, _ sink: inout Sink) {
        sink.beginObject("internal_jwt")
        sink.beginList("audience")
        for audience in token.audience { sink.element(audience.value.description, audience.origin) }
        sink.endList()
        sink.duration("ttl", token.lifetime)
        sink.choice("profile", token.profile)
        sink.choice("scope_format", token.scopeFormat)
        sink.texts("claims", token.claims)
        sink.boolean("jti", token.tokenID)
        if let actor = token.actor { sink.text("actor", actor) }
        sink.choice("header", token.header)
        sink.boolean("keep_authorization", token.keepAuthorization)
        sink.endObject()
    }
}

extension ModelSink {
    fileprivate mutating func choice<Value: RawRepresentable & Sendable & Equatable>(
        _ key: StaticString, _ setting: Setting<Value>
    ) where Value.RawValue == String { text(key, setting.value.rawValue, setting.origin) }

    fileprivate mutating func claim(_ key: StaticString, _ setting: Setting<ClaimPath>) {
        text(key, setting.value.description, setting.origin)
    }

    /// The path as it is written, wherever the folder of the configuration lies, and the digest of what the file holds.
    mutating func file(_ key: StaticString, _ file: ReferencedFile, _ origin: Origin) {
        text(key, file.name, origin)
        text("sha256", file.digest, origin)
    }

    mutating func destination(_ key: StaticString, _ setting: Setting<LogDestination>) {
        switch setting.value {
        case .standardOutput: text(key, "stdout", setting.origin)
        case .standardError: text(key, "stderr", setting.origin)
        case .file(let path): text(key, path, setting.origin)
        }
    }
}
