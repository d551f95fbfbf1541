import Base

/// The keys of the plugins `jwt`, `spiffe` and `internal_jwt`.
enum IdentityPluginSections {
    private static let enabledDoc = "`false` turns off what a place further away turned on."

    static let jwt = Section(
        "A token that the client must bring (RFC 6750). Needs `issuer`, `issuers` or `shared_secret`.",
        draft: { JWTDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", enabledDoc) { $0.enabled = $1 },
            Key("issuer", .name, "The token's issuer: a name of gateway.yaml's `issuers`.") { $0.issuers = [$1] },
            Key("issuers", .list(.name, countMax: 16), "Instead of `issuer`: any of these.") { $0.issuers = $1.value },
            .part("shared_secret", .section(sharedSecret), "HS256, with a secret that the issuer shares.") {
                draft, value, _, _ in draft.sharedSecret = value
            },
            Key(
                "required", .boolean, default: "true",
                "`false` lets requests without any token through, without identity. A bad token is refused either way."
            ) { $0.required = $1 },
            Key(
                "scopes", .list(.scopeToken, countMax: 64, emptyAllowed: true), default: "[]",
                "The token must have all of them, or the answer is 403."
            ) { $0.scopes = $1.value },
            Key(
                "any_scope", .list(.scopeToken, countMax: 64, emptyAllowed: true), default: "[]",
                "The token must have at least one of them."
            ) { $0.anyScope = $1.value },
            Key(
                "audiences", .list(.plainText("an audience", bytesMax: 512), countMax: 64, emptyAllowed: true),
                default: "[]", "The token must be for one of these, too: narrows what the issuer's entry lets through."
            ) { $0.audiences = $1.value },
            .part(
                "claims", .claimConditions, default: "{}",
                "Conditions on claims; all must hold, or the answer is 403. Each claim counts as a key."
            ) { draft, value, _, _ in draft.claims = value },
            Key(
                "from", .list(.tokenSource, countMax: 8), default: "[{header: Authorization}]",
                "Where the token may stand. Two tokens in one request are refused, even if they are the same."
            ) { $0.sources = $1.value },
            Key("realm", .realm, default: Defaults.realm, "The `realm` of the challenge.") { $0.realm = $1 },
        ])

    private static let sharedSecret = Section(
        "A shared secret.", draft: { SharedSecretDraft() },
        keys: [
            Key("issuer", .plainText("an issuer", bytesMax: 2_048), required: true, "What `iss` must be.") {
                $0.issuer = $1
            },
            Key(
                "secret", .secret, required: true,
                "At least 32 bytes, from `${env:NAME}` or `${file:path}`; never shown."
            ) { $0.secret = $1 },
            Key(
                "audiences", .list(.plainText("an audience", bytesMax: 512), countMax: 64), required: true,
                "The token must be for one of these."
            ) { $0.audiences = $1.value },
        ])

    fileprivate static let claimTest = Section(
        "A condition: one of the keys.", draft: { ClaimTestDraft() },
        keys: [
            Key("equals", .text("text", bytesMax: 1_024), "The claim is this text, number or truth value.") {
                $0.equals = $1
            },
            Key(
                "one_of", .list(.text("text", bytesMax: 1_024), countMax: 256), "The claim is one of these."
            ) { $0.oneOf = $1 },
            Key(
                "contains", .text("text", bytesMax: 1_024),
                "The claim is a list that holds this text, or a text of which it is a word."
            ) { $0.contains = $1 },
            Key("present", .boolean, "The claim is there and not null, or (`false`) isn't.") { $0.present = $1 },
        ])

    fileprivate static let tokenSource = Section(
        "A place in the request: one of the keys.", draft: { TokenSourceDraft() },
        keys: [
            Key(
                "header", .tokenHeader,
                "A header. `Authorization` holds `Bearer TOKEN`; others may hold the token alone."
            ) { $0.header = $1 },
            Key(
                "query", .plainText("a parameter's name", bytesMax: 128),
                "A query parameter. It is masked in logs and never sent on."
            ) { $0.query = $1 },
            Key("cookie", .headerName, "A cookie.") { $0.cookie = $1 },
        ])

    static let spiffe = Section(
        "The caller's SPIFFE ID, made from the claims of a verified token. Needs `jwt`, the domain's `trust_domain`, and `id` or `rules`.",
        draft: { SPIFFEDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", enabledDoc) { $0.enabled = $1 },
            Key(
                "id", .spiffeTemplate,
                "The ID; short for one rule. The trust domain is the domain's own, or `{trust_domain}`; path segments may hold `{claim.NAME}` (refused unless it is text or a whole number of `[A-Za-z0-9._-]`), `{claim.NAME|escape}` (other bytes become `_XX`), `{tenant}` and `{issuer.tenant}`."
            ) { draft, id in draft.rules = [SPIFFERuleDraft(id: id)] },
            Key(
                "rules", .list(.spiffeRule, countMax: 32),
                "The first whose `when` holds makes the ID; when none does, the answer is 403."
            ) { $0.rules = $1.value.map(\.value) },
            Key(
                "tenant", .tenantTemplate, default: "the issuer's",
                "The caller's tenant: text, `{claim.NAME}`, `{issuer.tenant}`."
            ) { $0.tenant = $1 },
            Key(
                "route_tenant", .routeTenant, default: "any",
                "What the caller's tenant must be, or the answer is 403: text, `{path.NAME}`, or `{host.NUMBER}` (a label of the request's host, 1 the leftmost)."
            ) { $0.routeTenant = $1 },
            Key(
                "header", ValueDecoder<SPIFFEHeader>.choice, default: SPIFFEHeader.fixed.rawValue,
                "The header that tells upstreams; it has no other name."
            ) { _, _ in },
        ])

    fileprivate static let spiffeRule = Section(
        "A rule.", draft: { SPIFFERuleDraft() },
        keys: [
            .part("when", .claimConditions, default: "{}", "Conditions on claims; all must hold.") {
                draft, value, _, _ in draft.conditions = value
            },
            Key("id", .spiffeTemplate, required: true, "The ID.") { $0.id = $1 },
        ])

    static let internalJWT = Section(
        "A short-lived token for the upstream, in place of the client's. Needs `spiffe`, `audience`, and gateway.yaml's `internal_tokens`.",
        draft: { InternalJWTDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", enabledDoc) { $0.enabled = $1 },
            Key(
                "audience", .oneOrList(.audienceTemplate, countMax: 16), default: "none",
                "Who the token is for; `{tenant}` stands for the caller's tenant."
            ) { $0.audience = $1.value },
            Key(
                "ttl", .duration(.seconds(1) ... .seconds(3_600), unit: .seconds),
                default: DurationFormat.text(Defaults.internalTokenLifetime),
                "How long it is valid, in whole seconds, at most `ttl_max`; never longer than the client's token."
            ) { $0.lifetime = $1 },
            Key(
                "profile", .choice, default: InternalTokenProfile.internal.rawValue,
                "`jwt_svid` keeps to JWT-SVID (RS, PS and ES algorithms only); `access_token` to RFC 9068 (`typ: at+jwt`, `client_id`, `jti`)."
            ) { $0.profile = $1 },
            Key("scope_format", .choice, default: ScopeFormat.array.rawValue, "How `scope` is written.") {
                $0.scopeFormat = $1
            },
            Key(
                "claims", .list(.claimName, countMax: 32, emptyAllowed: true), default: "[]",
                "Claims that are copied from the client's token as they are."
            ) { $0.claims = $1.value },
            Key("jti", .boolean, default: "false", "Whether each token has an ID of its own.") { $0.tokenID = $1 },
            Key("actor", .spiffeID, default: "none", "The gateway's own SPIFFE ID: `act: {sub: …}`.") {
                $0.actor = $1
            },
            Key(
                "header", .choice, default: InternalTokenHeader.authorization.rawValue,
                "`Authorization` holds `Bearer TOKEN` instead of the client's; the others hold the token alone."
            ) { $0.header = $1 },
            Key(
                "keep_authorization", .boolean, default: "false",
                "Sends the client's `Authorization` on, beside another `header`."
            ) { $0.keepAuthorization = $1 },
        ])
}

struct ClaimTestDraft {
    var equals: Setting<String>?
    var oneOf: Setting<[Setting<String>]>?
    var contains: Setting<String>?
    var present: Setting<Bool>?
}

struct TokenSourceDraft {
    var header: Setting<String>?
    var query: Setting<String>?
    var cookie: Setting<String>?
}

/// The one name that the header has.
enum SPIFFEHeader: String, Sendable, CaseIterable {
    case fixed = "X-Spiffe-ID"
}

extension ValueDecoder where Value == [ClaimCondition] {
    static var claimConditions: ValueDecoder {
        let map = ValueDecoder<[Named<ClaimTest>]>.map("a claim", countMax: 32, .claimTest) { text throws(Unfit) in
            _ = try ClaimText.onlyPath(text)
        }
        return ValueDecoder(map.type) { node, file in
            map.decode(node, file)?.compactMap { named in
                // So that a value out of a reference is masked at the condition's place.
                if file.document.hasSecrets { _ = file.setting(true, named.node) }
                return (try? named.name.withByteView(ClaimText.onlyPath)).map {
                    ClaimCondition(path: $0, test: named.value, location: file.location(named.node))
                }
            }
        }
    }
}

extension ValueDecoder where Value == ClaimTest {
    fileprivate static var claimTest: ValueDecoder {
        let section = IdentityPluginSections.claimTest
        return ValueDecoder(.section(section.description)) { node, file in
            guard let draft = section.decode(node, file) else { return nil }
            switch (draft.equals, draft.oneOf, draft.contains, draft.present) {
            case (let value?, nil, nil, nil): return .equals(value.value)
            case (nil, let values?, nil, nil): return .oneOf(values.value.map(\.value))
            case (nil, nil, let value?, nil): return .contains(value.value)
            case (nil, nil, nil, let value?): return value.value ? .present : .absent
            default:
                if file.holdsUnknownKey(node) || file.nodes[node].count == 2 { return nil }
                file.unexpected(node, expected: "exactly one of `equals`, `one_of`, `contains` and `present`")
                return nil
            }
        }
    }
}

extension ValueDecoder where Value == TokenSource {
    fileprivate static var tokenSource: ValueDecoder {
        let section = IdentityPluginSections.tokenSource
        return ValueDecoder(.section(section.description)) { node, file in
            guard let draft = section.decode(node, file) else { return nil }
            switch (draft.header, draft.query, draft.cookie) {
            case (let name?, nil, nil): return .header(name.value)
            case (nil, let name?, nil): return .query(name.value)
            case (nil, nil, let name?): return .cookie(name.value)
            default:
                if file.holdsUnknownKey(node) || file.nodes[node].count == 2 { return nil }
                file.unexpected(node, expected: "exactly one of `header`, `query` and `cookie`")
                return nil
            }
        }
    }
}

extension ValueDecoder where Value == String {
    /// A header that a client may send a token in: what the gateway strips or writes itself never arrives.
    fileprivate static var tokenHeader: ValueDecoder {
        scalar(.text(HeaderText.nameForm)) { text throws(Unfit) in
            guard HeaderText.isName(text) else { throw Unfit() }
            if let reason = HeaderText.protection(of: text, in: .request) ?? HeaderText.otherUse(of: text) {
                throw Unfit(expected: "a header in which clients may send a token; of this one, \(reason)")
            }
            return text.string
        }
    }
}

extension ValueDecoder where Value == SPIFFERuleDraft {
    fileprivate static var spiffeRule: ValueDecoder { .section(IdentityPluginSections.spiffeRule) }
}

extension ValueDecoder where Value == SecretText {
    /// A secret that isn't written into the file itself.
    fileprivate static var secret: ValueDecoder {
        let type = ValueType.text("a reference such as `${env:NAME}` to at least 32 bytes")
        return ValueDecoder(type) { node, file in
            let entry = file.nodes[node]
            guard entry.kind == .scalar, !entry.flags.contains(.failed), !file.isNull(node) else {
                file.unexpected(node, expected: type.phrase)
                return nil
            }
            guard entry.flags.contains(.secret) else {
                file.error(
                    node, "a secret must not be written into the file", expected: "`${env:NAME}` or `${file:path}`")
                return nil
            }
            let bytes = Array(file.document.bytes(node).raw)
            guard (32...4_096).contains(bytes.count) else {
                file.error(
                    node, bytes.count < 32 ? "the secret is too short" : "the secret is too long",
                    expected: "32 to 4096 bytes (RFC 7518 section 3.2)")
                return nil
            }
            return SecretText(bytes: bytes)
        }
    }
}

extension ValueDecoder where Value == IdentityPluginsDraft {
    /// A section whose draft knows where it was written and whether anything in it was wrong. Two ways to say the same
    /// thing exclude each other.
    static func plugin<Draft>(
        _ section: Section<Draft>, _ place: WritableKeyPath<Draft, PluginPlace> & Sendable,
        exclusive: (StaticString, StaticString)? = nil, wrap: @escaping @Sendable (Draft) -> IdentityPluginsDraft
    ) -> ValueDecoder {
        let one = exclusive?.0
        let other = exclusive?.1
        return ValueDecoder(.section(section.description)) { node, file in
            let errorsBefore = file.findings.errorCount
            guard var draft = section.decode(node, file) else { return nil }
            if let one, let other, file.key(one, in: node) != nil, let second = file.key(other, in: node) {
                file.error(
                    second, "`\(one.description)` and `\(other.description)` exclude each other",
                    expected: "one of them")
            }
            draft[keyPath: place] = PluginPlace(
                location: file.location(node), isBroken: file.findings.errorCount > errorsBefore)
            return wrap(draft)
        }
    }
}
