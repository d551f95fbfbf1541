import Base

/// The identity plugins of one route, in their order: who is it, what is that here, and what do upstreams get to see.
package final class IdentityChain {
    /// Different for every chain that a process ever compiles, so that what was decided by one is never taken for
    /// another's decision.
    package let number: UInt64
    package let jwt: JWTRule
    package let spiffe: SPIFFERule?
    package let internalToken: InternalTokenRule?

    package init(number: UInt64, jwt: JWTRule, spiffe: SPIFFERule?, internalToken: InternalTokenRule?) {
        self.number = number
        self.jwt = jwt
        self.spiffe = spiffe
        self.internalToken = internalToken
    }
}
