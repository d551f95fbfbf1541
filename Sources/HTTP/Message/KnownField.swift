import Base

/// A header field that some part of the gateway treats specially; all others are `.other`.
///
/// The raw values stay below 64, so that a set of them is one word (`KnownFieldSet`).
@usableFromInline package enum KnownField: UInt8, CaseIterable, Sendable {
    /// Any other name.
    case other
    /// A name that the gateway sets or trusts (`KnownFieldSet.underscoreSensitive`), spelt with `_` for `-`. CGI-like
    /// servers read both spellings as one, so a field of this kind is never forwarded and never stands for the real
    /// one.
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
    case userAgent, referer, origin, accessControlRequestMethod

    /// The field that `name` names, in any case of letters.
    package init(name: ByteView) {
        guard name.count >= 2 else {
            self = .other
            return
        }
        self = Self.lookUp(name, count: name.count, first: name[0] | 0x20)
    }

    /// The name as the gateway writes it; empty for `.other`, `.underscoreSpelling` and `.xForwardedOther`.
    package var name: StaticString { literal }

    /// The same, for callers that know which field it is: it folds to the literal there.
    @inline(__always)
    private var literal: StaticString {
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
        case .referer: "Referer"
        case .origin: "Origin"
        case .accessControlRequestMethod: "Access-Control-Request-Method"
        }
    }

    /// Whether one name only, up to the case of letters, is this field.
    var hasFixedName: Bool { !KnownFieldSet.withoutFixedName.contains(self) }
}

extension KnownField {
    /// Finds the only known field that can have this length and these letters, and compares the whole name with it.
    private static func lookUp(_ name: ByteView, count: Int, first: UInt8) -> KnownField {
        let last = name[count &- 1] | 0x20
        switch count {
        case 2: return compare(name, .te)
        case 3: return first == UInt8(ascii: "v") ? compare(name, .via) : compare(name, .age)
        case 4:
            switch first {
            case UInt8(ascii: "h"): return compare(name, .host)
            case UInt8(ascii: "d"): return compare(name, .date)
            case UInt8(ascii: "e"): return compare(name, .etag)
            default: return compare(name, .vary)
            }
        case 5: return first == UInt8(ascii: "a") ? compare(name, .allow) : compare(name, .range)
        case 6:
            switch first {
            case UInt8(ascii: "a"): return compare(name, .accept)
            case UInt8(ascii: "c"): return compare(name, .cookie)
            case UInt8(ascii: "e"): return compare(name, .expect)
            case UInt8(ascii: "o"): return compare(name, .origin)
            default: return compare(name, .server)
            }
        case 7:
            switch first {
            case UInt8(ascii: "t"): return compare(name, .trailer)
            case UInt8(ascii: "u"): return compare(name, .upgrade)
            case UInt8(ascii: "r"): return compare(name, .referer)
            default: return compare(name, .expires)
            }
        case 8:
            switch (first, last) {
            case (UInt8(ascii: "l"), _): return compare(name, .location)
            case (_, UInt8(ascii: "h")): return compare(name, .ifMatch)
            default: return compare(name, .ifRange)
            }
        case 9: return first == UInt8(ascii: "f") ? compare(name, .forwarded) : compare(name, .xRealIP)
        case 10:
            switch first {
            case UInt8(ascii: "c"): return compare(name, .connection)
            case UInt8(ascii: "k"): return compare(name, .keepAlive)
            case UInt8(ascii: "s"): return compare(name, .setCookie)
            case UInt8(ascii: "t"): return compare(name, .tracestate)
            default: return compare(name, .userAgent)
            }
        case 11:
            switch first {
            case UInt8(ascii: "t"): return compare(name, .traceparent)
            case UInt8(ascii: "r"): return compare(name, .retryAfter)
            default: return compare(name, .xSpiffeID)
            }
        default: return lookUpLong(name, count: count, first: first)
        }
    }

    /// The same for names of 12 letters and more.
    private static func lookUpLong(_ name: ByteView, count: Int, first: UInt8) -> KnownField {
        let second = name[1] | 0x20
        let last = name[count &- 1] | 0x20
        switch count {
        case 12:
            switch first {
            case UInt8(ascii: "c"): return compare(name, .contentType)
            case UInt8(ascii: "x"): return compare(name, .xRequestID)
            default: return compare(name, .maxForwards)
            }
        case 13:
            switch first {
            case UInt8(ascii: "a"): return compare(name, .authorization)
            case UInt8(ascii: "i"): return compare(name, .ifNoneMatch)
            case UInt8(ascii: "l"): return compare(name, .lastModified)
            default: return second == UInt8(ascii: "o") ? compare(name, .contentRange) : compare(name, .cacheControl)
            }
        case 14:
            switch first {
            case UInt8(ascii: "c"): return compare(name, .contentLength)
            case UInt8(ascii: "h"): return compare(name, .http2Settings)
            default: return compare(name, .xInternalJWT)
            }
        case 15: return first == UInt8(ascii: "x") ? compare(name, .xForwardedFor) : compare(name, .acceptEncoding)
        case 16: return lookUp16(name, first, last)
        case 17:
            switch first {
            case UInt8(ascii: "t"): return compare(name, .transferEncoding)
            case UInt8(ascii: "x"): return compare(name, .xForwardedProto)
            default: return compare(name, .ifModifiedSince)
            }
        case 18: return compare(name, .proxyAuthenticate)
        case 19:
            return first == UInt8(ascii: "p") ? compare(name, .proxyAuthorization) : compare(name, .ifUnmodifiedSince)
        case 25: return compare(name, .proxyAuthenticationInfo)
        case 29: return compare(name, .accessControlRequestMethod)
        default: return unusualSpelling(of: name, .other)
        }
    }

    private static func lookUp16(_ name: ByteView, _ first: UInt8, _ last: UInt8) -> KnownField {
        switch (first, last) {
        case (UInt8(ascii: "c"), UInt8(ascii: "g")): compare(name, .contentEncoding)
        case (UInt8(ascii: "c"), UInt8(ascii: "e")): compare(name, .contentLanguage)
        case (UInt8(ascii: "c"), _): compare(name, .contentLocation)
        case (UInt8(ascii: "p"), _): compare(name, .proxyConnection)
        case (UInt8(ascii: "w"), _): compare(name, .wwwAuthenticate)
        case (UInt8(ascii: "x"), UInt8(ascii: "n")): compare(name, .xInternalToken)
        // "X-Forwarded-Host" and "-Port" end alike: `unusualSpelling` tells them apart.
        default: compare(name, .xForwardedHost)
        }
    }

    @inline(__always)
    private static func compare(_ name: ByteView, _ candidate: KnownField) -> KnownField {
        if name.equalsName(candidate.literal) { return candidate }
        if name[0] | 0x20 == UInt8(ascii: "x") || KnownFieldSet.underscoreSensitive.contains(candidate) {
            return unusualSpelling(of: name, candidate)
        }
        return .other
    }

    /// `X-Forwarded-…` in all its forms, and names that have `_` where the known one has `-`.
    @inline(never)
    private static func unusualSpelling(of name: ByteView, _ candidate: KnownField) -> KnownField {
        if candidate == .xForwardedHost, name.equalsName(KnownField.xForwardedPort.name) { return .xForwardedPort }
        let mayBeForwarded = name.count > 12 && name[2] | 0x20 == UInt8(ascii: "f")
        if mayBeForwarded || KnownFieldSet.underscoreSensitive.contains(candidate) {
            let hasUnderscore = name.firstIndex(of: ASCII.underscore) != nil
            if hasUnderscore, candidate != .other, name.equalsNameFoldingUnderscores(ByteView(candidate.name)) {
                return .underscoreSpelling
            }
            if mayBeForwarded, name.prefix(12).equalsNameFoldingUnderscores(ByteView("X-Forwarded-")) {
                return hasUnderscore ? .underscoreSpelling : .xForwardedOther
            }
        }
        return .other
    }
}
