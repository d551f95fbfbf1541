import Base

/// Turns what all places together say about a route's identity plugins into the model, and checks what they need of one
/// another and of gateway.yaml.
final class IdentityAssembly {
    let gateway: FileDecoder
    let issuers: [Issuer]
    private let issuerIndices: [String: Int]
    private let issuerNames: [String]
    let internalTokens: InternalTokens?
    /// Whether gateway.yaml has an `internal_tokens`, be it wrong.
    private let hasInternalTokens: Bool
    /// What has been said already: a fault of a whole file is one for many routes.
    private var reported: Set<String> = []

    init(
        _ draft: GatewayDraft, gateway: FileDecoder, listeners: [Listener], files: ReferencedFiles,
        limits: LoadingLimits
    ) {
        self.gateway = gateway
        issuers = draft.issuers.compactMap { IssuerAssembly(named: $0, file: gateway, files: files).issuer() }
        issuerNames = gateway.names(in: "issuers")
        var indices: [String: Int] = [:]
        for (index, issuer) in issuers.enumerated() { indices[issuer.name] = index }
        issuerIndices = indices
        internalTokens = draft.internalTokens.flatMap { tokens in
            InternalTokensAssembly(
                draft: tokens.draft, node: tokens.node, file: gateway, files: files, limits: limits,
                listeners: listeners
            ).internalTokens()
        }
        hasInternalTokens = gateway.key("internal_tokens", in: 0) != nil
    }

    /// The route or the domain that plugins are for.
    struct Context {
        let domain: String
        /// The file of the domain.
        let file: FileDecoder
        let trustDomain: Setting<String>?
        /// The place of the domain's entry in gateway.yaml.
        let entry: SourceLocation
        /// Whether the entry has a `trust_domain` that could not be read.
        let hasBrokenTrustDomain: Bool
    }

    func jwt(_ draft: JWTDraft?, _ context: Context) -> JWTSettings? {
        guard let draft, draft.enabled?.value != false else { return nil }
        let names = draft.issuers ?? []
        if names.isEmpty, draft.sharedSecret == nil, !draft.place.isBroken {
            report(
                draft.place.location, context, "no issuer is named whose tokens are accepted",
                expected: "`issuer`, `issuers` or `shared_secret`", suggestion: "or turn it off with `enabled: false`")
        }
        let references = names.compactMap { reference($0, context) }
        let secret = draft.sharedSecret.flatMap(sharedSecret)
        checkIssuers(references, secret, context)
        checkSources(draft.sources ?? [], context)
        return JWTSettings(
            issuers: references, sharedSecret: secret, required: draft.required ?? .builtIn(true),
            scopes: draft.scopes ?? [], anyScope: draft.anyScope ?? [], audiences: draft.audiences ?? [],
            claims: draft.claims, sources: draft.sources ?? [.builtIn(.header("Authorization"))],
            realm: draft.realm ?? .builtIn(Defaults.realm), location: draft.place.location)
    }

    private func reference(_ name: Setting<String>, _ context: Context) -> Setting<IssuerReference>? {
        if let index = issuerIndices[name.value] {
            return Setting(value: IssuerReference(index: index, name: name.value), origin: name.origin)
        }
        if issuerNames.contains(name.value) { return nil }
        if let place = name.origin.location {
            report(
                place, context, "gateway.yaml declares no issuer `\(name.value)`",
                expected: issuerNames.isEmpty
                    ? "an issuer under `issuers`" : ValueType.alternatives(Array(issuerNames.prefix(10))),
                suggestion: Spelling.nearest(to: name.value, among: issuerNames).map { "did you mean `\($0)`?" })
        }
        return nil
    }

    private func sharedSecret(_ draft: SharedSecretDraft) -> SharedSecret? {
        guard let issuer = draft.issuer, let secret = draft.secret, let audiences = draft.audiences else { return nil }
        return SharedSecret(issuer: issuer, secret: secret, audiences: audiences)
    }

    /// `iss` alone tells whose rules a token is held to.
    private func checkIssuers(
        _ references: [Setting<IssuerReference>], _ secret: SharedSecret?, _ context: Context
    ) {
        var taken: [String: String] = [:]
        for reference in references {
            let issuer = issuers[reference.value.index].issuer.value
            if let first = taken.updateValue(reference.value.name, forKey: issuer), first != reference.value.name,
                let place = reference.origin.location
            {
                report(
                    place, context, "`\(reference.value.name)` and `\(first)` have the same `issuer`",
                    expected: "issuers that a token's `iss` tells apart")
            }
        }
        if let secret, let other = taken[secret.issuer.value], let place = secret.issuer.origin.location {
            report(
                place, context, "`\(other)` has the same `issuer`", expected: "issuers that a token's `iss` tells apart"
            )
        }
    }

    /// A place that is named twice holds two tokens as soon as it holds one.
    private func checkSources(_ sources: [Setting<TokenSource>], _ context: Context) {
        var seen: Set<TokenSource> = []
        for source in sources where !seen.insert(source.value.folded).inserted {
            guard let place = source.origin.location else { continue }
            report(place, context, "the place stands in `from` twice", expected: "each place once")
        }
    }

    /// - Parameter jwt: whether the route has `jwt`.
    func spiffe(_ draft: SPIFFEDraft?, jwt: JWTDraft?, _ context: Context) -> SPIFFESettings? {
        guard let draft, draft.enabled?.value != false else { return nil }
        let place = draft.place.location
        if jwt == nil || jwt?.enabled?.value == false {
            report(
                place, context, "`spiffe` without `jwt`: nobody is known to give an ID to",
                expected: "`jwt` beside it, or for the whole file", suggestion: "or add `spiffe: {enabled: false}`",
                once: "spiffe without jwt")
        }
        guard let trustDomain = context.trustDomain else {
            if !context.hasBrokenTrustDomain {
                report(
                    place, context, "the domain `\(context.domain)` has no `trust_domain`",
                    expected: "`trust_domain` in its entry in gateway.yaml",
                    related: .init(location: context.entry, note: "the domain's entry"))
            }
            return nil
        }
        guard let rules = draft.rules else {
            if !draft.place.isBroken {
                report(place, context, "nothing says what the SPIFFE ID is", expected: "`id` or `rules`")
            }
            return nil
        }
        checkOrder(rules, context)
        return SPIFFESettings(
            trustDomain: trustDomain.value,
            rules: rules.compactMap { rule in
                rule.id.map {
                    SPIFFERuleSettings(conditions: rule.conditions, id: identity($0, trustDomain, context))
                }
            }, tenant: draft.tenant, routeTenant: draft.routeTenant, location: place)
    }

    private func identity(
        _ template: Setting<SPIFFETemplate>, _ trustDomain: Setting<String>, _ context: Context
    ) -> Setting<IdentityTemplate> {
        if let written = template.value.trustDomain, written != trustDomain.value, let place = template.origin.location
        {
            report(
                place, context,
                "the domain `\(context.domain)` may not give IDs of the trust domain `\(written)`",
                expected: "`spiffe://\(trustDomain.value)/…` or `spiffe://{trust_domain}/…`",
                related: trustDomain.origin.location.map { .init(location: $0, note: "the domain's trust domain") })
        }
        return Setting(
            value: IdentityTemplate(template.value.pieces, trustDomain: trustDomain.value), origin: template.origin)
    }

    /// Nothing comes after a rule that always matches.
    private func checkOrder(_ rules: [SPIFFERuleDraft], _ context: Context) {
        guard let always = rules.dropLast().firstIndex(where: { $0.conditions.isEmpty && $0.id != nil }),
            let place = rules[always + 1].id?.origin.location, let first = rules[always].id?.origin.location
        else { return }
        report(
            place, context, "the rule never counts: one before it matches every token", expected: "a `when` there",
            related: .init(location: first, note: "the rule that always matches"))
    }

    func internalJWT(_ draft: InternalJWTDraft?, spiffe: SPIFFEDraft?, _ context: Context) -> InternalJWTSettings? {
        guard let draft, draft.enabled?.value != false else { return nil }
        let place = draft.place.location
        if spiffe == nil || spiffe?.enabled?.value == false {
            report(
                place, context, "`internal_jwt` without `spiffe`: the token would have no subject",
                expected: "`spiffe` beside it, or for the whole file",
                suggestion: "or add `internal_jwt: {enabled: false}`", once: "internal_jwt without spiffe")
        }
        if !hasInternalTokens {
            report(
                place, context, "gateway.yaml has no `internal_tokens`",
                expected: "`internal_tokens: {issuer: …, keys: …}` there")
        }
        guard let audience = draft.audience else {
            if !draft.place.isBroken {
                report(place, context, "nothing says who the token is for", expected: "`audience`")
            }
            return nil
        }
        let settings = InternalJWTSettings(
            audience: audience, lifetime: lifetime(draft.lifetime, context),
            profile: draft.profile ?? .builtIn(.internal), scopeFormat: draft.scopeFormat ?? .builtIn(.array),
            claims: draft.claims ?? [], tokenID: draft.tokenID ?? .builtIn(false), actor: draft.actor,
            header: draft.header ?? .builtIn(.authorization),
            keepAuthorization: draft.keepAuthorization ?? .builtIn(false), location: place)
        check(settings, context)
        return settings
    }

    /// What isn't said is never more than what may be said.
    private func lifetime(_ lifetime: Setting<TimeAmount>?, _ context: Context) -> Setting<TimeAmount> {
        let most = internalTokens?.lifetimeMax
        guard let lifetime else { return .builtIn(min(Defaults.internalTokenLifetime, most?.value ?? .seconds(3_600))) }
        if let most, lifetime.value > most.value, let place = lifetime.origin.location {
            report(
                place, context, "the `ttl` is above `ttl_max`", expected: "at most \(DurationFormat.text(most.value))",
                related: most.origin.location.map { .init(location: $0, note: "`ttl_max`") })
        }
        return lifetime
    }

    private func check(_ settings: InternalJWTSettings, _ context: Context) {
        let reserved = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "tenant", "act"]
        let isAccessToken = settings.profile.value == .accessToken
        for claim in settings.claims {
            guard reserved.contains(claim.value) || isAccessToken && claim.value == "client_id",
                let place = claim.origin.location
            else { continue }
            report(
                place, context, "the gateway itself writes the claim `\(claim.value)`",
                expected:
                    "a claim other than \(ValueType.alternatives(reserved + (isAccessToken ? ["client_id"] : [])))")
        }
        if settings.keepAuthorization.value, settings.header.value == .authorization {
            if let place = settings.keepAuthorization.origin.location {
                report(
                    place, context, "`Authorization` can't hold both tokens",
                    expected: "`header: X-Internal-JWT` or `header: X-Internal-Token`")
            }
        }
        if settings.profile.value == .jwtSVID, let place = settings.profile.origin.location,
            let algorithm = internalTokens?.keys.filter({ $0.state == nil || $0.state?.value == .signing })
                .compactMap(\.algorithm).first(where: { $0.value == .edDSA })
        {
            report(
                place, context, "a JWT-SVID can't be signed with EdDSA", expected: "keys for RS, PS or ES algorithms",
                related: algorithm.origin.location.map { .init(location: $0, note: "a signing key") })
        }
    }

    /// Reports each fault once, in the file that holds it.
    /// - Parameter once: what makes the fault the same one at one place; the message unless given.
    func report(
        _ place: SourceLocation, _ context: Context, _ message: String, expected: String? = nil,
        suggestion: String? = nil, related: Diagnostic.Related? = nil, once: String? = nil
    ) {
        guard reported.insert("\(place.file):\(place.line):\(place.column) \(once ?? message)").inserted else { return }
        let owner = place.file == context.file.document.file ? context.file : gateway
        owner.error(at: place, message, expected: expected, suggestion: suggestion, related: related)
    }
}

extension FileDecoder {
    /// The names of a mapping at the top, whether its entries could be read or not.
    func names(in section: StaticString) -> [String] {
        guard let key = key(section, in: 0), nodes[key + 1].kind == .mapping else { return [] }
        var names: [String] = []
        forEachPair(of: key + 1) { name, _ in names.append(document.bytes(name).string) }
        return names
    }
}
