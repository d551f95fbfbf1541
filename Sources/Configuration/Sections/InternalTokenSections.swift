import Base

/// The keys of gateway.yaml's `internal_tokens` and `audit_log`.
enum InternalTokenSections {
    static let internalTokens = Section(
        "The tokens that the gateway issues itself, for services behind it.", draft: { InternalTokensDraft() },
        keys: [
            Key(
                "issuer", .plainText("an issuer such as `https://gateway.example.com`", bytesMax: 2_048),
                required: true, "The tokens' `iss`."
            ) { $0.issuer = $1 },
            Key(
                "keys", .list(.signingKey, countMax: 32), required: true,
                "The private keys, from the oldest to the newest: the newest that has been published long enough signs."
            ) { $0.keys = $1.value },
            Key(
                "publish_before_signing", .duration(.zero ... .seconds(604_800), unit: .seconds),
                default: DurationFormat.text(Defaults.publishBeforeSigning),
                "How long a new key is published before it signs; longer than services keep the key set. In whole seconds."
            ) { $0.publishBeforeSigning = $1 },
            Key(
                "ttl_max", .duration(.seconds(1) ... .seconds(3_600), unit: .seconds),
                default: DurationFormat.text(Defaults.internalTokenLifetimeMax),
                "The longest `ttl` of a route. In whole seconds."
            ) { $0.lifetimeMax = $1 },
            .part(
                "publish", .section(publication), default: "the admin listener only",
                "Shows the public keys to clients, too."
            ) { draft, value, _, node in draft.publication = (value, node) },
        ])

    fileprivate static let signingKey = Section(
        "A private key, or a folder of them: `file` or `folder`.", draft: { SigningKeyDraft() },
        keys: [
            Key("file", .filePath, "A private key: PEM or JWK. Read at each start and SIGHUP.") { $0.file = $1 },
            Key(
                "folder", .filePath,
                "Every `*.pem`, `*.jwk` and `*.json` in it, the oldest first by name; SIGHUP finds new ones."
            ) { $0.folder = $1 },
            Key(
                "algorithm", .tokenAlgorithm, default: "by the key: ES256, ES384, ES512, RS256 or EdDSA",
                "How the key signs. Not with `folder`."
            ) { $0.algorithm = $1 },
            Key("id", .keyID, default: "the thumbprint (RFC 7638)", "The `kid`. Not with `folder`.") { $0.id = $1 },
            Key(
                "state", .choice, default: "by order and time",
                "`published`: shown, but doesn't sign. `signing`: signs. `retired`: shown until its last token has expired. Not with `folder`."
            ) { $0.state = $1 },
        ])

    private static let publication = Section(
        "Public paths of the keys. They come before every route of the listeners.", draft: { KeyPublicationDraft() },
        keys: [
            Key(
                "listeners", .list(.name, countMax: 64), default: "all listeners", "Which listeners have the paths."
            ) { $0.listeners = $1.value },
            Key("jwks_path", .literalPath, default: Defaults.keySetPath, "The JWK set.") { $0.keySetPath = $1 },
            Key("bundle_path", .literalPath, default: Defaults.bundlePath, "The SPIFFE bundle.") {
                $0.bundlePath = $1
            },
        ])

    static let auditLog = Section(
        "The audit log.", draft: { AuditLogDraft() },
        keys: [
            .enabled, .file,
            Key(
                "decisions", .choice, default: AuditedDecisions.all.rawValue,
                "Whether requests that were let in are logged as well as refused ones."
            ) { $0.decisions = $1 },
        ])
}

extension ValueDecoder where Value == SigningKeyDraft {
    static var signingKey: ValueDecoder {
        let section = InternalTokenSections.signingKey
        return ValueDecoder(.section(section.description)) { node, file in
            guard let draft = section.decode(node, file) else { return nil }
            let hasFile = file.key("file", in: node) != nil
            let hasFolder = file.key("folder", in: node) != nil
            if hasFile == hasFolder {
                if !file.holdsUnknownKey(node) {
                    file.error(
                        node, hasFile ? "`file` and `folder` exclude each other" : "the key has no file",
                        expected: "exactly one of `file` and `folder`")
                }
                return nil
            }
            if hasFolder {
                for (name, setting) in [
                    ("algorithm", draft.algorithm?.origin), ("id", draft.id?.origin), ("state", draft.state?.origin),
                ] {
                    guard let place = setting?.location else { continue }
                    file.error(
                        at: place, "`\(name)` belongs to one key, not to a folder", suggestion: "list the key by `file`"
                    )
                }
            }
            // What could not be read has been reported; the list must not be dropped as a whole for it.
            return draft
        }
    }
}
