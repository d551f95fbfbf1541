import Base
import Identity
import JOSE

/// What is known about who sent a request, once the identity plugins have run.
package struct Caller {
    /// Nil: nobody said who they are, and the route lets that be.
    package internal(set) var token: VerifiedToken?
    /// What the route's plugins made of the token.
    package internal(set) var identity: RouteIdentity?
    /// What is known about a token that was refused before it counted as anybody's; for logs and metrics.
    package internal(set) var refused: RefusedToken?

    package init() {}

    /// The text of a claim by its place in `IdentityChain.claims`. Nil without a token, or when the token has no such
    /// claim with a text. The view is valid as long as the caller is known.
    package func claim(_ index: Int) -> ByteView? { identity?.claim(index) }

    package mutating func reset() {
        token = nil
        identity = nil
        refused = nil
    }
}

/// A token that was refused for itself. Its views are valid until the loop checks the next token.
package struct RefusedToken {
    /// The issuer that it names, if the route believes that one.
    package let issuer: IssuerKeys
    /// Whether the issuer's key signed it. If not, anybody may have written what it says.
    package let isSigned: Bool
    /// Empty unless it is signed.
    package let subject: ByteView
    package let keyID: ByteView
    /// Owns the views, if the token was kept until it expired.
    private let kept: VerifiedToken?

    init(issuer: IssuerKeys, isSigned: Bool, subject: ByteView = ByteView(), keyID: ByteView) {
        self.issuer = issuer
        self.isSigned = isSigned
        self.subject = subject
        self.keyID = keyID
        kept = nil
    }

    init(_ token: VerifiedToken) {
        issuer = token.issuer
        isSigned = true
        subject = token.subject
        keyID = token.keyID
        kept = token
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

    /// What the route's plugins read of the token.
    private var claims = RenderedClaims()
    private let texts: IOBuffer
    private let scopeCount: Int
    private let idCount: Int

    /// Memory, in bytes: the object's own, with what the allocator adds, and that of the texts.
    var bytes: Int { Self.ownBytes + texts.capacity + claims.bytes }

    private static let ownBytes = 256

    /// - Parameters: what is known by then; the views are copied.
    init(
        chain: UInt64, refusal: IdentityRefusal? = nil, scopes: ByteView, spiffeID: ByteView = ByteView(),
        tenant: ByteView = ByteView()
    ) {
        self.chain = chain
        self.refusal = refusal
        var texts = IOBuffer(capacity: max(scopes.count + spiffeID.count + tenant.count, 1))
        texts.append(scopes)
        texts.append(spiffeID)
        texts.append(tenant)
        self.texts = texts
        scopeCount = scopes.count
        idCount = spiffeID.count
    }

    /// Keeps the texts of the claims at `paths`.
    func render(_ paths: [ClaimPath], of claims: JSONValue) {
        if !paths.isEmpty { self.claims = RenderedClaims(paths, of: claims) }
    }

    /// The text of a claim by its place in `IdentityChain.claims`; nil when there is none.
    package func claim(_ index: Int) -> ByteView? { claims[index] }
}
