import Base

/// Text with places for path parameters. `{{` and `}}` stand for single braces.
enum TemplateText {
    /// Which places there may be.
    enum Style: Sendable {
        /// `{path.id}`.
        case headerValue
        /// `{id}` or `{path.id}`.
        case path
    }

    /// The template with its parameters' indices still unknown (-1): the path may come later in the file.
    static func parse(_ text: ByteView, _ style: Style) throws(Unfit) -> ValueTemplate {
        if text.firstIndex(of: ASCII.openBrace) == nil, text.firstIndex(of: ASCII.closeBrace) == nil {
            return ValueTemplate(parts: text.isEmpty ? [] : [.literal(text.string)])
        }
        var parts: [TemplatePart] = []
        var literal: [UInt8] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            let isDouble = index + 1 < text.count && text[index + 1] == byte
            if byte == ASCII.openBrace, !isDouble {
                guard let end = text.firstIndex(of: ASCII.closeBrace, from: index) else { throw unfit(style) }
                let name = try name(text[index + 1..<end], style)
                if !literal.isEmpty { parts.append(.literal(String(decoding: literal, as: UTF8.self))) }
                literal = []
                parts.append(.parameter(name: name, index: -1))
                index = end + 1
            } else if byte == ASCII.closeBrace, !isDouble {
                throw unfit(style)
            } else {
                literal.append(byte)
                index += byte == ASCII.openBrace || byte == ASCII.closeBrace ? 2 : 1
            }
        }
        if !literal.isEmpty { parts.append(.literal(String(decoding: literal, as: UTF8.self))) }
        return ValueTemplate(parts: parts)
    }

    private static func name(_ text: ByteView, _ style: Style) throws(Unfit) -> String {
        if text.hasPrefix(ByteView("path.")), PathText.isParameterName(text.from(5)) { return text.from(5).string }
        if style == .path, PathText.isParameterName(text) { return text.string }
        throw unfit(style)
    }

    private static func unfit(_ style: Style) -> Unfit {
        let place = style == .path ? "`{name}`" : "`{path.name}`"
        return Unfit(expected: "text with \(place) for path parameters; `{{` and `}}` stand for single braces")
    }
}

extension ValueTemplate {
    /// The template with each parameter's index in `parameters`, or the name of the first that isn't there.
    func resolved(with parameters: [String]) -> Result<ValueTemplate, UnknownParameter> {
        if constant != nil { return .success(self) }
        var resolved: [TemplatePart] = []
        for part in parts {
            guard case .parameter(let name, _) = part else {
                resolved.append(part)
                continue
            }
            guard let index = parameters.firstIndex(of: name) else { return .failure(UnknownParameter(name: name)) }
            resolved.append(.parameter(name: name, index: index))
        }
        return .success(ValueTemplate(parts: resolved))
    }

    struct UnknownParameter: Error { let name: String }
}

extension ValueTemplate: CustomStringConvertible {
    /// As it would be written in a path.
    package var description: String {
        parts.map { part in
            switch part {
            case .literal(let text): text
            case .parameter(let name, _): "{\(name)}"
            }
        }.joined()
    }
}

extension ValueDecoder where Value == ValueTemplate {
    /// A path to send instead of the client's.
    static var replacementPath: ValueDecoder {
        scalar(.text("a path such as `/v2/{id}`")) { text throws(Unfit) in
            guard text.count > 0, text[0] == ASCII.slash else { throw Unfit(expected: "a path that begins with `/`") }
            let template = try TemplateText.parse(text, .path)
            for case .literal(let literal) in template.parts {
                try literal.withByteView { (view) throws(Unfit) in try checkLiteral(view) }
            }
            return template
        }
    }

    private static func checkLiteral(_ text: ByteView) throws(Unfit) {
        var start = 0
        while start <= text.count {
            let end = text.firstIndex(of: ASCII.slash, from: start) ?? text.count
            _ = try PathText.canonical(text[start..<end])
            if end == start, end > 0, end < text.count { throw Unfit(expected: "a path without empty segments") }
            start = end + 1
        }
    }

    /// A redirect's target: an absolute path or an http(s) URL whose host holds no parameter.
    static var location: ValueDecoder {
        scalar(.text("an absolute path or URL such as `https://example.com/v2/{id}`")) { text throws(Unfit) in
            var index = 0
            while index < text.count {
                let byte = text[index]
                if byte <= 0x20 || byte >= 0x7f || byte == ASCII.backslash || byte == ASCII.quote {
                    throw Unfit(expected: "a URL of printable ASCII characters")
                }
                index += 1
            }
            let template = try TemplateText.parse(text, .path)
            guard case .literal(let first) = template.parts.first else { throw Unfit() }
            let lower = first.lowercased()
            if lower.hasPrefix("https://") || lower.hasPrefix("http://") {
                let rest = first.dropFirst(lower.hasPrefix("https://") ? 8 : 7)
                let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
                let hostIsWhole = host.endIndex < rest.endIndex || template.parts.count == 1
                guard hostIsWhole, !host.isEmpty, !host.contains("@") else {
                    throw Unfit(expected: "a URL whose host is written out, so that no client can choose it")
                }
            } else if !first.hasPrefix("/") || first.hasPrefix("//") {
                throw Unfit()
            }
            return template
        }
    }
}
