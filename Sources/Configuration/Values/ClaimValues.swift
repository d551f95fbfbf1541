import Base

/// Claims' names as they are written: `department`, `realm_access.roles`, `https://example.com/claims/roles`,
/// `/com.example~1roles/0`.
enum ClaimText {
    static let form =
        "a claim such as `department` or `realm_access.roles`; with `://` in it, it is one name, and after a leading `/` a JSON Pointer"
    static let namesMax = 8
    static let bytesMax = 256

    /// A name with `://` in it is one name, dots and all (claims of public name spaces are URLs). One that begins with
    /// `/` is a JSON Pointer (RFC 6901), which reaches names with dots. Any other is split at its dots; with a colon in
    /// it too, it could as well be a URI without `//` (RFC 7519 section 4.2), so it has to be written as a pointer: a
    /// condition on another claim than was meant would give callers another identity.
    ///
    /// - Returns: nil if it is no claim's name at all.
    static func path(_ text: ByteView) throws(Unfit) -> ClaimPath? {
        guard (1...bytesMax).contains(text.count) else { return nil }
        let isPointer = text[0] == ASCII.slash
        guard text.raw.allSatisfy({ isNameByte($0) || isPointer && $0 == 0x7e }) else { return nil }
        if isPointer { return pointer(text.from(1)) }
        if text.string.contains("://") { return ClaimPath(names: [text.string]) }
        let names = text.string.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let path = path(names) else { return nil }
        if names.count > 1, text.firstIndex(of: ASCII.colon) != nil {
            let whole = ClaimPath(names: [text.string])
            throw Unfit(
                expected: "a JSON Pointer for a claim with a colon and dots: `\(whole)` is one name, `\(path)` leads "
                    + "into objects", suggestion: "did you mean `\(whole)`?")
        }
        return path
    }

    /// The same, where nothing else than a claim can stand.
    static func onlyPath(_ text: ByteView) throws(Unfit) -> ClaimPath {
        guard let path = try path(text) else { throw Unfit(expected: form) }
        return path
    }

    /// The whole name of a claim at the top.
    static func isName(_ text: ByteView) -> Bool {
        (1...bytesMax).contains(text.count) && text.raw.allSatisfy(isNameByte)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case ASCII.underscore, ASCII.colon, ASCII.slash, ASCII.dot, ASCII.hyphen: true
        default: ASCII.isAlpha(byte) || ASCII.isDigit(byte)
        }
    }

    private static func path(_ names: [String]) -> ClaimPath? {
        names.count <= namesMax && names.allSatisfy { !$0.isEmpty } ? ClaimPath(names: names) : nil
    }

    private static func pointer(_ text: ByteView) -> ClaimPath? {
        var names: [String] = []
        for token in text.string.split(separator: "/", omittingEmptySubsequences: false) {
            var name = ""
            var isEscape = false
            for character in token.unicodeScalars {
                if isEscape {
                    guard character == "0" || character == "1" else { return nil }
                    name += character == "0" ? "~" : "/"
                    isEscape = false
                } else if character == "~" {
                    isEscape = true
                } else {
                    name.unicodeScalars.append(character)
                }
            }
            if isEscape { return nil }
            names.append(name)
        }
        return path(names)
    }
}

extension ClaimPath: CustomStringConvertible {
    /// As it would be written.
    package var description: String {
        if names.count == 1, names[0].contains("://") { return names[0] }
        let isAmbiguous = names.count > 1 && names.contains { $0.contains(":") }
        if !isAmbiguous, names.allSatisfy({ !$0.contains(".") && !$0.contains("~") }),
            names.first?.hasPrefix("/") != true
        {
            return names.joined(separator: ".")
        }
        return names.map { name in
            "/"
                + name.unicodeScalars.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
        }.joined()
    }
}

extension ValueDecoder where Value == ClaimPath {
    static var claimPath: ValueDecoder {
        scalar(.text("a claim such as `sub` or `realm_access.roles`")) { text throws(Unfit) in
            try ClaimText.onlyPath(text)
        }
    }
}

extension ValueDecoder where Value == String {
    /// A claim at the top of a token.
    static var claimName: ValueDecoder {
        scalar(.text("a claim's name of letters, digits and `_:/.-`")) { text throws(Unfit) in
            guard ClaimText.isName(text) else { throw Unfit() }
            return text.string
        }
    }

    /// `scope-token` of RFC 6749 section 3.3.
    static var scopeToken: ValueDecoder {
        scalar(.text("a scope: printable ASCII without spaces, `\"` and `\\`")) { text throws(Unfit) in
            guard (1...256).contains(text.count) else { throw Unfit() }
            let fits = text.raw.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != ASCII.quote && $0 != ASCII.backslash }
            guard fits else {
                let hasSpace = text.firstIndex(of: ASCII.space) != nil
                throw Unfit(suggestion: hasSpace ? "write each scope as an element of its own" : nil)
            }
            return text.string
        }
    }

    /// Text without control characters and without white space at its ends, at least one byte.
    static func plainText(_ form: String, bytesMax: Int) -> ValueDecoder {
        scalar(.text(form)) { text throws(Unfit) in
            let isPlain = text.raw.allSatisfy { $0 >= 0x20 && $0 != ASCII.delete }
            guard (1...bytesMax).contains(text.count), isPlain, text.trimmingWhitespace().count == text.count else {
                throw Unfit(expected: "\(form), 1 to \(bytesMax) bytes without control characters")
            }
            return text.string
        }
    }

    /// The `realm` of a challenge, which stands between quotes.
    static var realm: ValueDecoder {
        scalar(.text("printable ASCII without `\"` and `\\`, at most 128 bytes")) { text throws(Unfit) in
            let fits = text.raw.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != ASCII.quote && $0 != ASCII.backslash }
            guard (1...128).contains(text.count), fits else { throw Unfit() }
            return text.string
        }
    }

    /// A `typ`, in lower case and without `application/` (RFC 7515 section 4.1.9).
    static var tokenType: ValueDecoder {
        scalar(.text("a token's `typ` such as `JWT` or `at+jwt`")) { text throws(Unfit) in
            let prefix = ByteView("application/")
            let hasPrefix = text.count > prefix.count && text.prefix(prefix.count).equalsIgnoringCase(prefix)
            let short = hasPrefix ? text.from(prefix.count) : text
            guard HeaderText.isName(short), short.count <= 64 else { throw Unfit() }
            return short.string.lowercased()
        }
    }

    /// The `kid` of a key.
    static var keyID: ValueDecoder {
        scalar(.text("1 to 128 letters, digits, `.`, `_`, `~` and `-`")) { text throws(Unfit) in
            let fits = text.raw.allSatisfy {
                ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == ASCII.dot || $0 == ASCII.underscore || $0 == 0x7e
                    || $0 == ASCII.hyphen
            }
            guard (1...128).contains(text.count), fits else { throw Unfit() }
            return text.string
        }
    }

    /// A path that requests may have, in canonical form, without parameters.
    static var literalPath: ValueDecoder {
        scalar(.text("a path such as `/.well-known/jwks.json`")) { text throws(Unfit) in
            let template = try PathText.template(text, isPrefix: false)
            guard template.parameters.isEmpty else { throw Unfit(expected: "a path without parameters") }
            return template.description
        }
    }
}

extension ValueDecoder where Value == TokenAlgorithm {
    static var tokenAlgorithm: ValueDecoder {
        let words = TokenAlgorithm.allCases.map(\.rawValue)
        return scalar(.choice(words)) { text throws(Unfit) in
            let written = text.string
            if let algorithm = TokenAlgorithm(rawValue: written) { return algorithm }
            if text.count >= 2, text.prefix(2).equalsIgnoringCase("HS") {
                throw Unfit(
                    expected: "an algorithm with a public key: \(ValueType.alternatives(words))",
                    suggestion: "HS256 is for a route's `jwt: {shared_secret: …}` only")
            }
            if text.equalsIgnoringCase("none") {
                throw Unfit(
                    expected: "\(ValueType.alternatives(words)); tokens without a signature are never accepted")
            }
            throw Unfit(suggestion: Spelling.nearest(to: written, among: words).map { "did you mean `\($0)`?" })
        }
    }
}
