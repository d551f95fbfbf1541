import Base

/// How a value of one type is read, and how it is described. Nil from `decode` means that the reason was reported.
struct ValueDecoder<Value>: Sendable {
    let type: ValueType
    let decode: @Sendable (_ node: Int, _ file: FileDecoder) -> Value?

    init(_ type: ValueType, decode: @escaping @Sendable (_ node: Int, _ file: FileDecoder) -> Value?) {
        self.type = type
        self.decode = decode
    }
}

/// Why text isn't what it should be.
struct Unfit: Error {
    /// What was expected, when the type's own phrase isn't enough.
    var expected: String?
    var suggestion: String?

    init(expected: String? = nil, suggestion: String? = nil) {
        self.expected = expected
        self.suggestion = suggestion
    }
}

extension ValueDecoder {
    /// A single value that `parse` reads from its text.
    static func scalar(
        _ type: ValueType, _ parse: @escaping @Sendable (_ text: ByteView) throws(Unfit) -> Value
    ) -> ValueDecoder {
        ValueDecoder(type) { node, file in
            let entry = file.nodes[node]
            guard entry.kind == .scalar, !entry.flags.contains(.failed), !file.isNull(node) else {
                file.unexpected(node, expected: type.phrase)
                return nil
            }
            do throws(Unfit) {
                let value = try parse(file.document.bytes(node))
                if !entry.flags.contains(.secret), let remedy = file.quoteRemedy(node) {
                    file.warning(node, "\(file.shown(node)) has quotes that YAML doesn't know", suggestion: remedy)
                }
                return value
            } catch {
                file.unexpected(node, expected: error.expected ?? type.phrase, suggestion: error.suggestion)
                return nil
            }
        }
    }

    /// The value of another decoder, changed or refused.
    func map<Other>(_ transform: @escaping @Sendable (Value) -> Other) -> ValueDecoder<Other> {
        ValueDecoder<Other>(type) { node, file in decode(node, file).map(transform) }
    }
}

extension ValueDecoder where Value == Bool {
    static var boolean: ValueDecoder {
        scalar(.boolean) { text throws(Unfit) in
            if text == "true" { return true }
            if text == "false" { return false }
            let isYes = ["yes", "on", "true", "y"].contains { (word: StaticString) in
                text.equalsIgnoringCase(word)
            }
            let isNo = ["no", "off", "false", "n"].contains { (word: StaticString) in text.equalsIgnoringCase(word) }
            throw Unfit(suggestion: isYes ? "write `true`" : isNo ? "write `false`" : nil)
        }
    }
}

extension ValueDecoder where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> ValueDecoder {
        scalar(.integer(range)) { text throws(Unfit) in
            guard let value = text.decimalValue(), range.contains(value) else { throw Unfit() }
            return value
        }
    }

    static func size(_ range: ClosedRange<Int>) -> ValueDecoder {
        scalar(.size(range)) { text throws(Unfit) in
            if let value = SizeFormat.parse(text), range.contains(value) { return value }
            if SizeFormat.parse(text) != nil { throw Unfit() }
            // Nothing is suggested that would be refused as well.
            let bare = text.decimalValue()
            let meant = (bare ?? QuantityRemedies.size(text)).flatMap { range.contains($0) ? $0 : nil }
            throw Unfit(
                expected: "\(ValueType.size(range).phrase): a whole number with `B`, `KiB`, `MiB`, `GiB` or `TiB`",
                suggestion: meant.map { "did you mean `\(bare.map { "\($0)B" } ?? SizeFormat.text($0))`?" })
        }
    }
}

enum TimeUnit: Sendable {
    case any
    /// For what ends up in tokens, whose times are in seconds: a part of one would get lost.
    case seconds
}

extension ValueDecoder where Value == TimeAmount {
    /// - Parameter unit: what it has to be a multiple of.
    static func duration(_ range: ClosedRange<TimeAmount>, unit: TimeUnit = .any) -> ValueDecoder {
        scalar(.duration(range)) { text throws(Unfit) in
            if let value = DurationFormat.parse(text), range.contains(value) {
                if unit == .seconds, value.nanoseconds % TimeAmount.seconds(1).nanoseconds != 0 {
                    throw Unfit(expected: "\(ValueType.duration(range).phrase), in whole seconds")
                }
                return value
            }
            if DurationFormat.parse(text) != nil { throw Unfit() }
            let bare = text.decimalValue().flatMap { "\($0)s".withByteView { DurationFormat.parse($0) } }
            let meant = (bare ?? QuantityRemedies.duration(text)).flatMap { range.contains($0) ? $0 : nil }
            let isWhole = unit == .any || (meant?.nanoseconds ?? 0) % TimeAmount.seconds(1).nanoseconds == 0
            throw Unfit(
                expected: "\(ValueType.duration(range).phrase): a whole number with `us`, `ms`, `s`, `m` or `h`",
                suggestion: isWhole
                    ? meant.map { "did you mean `\(bare == nil ? DurationFormat.text($0) : "\(text.string)s")`?" } : nil
            )
        }
    }
}

extension ValueDecoder where Value == String {
    /// Any text, up to a number of bytes, without NUL.
    static func text(_ form: String, bytesMax: Int = 4096) -> ValueDecoder {
        scalar(.text(form)) { text throws(Unfit) in
            guard text.count <= bytesMax, text.firstIndex(of: 0) == nil else {
                throw Unfit(expected: "\(form), at most \(bytesMax) bytes and without NUL")
            }
            return text.string
        }
    }
}

extension ValueDecoder where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    /// One of the type's raw values.
    static var choice: ValueDecoder {
        let words = Value.allCases.map(\.rawValue)
        return scalar(.choice(words)) { text throws(Unfit) in
            let written = text.string
            if let value = Value(rawValue: written) { return value }
            throw Unfit(suggestion: Spelling.nearest(to: written, among: words).map { "did you mean `\($0)`?" })
        }
    }
}

extension ValueDecoder {
    /// A list of different values, each with its place. A single value where a list must be is an error with a remedy.
    static func list<Element: Sendable & Equatable>(
        _ element: ValueDecoder<Element>, countMax: Int = 1_000, emptyAllowed: Bool = false
    ) -> ValueDecoder where Value == [Setting<Element>] {
        let type = ValueType.list(element.type)
        return ValueDecoder(type) { node, file in
            let entry = file.nodes[node]
            guard entry.kind == .sequence else {
                let isWord = entry.kind == .scalar && !entry.flags.contains(.secret) && !file.isNull(node)
                let fix = isWord ? "write `[\(Visible.text(file.document.bytes(node)))]`" : nil
                file.unexpected(node, expected: type.phrase, suggestion: fix)
                return nil
            }
            if entry.count == 0, !emptyAllowed {
                file.error(node, "the list is empty", expected: "at least one element, or no such key")
                return nil
            }
            if entry.count > UInt32(countMax) {
                file.error(node, "the list is too long", expected: "at most \(countMax) elements")
                return nil
            }
            var values: [Setting<Element>] = []
            values.reserveCapacity(Int(entry.count))
            file.forEachElement(of: node) { child in
                guard let value = element.decode(child, file) else { return }
                let setting = file.setting(value, child)
                if let first = values.first(where: { $0 == setting }) {
                    let note = Diagnostic.Related(
                        location: first.origin.location ?? file.location(node), note: "first listed here")
                    file.error(child, "\(file.shown(child)) is listed twice", related: note)
                }
                values.append(setting)
            }
            return values.count == Int(entry.count) ? values : nil
        }
    }
}

/// An entry of a mapping with names of the writer's own.
struct Named<Value> {
    let name: String
    /// The node of the name.
    let key: Int
    /// The node of the value.
    let node: Int
    let value: Value
}

extension ValueDecoder {
    /// A mapping from names to values, in the file's order. Entries that can't be read are left out, reported.
    static func map<Element>(
        _ keyForm: String, countMax: Int, _ element: ValueDecoder<Element>,
        name: @escaping @Sendable (_ text: ByteView) throws(Unfit) -> Void
    ) -> ValueDecoder where Value == [Named<Element>] {
        let type = ValueType.map(key: keyForm, value: element.type)
        return ValueDecoder(type) { node, file in
            let entry = file.nodes[node]
            guard entry.kind == .mapping else {
                file.unexpected(node, expected: type.phrase)
                return nil
            }
            if entry.count / 2 > UInt32(countMax) {
                file.error(node, "there are too many entries", expected: "at most \(countMax)")
                return nil
            }
            var values: [Named<Element>] = []
            values.reserveCapacity(Int(entry.count) / 2)
            file.forEachPair(of: node) { key, child in
                let text = file.document.bytes(key)
                do throws(Unfit) {
                    try name(text)
                } catch {
                    file.error(
                        key, "`\(Visible.text(text))` can't be a name here", expected: error.expected ?? keyForm,
                        suggestion: file.quoteRemedy(key) ?? error.suggestion)
                }
                if let value = element.decode(child, file) {
                    values.append(Named(name: text.string, key: key, node: child, value: value))
                }
            }
            return values
        }
    }

    /// A mapping from names of listeners, domains, upstreams or routes.
    static func named<Element>(_ section: Section<Element>, countMax: Int) -> ValueDecoder
    where Value == [Named<Element>] {
        map(NameText.form, countMax: countMax, .section(section)) { text throws(Unfit) in
            if !NameText.isName(text) { throw Unfit(suggestion: NameText.remedy(text)) }
        }
    }

    /// A mapping with keys of its own.
    static func section(_ section: Section<Value>) -> ValueDecoder {
        ValueDecoder(.section(section.description)) { node, file in section.decode(node, file) }
    }
}
