import Base

/// What is known about who sent a request, once the identity plugins have run.
package struct Caller {
    /// Nil: nobody said who they are, and the route lets that be.
    package internal(set) var token: VerifiedToken?
    /// What the route's plugins made of the token.
    package internal(set) var identity: RouteIdentity?

    package init() {}

    package mutating func reset() {
        token = nil
        identity = nil
    }
}

/// What one route's identity plugins made of one token: worked out once, and kept with the token.
package final class RouteIdentity {
    /// The chain of plugins that decided.
    let chain: UInt64
    /// Why the token is not good enough for the route; nil when it is.
    package let refusal: IdentityRefusal?
    /// The token's scopes, with one space between each two.
    package var scopes: ByteView { texts.readable.prefix(scopeCount) }
    /// Empty without the `spiffe` plugin.
    package var spiffeID: ByteView { texts.readable[scopeCount..<scopeCount + idCount] }
    /// Empty when the token has none.
    package var tenant: ByteView { texts.readable.from(scopeCount + idCount) }
    /// Where the internal token of last time lies; the mint says whether it is still good.
    var minted: MintedReference?

    private let texts: IOBuffer
    private let scopeCount: Int
    private let idCount: Int

    /// Decisions kept with each token: those of that many routes with different identity plugins.
    static let keptPerToken = 4
    /// Memory of one decision with its minted token, in bytes.
    static let typicalBytes = 1_024

    init(chain: UInt64, refusal: IdentityRefusal) {
        self.chain = chain
        self.refusal = refusal
        texts = IOBuffer()
        scopeCount = 0
        idCount = 0
    }

    init(chain: UInt64, scopes: ByteView, spiffeID: ByteView = ByteView(), tenant: ByteView = ByteView()) {
        self.chain = chain
        refusal = nil
        var texts = IOBuffer(capacity: max(scopes.count + spiffeID.count + tenant.count, 1))
        texts.append(scopes)
        texts.append(spiffeID)
        texts.append(tenant)
        self.texts = texts
        scopeCount = scopes.count
        idCount = spiffeID.count
    }
}
