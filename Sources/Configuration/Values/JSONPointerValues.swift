import Base

/// Places in JSON texts as they are written: `/user/name`, `/items/0/id` (RFC 6901).
enum JSONPointerText {
    static let tokensMax = 16
    static let bytesMax = 512
    static let form = "a JSON Pointer such as `/user/name` (RFC 6901)"

    static func parse(_ text: ByteView) throws(Unfit) -> JSONPointer {
        guard (1...bytesMax).contains(text.count), text[0] == ASCII.slash else {
            throw Unfit(
                expected: "\(form), at most \(bytesMax) bytes",
                suggestion: meant(by: text).map { "did you mean `\(Visible.text($0))`?" })
        }
        var tokens: [String] = []
        for token in text.from(1).string.split(separator: "/", omittingEmptySubsequences: false) {
            tokens.append(try decoded(token))
        }
        guard tokens.count <= tokensMax else { throw Unfit(expected: "at most \(tokensMax) names in a pointer") }
        if tokens.contains("-") {
            throw Unfit(expected: "a place that is there; `-` is none", suggestion: "`append` adds to an array")
        }
        return JSONPointer(tokens: tokens)
    }

    /// The pointer for a path in a form that other programs take: `name`, `user.name`, `$.items[0].id`.
    private static func meant(by text: ByteView) -> String? {
        guard text.count > 0, text.count < bytesMax, text[0] != ASCII.slash, TransformText.isPlainName(text) else {
            return nil
        }
        var rest = text.string[...]
        if rest.hasPrefix("$.") || rest.hasPrefix("$[") { rest = rest.dropFirst() }
        let tokens = rest.split { $0 == "." || $0 == "[" || $0 == "]" }
        if tokens.isEmpty { return nil }
        return JSONPointer(tokens: tokens.map { String($0.filter { $0 != "'" && $0 != "\"" }) }).description
    }

    private static func decoded(_ token: Substring) throws(Unfit) -> String {
        var name = ""
        var isEscape = false
        for scalar in token.unicodeScalars {
            if isEscape {
                guard scalar == "0" || scalar == "1" else { break }
                name += scalar == "0" ? "~" : "/"
                isEscape = false
            } else if scalar == "~" {
                isEscape = true
            } else {
                guard scalar.value >= 0x20, scalar.value != 0x7f else {
                    throw Unfit(expected: "a pointer without control characters")
                }
                name.unicodeScalars.append(scalar)
            }
        }
        if isEscape { throw Unfit(expected: "`~0` for `~` and `~1` for `/` in a pointer") }
        return name
    }
}

extension JSONPointer: CustomStringConvertible {
    /// As it would be written.
    package var description: String {
        tokens.map { token in
            "/" + token.unicodeScalars.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
        }.joined()
    }

    /// Whether this place lies within `other`, or is it.
    func isWithin(_ other: JSONPointer) -> Bool { tokens.starts(with: other.tokens) }
}

extension JSONMemberValue: CustomStringConvertible {
    /// As it would be written, quotes aside.
    package var description: String {
        switch self {
        case .text(let template): template.description
        case .literal(let json): json
        }
    }
}

extension ValueDecoder where Value == JSONPointer {
    static var jsonPointer: ValueDecoder {
        scalar(.text(JSONPointerText.form)) { text throws(Unfit) in try JSONPointerText.parse(text) }
    }
}

extension ValueDecoder where Value == String {
    /// The new name of a member.
    static var memberName: ValueDecoder {
        scalar(.text("a member's new name, without control characters")) { text throws(Unfit) in
            guard TransformText.isPlainName(text) else { throw Unfit() }
            return text.string
        }
    }

    /// The name of a query parameter, decoded.
    static var parameterName: ValueDecoder {
        scalar(.text("a parameter's name, as it is after decoding")) { text throws(Unfit) in
            guard TransformText.isPlainName(text) else { throw Unfit() }
            return text.string
        }
    }
}

extension ValueDecoder where Value == JSONMemberValue {
    /// A string, unless it is written without quotes and reads as a number, a truth value or null.
    static var jsonMember: ValueDecoder {
        let form =
            "\(TransformText.form); without quotes, numbers, `true`, `false` and `null` are what they are in JSON"
        return ValueDecoder(.text(form)) { node, file in
            let entry = file.nodes[node]
            guard entry.kind == .scalar, !entry.flags.contains(.failed) else {
                file.unexpected(node, expected: form)
                return nil
            }
            let text = file.document.bytes(node)
            if entry.flags.contains(.plain), !entry.flags.contains(.secret), let json = literal(text) {
                return .literal(json)
            }
            if file.isNull(node) {
                file.unexpected(node, expected: form, suggestion: "write `null` for JSON's null")
                return nil
            }
            do throws(Unfit) {
                return .text(try TransformText.parse(text))
            } catch {
                file.unexpected(node, expected: error.expected ?? form, suggestion: error.suggestion)
                return nil
            }
        }
    }

    /// What JSON itself reads as no string.
    private static func literal(_ text: ByteView) -> String? {
        if text == "true" || text == "false" || text == "null" { return text.string }
        return isNumber(text) ? text.string : nil
    }

    /// `number` of RFC 8259 section 6, at most 32 bytes.
    private static func isNumber(_ text: ByteView) -> Bool {
        guard text.count <= 32 else { return false }
        var index = text.count > 0 && text[0] == ASCII.hyphen ? 1 : 0
        func digits() -> Int {
            let start = index
            while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
            return index - start
        }
        let start = index
        let whole = digits()
        guard whole == 1 || whole > 1 && text[start] != ASCII.zero else { return false }
        if index < text.count, text[index] == ASCII.dot {
            index += 1
            guard digits() > 0 else { return false }
        }
        if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < text.count, text[index] == ASCII.hyphen || text[index] == UInt8(ascii: "+") { index += 1 }
            // Three digits would be beyond every double.
            guard (1...2).contains(digits()) else { return false }
        }
        return index == text.count
    }
}

extension ValueDecoder where Value == AnswerStatuses {
    static let statusForm = "a status from 200 to 599, or a class such as `5xx`"

    static var answerStatuses: ValueDecoder {
        scalar(.text(statusForm)) { text throws(Unfit) in
            guard let range = AnswerStatuses(text) else { throw Unfit() }
            return range
        }
    }
}

extension AnswerStatuses {
    /// Nil for what is no final status.
    init?(_ text: ByteView) {
        if text.count == 3, ASCII.isDigit(text[0]), text.from(1).equalsIgnoringCase("xx") {
            let start = Int(text[0] &- ASCII.zero) * 100
            guard (200...500).contains(start) else { return nil }
            self.init(first: start, last: start + 99)
            return
        }
        guard text.count == 3, let status = text.decimalValue(), (200...599).contains(status) else { return nil }
        self.init(first: status, last: status)
    }
}

extension AnswerStatuses: CustomStringConvertible {
    /// As it would be written.
    package var description: String { first == last ? "\(first)" : "\(first / 100)xx" }
}

extension ValueDecoder where Value == Int {
    /// What a status may become.
    static var mappedStatus: ValueDecoder {
        let form = "a status from 200 to 599 with content: not 204, 205 and 304"
        return scalar(.text(form)) { text throws(Unfit) in
            guard let status = text.decimalValue(), (200...599).contains(status),
                !FixedResponse.isWithoutContent(status)
            else { throw Unfit() }
            return status
        }
    }
}
