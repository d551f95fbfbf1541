import Base

/// The four forms of a request target (RFC 9112 section 3.2), without authority-form, which only CONNECT has.
package enum TargetForm: UInt8, Sendable {
    /// `/path?query`
    case origin
    /// `http://host/path`
    case absoluteHTTP
    /// `https://host/path`
    case absoluteHTTPS
    /// `*`
    case asterisk
}

/// The head of a request, as decided by `RequestDecoder`: there is one path, one authority and one framing in it.
///
/// Its content is undefined until the decoder reports `.complete`. Views are valid until the head is next changed.
/// It is reused from message to message and then allocates nothing.
/// Its views are inlined into other modules: a call there would first copy the whole head for the callee to borrow.
@usableFromInline package struct RequestHead: ~Copyable {
    package var method: Method = .get
    package var targetForm: TargetForm = .origin
    /// 0 or 1. A higher one reads as 1 (RFC 9110 section 2.5).
    package var minorVersion: UInt8 = 1
    package var framing: BodyFraming = .none
    /// Whether the client lets the connection live on (RFC 9112 section 9.3).
    package var isPersistent = true
    /// Whether the client waits for 100 before it sends the content (RFC 9110 section 10.1.1).
    package var expectsContinue = false
    /// Whether the client offers another protocol: `Upgrade`, and `upgrade` in `Connection` (RFC 9110 section 7.8).
    package var wantsUpgrade = false
    /// Whether the client reads trailers: `TE: trailers` (RFC 9110 section 10.1.4).
    package var acceptsTrailers = false
    /// Whether the path holds `%2F` or `%5C`. They are kept as they are; whether that is allowed is the route's say.
    package var hasEncodedSlash = false
    /// Whether there was a `?`, an empty query included.
    package var hasQuery = false
    /// Whether `Host` has the very bytes of `authority`.
    package var hasCanonicalHost = false
    /// The port in the authority. Nil when it names none.
    package var port: UInt16?
    /// The fields as they came, in order.
    @usableFromInline package var fields = HeaderList()

    @usableFromInline var methodSpan = ArenaSpan()
    @usableFromInline var targetSpan = ArenaSpan()
    @usableFromInline var pathSpan = ArenaSpan()
    @usableFromInline var querySpan = ArenaSpan()
    @usableFromInline var hostSpan = ArenaSpan()
    @usableFromInline var authoritySpan = ArenaSpan()

    /// An empty head without memory.
    package init() {}

    /// The method's token as it came.
    @inlinable package var methodToken: ByteView { view(methodSpan) }
    /// The target as it came, for logs.
    @inlinable package var target: ByteView { view(targetSpan) }
    /// The canonical path: what is matched, authorised, logged and sent upstream. Begins with `/`, or is `*`.
    @inlinable package var path: ByteView { view(pathSpan) }
    /// The bytes after the first `?` as they came; empty without one.
    @inlinable package var query: ByteView { view(querySpan) }
    /// The host in lower case, without port and trailing dot; an IPv6 literal in its brackets. From the target when
    /// that is absolute, else from `Host`. Empty only in HTTP/1.0 requests that name none.
    @inlinable package var host: ByteView { view(hostSpan) }
    /// `host`, and `:port` where one was given: what `Host` shall say upstream.
    @inlinable package var authority: ByteView { view(authoritySpan) }

    /// Empties the head and keeps its memory.
    package mutating func reset() {
        method = .get
        targetForm = .origin
        minorVersion = 1
        framing = .none
        isPersistent = true
        expectsContinue = false
        wantsUpgrade = false
        acceptsTrailers = false
        hasEncodedSlash = false
        hasQuery = false
        hasCanonicalHost = false
        port = nil
        fields.removeAll()
        methodSpan = ArenaSpan()
        targetSpan = ArenaSpan()
        pathSpan = ArenaSpan()
        querySpan = ArenaSpan()
        hostSpan = ArenaSpan()
        authoritySpan = ArenaSpan()
    }

    @inlinable func view(_ span: ArenaSpan) -> ByteView { fields.bytes(start: Int(span.start), count: Int(span.count)) }
}
