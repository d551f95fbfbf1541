import Base

/// What the gateway issues itself: gateway.yaml's `internal_tokens`.
package struct InternalTokens: Sendable, Equatable {
    /// `iss` of the tokens.
    package let issuer: Setting<String>
    /// From the oldest to the newest, folders opened; 1…32, no file twice.
    package let keys: [SigningKeyFile]
    /// How long a new key is published before it signs, 0s…168h.
    package let publishBeforeSigning: Setting<TimeAmount>
    /// The longest `ttl` of a route, 1s…1h.
    package let lifetimeMax: Setting<TimeAmount>
    /// Nil: the keys are published at the admin listener only.
    package let publication: KeyPublication?
    /// The place of the section.
    @Provenance package var location: SourceLocation
}

/// A private key to sign with: PEM or JWK.
package struct SigningKeyFile: Sendable, Equatable {
    /// Its origin is the `file` or the `folder` that led to it.
    package let file: Setting<ReferencedFile>
    /// Nil: by the key's type.
    package let algorithm: Setting<TokenAlgorithm>?
    /// The `kid`, 1…128 characters of `[A-Za-z0-9._~-]`; nil: the thumbprint of RFC 7638.
    package let id: Setting<String>?
    /// Nil: the gateway goes by order and time.
    package let state: Setting<FixedKeyState>?
    /// The index of its entry in the list; keys of one folder have the same.
    package let entry: Int
}

/// A state that somebody gave a key by hand.
package enum FixedKeyState: String, Sendable, Hashable, CaseIterable {
    /// Shown in the key set, not used.
    case published
    /// Signs.
    case signing
    /// Shown until its last token is dead.
    case retired
}

/// Where outsiders find the public keys. These paths come before every route of the listeners.
package struct KeyPublication: Sendable, Equatable {
    /// Never empty.
    package let listeners: [Setting<ListenerReference>]
    /// A JWK set. A literal path, different from the other one.
    package let keySetPath: Setting<String>
    /// A SPIFFE bundle.
    package let bundlePath: Setting<String>
}

/// One JSON line per identity decision.
package struct AuditLog: Sendable, Equatable {
    package let enabled: Setting<Bool>
    package let destination: Setting<LogDestination>
    package let decisions: Setting<AuditedDecisions>
}

/// Which decisions are logged.
package enum AuditedDecisions: String, Sendable, Hashable, CaseIterable {
    case all, refused
}
