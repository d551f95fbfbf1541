import Configuration
import Plugins
import Proxy

/// The decisions of the identity plugins about one request, each with the setting that it comes from.
package struct ExplainedIdentity {
    package struct Decision {
        let plugin: PipelineStep
        /// The key of the configuration, or what is looked at.
        let name: String
        let outcome: IdentityTrace.Outcome
        let reason: String
        let origin: Origin
    }

    package let decisions: [Decision]
    package let trace: IdentityTrace
    /// The issuer's name; nil when the token is none's.
    package let issuer: String?
    /// What the reader has to know before trusting the verdict.
    package let remarks: [String]
    /// The header lines that the gateway adds about the caller, without the token itself.
    package let sentUpstream: [String]

    init(_ preview: IdentityPreview, route: Route, _ configuration: GatewayConfiguration) {
        trace = preview.trace
        let places = Places(preview.trace, route: route, configuration)
        issuer = places.issuer?.name ?? (trace.issuerIndex == nil ? nil : "shared_secret")
        decisions = trace.findings.map { finding in
            let (plugin, name, origin) = places.place(finding.subject)
            let reason = places.isSecret(finding.subject, origin) ? Self.masked(finding) : finding.reason
            return Decision(
                plugin: plugin, name: name, outcome: finding.outcome,
                reason: Visible.text(reason, limit: Self.reasonMax), origin: origin)
        }
        var remarks: [String] = []
        if let missing = preview.missingKeys { remarks.append("\(issuer ?? "the issuer"): \(missing)") }
        if trace.isSignatureUnchecked {
            remarks.append("the signature was not checked: what follows holds for a token with a good one")
        }
        if !preview.addedClaims.isEmpty {
            remarks.append(
                "added to the claims, as in every good token: \(preview.addedClaims.joined(separator: ", "))")
        }
        self.remarks = remarks
        var lines: [String] = []
        if trace.refusal == nil, case .proxy = route.action {
            if !trace.spiffeID.isEmpty { lines.append("X-Spiffe-ID: \(trace.spiffeID)") }
            if let plugin = route.plugins.internalJWT, trace.internalClaims != nil {
                let scheme = plugin.header.value == .authorization ? "Bearer " : ""
                lines.append("\(plugin.header.value.rawValue): \(scheme)(the internal token)")
            }
        }
        sentUpstream = lines
    }

    /// The reason without what came out of a reference.
    private static func masked(_ finding: IdentityTrace.Finding) -> String {
        guard let wanted = finding.reason.firstRange(of: ", wanted ") else { return finding.reason }
        return finding.reason[..<wanted.upperBound] + EffectiveConfiguration.mask
    }

    /// Characters of a reason: claims may be long.
    private static let reasonMax = 160

    /// Where in the configuration each decision has its reason.
    fileprivate struct Places {
        let jwt: JWTSettings?
        let plugins: PluginSet
        let issuer: Issuer?
        let secrets: Set<SourceLocation>

        init(_ trace: IdentityTrace, route: Route, _ configuration: GatewayConfiguration) {
            secrets = configuration.secrets
            plugins = route.plugins
            jwt = route.plugins.jwt
            issuer = trace.issuerIndex.flatMap {
                configuration.issuers.indices.contains($0) ? configuration.issuers[$0] : nil
            }
        }

        func place(_ subject: IdentityTrace.Subject) -> (PipelineStep, String, Origin) {
            switch subject {
            case .token: (.jwt, "token", jwt?.required.origin ?? .builtIn)
            case .form: (.jwt, "form", .builtIn)
            case .issuer: (.jwt, "issuer", issuer?.issuer.origin ?? jwtPlace)
            case .algorithm: (.jwt, "algorithms", issuer?.algorithms.first?.origin ?? secretPlace)
            case .signature: (.jwt, "signature", issuer?.keys.origin ?? secretPlace)
            case .policy(let check): (.jwt, name(check), origin(check))
            case .audiences: (.jwt, "audiences", jwt?.audiences.first?.origin ?? .builtIn)
            case .scopes: (.jwt, "scopes", jwt?.scopes.first?.origin ?? .builtIn)
            case .anyScope: (.jwt, "any_scope", jwt?.anyScope.first?.origin ?? .builtIn)
            case .condition(let index): condition(index)
            case .rule(let index): (.spiffe, "rules[\(index)]", rule(index))
            case .identity: (.spiffe, "id", decidingRule)
            case .tenant: (.spiffe, "tenant", tenantPlace)
            case .routeTenant: (.spiffe, "route_tenant", plugins.spiffe?.routeTenant?.origin ?? .builtIn)
            case .internalToken:
                (.internalJWT, "token", plugins.internalJWT.map { .file($0.location) } ?? .builtIn)
            }
        }
    }
}

extension ExplainedIdentity.Places {
    /// Whether what the decision compares with came out of `${env:…}` or `${file:…}`.
    fileprivate func isSecret(_ subject: IdentityTrace.Subject, _ origin: Origin) -> Bool {
        if origin.location.map(secrets.contains) ?? false { return true }
        guard case .rule(let index) = subject, let rules = plugins.spiffe?.rules, rules.indices.contains(index) else {
            return false
        }
        return rules[index].conditions.contains { secrets.contains($0.location) }
    }

    fileprivate var jwtPlace: Origin { jwt.map { .file($0.location) } ?? .builtIn }
    fileprivate var secretPlace: Origin { jwt?.sharedSecret?.secret.origin ?? jwtPlace }

    fileprivate func condition(_ index: Int) -> (PipelineStep, String, Origin) {
        guard let jwt, jwt.claims.indices.contains(index) else { return (.jwt, "claims", jwtPlace) }
        return (.jwt, "claims.\(jwt.claims[index].path)", .file(jwt.claims[index].location))
    }

    fileprivate func rule(_ index: Int) -> Origin {
        guard let rules = plugins.spiffe?.rules, rules.indices.contains(index) else { return .builtIn }
        return rules[index].id.origin
    }

    fileprivate var decidingRule: Origin { plugins.spiffe.map { .file($0.location) } ?? .builtIn }

    fileprivate var tenantPlace: Origin {
        plugins.spiffe?.tenant?.origin ?? issuer?.tenant?.origin ?? issuer?.claims.tenant?.origin ?? .builtIn
    }

    fileprivate func name(_ check: TokenPolicy.Check) -> String {
        switch check {
        case .type: "types"
        case .expiry: "exp"
        case .start: "nbf"
        case .issuing: "iat"
        case .lifetime: "lifetime_max"
        case .idToken: "allow_id_tokens"
        case .audience: "audiences"
        case .party: "authorized_parties"
        case .subject: "claims.subject"
        }
    }

    fileprivate func origin(_ check: TokenPolicy.Check) -> Origin {
        guard let issuer else {
            return check == .audience ? jwt?.sharedSecret?.audiences.first?.origin ?? jwtPlace : .builtIn
        }
        return switch check {
        case .type: issuer.types.first?.origin ?? .builtIn
        case .expiry, .start, .issuing: issuer.clockSkew.origin
        case .lifetime: issuer.lifetimeMax?.origin ?? .builtIn
        case .idToken: issuer.allowIDTokens.origin
        case .audience: issuer.audiences.first?.origin ?? .builtIn
        case .party: issuer.authorizedParties.first?.origin ?? .builtIn
        case .subject: issuer.claims.subject.origin
        }
    }
}
