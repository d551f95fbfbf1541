import Base

/// Header names and values as they are written.
enum HeaderText {
    static let nameForm = "a header name"
    static let valueForm = "a header value without control characters"
    static let nameBytesMax = 256
    static let valueBytesMax = 8 * 1024

    /// `field-name` of RFC 9110 section 5.1.
    static func isName(_ text: ByteView) -> Bool {
        guard text.count > 0, text.count <= nameBytesMax else { return false }
        var index = 0
        while index < text.count {
            if !ByteSet.token.contains(text.base[index]) { return false }
            index += 1
        }
        return true
    }

    /// `field-value` of RFC 9110 section 5.5: no control characters but tab, no white space at the ends.
    static func isValue(_ text: ByteView) -> Bool {
        guard text.count <= valueBytesMax else { return false }
        var index = 0
        while index < text.count {
            let byte = text.base[index]
            if byte < 0x20 && byte != ASCII.tab || byte == ASCII.delete { return false }
            index += 1
        }
        return text.trimmingWhitespace().count == text.count
    }

    /// Which message a header edit is for.
    enum Direction: Sendable { case request, response }

    /// Why a header may not be set or removed by configuration; nil when it may. `_` counts as `-`, because servers
    /// behind the gateway may not tell them apart.
    static func protection(of name: ByteView, in direction: Direction) -> String? {
        let folded = folded(name)
        if let reason = stripping[folded] { return reason }
        switch folded {
        case "content-length": return "it frames the message"
        case "host" where direction == .request: return "the host is set with `rewrite: {host: …}` or `host_header`"
        case "expect" where direction == .request: return "it frames the message"
        default: return nil
        }
    }
}

// MARK: What requests have

extension HeaderText {
    /// Headers that are taken out of every message when it comes in, before anything reads it, and why.
    private static let stripping: [String: String] = {
        var reasons: [String: String] = [:]
        for name in ["transfer-encoding", "trailer", "te"] { reasons[name] = "it frames the message" }
        for name in [
            "connection", "keep-alive", "proxy-connection", "upgrade", "http2-settings", "proxy-authenticate",
            "proxy-authorization", "proxy-authentication-info",
        ] { reasons[name] = "it belongs to one connection only" }
        for name in ["x-spiffe-id", "x-internal-token", "x-internal-jwt"] { reasons[name] = "it carries an identity" }
        return reasons
    }()

    private static func folded(_ name: ByteView) -> String {
        String(decoding: name.raw.map { $0 == ASCII.underscore ? ASCII.hyphen : ASCII.lowercased($0) }, as: UTF8.self)
    }

    /// Why no request has this header when it is read, whatever its client sent; nil when one may.
    static func whyStripped(_ name: ByteView) -> String? { stripping[folded(name)] }

    /// Whether the header is the one by which upstreams are told the caller's SPIFFE ID.
    static func isSPIFFEID(_ name: String) -> Bool { name.withByteView(folded) == "x-spiffe-id" }

    /// Whether the gateway has added the header before it is read.
    static func isAlwaysPresent(_ name: String) -> Bool { ["x-request-id", "via"].contains(name.lowercased()) }

    /// Throws unless `text` is the name of a header that a request may have when it is read.
    /// - Parameter identity: how the SPIFFE ID is named here, which is what `X-Spiffe-ID` was meant to give.
    static func checkReadable(_ text: ByteView, identity: String? = nil) throws(Unfit) {
        guard isName(text) else { throw Unfit() }
        guard let reason = whyStripped(text) else { return }
        throw Unfit(
            expected: "a header that a request may have here; \(Visible.text(text)) never arrives, as \(reason)",
            suggestion: isSPIFFEID(text.string) ? identity.map { "did you mean `\($0)`?" } : nil)
    }
}

extension HeaderText {
    /// Why a header that may be edited is no place for a token; nil when it is one.
    static func otherUse(of name: ByteView) -> String? {
        let folded = name.string.lowercased()
        switch folded {
        case "x-request-id", "traceparent", "tracestate", "forwarded", "x-real-ip", "via":
            return "the gateway writes it itself"
        case _ where folded.hasPrefix("x-forwarded-"): return "the gateway writes it itself"
        case "user-agent", "referer": return "it is written to the access log"
        case "cookie": return "`{cookie: NAME}` names the one that holds the token"
        default: return nil
        }
    }

    /// Headers that mean one value only, so that a second line is nobody's (RFC 9110 section 5.3).
    private static let singletons: Set<String> = [
        "authorization", "content-type", "content-location", "content-range", "user-agent", "max-forwards", "range",
        "if-modified-since", "if-unmodified-since", "if-range", "age", "date", "etag", "expires", "last-modified",
        "location", "retry-after", "server", "origin", "traceparent", "x-request-id", "x-real-ip",
    ]

    /// Throws unless `text` is the name of a header that a line may be added to.
    static func checkAppendable(_ text: ByteView, _ direction: Direction) throws(Unfit) {
        try checkEditable(text, direction)
        if singletons.contains(text.string.lowercased()) {
            throw Unfit(expected: "a header that may have several values", suggestion: "`set` gives it one")
        }
    }

    /// Throws unless `text` is the name of a header that configuration may touch.
    static func checkEditable(_ text: ByteView, _ direction: Direction) throws(Unfit) {
        guard isName(text) else { throw Unfit() }
        if let reason = protection(of: text, in: direction) {
            throw Unfit(expected: "a header that may be changed; \(reason)")
        }
    }
}

extension ValueDecoder where Value == String {
    static var headerName: ValueDecoder {
        scalar(.text(HeaderText.nameForm)) { text throws(Unfit) in
            guard HeaderText.isName(text) else { throw Unfit() }
            return text.string
        }
    }

    /// The name of a header whose value is read.
    /// - Parameter identity: as for `HeaderText.checkReadable`.
    static func readableHeaderName(identity: String? = nil) -> ValueDecoder {
        scalar(.text(HeaderText.nameForm)) { text throws(Unfit) in
            try HeaderText.checkReadable(text, identity: identity)
            return text.string
        }
    }

    /// A header name that configuration may touch.
    static func editableHeaderName(_ direction: HeaderText.Direction) -> ValueDecoder {
        scalar(.text(HeaderText.nameForm)) { text throws(Unfit) in
            try HeaderText.checkEditable(text, direction)
            return text.string
        }
    }

    static var headerValue: ValueDecoder {
        scalar(.text(HeaderText.valueForm)) { text throws(Unfit) in
            guard HeaderText.isValue(text) else { throw Unfit() }
            return text.string
        }
    }

    /// A method: a token in upper case. CONNECT makes tunnels and is never routed.
    static var method: ValueDecoder { method(besides: ["CONNECT"]) }

    /// The same for a route: what is never served can't be matched.
    static var servedMethod: ValueDecoder { method(besides: ["CONNECT", "TRACE"]) }

    private static func method(besides unserved: [String]) -> ValueDecoder {
        scalar(.text("a method such as `GET`")) { text throws(Unfit) in
            guard HeaderText.isName(text), text.count <= 32 else { throw Unfit() }
            let method = text.string
            if unserved.contains(method) { throw Unfit(expected: "a method other than `\(method)`") }
            let upper = method.uppercased()
            guard upper == method else { throw Unfit(suggestion: "did you mean `\(upper)`?") }
            return method
        }
    }
}
