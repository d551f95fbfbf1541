import Base

/// Turns what gateway.yaml says about one issuer into the issuer.
struct IssuerAssembly {
    let named: Named<IssuerDraft>
    let file: FileDecoder
    let files: ReferencedFiles

    private var draft: IssuerDraft { named.value }

    /// Nil after an error.
    func issuer() -> Issuer? {
        guard let issuer = draft.issuer else { return nil }
        checkAudience()
        checkTenant()
        let authorities = draft.authorities.map { files.file($0, file) }
        guard let keys = keys(issuer) else { return nil }
        checkTransport(keys)
        return Issuer(
            name: named.name, issuer: issuer, keys: keys, allowHTTP: draft.allowHTTP ?? .builtIn(false),
            authorities: authorities ?? nil,
            algorithms: draft.algorithms ?? Defaults.tokenAlgorithms.map { .builtIn($0) },
            audiences: draft.audiences ?? [], authorizedParties: draft.authorizedParties ?? [],
            anyAudience: draft.anyAudience ?? .builtIn(false),
            types: draft.types ?? Defaults.tokenTypes.map { .builtIn($0) },
            allowIDTokens: draft.allowIDTokens ?? .builtIn(false),
            clockSkew: draft.clockSkew ?? .builtIn(Defaults.clockSkew), lifetimeMax: draft.lifetimeMax,
            tenant: draft.tenant, claims: claims, refresh: refresh, location: file.location(named.key))
    }

    private var claims: IssuerClaims {
        IssuerClaims(
            subject: draft.claims.subject ?? .builtIn(ClaimPath(names: ["sub"])),
            scope: draft.claims.scope ?? ["scope", "scp"].map { .builtIn(ClaimPath(names: [$0])) },
            tenant: draft.claims.tenant, client: draft.claims.client ?? .builtIn(ClaimPath(names: ["azp"])))
    }

    private var refresh: IssuerRefresh {
        let earliest = draft.refresh.intervalMin ?? .builtIn(Defaults.keyRefreshMin)
        let latest = draft.refresh.intervalMax ?? .builtIn(Defaults.keyRefreshMax)
        if latest.value < earliest.value, let place = latest.origin.location ?? earliest.origin.location {
            file.error(
                at: place,
                "`interval_max` (\(DurationFormat.text(latest.value))) is below `interval_min` (\(DurationFormat.text(earliest.value)))"
            )
        }
        return IssuerRefresh(
            intervalMin: earliest, intervalMax: latest,
            fetchTimeout: draft.refresh.fetchTimeout ?? .builtIn(Defaults.keyFetchTimeout),
            unknownKeyCooldown: draft.refresh.unknownKeyCooldown ?? .builtIn(Defaults.unknownKeyCooldown))
    }

    private func isWritten(_ key: StaticString) -> Bool { file.key(key, in: named.node) != nil }

    private func keys(_ issuer: Setting<String>) -> Setting<IssuerKeySource>? {
        let written = [
            file.key("discovery_url", in: named.node), file.key("jwks_url", in: named.node),
            file.key("jwks_file", in: named.node),
        ].compactMap { $0 }
        if written.count > 1 {
            file.error(
                written.max() ?? named.key, "the issuer has more than one source of keys",
                expected: "at most one of `discovery_url`, `jwks_url` and `jwks_file`")
            return nil
        }
        if let url = draft.discoveryURL { return Setting(value: .discovery(url.value), origin: url.origin) }
        if let url = draft.keySetURL { return Setting(value: .keySet(url.value), origin: url.origin) }
        if let path = draft.keySetFile {
            return files.file(path, file).map { Setting(value: .file($0.value), origin: $0.origin) }
        }
        if !written.isEmpty || file.holdsUnknownKey(named.node) { return nil }
        let base = issuer.value.hasSuffix("/") ? String(issuer.value.dropLast()) : issuer.value
        let isPlain = !base.contains("?") && !base.contains("#")
        let url = "\(base)/.well-known/openid-configuration".withByteView(URLText.url)
        guard isPlain, let url else {
            if let place = issuer.origin.location {
                file.error(
                    at: place, "the issuer is no URL that leads to its keys",
                    expected: "a URL, or one of `discovery_url`, `jwks_url` and `jwks_file`")
            }
            return nil
        }
        return Setting(value: .discovery(url), origin: issuer.origin)
    }

    private func checkTransport(_ keys: Setting<IssuerKeySource>) {
        let url: HTTPURL
        switch keys.value {
        case .discovery(let discovery): url = discovery
        case .keySet(let set): url = set
        case .file:
            if let place = draft.authorities?.origin.location {
                file.warning(at: place, "`ca_file` has no effect: the keys come from a file")
            }
            return
        }
        guard !url.isSecure else { return }
        if draft.allowHTTP?.value == true {
            if let place = draft.authorities?.origin.location {
                file.warning(at: place, "`ca_file` has no effect on an `http://` URL")
            }
        } else if let place = keys.origin.location, draft.allowHTTP != nil || !isWritten("allow_http") {
            file.error(
                at: place, "the issuer's keys would be fetched without protection", expected: "an `https://` URL",
                suggestion: "or add `allow_http: true`")
        }
    }

    private func checkAudience() {
        let isChecked = isWritten("audiences") || isWritten("authorized_parties")
        if let any = draft.anyAudience, any.value, isChecked, let place = any.origin.location {
            file.error(
                at: place, "`any_audience` contradicts `audiences` and `authorized_parties`",
                expected: "either the one or the others")
        }
        if isChecked || draft.anyAudience?.value == true || file.holdsUnknownKey(named.node) { return }
        if draft.anyAudience == nil, isWritten("any_audience") { return }
        file.error(
            named.key, "tokens that were issued for somebody else would be accepted",
            expected: "`audiences` or `authorized_parties`", suggestion: "or say `any_audience: true`")
    }

    private func checkTenant() {
        guard draft.tenant != nil, let place = draft.claims.tenant?.origin.location else { return }
        file.warning(at: place, "the claim has no effect: the issuer's `tenant` is fixed")
    }
}
