import Base

/// A header field that some part of the gateway treats specially; all others are `.other`.
///
/// The raw values stay below 64, so that a set of them is one word (`KnownFieldSet`).
@usableFromInline package enum KnownField: UInt8, CaseIterable, Sendable {
    /// Any other name.
    case other
    /// A name that the gateway sets or trusts (`KnownFieldSet.underscoreSensitive`), spelt with `_` for `-`. CGI-like
    /// servers read both spellings as one, so a field of this kind is never forwarded and never stands for the real one.
    case underscoreSpelling

    // Framing and connection management (RFC 9110, RFC 9112)
    case host, connection, keepAlive, proxyConnection, transferEncoding, contentLength, te, trailer, upgrade
    case http2Settings, expect

    // Where the request came from; believed from trusted proxies only
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost, xForwardedPort
    /// Any other `X-Forwarded-…` name (`-Prefix`, `-Server`, `-Ssl` …).
    case xForwardedOther
    case xRealIP, xRequestID, traceparent, tracestate, via

    // Identity that only the gateway may state
    case xSpiffeID, xInternalJWT, xInternalToken

    // Credentials
    case authorization, proxyAuthorization, proxyAuthenticate, proxyAuthenticationInfo, wwwAuthenticate
    case cookie, setCookie

    // Content and control data
    case contentType, contentEncoding, contentLanguage, contentLocation, contentRange
    case accept, acceptEncoding, cacheControl, range, maxForwards
    case ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifRange
    case age, allow, date, etag, expires, lastModified, location, retryAfter, server, vary
    case userAgent, origin, accessControlRequestMethod

    /// The field that `name` names, in any case of letters.
    package init(name: ByteView) {
        self = .other
        guard name.count >= 2, name.count <= 64 else { return }
        let candidate = Self.candidate(count: name.count, first: name[0] | 0x20, name)
        if candidate != .other, name.equalsName(candidate.name) {
            self = candidate
        } else if name[0] | 0x20 == UInt8(ascii: "x") || KnownFieldSet.underscoreSensitive.contains(candidate) {
            self = Self.unusualSpelling(of: name, candidate)
        }
    }

    /// The name as the gateway writes it; empty for `.other`, `.underscoreSpelling` and `.xForwardedOther`.
    package var name: StaticString {
        switch self {
        case .other, .underscoreSpelling, .xForwardedOther: ""
        case .host: "Host"
        case .connection: "Connection"
        case .keepAlive: "Keep-Alive"
        case .proxyConnection: "Proxy-Connection"
        case .transferEncoding: "Transfer-Encoding"
        case .contentLength: "Content-Length"
        case .te: "TE"
        case .trailer: "Trailer"
        case .upgrade: "Upgrade"
        case .http2Settings: "HTTP2-Settings"
        case .expect: "Expect"
        case .forwarded: "Forwarded"
        case .xForwardedFor: "X-Forwarded-For"
        case .xForwardedProto: "X-Forwarded-Proto"
        case .xForwardedHost: "X-Forwarded-Host"
        case .xForwardedPort: "X-Forwarded-Port"
        case .xRealIP: "X-Real-IP"
        case .xRequestID: "X-Request-ID"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .via: "Via"
        case .xSpiffeID: "X-Spiffe-ID"
        case .xInternalJWT: "X-Internal-JWT"
        case .xInternalToken: "X-Internal-Token"
        case .authorization: "Authorization"
        case .proxyAuthorization: "Proxy-Authorization"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .proxyAuthenticationInfo: "Proxy-Authentication-Info"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .cookie: "Cookie"
        case .setCookie: "Set-Cookie"
        case .contentType: "Content-Type"
        case .contentEncoding: "Content-Encoding"
        case .contentLanguage: "Content-Language"
        case .contentLocation: "Content-Location"
        case .contentRange: "Content-Range"
        case .accept: "Accept"
        case .acceptEncoding: "Accept-Encoding"
        case .cacheControl: "Cache-Control"
        case .range: "Range"
        case .maxForwards: "Max-Forwards"
        case .ifMatch: "If-Match"
        case .ifNoneMatch: "If-None-Match"
        case .ifModifiedSince: "If-Modified-Since"
        case .ifUnmodifiedSince: "If-Unmodified-Since"
        case .ifRange: "If-Range"
        case .age: "Age"
        case .allow: "Allow"
        case .date: "Date"
        case .etag: "ETag"
        case .expires: "Expires"
        case .lastModified: "Last-Modified"
        case .location: "Location"
        case .retryAfter: "Retry-After"
        case .server: "Server"
        case .vary: "Vary"
        case .userAgent: "User-Agent"
        case .origin: "Origin"
        case .accessControlRequestMethod: "Access-Control-Request-Method"
        }
    }

    /// Whether one name only, up to the case of letters, is this field.
    var hasFixedName: Bool { !KnownFieldSet().and(.other).and(.underscoreSpelling).and(.xForwardedOther).contains(self) }

    @inlinable package var isHopByHop: Bool { KnownFieldSet.hopByHop.contains(self) }
    @inlinable package var isIdentity: Bool { KnownFieldSet.identity.contains(self) }
    @inlinable package var isForwarding: Bool { KnownFieldSet.forwarding.contains(self) }
    @inlinable package var isSingleton: Bool { KnownFieldSet.singletons.contains(self) }
}

extension KnownField {
    /// The only known field that can have this length and these letters; the caller compares the whole name.
    @inline(__always)
    private static func candidate(count: Int, first: UInt8, _ name: ByteView) -> KnownField {
        let second = name[1] | 0x20
        let last = name[count &- 1] | 0x20
        switch count {
        case 2: return .te
        case 3: return first == UInt8(ascii: "v") ? .via : .age
        case 4:
            switch first {
            case UInt8(ascii: "h"): return .host
            case UInt8(ascii: "d"): return .date
            case UInt8(ascii: "e"): return .etag
            default: return .vary
            }
        case 5: return first == UInt8(ascii: "a") ? .allow : .range
        case 6:
            switch first {
            case UInt8(ascii: "a"): return .accept
            case UInt8(ascii: "c"): return .cookie
            case UInt8(ascii: "e"): return .expect
            case UInt8(ascii: "o"): return .origin
            default: return .server
            }
        case 7:
            switch first {
            case UInt8(ascii: "t"): return .trailer
            case UInt8(ascii: "u"): return .upgrade
            default: return .expires
            }
        case 8: return first == UInt8(ascii: "l") ? .location : last == UInt8(ascii: "h") ? .ifMatch : .ifRange
        case 9: return first == UInt8(ascii: "f") ? .forwarded : .xRealIP
        case 10:
            switch first {
            case UInt8(ascii: "c"): return .connection
            case UInt8(ascii: "k"): return .keepAlive
            case UInt8(ascii: "s"): return .setCookie
            case UInt8(ascii: "t"): return .tracestate
            default: return .userAgent
            }
        case 11:
            switch first {
            case UInt8(ascii: "t"): return .traceparent
            case UInt8(ascii: "r"): return .retryAfter
            default: return .xSpiffeID
            }
        case 12:
            switch first {
            case UInt8(ascii: "c"): return .contentType
            case UInt8(ascii: "x"): return .xRequestID
            default: return .maxForwards
            }
        case 13:
            switch first {
            case UInt8(ascii: "a"): return .authorization
            case UInt8(ascii: "i"): return .ifNoneMatch
            case UInt8(ascii: "l"): return .lastModified
            default: return second == UInt8(ascii: "o") ? .contentRange : .cacheControl
            }
        case 14:
            switch first {
            case UInt8(ascii: "c"): return .contentLength
            case UInt8(ascii: "h"): return .http2Settings
            default: return .xInternalJWT
            }
        case 15: return first == UInt8(ascii: "x") ? .xForwardedFor : .acceptEncoding
        case 16: return candidateOf16(first, last)
        case 17:
            switch first {
            case UInt8(ascii: "t"): return .transferEncoding
            case UInt8(ascii: "x"): return .xForwardedProto
            default: return .ifModifiedSince
            }
        case 18: return .proxyAuthenticate
        case 19: return first == UInt8(ascii: "p") ? .proxyAuthorization : .ifUnmodifiedSince
        case 25: return .proxyAuthenticationInfo
        case 29: return .accessControlRequestMethod
        default: return .other
        }
    }

    private static func candidateOf16(_ first: UInt8, _ last: UInt8) -> KnownField {
        switch (first, last) {
        case (UInt8(ascii: "c"), UInt8(ascii: "g")): .contentEncoding
        case (UInt8(ascii: "c"), UInt8(ascii: "e")): .contentLanguage
        case (UInt8(ascii: "c"), _): .contentLocation
        case (UInt8(ascii: "p"), _): .proxyConnection
        case (UInt8(ascii: "w"), _): .wwwAuthenticate
        case (UInt8(ascii: "x"), UInt8(ascii: "n")): .xInternalToken
        // "X-Forwarded-Host" and "-Port" end alike; the caller's comparison decides, see `unusualSpelling`.
        default: .xForwardedHost
        }
    }

    /// `X-Forwarded-…` in all its forms, and names that have `_` where the known one has `-`.
    private static func unusualSpelling(of name: ByteView, _ candidate: KnownField) -> KnownField {
        if candidate == .xForwardedHost, name.equalsName(KnownField.xForwardedPort.name) { return .xForwardedPort }
        let mayBeForwarded = name.count > 12 && name[2] | 0x20 == UInt8(ascii: "f")
        if mayBeForwarded || KnownFieldSet.underscoreSensitive.contains(candidate) {
            let hasUnderscore = name.firstIndex(of: ASCII.underscore) != nil
            if hasUnderscore, candidate != .other, name.equalsNameFoldingUnderscores(candidate.name) {
                return .underscoreSpelling
            }
            if mayBeForwarded, name.prefix(12).equalsNameFoldingUnderscores("X-Forwarded-") {
                return hasUnderscore ? .underscoreSpelling : .xForwardedOther
            }
        }
        return .other
    }
}
