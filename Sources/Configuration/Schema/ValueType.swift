import Base

/// What a key takes: read by the reference page (and by a JSON Schema) for people, and carried by the decoder that
/// enforces it.
indirect enum ValueType: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case duration(ClosedRange<TimeAmount>)
    case size(ClosedRange<Int>)
    /// One of these words.
    case choice([String])
    /// Text of a certain form, described for people.
    case text(String)
    case list(ValueType)
    /// A mapping with names of the writer's own.
    case map(key: String, value: ValueType)
    case section(SectionDescription)
    /// A short form and a long one.
    case either(ValueType, ValueType)

    /// A phrase for messages and tables: `a duration from 1ms to 1h`.
    var phrase: String {
        switch self {
        case .boolean: "`true` or `false`"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "a duration from \(DurationFormat.text(range.lowerBound)) to \(DurationFormat.text(range.upperBound))"
        case .size(let range):
            "a size from \(SizeFormat.text(range.lowerBound)) to \(SizeFormat.text(range.upperBound))"
        case .choice(let words): Self.alternatives(words)
        case .text(let form): form
        case .list(let element): "a list; each element: \(element.phrase)"
        case .map(let key, let value): "a mapping from \(key) to \(value.phrase)"
        case .section: "a mapping"
        case .either(let short, let long): "\(short.phrase), or \(long.phrase)"
        }
    }

    static func alternatives(_ words: [String]) -> String {
        let quoted = words.map { "`\($0)`" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
        return quoted.dropLast().joined(separator: ", ") + " or " + last
    }
}

/// A section without its types: what documentation is made from.
struct SectionDescription: Sendable {
    /// What a mapping of this kind is, a sentence.
    let doc: String
    let keys: [KeyDescription]
}

/// A key without its types.
struct KeyDescription: Sendable {
    let name: String
    let type: ValueType
    /// As it would be written; nil when there is none.
    let defaultText: String?
    let isRequired: Bool
    let doc: String
    /// Whether this version only knows that the key exists.
    let isReserved: Bool

    /// Whether it is only known that another place has the key; `doc` says which one.
    var isElsewhere: Bool {
        if case .text("not here") = type { return true }
        return false
    }
}
