import Base
import Configuration
import HTTP
import Identity
import Plugins

/// Turns the identity plugins of a route into what requests run through. Texts are kept in `texts`.
struct IdentityCompiler {
    let texts: TextArena
    let configuration: GatewayConfiguration
    /// All issuers, the routes' shared secrets among them, as `GatewayConfiguration.issuerDefinitions` has them.
    let issuers: [IssuerDefinition]
    /// Different for every chain of the process.
    let number: () -> UInt64

    /// Nil when the route asks for no token.
    /// - Parameter claims: what the route's other plugins read.
    func compile(_ plugins: PluginSet, claims: ClaimSlots = ClaimSlots()) -> IdentityChain? {
        guard let jwt = plugins.jwt else { return nil }
        return IdentityChain(
            number: number(), jwt: compile(jwt), spiffe: plugins.spiffe.map { compile($0) },
            internalToken: plugins.internalJWT.map { compile($0) },
            claims: claims.paths.map { Identity.ClaimPath($0) })
    }

    private func compile(_ jwt: JWTSettings) -> JWTRule {
        var indices = jwt.issuers.map { $0.value.index }
        if let secret = jwt.sharedSecret,
            let index = issuers.firstIndex(where: { $0.kind == .sharedSecret(secret) })
        {
            indices.append(index)
        }
        let scopes = jwt.scopes.isEmpty ? jwt.anyScope : jwt.scopes
        return JWTRule(
            issuers: indices, isRequired: jwt.required.value, sources: jwt.sources.map { compile($0.value) },
            scopes: jwt.scopes.map { texts.keep($0.value) }, anyScope: jwt.anyScope.map { texts.keep($0.value) },
            audiences: jwt.audiences.map { texts.keep($0.value) }, conditions: jwt.claims.map { compile($0) },
            challenge: Challenge(
                start: texts.keep("Bearer realm=\"\(jwt.realm.value)\""),
                scopes: texts.keep(scopes.map(\.value).joined(separator: " "))))
    }

    private func compile(_ source: ConfiguredTokenSource) -> Plugins.TokenSource {
        switch source {
        case .header(let name):
            let kept = texts.keep(name)
            return .field(name: kept, known: KnownField(name: kept))
        case .query(let name): return .query(texts.keep(name))
        case .cookie(let name): return .cookie(texts.keep(name))
        }
    }

    private func compile(_ condition: ConfiguredClaimCondition) -> Identity.ClaimCondition {
        let test: Identity.ClaimCondition.Test
        switch condition.test {
        case .equals(let text): test = .equals(texts.keep(text))
        case .oneOf(let list): test = .oneOf(list.map { texts.keep($0) })
        case .contains(let text): test = .contains(texts.keep(text))
        case .present: test = .present(true)
        case .absent: test = .present(false)
        }
        return Identity.ClaimCondition(path: Identity.ClaimPath(condition.path), test: test)
    }

    // MARK: SPIFFE

    /// A template that can't be compiled leaves a rule that maps nobody: better no service than a false identity.
    private func compile(_ spiffe: SPIFFESettings) -> SPIFFEPlugin {
        var cases: [SPIFFERule.Case] = []
        for rule in spiffe.rules {
            let pieces = rule.id.value.parts.compactMap { piece($0) }
            guard pieces.count == rule.id.value.parts.count,
                let template = try? SPIFFETemplate(pieces, trustDomain: texts.keep(spiffe.trustDomain))
            else { return SPIFFEPlugin(rule: SPIFFERule([]), tenant: .issuer(isRequired: true), routeTenant: nil) }
            cases.append(SPIFFERule.Case(when: rule.conditions.map { compile($0) }, template: template))
        }
        return SPIFFEPlugin(
            rule: SPIFFERule(cases), tenant: tenant(spiffe.tenant?.value),
            routeTenant: spiffe.routeTenant.map { routeTenant($0.value) })
    }

    private func piece(_ part: IdentityPart) -> SPIFFETemplate.Piece? {
        switch part {
        case .literal(let text): .literal(texts.keep(text))
        case .claim(let path, let isEscaped):
            .claim(Identity.ClaimPath(path), isEscaped ? .escaped : .verbatim)
        case .issuerTenant: .issuerTenant
        case .tenant: .tenant
        }
    }

    /// The configuration has seen to it that there is one place at most.
    private func tenant(_ template: IdentityTemplate?) -> TenantRule {
        guard let template else { return .issuer(isRequired: false) }
        var before = ""
        var after = ""
        var middle: TenantRule?
        for part in template.parts {
            switch part {
            case .literal(let text):
                if middle == nil { before += text } else { after += text }
            case .claim(let path, _): middle = .claim(Identity.ClaimPath(path))
            case .issuerTenant, .tenant: middle = .issuer(isRequired: true)
            }
        }
        guard let middle else { return .fixed(texts.keep(before)) }
        if before.isEmpty, after.isEmpty { return middle }
        return .between(before: texts.keep(before), middle, after: texts.keep(after))
    }

    private func routeTenant(_ tenant: RouteTenant) -> RouteTenantRule {
        switch tenant {
        case .fixed(let text): .fixed(texts.keep(text))
        case .pathParameter(_, let index): .capture(index)
        case .hostLabel(let number): .hostLabel(number)
        }
    }

    // MARK: Internal tokens

    private func compile(_ plugin: InternalJWTSettings) -> InternalTokenPlugin {
        guard let tokens = configuration.internalTokens else {
            preconditionFailure("no route has internal_jwt without internal_tokens")
        }
        let rule = InternalTokenRule(
            issuer: texts.keep(tokens.issuer.value),
            audiences: plugin.audience.map { audience($0.value) },
            lifetime: max(plugin.lifetime.value.nanoseconds / 1_000_000_000, 1), profile: profile(plugin.profile.value),
            scopeFormat: plugin.scopeFormat.value == .array ? .array : .string,
            claims: plugin.claims.map { texts.keep($0.value) }, hasID: plugin.tokenID.value,
            actor: plugin.actor.map { texts.keep($0.value) } ?? ByteView())
        let placement: InternalTokenPlacement
        switch plugin.header.value {
        case .authorization: placement = .authorization
        case .internalJWT:
            placement = .field(.xInternalJWT, keepsAuthorization: plugin.keepAuthorization.value)
        case .internalToken:
            placement = .field(.xInternalToken, keepsAuthorization: plugin.keepAuthorization.value)
        }
        return InternalTokenPlugin(rule: rule, placement: placement)
    }

    private func audience(_ template: IdentityTemplate) -> InternalTokenRule.Audience {
        let parts: [InternalTokenRule.Audience] = template.parts.compactMap { part in
            switch part {
            case .literal(let text): .literal(texts.keep(text))
            case .tenant: .tenant
            case .claim, .issuerTenant: nil
            }
        }
        return parts.count == 1 ? parts[0] : .joined(parts)
    }

    private func profile(_ profile: ConfiguredTokenProfile) -> Plugins.InternalTokenProfile {
        switch profile {
        case .internal: .internal
        case .jwtSVID: .jwtSVID
        case .accessToken: .accessToken
        }
    }
}

extension Identity.ClaimPath {
    /// What the configuration names, shown as it would be written there.
    init(_ path: Configuration.ClaimPath) { self.init(names: path.names, text: path.description) }
}
