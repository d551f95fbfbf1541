/// A set of known fields in one word.
@usableFromInline package struct KnownFieldSet: OptionSet, Sendable {
    @usableFromInline package let rawValue: UInt64
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The set of one field.
    @inlinable package init(_ field: KnownField) { rawValue = 1 &<< UInt64(field.rawValue) }

    @inlinable package func contains(_ field: KnownField) -> Bool {
        rawValue & (1 &<< UInt64(field.rawValue)) != 0
    }
}

extension KnownFieldSet {
    /// The set with one field more. Chains of these fold to a constant; array literals and `static let` don't.
    @inlinable @inline(__always)
    package func and(_ field: KnownField) -> KnownFieldSet {
        KnownFieldSet(rawValue: rawValue | 1 &<< UInt64(field.rawValue))
    }

    /// What several names can be: which one it is only the name itself tells.
    @inlinable package static var withoutFixedName: KnownFieldSet {
        KnownFieldSet().and(.other).and(.underscoreSpelling).and(.xForwardedOther)
    }

    /// Fields about one connection, never forwarded (RFC 9110 section 7.6.1): those that the RFC lists, `Trailer`
    /// (framing of chunked content, which the gateway writes anew), and `HTTP2-Settings` (RFC 7540, for h2c).
    ///
    /// `Proxy-Authenticate`, `Proxy-Authorization` and `Proxy-Authentication-Info` belong to the next proxy inbound
    /// (RFC 9110 section 11.7): from clients that is this gateway, which has no proxy users; and an answer of an
    /// origin server must not challenge in a proxy's name. So they end here as well.
    @inlinable package static var hopByHop: KnownFieldSet {
        KnownFieldSet().and(.connection).and(.keepAlive).and(.proxyConnection).and(.te).and(.trailer)
            .and(.transferEncoding).and(.upgrade).and(.http2Settings).and(.proxyAuthenticate).and(.proxyAuthorization)
            .and(.proxyAuthenticationInfo)
    }

    /// Fields by which the gateway states an identity: stripped from every message that comes in.
    @inlinable package static var identity: KnownFieldSet {
        KnownFieldSet().and(.xSpiffeID).and(.xInternalJWT).and(.xInternalToken)
    }

    /// Where a request came from: believed from trusted proxies only.
    @inlinable package static var forwarding: KnownFieldSet {
        KnownFieldSet().and(.forwarded).and(.xForwardedFor).and(.xForwardedProto).and(.xForwardedHost)
            .and(.xForwardedPort).and(.xForwardedOther).and(.xRealIP)
    }

    /// Fields that must not come in a second spelling, because the gateway sets or trusts them.
    @inlinable package static var underscoreSensitive: KnownFieldSet {
        forwarding.union(identity).and(.xRequestID).and(.transferEncoding).and(.contentLength).and(.keepAlive)
            .and(.proxyConnection).and(.http2Settings)
    }

    /// Fields whose definition allows one value only, so that a second one is not part of a list (RFC 9110).
    @inlinable package static var singletons: KnownFieldSet {
        KnownFieldSet().and(.host).and(.contentLength).and(.contentType).and(.contentLocation).and(.contentRange)
            .and(.authorization).and(.proxyAuthorization).and(.userAgent).and(.maxForwards).and(.range)
            .and(.ifModifiedSince).and(.ifUnmodifiedSince).and(.ifRange).and(.age).and(.date).and(.etag).and(.expires)
            .and(.lastModified).and(.location).and(.retryAfter).and(.server).and(.origin).and(.traceparent)
            .and(.xRequestID).and(.xRealIP).and(.xSpiffeID).and(.xInternalJWT).and(.xInternalToken)
            .and(.accessControlRequestMethod)
    }

    /// Fields that mean nothing, or harm, after the content (RFC 9110 section 6.5.1): framing, routing, connection,
    /// identity, authentication, request modifiers, control data and the content's format. Dropped from trailers.
    @inlinable package static var forbiddenInTrailers: KnownFieldSet {
        hopByHop.union(identity).union(forwarding).and(.underscoreSpelling).and(.host).and(.contentLength)
            .and(.expect).and(.xRequestID).and(.traceparent).and(.tracestate).and(.via).and(.authorization)
            .and(.wwwAuthenticate).and(.cookie).and(.setCookie).and(.contentType).and(.contentEncoding)
            .and(.contentLanguage).and(.contentLocation).and(.contentRange).and(.accept).and(.acceptEncoding)
            .and(.cacheControl).and(.range).and(.maxForwards).and(.ifMatch).and(.ifNoneMatch).and(.ifModifiedSince)
            .and(.ifUnmodifiedSince).and(.ifRange).and(.age).and(.allow).and(.date).and(.expires).and(.location)
            .and(.retryAfter).and(.vary).and(.origin).and(.accessControlRequestMethod)
    }
}
