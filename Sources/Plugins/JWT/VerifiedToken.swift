import Base
import JOSE

/// A token whose signature held, with what routes ask of it. One loop's own.
///
/// What a route decided about the token is kept with it (`RouteIdentity`), so that a token that comes again costs a
/// look-up and a few comparisons.
package final class VerifiedToken {
    // What is read each time the token comes again stands together: with many tokens, each cache line is a wait.

    /// The whole token.
    package let token: ByteView
    /// Whose key signed it.
    package let issuer: IssuerKeys
    let key: VerificationKey
    /// The state of the issuer's keys when the key was last seen among them.
    var keyGeneration: UInt64
    /// `exp`, in seconds since 1970.
    package let expiry: Int64
    // The cache's.
    var isCached = false
    var nextInBucket: VerifiedToken?
    var wasUsed = false
    private var routes = KeptDecisions(repeating: nil)
    private var nextReplaced = 0

    package let subject: ByteView
    /// The header's `kid`; empty without one.
    package let keyID: ByteView
    /// Memory, in bytes, with what routes decided.
    package private(set) var bytes: Int
    private let memory: UnsafeMutableRawPointer

    // The cache's links.
    var older: VerifiedToken?
    unowned(unsafe) var newer: VerifiedToken?

    /// - Parameters: the views are copied.
    package init(
        token: ByteView, subject: ByteView, keyID: ByteView, issuer: IssuerKeys,
        key: VerificationKey, expiry: Int64
    ) {
        let size = token.count + subject.count + keyID.count
        memory = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 1)
        var offset = 0
        func keep(_ view: ByteView, in memory: UnsafeMutableRawPointer) -> ByteView {
            let start = memory + offset
            if view.count > 0 { start.copyMemory(from: view.base, byteCount: view.count) }
            offset += view.count
            return ByteView(UnsafeRawBufferPointer(start: start, count: view.count))
        }
        self.token = keep(token, in: memory)
        self.subject = keep(subject, in: memory)
        self.keyID = keep(keyID, in: memory)
        self.issuer = issuer
        self.key = key
        keyGeneration = issuer.generation
        self.expiry = expiry
        bytes = size + Self.ownBytes
    }

    deinit { memory.deallocate() }

    /// The object's own memory and its place in the cache, with what the allocator adds.
    private static let ownBytes = 512

    /// Those of that many routes with different identity plugins.
    private typealias KeptDecisions = InlineArray<4, RouteIdentity?>

    /// What this chain decided before.
    func identity(for chain: UInt64) -> RouteIdentity? {
        var index = 0
        while index < routes.count, let known = routes[index] {
            if known.chain == chain { return known }
            index += 1
        }
        return nil
    }

    /// Keeps what a chain decided, in place of the decision that was kept first when there are too many.
    /// `VerifiedTokenCache.keep` calls this, which knows the limit.
    /// - Returns: by how much `bytes` has changed.
    func keep(_ identity: RouteIdentity) -> Int {
        let growth = identity.bytes - (routes[nextReplaced]?.bytes ?? 0)
        routes[nextReplaced] = identity
        nextReplaced = (nextReplaced + 1) % routes.count
        bytes += growth
        return growth
    }
}
