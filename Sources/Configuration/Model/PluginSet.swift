import Base

/// The plugins of a route, merged from gateway.yaml's `defaults`, the domain's file and the route, key by key: the
/// nearest one wins; the header names under `set` count as keys.
package struct PluginSet: Sendable, Equatable {
    package internal(set) var requestHeaders: HeaderEdit
    package internal(set) var responseHeaders: HeaderEdit
    package internal(set) var ipRestriction: IPRestriction?
    package internal(set) var rateLimit: RateLimitSettings?
    /// Nil: no token is asked for.
    package internal(set) var jwt: JWTSettings?
    /// Only with `jwt`.
    package internal(set) var spiffe: SPIFFESettings?
    /// Only with `spiffe`, and with `GatewayConfiguration.internalTokens`.
    package internal(set) var internalJWT: InternalJWTSettings?
}

/// Changes to the header lines of a message. Removing comes first.
package struct HeaderEdit: Sendable, Equatable {
    /// Names of fields to drop, compared without case.
    package let remove: [Setting<String>]
    /// Fields to set, replacing every line of that name.
    package let set: [HeaderAssignment]

    package var isEmpty: Bool { remove.isEmpty && set.isEmpty }
}

/// One header to set.
package struct HeaderAssignment: Sendable, Equatable {
    package let name: String
    /// Without CR, LF and NUL. Only request headers have parameters in it.
    package let value: Setting<ValueTemplate>
}

/// Who may come in, by the client's address. `deny` wins over `allow`.
package struct IPRestriction: Sendable, Equatable {
    /// Empty: everybody who isn't denied.
    package let allow: [Setting<CIDRBlock>]
    package let deny: [Setting<CIDRBlock>]
}
