import Base

/// A template for SPIFFE IDs whose written parts keep to the grammar (SPIFFE-ID section 2).
struct SPIFFETemplate: Sendable, Equatable {
    /// The trust domain as it is written; nil for `{trust_domain}`.
    let trustDomain: String?
    /// From `spiffe://` on.
    let pieces: [IdentityTemplateText.Piece]
}

enum SPIFFEIDText {
    static let form = "a SPIFFE ID such as `spiffe://bank-a/user/{claim.user_id}`"
    /// SPIFFE-ID section 2.3.
    static let bytesMax = 2_048
    /// The most literals and places.
    static let piecesMax = 32

    static func template(_ text: ByteView) throws(Unfit) -> SPIFFETemplate {
        guard text.hasPrefix(ByteView("spiffe://")) else {
            throw Unfit(expected: "\(form), which begins with `spiffe://`")
        }
        let pieces = try IdentityTemplateText.parse(text, .spiffeID)
        guard pieces.count <= piecesMax else { throw Unfit(expected: "at most \(piecesMax) fixed parts and places") }
        let trustDomain = try authority(text.from(9))
        try checkPath(text.from(9 + (trustDomain?.utf8.count ?? 14)), offset: 9 + (trustDomain?.utf8.count ?? 14))
        let authorities = pieces.count { $0 == .place(.trustDomain) }
        guard authorities == (trustDomain == nil ? 1 : 0) else {
            throw Unfit(expected: "`{trust_domain}` only directly after `spiffe://`")
        }
        return SPIFFETemplate(trustDomain: trustDomain, pieces: pieces)
    }

    /// The trust domain; nil for `{trust_domain}`.
    private static func authority(_ text: ByteView) throws(Unfit) -> String? {
        if text.hasPrefix(ByteView("{trust_domain}")) { return nil }
        let end = text.firstIndex(of: ASCII.slash) ?? text.count
        let domain = text.prefix(end)
        if domain.firstIndex(of: ASCII.openBrace) != nil {
            throw Unfit(expected: "a trust domain that is written out, or `{trust_domain}`: no token may choose it")
        }
        guard isTrustDomain(domain) else {
            throw Unfit(
                expected: "a trust domain of 1 to 255 lower-case letters, digits, `.`, `_` and `-` after `spiffe://`")
        }
        return domain.string
    }

    static func isTrustDomain(_ text: ByteView) -> Bool {
        (1...255).contains(text.count)
            && text.raw.allSatisfy {
                ASCII.isLower($0) || ASCII.isDigit($0) || $0 == ASCII.dot || $0 == ASCII.hyphen
                    || $0 == ASCII.underscore
            }
    }

    /// Segments of `[A-Za-z0-9._-]`, none of them empty, `.` or `..`. Places count as letters: what fills them is
    /// checked when it does.
    private static func checkPath(_ path: ByteView, offset: Int) throws(Unfit) {
        guard path.count > 1, path[0] == ASCII.slash else {
            throw Unfit(expected: "a path after the trust domain, such as `/user/{claim.sub}`")
        }
        var index = 1
        var start = 1
        var placeCount = 0
        while index <= path.count {
            if index == path.count || path[index] == ASCII.slash {
                let segment = path[start..<index]
                if segment.isEmpty {
                    throw Unfit(expected: "a path without empty segments and without a `/` at its end")
                }
                if segment == "." || segment == ".." { throw Unfit(expected: "a path without `.` and `..`") }
                start = index + 1
                index += 1
                placeCount = 0
                continue
            }
            let byte = path[index]
            if byte == ASCII.openBrace, let end = path.firstIndex(of: ASCII.closeBrace, from: index) {
                placeCount += 1
                guard placeCount == 1 else {
                    throw Unfit(
                        expected: "a `/` before the place at character \(offset + index + 1): with two places in one "
                            + "path segment, different callers could get the same ID")
                }
                index = end + 1
                continue
            }
            guard isSegmentByte(byte) else {
                let shown = Visible.text(path[index..<index + 1])
                let what = byte < 0x80 ? "`\(shown)`" : "the letter"
                throw Unfit(
                    expected:
                        "path segments of letters, digits, `.`, `_` and `-`, without \(what) at character \(offset + index + 1)"
                )
            }
            index += 1
        }
    }

    private static func isSegmentByte(_ byte: UInt8) -> Bool {
        ASCII.isAlpha(byte) || ASCII.isDigit(byte) || byte == ASCII.dot || byte == ASCII.underscore
            || byte == ASCII.hyphen
    }
}

extension ValueDecoder where Value == SPIFFETemplate {
    static var spiffeTemplate: ValueDecoder {
        scalar(.text(SPIFFEIDText.form)) { text throws(Unfit) in try SPIFFEIDText.template(text) }
    }
}

extension ValueDecoder where Value == String {
    /// A SPIFFE ID without places to fill.
    static var spiffeID: ValueDecoder {
        scalar(.text("a SPIFFE ID such as `spiffe://bank-a/gateway`")) { text throws(Unfit) in
            guard text.firstIndex(of: ASCII.openBrace) == nil else { throw Unfit() }
            _ = try SPIFFEIDText.template(text)
            return text.string
        }
    }
}
