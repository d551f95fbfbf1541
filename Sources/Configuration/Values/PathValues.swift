import Base

/// Paths as they are written: `/accounts/{id}`, `/files/{rest...}`.
enum PathText {
    static let form = "a path such as `/accounts/{id}` or `/files/{rest...}`"
    static let prefixForm = "a path prefix such as `/accounts`"
    /// One less than the router takes: a prefix counts for one more.
    static let segmentsMax = 63
    /// One less than the router captures, for the same reason.
    static let parametersMax = 15
    static let bytesMax = 4_096

    /// The bytes that stand for themselves in a segment: unreserved, sub-delims, `:` and `@` (RFC 3986 section 3.3).
    private static let segmentBytes = ByteSet { byte in
        ASCII.isAlpha(byte) || ASCII.isDigit(byte) || "-._~!$&'()*+,;=:@".utf8.contains(byte)
    }
    private static let unreserved = ByteSet { byte in
        ASCII.isAlpha(byte) || ASCII.isDigit(byte) || "-._~".utf8.contains(byte)
    }

    static func template(_ text: ByteView, isPrefix: Bool) throws(Unfit) -> PathTemplate {
        guard text.count > 0, text[0] == ASCII.slash, text.count <= bytesMax else {
            throw Unfit(expected: "a path that begins with `/`, at most \(bytesMax) bytes", suggestion: remedy(text))
        }
        var end = text.count
        if isPrefix, text[end - 1] == ASCII.slash { end -= 1 }
        var segments: [PathSegment] = []
        segments.reserveCapacity(4)
        var start = 1
        while start <= end {
            if let last = segments.last, case .rest = last { throw Unfit(expected: "`{name...}` as the last segment") }
            let stop = text.firstIndex(of: ASCII.slash, from: start).map { min($0, end) } ?? end
            let isLast = stop == end
            segments.append(try segment(text[start..<stop], isLast: isLast, in: segments, isPrefix: isPrefix))
            guard segments.count <= segmentsMax else { throw Unfit(expected: "at most \(segmentsMax) segments") }
            start = stop + 1
        }
        let template = PathTemplate(segments: segments, isPrefix: isPrefix)
        // Only a template with that many segments can have more parameters.
        guard segments.count <= parametersMax || template.parameters.count <= parametersMax else {
            throw Unfit(expected: "at most \(parametersMax) parameters")
        }
        return template
    }

    /// For a text without leading slash.
    private static func remedy(_ text: ByteView) -> String? {
        guard (1..<200).contains(text.count), text[0] != ASCII.slash else { return nil }
        if text == "true" || text == "false" { return "write the path itself, such as `/v1`" }
        if text[0] == 0x7e || text[0] == 0x5e { return noExpression }
        return "did you mean `/\(Visible.text(text))`?"
    }

    private static let noExpression =
        "paths are no regular expressions: write `{name}` for one segment, `{rest...}` at the end for all that is left"

    /// What looks like a pattern in a path, though it stands for itself; nil for most paths.
    static func apparentPattern(_ template: PathTemplate) -> (text: String, remedy: String)? {
        for case .literal(let segment) in template.segments {
            guard segment.utf8.contains(where: { $0 == ASCII.asterisk || $0 == UInt8(ascii: "+") }) else { continue }
            if let sign = [".*", ".+", "*"].first(where: { segment.contains($0) }) { return (sign, noExpression) }
        }
        if case .literal(let last) = template.segments.last, last.hasSuffix("$"), last.count > 1 {
            return ("$", noExpression)
        }
        return nil
    }

    private static func segment(
        _ text: ByteView, isLast: Bool, in earlier: [PathSegment], isPrefix: Bool
    ) throws(Unfit) -> PathSegment {
        if text.count == 0 {
            guard isLast, !isPrefix else { throw Unfit(expected: "a path without empty segments") }
            return .literal("")
        }
        if text[0] == ASCII.openBrace, text[text.count - 1] == ASCII.closeBrace {
            return try parameter(text[1..<text.count - 1], in: earlier, isPrefix: isPrefix)
        }
        if holdsBrace(text) {
            throw Unfit(expected: "segments that are a parameter as a whole, such as `/{name}/`, or not at all")
        }
        if text[0] == ASCII.asterisk, text == "*" || text == "**" {
            throw Unfit(
                expected: form,
                suggestion: "write `{name}` for one segment, `{name...}` or `prefix:` for everything below")
        }
        if text[0] == ASCII.colon, text.count > 1, isParameterName(text.from(1)) {
            throw Unfit(expected: form, suggestion: "did you mean `{\(text.from(1).string)}`?")
        }
        return .literal(try canonical(text))
    }

    private static func holdsBrace(_ text: ByteView) -> Bool {
        var index = 0
        while index < text.count {
            if text.base[index] == ASCII.openBrace || text.base[index] == ASCII.closeBrace { return true }
            index += 1
        }
        return false
    }

    private static func parameter(
        _ text: ByteView, in earlier: [PathSegment], isPrefix: Bool
    ) throws(Unfit) -> PathSegment {
        let isRest = text.hasSuffix(ByteView("..."))
        let name = isRest ? text.prefix(text.count - 3) : text
        guard isParameterName(name) else {
            throw Unfit(expected: "parameters named with lower-case letters, digits and `_`, such as `{account_id}`")
        }
        let own = name.string
        for segment in earlier {
            if case .parameter(own) = segment {
                throw Unfit(expected: "each parameter's name once; `\(own)` comes twice")
            }
        }
        if isRest, isPrefix {
            throw Unfit(expected: "a prefix without `{\(own)...}`: it takes everything below anyway")
        }
        return isRest ? .rest(own) : .parameter(own)
    }

    static func isParameterName(_ name: ByteView) -> Bool {
        guard name.count > 0, name.count <= 64, !ASCII.isDigit(name[0]) else { return false }
        var index = 0
        while index < name.count {
            let byte = name.base[index]
            guard byte &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x5f else { return false }
            index += 1
        }
        return true
    }

    /// A literal segment in the form that requests' paths are brought into: escapes of unreserved characters decoded,
    /// others with upper-case digits. Text beyond ASCII is escaped.
    static func canonical(_ text: ByteView) throws(Unfit) -> String {
        if text.isEmpty { return "" }
        var index = 0
        var isPlain = true
        while index < text.count {
            let byte = text.base[index]
            // Letters, digits, `-` and `_` first: mostly there is nothing else.
            let isCommon = (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2d || byte == 0x5f
            if !isCommon, !segmentBytes.contains(byte) { isPlain = false }
            index += 1
        }
        if isPlain {
            if text.base[0] == ASCII.dot, text == "." || text == ".." {
                throw Unfit(expected: "a path without `.` and `..`")
            }
            return text.string
        }
        return try canonicalEscapes(text)
    }

    private static func canonicalEscapes(_ text: ByteView) throws(Unfit) -> String {
        var bytes: [UInt8] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == ASCII.percent {
                guard index + 2 < text.count, let high = ASCII.hexValue(text[index + 1]),
                    let low = ASCII.hexValue(text[index + 2])
                else { throw Unfit(expected: "`%` followed by two hexadecimal digits") }
                let value = high << 4 | low
                guard value > 0x1f, value != ASCII.delete, value != ASCII.backslash else {
                    throw Unfit(expected: "a path without control characters and backslashes")
                }
                if unreserved.contains(value) { bytes.append(value) } else { append(value, to: &bytes) }
                index += 3
                continue
            }
            if segmentBytes.contains(byte) {
                bytes.append(byte)
            } else if byte >= 0x80 {
                append(byte, to: &bytes)
            } else if byte == ASCII.question || byte == 0x23 {
                throw Unfit(expected: "a path without `?` and `#`", suggestion: "match parameters under `query`")
            } else {
                var escapeBytes: [UInt8] = []
                append(byte, to: &escapeBytes)
                let escape = String(decoding: escapeBytes, as: UTF8.self)
                let isPattern = "[]^|\\".utf8.contains(byte)
                throw Unfit(
                    expected: "only characters that a URL's path may hold; this one is written `\(escape)`",
                    suggestion: isPattern ? noExpression : nil)
            }
            index += 1
        }
        let result = String(decoding: bytes, as: UTF8.self)
        if result == "." || result == ".." { throw Unfit(expected: "a path without `.` and `..`") }
        return result
    }

    private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes += [ASCII.percent, ASCII.hexDigit(byte >> 4), ASCII.hexDigit(byte & 15)]
    }
}

extension PathSegment {
    /// Whether it is a literal with `%2F`, in canonical form.
    var holdsEncodedSlash: Bool {
        guard case .literal(let text) = self else { return false }
        // Asked of every path: nearly all have no `%` at all, and bytes are found faster than characters.
        return text.utf8.contains(ASCII.percent) && text.contains("%2F")
    }
}

extension PathTemplate {
    /// Whether every path of the template lies under `prefix`, on segment borders.
    func isUnder(_ prefix: PathTemplate) -> Bool {
        guard segments.count >= prefix.segments.count else { return false }
        return zip(prefix.segments, segments).allSatisfy { $0 == $1 }
    }
}

extension ValueDecoder where Value == PathTemplate {
    static var pathTemplate: ValueDecoder {
        literal(scalar(.text(PathText.form)) { text throws(Unfit) in try PathText.template(text, isPrefix: false) })
    }

    static var pathPrefix: ValueDecoder {
        literal(
            scalar(.text(PathText.prefixForm)) { text throws(Unfit) in try PathText.template(text, isPrefix: true) })
    }

    /// With a warning about what is taken as it is written, though it is probably meant otherwise.
    private static func literal(_ decoder: ValueDecoder) -> ValueDecoder {
        ValueDecoder(decoder.type) { node, file in
            guard let template = decoder.decode(node, file) else { return nil }
            if let (text, remedy) = PathText.apparentPattern(template) {
                file.warning(node, "`\(text)` stands for itself in a path", suggestion: remedy)
            }
            return template
        }
    }

    /// A prefix without parameters.
    static var literalPrefix: ValueDecoder {
        scalar(.text(PathText.prefixForm)) { text throws(Unfit) in
            let template = try PathText.template(text, isPrefix: true)
            guard template.parameters.isEmpty else { throw Unfit(expected: "a prefix without parameters") }
            return template
        }
    }
}
