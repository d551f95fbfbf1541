import Configuration

/// The settings of the identity plugins, as one route has them.
extension ExplainedPipeline.Values {
    func jwt(_ jwt: JWTSettings) -> [ExplainedStep.Value] {
        var values = jwt.issuers.map { value("issuer", $0.value.name, $0.origin) }
        if let shared = jwt.sharedSecret {
            values.append(value("shared_secret.issuer", shared.issuer.value, shared.issuer.origin))
            values.append(value("shared_secret.secret", "\(shared.secret.value)", shared.secret.origin))
            values += shared.audiences.map { value("shared_secret.audience", $0.value, $0.origin) }
        }
        values.append(flag("required", jwt.required))
        values += jwt.sources.map { value("from", $0.value.text, $0.origin) }
        values += jwt.scopes.map { value("scope", $0.value, $0.origin) }
        values += jwt.anyScope.map { value("any_scope", $0.value, $0.origin) }
        values += jwt.audiences.map { value("audience", $0.value, $0.origin) }
        values += jwt.claims.map { value("claims.\($0.path)", $0.test.text, .file($0.location)) }
        return values + [value("realm", jwt.realm.value, jwt.realm.origin)]
    }

    /// What gateway.yaml wants of the tokens of a route's issuers.
    func issuers(_ jwt: JWTSettings) -> [ExplainedStep.Value] {
        jwt.issuers.flatMap { reference in
            let issuer = configuration.issuers[reference.value.index]
            func named(_ key: String, _ text: String, _ origin: Origin) -> ExplainedStep.Value {
                value("issuers.\(issuer.name).\(key)", text, origin)
            }
            var values = [named("issuer", issuer.issuer.value, issuer.issuer.origin)]
            switch issuer.keys.value {
            case .discovery(let url): values.append(named("discovery_url", url.text, issuer.keys.origin))
            case .keySet(let url): values.append(named("jwks_url", url.text, issuer.keys.origin))
            case .file(let file): values.append(named("jwks_file", file.path, issuer.keys.origin))
            }
            values += issuer.algorithms.map { named("algorithm", $0.value.rawValue, $0.origin) }
            values += issuer.audiences.map { named("audience", $0.value, $0.origin) }
            values += issuer.authorizedParties.map { named("authorized_party", $0.value, $0.origin) }
            values.append(named("clock_skew", DurationFormat.text(issuer.clockSkew.value), issuer.clockSkew.origin))
            return values
        }
    }

    func spiffe(_ spiffe: SPIFFESettings) -> [ExplainedStep.Value] {
        var values: [ExplainedStep.Value] = []
        for rule in spiffe.rules {
            values += rule.conditions.map { value("when.\($0.path)", $0.test.text, .file($0.location)) }
            values.append(value("id", rule.id.value.description, rule.id.origin))
        }
        if let tenant = spiffe.tenant { values.append(value("tenant", tenant.value.description, tenant.origin)) }
        if let tenant = spiffe.routeTenant {
            values.append(value("route_tenant", tenant.value.description, tenant.origin))
        }
        return values
    }

    func internalToken(_ token: InternalJWTSettings) -> [ExplainedStep.Value] {
        var values = token.audience.map { value("audience", $0.value.description, $0.origin) }
        values.append(time("ttl", token.lifetime))
        values.append(value("profile", token.profile.value.rawValue, token.profile.origin))
        values.append(value("scope_format", token.scopeFormat.value.rawValue, token.scopeFormat.origin))
        values += token.claims.map { value("claim", $0.value, $0.origin) }
        values.append(flag("jti", token.tokenID))
        if let actor = token.actor { values.append(value("actor", actor.value, actor.origin)) }
        values.append(value("header", token.header.value.rawValue, token.header.origin))
        if token.header.value != .authorization { values.append(flag("keep_authorization", token.keepAuthorization)) }
        if let tokens = configuration.internalTokens {
            values.append(value("internal_tokens.issuer", tokens.issuer.value, tokens.issuer.origin))
            values += tokens.keys.map { value("internal_tokens.key", $0.file.value.path, $0.file.origin) }
        }
        return values
    }
}

extension TokenSource {
    /// As the configuration has it.
    var text: String {
        switch self {
        case .header(let name): "header \(name)"
        case .query(let name): "query \(name)"
        case .cookie(let name): "cookie \(name)"
        }
    }
}

extension ClaimTest {
    /// As the configuration has it.
    var text: String {
        switch self {
        case .equals(let text): "equals \(text)"
        case .oneOf(let list): "one_of \(list.joined(separator: ", "))"
        case .contains(let text): "contains \(text)"
        case .present: "present"
        case .absent: "absent"
        }
    }
}
