import Base

/// Templates of the transforms: `user-{claim.sub|lower|default:'nobody'}`. `{{` and `}}` stand for single braces.
enum TransformText {
    static let bytesMax = HeaderText.valueBytesMax
    static let placesMax = 32
    static let stepsMax = 8
    static let form = "text; `{path.id}`, `{claim.sub}` and the like stand for what is known about the request"

    /// Attributes with a name of the writer's own, and those without.
    private static let families = ["path", "query", "header", "cookie", "claim"]
    private static let singles: [(String, RequestAttribute)] = [
        ("spiffe_id", .spiffeID), ("tenant", .tenant), ("request_id", .requestID), ("client_address", .clientAddress),
        ("route", .route), ("domain", .domain), ("method", .method), ("host", .host),
    ]
    private static let functions: [(String, TextStep)] = [
        ("lower", .lower), ("base64", .base64), ("hash", .hash), ("url_escape", .urlEscape),
    ]

    static var tooLong: Unfit { Unfit(expected: "at most \(bytesMax) bytes") }

    /// The template with its path parameters' indices still unknown (-1): the path may come later in the file.
    static func parse(_ text: ByteView) throws(Unfit) -> TextTemplate {
        guard text.count <= bytesMax else { throw tooLong }
        var parts: [TextPart] = []
        var literal: [UInt8] = []
        var index = 0
        var places = 0
        while index < text.count {
            let byte = text[index]
            let isDouble = index + 1 < text.count && text[index + 1] == byte
            if byte == ASCII.openBrace, !isDouble {
                let end = try endOfPlace(text, from: index)
                places += 1
                guard places <= placesMax else { throw Unfit(expected: "at most \(placesMax) places to fill") }
                let value = try value(text[index + 1..<end], at: index)
                if !literal.isEmpty { parts.append(.literal(String(decoding: literal, as: UTF8.self))) }
                literal = []
                parts.append(.value(value))
                index = end + 1
            } else if byte == ASCII.closeBrace, !isDouble {
                throw Unfit(expected: "a `{` before the `}` at character \(index + 1); `}}` stands for a single brace")
            } else {
                guard !isControl(byte) else { throw Unfit(expected: "text without control characters") }
                literal.append(byte)
                index += byte == ASCII.openBrace || byte == ASCII.closeBrace ? 2 : 1
            }
        }
        if !literal.isEmpty { parts.append(.literal(String(decoding: literal, as: UTF8.self))) }
        return TextTemplate(parts: parts)
    }

    private static func isControl(_ byte: UInt8) -> Bool {
        byte < ASCII.space && byte != ASCII.tab || byte == ASCII.delete
    }

    /// The brace that ends the place that begins at `start`: one within quotes doesn't.
    private static func endOfPlace(_ text: ByteView, from start: Int) throws(Unfit) -> Int {
        var isQuoted = false
        var index = start + 1
        while index < text.count {
            let byte = text[index]
            if byte == quote { isQuoted.toggle() }
            if byte == ASCII.closeBrace, !isQuoted { return index }
            index += 1
        }
        throw Unfit(
            expected: "a `}` for the `{` at character \(start + 1)\(isQuoted ? ", and a closing `'` before it" : "")")
    }

    private static let quote = UInt8(ascii: "'")

    /// What stands between the braces.
    private static func value(_ text: ByteView, at place: Int) throws(Unfit) -> TextValue {
        var pieces: [(text: ByteView, start: Int)] = []
        var start = 0
        var isQuoted = false
        var index = 0
        while index <= text.count {
            let isEnd = index == text.count
            if !isEnd, text[index] == quote { isQuoted.toggle() }
            if isEnd || text[index] == UInt8(ascii: "|"), !isQuoted {
                pieces.append((text[start..<index], start))
                start = index + 1
            }
            index += 1
        }
        guard let first = pieces.first, pieces.count - 1 <= stepsMax else {
            throw Unfit(expected: "at most \(stepsMax) functions in `{\(Visible.text(text))}`")
        }
        let attribute = try attribute(first.text, at: place)
        var steps: [TextStep] = []
        for piece in pieces.dropFirst() {
            // The `|` is right before the piece, and so many characters behind the brace.
            let step = try step(piece.text, at: place + piece.start)
            if case .fallback = step, steps.contains(where: { if case .fallback = $0 { true } else { false } }) {
                throw Unfit(expected: "one `default` in `{\(Visible.text(text))}`")
            }
            steps.append(step)
        }
        return TextValue(attribute: attribute, steps: steps)
    }

    private static func attribute(_ text: ByteView, at place: Int) throws(Unfit) -> RequestAttribute {
        let written = text.string
        if let single = singles.first(where: { $0.0 == written }) { return single.1 }
        if let dot = text.firstIndex(of: ASCII.dot) {
            let name = text.from(dot + 1)
            switch text.prefix(dot).string {
            case "path" where PathText.isParameterName(name): return .pathParameter(name: name.string, index: -1)
            case "query" where isPlainName(name): return .query(name.string)
            case "header" where HeaderText.isName(name):
                try HeaderText.checkReadable(name, identity: "{spiffe_id}")
                return .header(name.string)
            case "cookie" where HeaderText.isName(name): return .cookie(name.string)
            case "claim":
                if let path = try ClaimText.path(name) { return .claim(path) }
            default: break
            }
        }
        throw Unfit(
            expected: "\(ValueType.alternatives(families.map { "{\($0).NAME}" } + singles.map { "{\($0.0)}" })) "
                + "at character \(place + 1), not `{\(Visible.text(text))}`", suggestion: remedy(text))
    }

    /// The attribute that was probably meant.
    private static func remedy(_ text: ByteView) -> String? {
        let dot = text.firstIndex(of: ASCII.dot)
        if let dot, let family = Spelling.nearest(to: text.prefix(dot).string, among: families) {
            let name = text.from(dot + 1)
            return name.isEmpty || families.contains(text.prefix(dot).string)
                ? nil : "did you mean `{\(family).\(Visible.text(name))}`?"
        }
        if let meant = RequestAttribute.meant(by: text.string) { return "did you mean `{\(meant)}`?" }
        if let single = Spelling.nearest(to: text.string, among: singles.map(\.0)) {
            return "did you mean `{\(single)}`?"
        }
        return PathText.isParameterName(text) ? "did you mean `{path.\(text.string)}`?" : nil
    }

    private static func step(_ text: ByteView, at place: Int) throws(Unfit) -> TextStep {
        let written = text.string
        if let function = functions.first(where: { $0.0 == written }) { return function.1 }
        let prefix = ByteView("default:")
        if text.hasPrefix(prefix) { return .fallback(try quoted(text.from(prefix.count))) }
        let names = functions.map(\.0)
        throw Unfit(
            expected: "\(ValueType.alternatives(names + ["default:'TEXT'"])) behind the `|` at character \(place + 1), "
                + "not `\(Visible.text(text))`",
            suggestion: Spelling.nearest(to: written, among: names + ["default"]).map {
                $0 == "default" ? "did you mean `default:'TEXT'`?" : "did you mean `\($0)`?"
            })
    }

    /// Text between single quotes; two of them within stand for one.
    private static func quoted(_ text: ByteView) throws(Unfit) -> String {
        let unfit = Unfit(expected: "text between single quotes behind `default:`, such as `default:'none'`")
        guard text.count >= 2, text[0] == quote, text[text.count - 1] == quote else { throw unfit }
        var bytes: [UInt8] = []
        var index = 1
        while index < text.count - 1 {
            let byte = text[index]
            if byte == quote {
                guard index + 1 < text.count - 1, text[index + 1] == quote else { throw unfit }
                index += 1
            }
            guard !isControl(byte) else { throw Unfit(expected: "a default without control characters") }
            bytes.append(byte)
            index += 1
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The name of a query parameter, decoded.
    static func isPlainName(_ text: ByteView) -> Bool {
        (1...HeaderText.nameBytesMax).contains(text.count)
            && text.raw.allSatisfy { $0 >= ASCII.space && $0 != ASCII.delete }
    }
}

extension TextTemplate: CustomStringConvertible {
    /// As it would be written.
    package var description: String {
        parts.map { part in
            switch part {
            case .literal(let text):
                String(text.flatMap { $0 == "{" ? "{{" : $0 == "}" ? "}}" : String($0) })
            case .value(let value): "{\(value)}"
            }
        }.joined()
    }
}

extension TextValue: CustomStringConvertible {
    /// As it would be written between braces.
    package var description: String { ([attribute.description] + steps.map(\.description)).joined(separator: "|") }
}

extension RequestAttribute {
    /// The attribute that other programs have under another name.
    static func meant(by name: String) -> String? {
        switch name {
        case "ip", "client_ip", "remote_addr", "remote_address", "client", "address": "client_address"
        case "spiffe", "identity", "subject", "caller": "spiffe_id"
        case "sub": "claim.sub"
        default: nil
        }
    }
}

extension RequestAttribute: CustomStringConvertible {
    package var description: String {
        switch self {
        case .pathParameter(let name, _): "path.\(name)"
        case .query(let name): "query.\(name)"
        case .header(let name): "header.\(name)"
        case .cookie(let name): "cookie.\(name)"
        case .claim(let path): "claim.\(path)"
        case .spiffeID: "spiffe_id"
        case .tenant: "tenant"
        case .requestID: "request_id"
        case .clientAddress: "client_address"
        case .route: "route"
        case .domain: "domain"
        case .method: "method"
        case .host: "host"
        }
    }
}

extension TextStep: CustomStringConvertible {
    package var description: String {
        switch self {
        case .lower: "lower"
        case .base64: "base64"
        case .hash: "hash"
        case .urlEscape: "url_escape"
        case .fallback(let text):
            "default:'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
        }
    }
}

extension ValueDecoder where Value == TextTemplate {
    /// What a header becomes.
    static var headerTemplate: ValueDecoder {
        scalar(
            .text(
                "a header value without control characters; `{path.id}`, `{claim.sub}` and the like stand for what is known about the request"
            )
        ) {
            text throws(Unfit) in
            guard text.count <= TransformText.bytesMax else { throw TransformText.tooLong }
            guard HeaderText.isValue(text) else { throw Unfit() }
            return try TransformText.parse(text)
        }
    }

    /// What a query parameter becomes.
    static var textTemplate: ValueDecoder {
        scalar(.text(TransformText.form)) { text throws(Unfit) in try TransformText.parse(text) }
    }

    /// A path for the upstream.
    static var pathTemplate: ValueDecoder {
        scalar(.text("a path such as `/v2/{path.id}`")) { text throws(Unfit) in
            guard text.count > 0, text[0] == ASCII.slash else { throw Unfit(expected: "a path that begins with `/`") }
            let template = try TransformText.parse(text)
            for case .literal(let literal) in template.parts {
                try literal.withByteView { (view) throws(Unfit) in try checkPathLiteral(view) }
            }
            return template
        }
    }

    private static func checkPathLiteral(_ text: ByteView) throws(Unfit) {
        var start = 0
        while start <= text.count {
            let end = text.firstIndex(of: ASCII.slash, from: start) ?? text.count
            guard try PathText.canonical(text[start..<end]) == text[start..<end].string else {
                throw Unfit(expected: "a path in canonical form, without query")
            }
            if end == start, end > 0, end < text.count { throw Unfit(expected: "a path without empty segments") }
            start = end + 1
        }
    }
}
