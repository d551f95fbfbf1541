import Base

/// The keys of gateway.yaml's `issuers`.
enum IssuerSections {
    static let issuer = Section(
        "An issuer of the tokens that clients bring. `audiences` or `authorized_parties` is needed, unless `any_audience` says otherwise.",
        draft: { IssuerDraft() },
        keys: sourceKeys + acceptanceKeys + [
            .part("claims", .section(claims), "In which claims its tokens say what.") { draft, value, _, _ in
                draft.claims = value
            },
            .part("refresh", .section(refresh), "When its keys are fetched.") { draft, value, _, _ in
                draft.refresh = value
            },
        ])

    private static let sourceKeys: [Key<IssuerDraft>] = [
        Key(
            "issuer", .plainText("an issuer such as `https://sso.example.com/realms/bank`", bytesMax: 2_048),
            required: true, "What `iss` must be, byte for byte."
        ) { $0.issuer = $1 },
        Key(
            "discovery_url", .httpURL, default: "ISSUER/.well-known/openid-configuration",
            "The OpenID Connect Discovery document. At most one of this, `jwks_url` and `jwks_file`."
        ) { $0.discoveryURL = $1 },
        Key("jwks_url", .httpURL, "The JWK set, where there is no discovery.") { $0.keySetURL = $1 },
        Key(
            "jwks_file", .filePath,
            "A JWK set, or a public key or certificate in PEM form; read at each start and SIGHUP."
        ) { $0.keySetFile = $1 },
        Key(
            "allow_http", .boolean, default: "false",
            "Lets URLs begin with `http://`, where anybody on the way can replace the keys."
        ) { $0.allowHTTP = $1 },
        Key(
            "ca_file", .filePath, default: "the system's roots",
            "Certificates (PEM) that the issuer's server is verified against."
        ) { $0.authorities = $1 },
    ]

    private static let acceptanceKeys: [Key<IssuerDraft>] = [
        Key(
            "algorithms", .list(.tokenAlgorithm, countMax: 10), default: "[RS256, ES256]",
            "How its tokens may be signed."
        ) { $0.algorithms = $1.value },
        Key(
            "audiences", .list(.plainText("an audience", bytesMax: 512), countMax: 64), default: "not checked",
            "A token must be for one of these."
        ) { $0.audiences = $1.value },
        Key(
            "authorized_parties", .list(.plainText("a client's ID", bytesMax: 512), countMax: 256),
            default: "not checked", "A token's `azp` must be one of these. With `audiences`, both must hold."
        ) { $0.authorizedParties = $1.value },
        Key(
            "any_audience", .boolean, default: "false",
            "Accepts tokens whoever they are for; only without the two keys above."
        ) { $0.anyAudience = $1 },
        Key(
            "types", .list(.tokenType, countMax: 16), default: "[JWT, at+jwt]",
            "Accepted values of `typ`, without regard to case and `application/`. A token without `typ` is accepted if `JWT` is among them."
        ) { $0.types = $1.value },
        Key(
            "allow_id_tokens", .boolean, default: "false",
            "Accepts ID tokens (with `nonce`, `at_hash`, `c_hash`, or `typ: ID` among the claims), which are made for the client, not for an API."
        ) { $0.allowIDTokens = $1 },
        Key(
            "clock_skew", .duration(.zero ... .seconds(300), unit: .seconds),
            default: DurationFormat.text(Defaults.clockSkew),
            "How far clocks may differ: for `exp`, `nbf` and `iat`. In whole seconds."
        ) { $0.clockSkew = $1 },
        Key(
            "lifetime_max", .duration(.seconds(1) ... .seconds(8_760 * 3_600), unit: .seconds), default: "none",
            "A token that lives longer (`exp` - `iat`, or what is left without `iat`) is refused. In whole seconds."
        ) { $0.lifetimeMax = $1 },
        Key(
            "tenant", .plainText("a tenant", bytesMax: 256), default: "none",
            "All tokens of this issuer belong to this tenant, whatever they say."
        ) { $0.tenant = $1 },
    ]

    private static let claims = Section(
        "Names of claims. \(ClaimText.form.prefix(1).uppercased() + ClaimText.form.dropFirst()).",
        draft: { IssuerClaimsDraft() },
        keys: [
            Key("subject", .claimPath, default: "sub", "Who the token is about; a token without it is refused.") {
                $0.subject = $1
            },
            Key(
                "scope", .oneOrList(.claimPath, countMax: 8), default: "[scope, scp]",
                "The scopes: the first of these that is there; a list, or one text of words."
            ) { $0.scope = $1.value },
            Key("tenant", .claimPath, default: "none", "The tenant.") { $0.tenant = $1 },
            Key("client", .claimPath, default: "azp", "The client that the token was issued to.") { $0.client = $1 },
        ])

    private static let refresh = Section(
        "When keys are fetched. Known keys are used meanwhile, and for as long as the issuer can't be reached.",
        draft: { IssuerRefreshDraft() },
        keys: [
            Key(
                "interval_min", .duration(.seconds(1) ... .seconds(86_400)),
                default: DurationFormat.text(Defaults.keyRefreshMin),
                "Never sooner than this, whatever the answer's `Cache-Control` says."
            ) { $0.intervalMin = $1 },
            Key(
                "interval_max", .duration(.seconds(1) ... .seconds(604_800)),
                default: DurationFormat.text(Defaults.keyRefreshMax), "Never later than this."
            ) { $0.intervalMax = $1 },
            Key(
                "fetch_timeout", .duration(.milliseconds(100) ... .seconds(60)),
                default: DurationFormat.text(Defaults.keyFetchTimeout), "How long one fetch may take."
            ) { $0.fetchTimeout = $1 },
            Key(
                "unknown_key_cooldown", .duration(.seconds(1) ... .seconds(3_600)),
                default: DurationFormat.text(Defaults.unknownKeyCooldown),
                "A token with an unknown `kid` has the keys fetched at once, but at most once in this time."
            ) { $0.unknownKeyCooldown = $1 },
        ])
}

extension ValueDecoder {
    /// One value, or a list of different ones.
    static func oneOrList<Element: Sendable & Equatable>(
        _ element: ValueDecoder<Element>, countMax: Int
    ) -> ValueDecoder where Value == [Setting<Element>] {
        let list = ValueDecoder.list(element, countMax: countMax)
        return ValueDecoder(.either(element.type, list.type)) { node, file in
            if file.nodes[node].kind == .sequence { return list.decode(node, file) }
            return element.decode(node, file).map { [file.setting($0, node)] }
        }
    }
}
