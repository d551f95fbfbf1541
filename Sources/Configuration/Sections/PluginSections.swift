import Base

/// The keys of the plugins. A plugin's section stands here; what it does stands in the module Plugins.
enum PluginSections {
    static let plugins = Section(
        "The plugins. Keys of a route replace those of its file, and those of the file replace gateway.yaml's `defaults`, one by one; under `set` and the like each name and under `claims` each claim counts as a key. A plugin is on when any place names it, and off again when the nearest that does says `enabled: false`.",
        draft: { PluginsDraft() },
        keys: [
            .part("request_transform", .section(TransformSections.request), "Changes what the upstream sees.") {
                draft, value, _, _ in draft.requestTransform = value
            },
            .part("response_transform", .section(TransformSections.response), "Changes what the client sees.") {
                draft, value, _, _ in draft.responseTransform = value
            },
            .part("ip_restriction", .section(ipRestriction), "Lets clients in by address, or answers 403.") {
                draft, value, _, _ in draft.ipRestriction = value
            },
            .part(
                "jwt",
                .plugin(IdentityPluginSections.jwt, \.place, exclusive: ("issuer", "issuers")) {
                    IdentityPluginsDraft(jwt: $0)
                }, "Verifies the client's token, or answers 401 or 403."
            ) { draft, value, _, _ in draft.identity.jwt = value.jwt },
            .part(
                "spiffe",
                .plugin(IdentityPluginSections.spiffe, \.place, exclusive: ("id", "rules")) {
                    IdentityPluginsDraft(spiffe: $0)
                }, "Gives the caller a SPIFFE ID, and holds the tenants apart."
            ) { draft, value, _, _ in draft.identity.spiffe = value.spiffe },
            .part(
                "internal_jwt",
                .plugin(IdentityPluginSections.internalJWT, \.place) { IdentityPluginsDraft(internalJWT: $0) },
                "Issues a token for the upstream."
            ) { draft, value, _, _ in draft.identity.internalJWT = value.internalJWT },
            .reserved("cors", "Cross-origin requests."),
            .part("rate_limit", .rateLimit, "Limits how many requests are let through, or answers 429.") {
                draft, value, _, _ in draft.rateLimit = value
            },
            .reserved("webhook_signature", "Signatures of webhooks."),
            .reserved("external_auth", "Authorisation by a service."),
            .reserved("compress", "Compression."),
        ])

    private static let ipRestriction = Section(
        "Who may come in, by the client's address.", draft: { IPRestrictionDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", "`false` turns off what a place further away turned on.") {
                $0.enabled = $1
            },
            Key("allow", .list(.network, countMax: 1_000), default: "everybody", "Only these.") { $0.allow = $1.value },
            Key(
                "deny", .list(.network, countMax: 1_000, emptyAllowed: true), default: "[]",
                "Not these, even if `allow` has them."
            ) { $0.deny = $1.value },
        ])
}

extension ValueDecoder {
    /// A mapping from header names that configuration may touch.
    static func headers<Element>(
        _ direction: HeaderText.Direction, _ value: ValueDecoder<Element>
    ) -> ValueDecoder where Value == [Named<Element>] {
        map(HeaderText.nameForm, countMax: 64, value) { name throws(Unfit) in
            try HeaderText.checkEditable(name, direction)
        }
    }

    /// A value with its place.
    static func placed<Inner: Sendable & Equatable>(_ inner: ValueDecoder<Inner>) -> ValueDecoder
    where Value == Setting<Inner> {
        ValueDecoder(inner.type) { node, file in inner.decode(node, file).map { file.setting($0, node) } }
    }
}
