import Base

/// Host names as they are written.
enum HostText {
    /// A host name of letters, digits and hyphens (RFC 1123 section 2.1; underscores are let through because names of
    /// internal services have them), lower-cased; a final dot is refused. At most 253 bytes, labels of at most 63.
    static func name(_ text: ByteView) -> String? {
        guard text.count > 0, text.count <= 253 else { return nil }
        var labelStart = 0
        var index = 0
        var needsFolding = false
        while index <= text.count {
            if index == text.count || text[index] == ASCII.dot {
                let length = index - labelStart
                guard length > 0, length <= 63, text[labelStart] != ASCII.hyphen, text[index - 1] != ASCII.hyphen
                else { return nil }
                labelStart = index + 1
            } else {
                let byte = text[index]
                if ASCII.isUpper(byte) { needsFolding = true }
                guard ASCII.isAlpha(byte) || ASCII.isDigit(byte) || byte == ASCII.hyphen || byte == ASCII.underscore
                else { return nil }
            }
            index += 1
        }
        return needsFolding ? text.string.lowercased() : text.string
    }

    /// A name or an IP literal, IPv6 in brackets, without port, in the one form that requests are compared in.
    static func host(_ text: ByteView) -> String? {
        if text.count > 2, text[0] == ASCII.openBracket, text[text.count - 1] == ASCII.closeBracket {
            let inner = text[1..<text.count - 1]
            guard inner.firstIndex(of: ASCII.colon) != nil, let address = IPAddress(text: inner) else { return nil }
            return "[\(address)]"
        }
        guard let name = name(text) else { return nil }
        // A last label of digits makes it an address (RFC 3986 section 3.2.2), which must then be one.
        let label = text.from((lastDot(text) ?? -1) + 1)
        if label.decimalValue() != nil || label.count > 19, IPAddress(text: text) == nil { return nil }
        return name
    }

    private static func lastDot(_ text: ByteView) -> Int? {
        var index = text.count - 1
        while index >= 0, text[index] != ASCII.dot { index -= 1 }
        return index < 0 ? nil : index
    }

    static func pattern(_ text: ByteView) throws(Unfit) -> HostPattern {
        if text == "*" { return .any }
        if text.hasPrefix(ByteView("*.")) {
            guard let suffix = name(text.from(2)) else { throw Unfit() }
            return .wildcard(suffix)
        }
        if let host = host(text) { return .exact(host) }
        if text.hasPrefix(ByteView("http://")) || text.hasPrefix(ByteView("https://")) {
            throw Unfit(suggestion: "write the host alone, without scheme and path")
        }
        if text.hasPrefix(ByteView(".")) { throw Unfit(suggestion: "did you mean `*\(Visible.text(text))`?") }
        var colon = text.count - 1
        while colon > 0, ASCII.isDigit(text[colon]) { colon -= 1 }
        if colon > 0, text[colon] == ASCII.colon, let host = host(text.prefix(colon)) {
            throw Unfit(suggestion: "did you mean `\(host)`? The port belongs to the listener")
        }
        throw Unfit()
    }
}

extension HostPattern {
    /// Whether every host of `other` is one of this pattern's.
    func covers(_ other: HostPattern) -> Bool {
        switch (self, other) {
        case (.any, _): true
        case (.exact(let own), .exact(let host)): own == host
        case (.wildcard(let suffix), .exact(let host)): host.isBelow(suffix)
        case (.wildcard(let suffix), .wildcard(let narrower)): narrower == suffix || narrower.isBelow(suffix)
        case (.exact, _), (.wildcard, .any): false
        }
    }
}

extension String {
    /// Whether this host name is a subdomain of `parent`.
    fileprivate func isBelow(_ parent: String) -> Bool {
        utf8.count > parent.utf8.count + 1 && hasSuffix(parent)
            && utf8[utf8.index(utf8.endIndex, offsetBy: -parent.utf8.count - 1)] == ASCII.dot
    }
}

extension HostPattern: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exact(let host): host
        case .wildcard(let suffix): "*.\(suffix)"
        case .any: "*"
        }
    }
}

extension ValueDecoder where Value == HostPattern {
    static var hostPattern: ValueDecoder {
        scalar(.text("a host such as `api.example.com`, `*.example.com` or `*`"), HostText.pattern)
    }
}

extension ValueDecoder where Value == String {
    /// A host for a URL or a `Host` header, with an optional port.
    static var authority: ValueDecoder {
        scalar(.text("a host such as `api.example.com`, with or without `:port`")) { text throws(Unfit) in
            if let host = HostText.host(text) { return host }
            var colon = text.count - 1
            while colon > 0, ASCII.isDigit(text[colon]) { colon -= 1 }
            guard colon > 0, text[colon] == ASCII.colon, let host = HostText.host(text.prefix(colon)),
                let port = text.from(colon + 1).decimalValue(), (1...65_535).contains(port)
            else { throw Unfit() }
            return "\(host):\(port)"
        }
    }

    /// A host without port.
    static var host: ValueDecoder {
        scalar(.text("a host such as `api.example.com`")) { text throws(Unfit) in
            guard let host = HostText.host(text) else { throw Unfit() }
            return host
        }
    }

    /// A SPIFFE trust domain: `[a-z0-9._-]`, at most 255 bytes.
    static var trustDomain: ValueDecoder {
        scalar(.text("a trust domain: lower-case letters, digits, `.`, `_` and `-`, at most 255")) {
            text throws(Unfit) in
            let fits = text.raw.allSatisfy {
                ASCII.isLower($0) || ASCII.isDigit($0) || $0 == ASCII.dot || $0 == ASCII.hyphen
                    || $0 == ASCII.underscore
            }
            guard fits, (1...255).contains(text.count) else { throw Unfit() }
            return text.string
        }
    }

    /// A name that somebody gives to a listener, a domain, an upstream or a route.
    static var name: ValueDecoder {
        scalar(.text(NameText.form)) { text throws(Unfit) in
            guard NameText.isName(text) else { throw Unfit(suggestion: NameText.remedy(text)) }
            return text.string
        }
    }
}

/// Names of listeners, domains, upstreams and routes.
enum NameText {
    static let form = "a name of 1 to 63 lower-case letters, digits and hyphens"

    static func isName(_ text: ByteView) -> Bool {
        guard text.count > 0, text.count <= 63 else { return false }
        var index = 0
        while index < text.count {
            let byte = text.base[index]
            guard byte &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2d else { return false }
            index += 1
        }
        return true
    }

    /// The name that was probably meant.
    static func remedy(_ text: ByteView) -> String? {
        let better = String(
            decoding: text.raw.map { byte in
                let lower = ASCII.lowercased(byte)
                return lower == ASCII.underscore || lower == ASCII.space || lower == ASCII.dot ? ASCII.hyphen : lower
            }, as: UTF8.self)
        return better.withByteView(isName) ? "did you mean `\(better)`?" : nil
    }
}
