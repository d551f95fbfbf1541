import Base

/// The one description of a kind of mapping: its keys, what they are for, and where their values go. The loader, the
/// error messages and the reference page all read this, so they can't drift apart.
///
/// `Draft` is what the keys' values are stored in, one property for each; it becomes part of the model when everything
/// is known.
struct Section<Draft>: Sendable {
    private let doc: String
    private let keys: [Key<Draft>]
    private let makeDraft: @Sendable () -> Draft
    private let requiredKeys: UInt64
    private let names: [String]
    private let nameViews: [ByteView]

    /// - Parameters:
    ///   - own: at most 64 together with the others.
    ///   - misplaced: keys that people look for here, and that another section has.
    init(
        _ doc: String, draft: @escaping @Sendable () -> Draft, keys own: [Key<Draft>], misplaced: [Key<Draft>] = []
    ) {
        let keys = own + misplaced
        precondition(keys.count <= 64)
        self.doc = doc
        self.keys = keys
        makeDraft = draft
        names = keys.map { $0.description.name }
        nameViews = keys.map(\.nameView)
        var required: UInt64 = 0
        for (index, key) in keys.enumerated() where key.description.isRequired { required |= 1 << UInt64(index) }
        requiredKeys = required
    }

    var description: SectionDescription { SectionDescription(doc: doc, keys: keys.map(\.description)) }

    /// The draft with every value that could be read; nil when the value isn't a mapping at all. What is wrong has been
    /// reported either way.
    func decode(_ node: Int, _ file: FileDecoder) -> Draft? {
        guard file.nodes[node].kind == .mapping else {
            file.unexpected(node, expected: "a mapping with \(ValueType.alternatives(usableNames))")
            return nil
        }
        var draft = makeDraft()
        var seen: UInt64 = 0
        let end = Int(file.nodes[node].end)
        var key = node + 1
        while key + 1 < end {
            if let index = index(of: file.document.bytes(key)) {
                keys[index].take(&draft, key, key + 1, file)
                seen |= 1 << UInt64(index)
            } else {
                file.noteUnknownKey(in: node)
                // What is misspelt isn't also missing.
                let meant = reportUnknown(key, file)
                if let index = names.firstIndex(where: { $0 == meant }) { seen |= 1 << UInt64(index) }
            }
            key = Int(file.nodes[key + 1].end)
        }
        let missing = requiredKeys & ~seen
        if missing != 0 { reportMissing(missing, node, file) }
        return draft
    }

    private func index(of name: ByteView) -> Int? {
        var index = 0
        while index < nameViews.count {
            let candidate = nameViews[index]
            if candidate.count == name.count, candidate.base[0] == name.base[0], candidate == name { return index }
            index += 1
        }
        return nil
    }

    /// The key that was probably meant.
    private func reportUnknown(_ key: Int, _ file: FileDecoder) -> String? {
        let written = file.document.bytes(key).string
        if written == "<<" {
            file.error(key, "merge keys are not supported", expected: "an alias as a value, or the keys themselves")
            return nil
        }
        let nearest = Spelling.nearest(to: written, among: names)
        file.error(
            key, "unknown key `\(Visible.text(written))`", expected: ValueType.alternatives(usableNames),
            suggestion: file.quoteRemedy(key) ?? nearest.map { place(of: $0) ?? "did you mean `\($0)`?" })
        return nearest
    }

    /// Where the key of that name is, if it is none of this section.
    private func place(of name: String) -> String? {
        keys.first { $0.description.name == name && $0.description.isElsewhere }?.description.doc
    }

    private var usableNames: [String] { keys.filter { !$0.description.isReserved }.map { $0.description.name } }

    private func reportMissing(_ missing: UInt64, _ node: Int, _ file: FileDecoder) {
        for (index, key) in keys.enumerated() where missing & 1 << UInt64(index) != 0 {
            let description = key.description
            file.error(
                node, "the key `\(description.name)` is missing", expected: description.type.phrase,
                field: description.name)
        }
    }
}

/// One key of a section.
struct Key<Draft>: Sendable {
    let description: KeyDescription
    /// The name's bytes, which live as long as the process.
    let nameView: ByteView
    let take: @Sendable (_ draft: inout Draft, _ key: Int, _ value: Int, _ file: FileDecoder) -> Void
}

extension Key {
    /// A key with a value.
    ///
    /// - Parameters:
    ///   - defaultText: the value that stands when the key is absent, as it would be written.
    ///   - store: puts the value into the draft.
    init<Value: Sendable & Equatable>(
        _ name: StaticString, _ value: ValueDecoder<Value>, default defaultText: String? = nil,
        required: Bool = false, _ doc: String,
        store: @escaping @Sendable (_ draft: inout Draft, _ value: Setting<Value>) -> Void
    ) {
        description = KeyDescription(
            name: name.description, type: value.type, defaultText: defaultText, isRequired: required, doc: doc,
            isReserved: false)
        nameView = ByteView(name)
        take = { draft, _, node, file in
            if let decoded = value.decode(node, file) { store(&draft, file.setting(decoded, node)) }
        }
    }

    /// A key whose value is itself a section, a mapping with free names, or a list: `store` gets it with its nodes.
    static func part<Value>(
        _ name: StaticString, _ value: ValueDecoder<Value>, default defaultText: String? = nil,
        required: Bool = false, _ doc: String,
        store: @escaping @Sendable (_ draft: inout Draft, _ value: Value, _ key: Int, _ node: Int) -> Void
    ) -> Key {
        Key(
            description: KeyDescription(
                name: name.description, type: value.type, defaultText: defaultText, isRequired: required, doc: doc,
                isReserved: false),
            nameView: ByteView(name),
            take: { draft, key, node, file in
                if let decoded = value.decode(node, file) { store(&draft, decoded, key, node) }
            })
    }

    /// A key that a later version will take. It is an error of its own, so that nobody takes it for a typing error.
    static func reserved(_ name: StaticString, _ doc: String) -> Key {
        Key(
            description: KeyDescription(
                name: name.description, type: .text("reserved"), defaultText: nil, isRequired: false, doc: doc,
                isReserved: true),
            nameView: ByteView(name),
            take: { _, key, _, file in
                file.error(key, "`\(name.description)` is not supported by this version")
            })
    }

    /// A name that people look for here, and where it is.
    static func elsewhere(_ name: StaticString, _ place: String) -> Key {
        Key(
            description: KeyDescription(
                name: name.description, type: .text("not here"), defaultText: nil, isRequired: false, doc: place,
                isReserved: true),
            nameView: ByteView(name),
            take: { _, key, _, file in
                file.error(key, "`\(name.description)` does not belong here", suggestion: place)
            })
    }
}
