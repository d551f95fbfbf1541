import Base

/// The plugins of a route, merged from gateway.yaml's `defaults`, the domain's file and the route, key by key: the
/// nearest one wins; names under `set` and the like count as keys.
package struct PluginSet: Sendable, Equatable {
    package internal(set) var requestTransform: RequestTransform?
    package internal(set) var responseTransform: ResponseTransform?
    package internal(set) var ipRestriction: IPRestriction?
    package internal(set) var rateLimit: RateLimitSettings?
    /// Nil: no token is asked for.
    package internal(set) var jwt: JWTSettings?
    /// Only with `jwt`.
    package internal(set) var spiffe: SPIFFESettings?
    /// Only with `spiffe`, and with `GatewayConfiguration.internalTokens`.
    package internal(set) var internalJWT: InternalJWTSettings?

    var isEmpty: Bool {
        requestTransform == nil && responseTransform == nil && ipRestriction == nil && rateLimit == nil && jwt == nil
            && spiffe == nil && internalJWT == nil
    }
}

/// A set with at least one plugin, which routes without plugins of their own share.
final class SharedPlugins: Sendable {
    let set: PluginSet

    /// Nil for the empty set.
    init?(_ set: PluginSet) {
        if set.isEmpty { return nil }
        self.set = set
    }
}

/// Who may come in, by the client's address. `deny` wins over `allow`.
package struct IPRestriction: Sendable, Equatable {
    /// Empty: everybody who isn't denied.
    package let allow: [Setting<CIDRBlock>]
    package let deny: [Setting<CIDRBlock>]
}
