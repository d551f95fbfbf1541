import Base
import HTTP

/// How a condition tests, without its texts.
enum ConditionKind: UInt8, BitwiseCopyable {
    case exact, prefix, present, absent

    /// Whether the condition holds for the fields called `name`, their values joined by `, `.
    func holds(forField name: ByteView, value: ByteView, in fields: borrowing HeaderList) -> Bool {
        guard let first = fields.firstIndex(named: name) else { return self == .absent }
        switch self {
        case .absent: return false
        case .present: return true
        case .exact, .prefix: return compare(with: value, name: name, in: fields, first: first)
        }
    }

    private func compare(with text: ByteView, name: ByteView, in fields: borrowing HeaderList, first: Int) -> Bool {
        var rest = text
        var index = first
        while true {
            guard consume(fields.value(at: index), from: &rest) else { return false }
            if self == .prefix, rest.isEmpty { return true }
            guard let next = fields.firstIndex(named: name, from: index + 1) else { return rest.isEmpty }
            guard consume(ByteView(", "), from: &rest) else { return false }
            if self == .prefix, rest.isEmpty { return true }
            index = next
        }
    }

    /// Whether `part` is the beginning of `text`, which then loses it. A prefix may end within `part`.
    private func consume(_ part: ByteView, from text: inout ByteView) -> Bool {
        if self == .prefix, part.count > text.count {
            guard part.hasPrefix(text) else { return false }
            text = ByteView()
            return true
        }
        guard text.hasPrefix(part) else { return false }
        text = text.from(part.count)
        return true
    }

    /// Whether the condition holds for the first parameter called `name`.
    func holds(forParameter name: ByteView, value: ByteView, in query: ByteView) -> Bool {
        var pairs = QueryPairs(query)
        while let pair = pairs.next() {
            guard QueryPairs.decodes(pair.name, to: name) else { continue }
            switch self {
            case .exact: return QueryPairs.decodes(pair.value, to: value)
            case .prefix: return QueryPairs.decodes(pair.value, toPrefix: value)
            case .present: return true
            case .absent: return false
            }
        }
        return self == .absent
    }
}

extension QueryPairs {
    /// Whether `raw`, decoded, begins with `text`.
    fileprivate static func decodes(_ raw: ByteView, toPrefix text: ByteView) -> Bool {
        // Each byte of the text comes from one raw byte or from an escape of three.
        var position = 0
        var index = 0
        while position < text.count {
            guard index < raw.count else { return false }
            let isEscape =
                raw[index] == ASCII.percent && index + 2 < raw.count && ASCII.hexValue(raw[index + 1]) != nil
                && ASCII.hexValue(raw[index + 2]) != nil
            let end = index + (isEscape ? 3 : 1)
            guard decodes(raw[index..<end], to: text[position..<position + 1]) else { return false }
            index = end
            position += 1
        }
        return true
    }
}

extension RouteCondition.Test {
    var kind: ConditionKind {
        switch self {
        case .exact: .exact
        case .prefix: .prefix
        case .present: .present
        case .absent: .absent
        }
    }

    /// The text to compare with; empty where there is none.
    var text: String {
        switch self {
        case .exact(let text), .prefix(let text): text
        case .present, .absent: ""
        }
    }
}
