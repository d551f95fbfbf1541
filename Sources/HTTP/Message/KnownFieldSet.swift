/// A set of known fields in one word.
package struct KnownFieldSet: OptionSet, Sendable {
    package let rawValue: UInt64
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The set of one field.
    @inlinable package init(_ field: KnownField) { rawValue = 1 << UInt64(field.rawValue) }

    @inlinable package func contains(_ field: KnownField) -> Bool {
        rawValue & (1 << UInt64(field.rawValue)) != 0
    }
}

extension KnownFieldSet {
    @inlinable static func of(_ fields: KnownField...) -> KnownFieldSet {
        var bits: UInt64 = 0
        for field in fields { bits |= 1 << UInt64(field.rawValue) }
        return KnownFieldSet(rawValue: bits)
    }

    /// Fields about one connection, never forwarded (RFC 9110 section 7.6.1): those that the RFC lists, `Trailer`
    /// (framing of chunked content, which the gateway writes anew), and `HTTP2-Settings` (RFC 7540, for h2c).
    ///
    /// `Proxy-Authenticate`, `Proxy-Authorization` and `Proxy-Authentication-Info` belong to the next proxy inbound
    /// (RFC 9110 section 11.7): from clients that is this gateway, which has no proxy users; and an answer of an
    /// origin server must not challenge in a proxy's name. So they end here as well.
    package static let hopByHop: KnownFieldSet = .of(
        .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade, .http2Settings,
        .proxyAuthenticate, .proxyAuthorization, .proxyAuthenticationInfo)

    /// Fields by which the gateway states an identity: stripped from every message that comes in.
    package static let identity: KnownFieldSet = .of(.xSpiffeID, .xInternalJWT, .xInternalToken)

    /// Where a request came from: believed from trusted proxies only.
    package static let forwarding: KnownFieldSet = .of(
        .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xForwardedOther, .xRealIP)

    /// Fields that must not come in a second spelling, because the gateway sets or trusts them.
    package static let underscoreSensitive: KnownFieldSet = forwarding.union(identity).union(
        .of(.xRequestID, .transferEncoding, .contentLength, .keepAlive, .proxyConnection, .http2Settings))

    /// Fields whose definition allows one value only, so that a second one is not part of a list (RFC 9110).
    package static let singletons: KnownFieldSet = .of(
        .host, .contentLength, .contentType, .contentLocation, .contentRange, .authorization, .proxyAuthorization,
        .userAgent, .maxForwards, .range, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .age, .date, .etag, .expires,
        .lastModified, .location, .retryAfter, .server, .origin, .traceparent, .xRequestID, .xRealIP, .xSpiffeID,
        .xInternalJWT, .xInternalToken, .accessControlRequestMethod)

    /// Fields that mean nothing, or harm, after the content (RFC 9110 section 6.5.1): framing, routing, connection,
    /// identity, authentication, request modifiers, control data and the content's format. Dropped from trailers.
    package static let forbiddenInTrailers: KnownFieldSet = hopByHop.union(identity).union(forwarding).union(
        .of(
            .underscoreSpelling, .host, .contentLength, .expect, .xRequestID, .traceparent, .tracestate, .via,
            .authorization, .wwwAuthenticate, .cookie, .setCookie, .contentType, .contentEncoding, .contentLanguage,
            .contentLocation, .contentRange, .accept, .acceptEncoding, .cacheControl, .range, .maxForwards, .ifMatch,
            .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .age, .allow, .date, .expires, .location,
            .retryAfter, .vary, .origin, .accessControlRequestMethod))
}
