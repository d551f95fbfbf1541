import Configuration

/// A JSON document (RFC 8259), for what the admin endpoints and the commands tell to programs. Keys keep their order.
package enum JSONOutput: Sendable, Equatable {
    case null
    case boolean(Bool)
    case integer(Int)
    /// A number as somebody else wrote it.
    case number(String)
    case string(String)
    case array([JSONOutput])
    case object([Member])

    package struct Member: Sendable, Equatable {
        let key: String
        let value: JSONOutput
    }

    /// Strings as a list.
    package static func strings(_ texts: some Sequence<String>) -> JSONOutput { .array(texts.map { .string($0) }) }

    /// The text, or `null`.
    package static func optional(_ text: String?) -> JSONOutput { text.map { .string($0) } ?? .null }

    /// Indented, with a line end behind it.
    package var text: String {
        var text = ""
        append(to: &text, indent: "")
        return text + "\n"
    }

    private func append(to text: inout String, indent: String) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): text += value
        case .string(let value): text += JSONString.quoted(value)
        case .array(let values):
            if let line = Self.line(values) {
                text += line
                return
            }
            Self.append(values, "[", "]", to: &text, indent: indent) { value, text, inner in
                value.append(to: &text, indent: inner)
            }
        case .object(let members):
            Self.append(members, "{", "}", to: &text, indent: indent) { member, text, inner in
                text += JSONString.quoted(member.key) + ": "
                member.value.append(to: &text, indent: inner)
            }
        }
    }

    /// A short list of scalars on one line; nil for others.
    private static func line(_ values: [JSONOutput]) -> String? {
        guard values.count <= 16, values.allSatisfy(\.isScalar) else { return nil }
        var line = "["
        for (index, value) in values.enumerated() {
            if index > 0 { line += ", " }
            value.append(to: &line, indent: "")
            if line.utf8.count > 80 { return nil }
        }
        return line + "]"
    }

    private static func append<Element>(
        _ elements: [Element], _ open: String, _ close: String, to text: inout String, indent: String,
        _ body: (Element, inout String, String) -> Void
    ) {
        guard !elements.isEmpty else {
            text += open + close
            return
        }
        let inner = indent + "  "
        text += open
        for (index, element) in elements.enumerated() {
            text += index > 0 ? ",\n\(inner)" : "\n\(inner)"
            body(element, &text, inner)
        }
        text += "\n\(indent)\(close)"
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        case .null, .boolean, .integer, .number, .string: true
        }
    }
}

extension JSONOutput: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    package init(dictionaryLiteral elements: (String, JSONOutput)...) {
        self = .object(elements.map { Member(key: $0.0, value: $0.1) })
    }

    package init(arrayLiteral elements: JSONOutput...) { self = .array(elements) }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }

    /// Members one after another, for objects whose keys are known only when they are made.
    package static func object(_ members: [(String, JSONOutput)]) -> JSONOutput {
        .object(members.map { Member(key: $0.0, value: $0.1) })
    }
}
