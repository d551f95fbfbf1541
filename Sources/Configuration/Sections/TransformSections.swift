import Base

/// The keys of the plugins `request_transform` and `response_transform`.
enum TransformSections {
    private static let enabledDoc = "`false` turns off what a place further away turned on."

    static let request = Section(
        "Changes to the request on its way to the upstream. All values are read before the first change; in each group `remove` comes first, then `rename`, `replace`, `set` and `append`.",
        draft: { RequestTransformDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", enabledDoc) { $0.enabled = $1 },
            .part("headers", .section(requestHeaders), default: "{}", "Changes to header lines.") {
                draft, value, _, _ in draft.headers = value
            },
            .part("query", .section(query), default: "{}", "Changes to the query's parameters.") {
                draft, value, _, _ in draft.query = value
            },
            Key(
                "method", .transformedMethod,
                "The method that the upstream sees. GET and DELETE refuse a request with content (400)."
            ) { $0.method = $1 },
            Key(
                "path", .pathTemplate,
                "The path that the upstream sees; a template. Excludes the route's `rewrite` of the path."
            ) { $0.path = $1 },
            .part("body", .body(requestBody), "Changes to a JSON body.") { draft, value, _, _ in draft.body = value },
            Key(
                "on_missing", .choice, default: MissingValuePolicy.drop.rawValue,
                "A value without text and without default: `drop` leaves its name without value (a client's own doesn't pass for it), `refuse` answers 400."
            ) { $0.onMissing = $1 },
        ])

    static let response = Section(
        "Changes to the answer on its way to the client. Values are read from the request, before its first change; in each group `remove` comes first, then `rename`, `replace`, `set` and `append`.",
        draft: { ResponseTransformDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", enabledDoc) { $0.enabled = $1 },
            Key(
                "statuses", .list(.answerStatuses, countMax: 64, emptyAllowed: true), default: "[]",
                "Only answers whose status, as the upstream gave it, is one of these; none: all."
            ) { $0.statuses = $1.value },
            .part("headers", .section(responseHeaders), default: "{}", "Changes to header lines.") {
                draft, value, _, _ in draft.headers = value
            },
            .part(
                "status", .statusMap, default: "{}",
                "What the upstream's statuses become; a status of its own comes before its class. Each counts as a key."
            ) { draft, value, _, _ in draft.status = value },
            .part("body", .body(responseBody), "Another body, or changes to a JSON body.") { draft, value, _, _ in
                draft.body = value
            },
        ])

    private static let requestHeaders = fields(
        "Changes to header lines. Framing, hop-by-hop, identity headers and `Host` are out of reach.",
        name: .editableHeaderName(.request), key: HeaderText.nameForm, value: .headerTemplate,
        appendable: { name throws(Unfit) in try HeaderText.checkAppendable(name, .request) }
    ) { name throws(Unfit) in try HeaderText.checkEditable(name, .request) }

    private static let responseHeaders = fields(
        "Changes to header lines. Framing, hop-by-hop and identity headers are out of reach.",
        name: .editableHeaderName(.response), key: HeaderText.nameForm, value: .headerTemplate,
        appendable: { name throws(Unfit) in try HeaderText.checkAppendable(name, .response) }
    ) { name throws(Unfit) in try HeaderText.checkEditable(name, .response) }

    private static let query = fields(
        "Changes to the query's parameters. Names and values are written as they are after decoding; the gateway encodes them.",
        name: .parameterName, key: "a parameter's name", value: .textTemplate
    ) { name throws(Unfit) in
        guard TransformText.isPlainName(name) else { throw Unfit() }
    }

    private static func fields(
        _ doc: String, name: ValueDecoder<String>, key: String, value: ValueDecoder<TextTemplate>,
        appendable: (@Sendable (_ text: ByteView) throws(Unfit) -> Void)? = nil,
        check: @escaping @Sendable (_ text: ByteView) throws(Unfit) -> Void
    ) -> Section<FieldEditDraft> {
        Section(
            doc, draft: { FieldEditDraft() },
            keys: [
                Key("remove", .list(name, countMax: 64, emptyAllowed: true), default: "[]", "Names to drop.") {
                    $0.remove = $1.value
                },
                .part(
                    "rename", .map(key, countMax: 64, .placed(name), name: check), default: "{}",
                    "New names for what is present, in place of what has that name already."
                ) { draft, value, _, _ in draft.rename = value },
                .part(
                    "replace", .map(key, countMax: 64, .placed(value), name: check), default: "{}",
                    "New values for what is present; what is not stays absent."
                ) { draft, value, _, _ in draft.replace = value },
                .part(
                    "set", .map(key, countMax: 64, .placed(value), name: check), default: "{}",
                    "Values, in place of all that the name had."
                ) { draft, value, _, _ in draft.set = value },
                .part(
                    "append", .map(key, countMax: 64, .oneOrList(value, countMax: 16), name: appendable ?? check),
                    default: "{}",
                    "Values to add behind what the name has: one, or a list."
                ) { draft, value, _, _ in draft.append = value },
            ])
    }

    private static let json = Section(
        "Changes to members of a JSON text. What is not named stays byte for byte.", draft: { JSONMemberEditDraft() },
        keys: [
            Key(
                "remove", .list(.jsonPointer, countMax: 64, emptyAllowed: true), default: "[]", "Members to drop."
            ) { $0.remove = $1.value },
            .part(
                "rename", .jsonMap(.memberName) { JSONRename(pointer: $0, name: $1) }, default: "{}",
                "New names within the same object, in place of a member that has that name already."
            ) { draft, value, _, _ in draft.rename = value },
            .part("replace", .assignments, default: "{}", "New values for members that are present.") {
                draft, value, _, _ in draft.replace = value
            },
            .part("set", .assignments, default: "{}", "Values; objects on the way are made where they are missing.") {
                draft, value, _, _ in draft.set = value
            },
            .part("append", .assignments, default: "{}", "Elements to add to arrays, which are made if missing.") {
                draft, value, _, _ in draft.append = value
            },
        ])

    private static let jsonKey = Key<BodyEditDraft>.part(
        "json", .section(json),
        "Members to change, named by JSON Pointers (RFC 6901). The type must be `application/json` or end in `+json`, the content not compressed."
    ) { draft, value, key, _ in draft.json = (value, key) }

    private static let bytesMaxKey = Key<BodyEditDraft>(
        "bytes_max", .size(1...Defaults.editedBodyBytesLimit),
        default: SizeFormat.text(Defaults.editedBodyBytesMax),
        "The longest body that is edited: as much is held in memory for each request under way."
    ) { $0.bytesMax = $1 }

    fileprivate static let requestBody = Section(
        "Changes to a JSON body.", draft: { BodyEditDraft() },
        keys: [
            jsonKey, bytesMaxKey,
            Key(
                "on_unfit", .choice, default: UnfitBodyPolicy.refuse.rawValue,
                "A body of another type, or that can't be read: `refuse` answers 400, 413 or 415, `pass` sends it on as it came."
            ) { $0.onUnfit = $1 },
        ])

    fileprivate static let responseBody = Section(
        "What becomes of the body: `json` or `text`.", draft: { BodyEditDraft() },
        keys: [
            Key(
                "statuses", .list(.answerStatuses, countMax: 64, emptyAllowed: true), default: "[]",
                "Only bodies of answers with these statuses, as the upstream gave them; none: all."
            ) { $0.statuses = $1.value },
            Key("text", .text("text", bytesMax: 64 << 10), "A fixed body, in place of the upstream's.") {
                $0.text = $1
            },
            Key("content_type", .headerValue, default: Defaults.contentType, "The type of `text`.") {
                $0.contentType = $1
            },
            jsonKey, bytesMaxKey,
            Key(
                "on_unfit", .choice, default: UnfitBodyPolicy.refuse.rawValue,
                "A body of another type, or that can't be read: `refuse` answers 502, `pass` sends it on as it came."
            ) { $0.onUnfit = $1 },
        ])
}

extension ValueDecoder where Value == BodyEditDraft {
    /// A body's section: it does one thing.
    fileprivate static func body(_ section: Section<BodyEditDraft>) -> ValueDecoder {
        ValueDecoder(.section(section.description)) { node, file in
            guard let draft = section.decode(node, file) else { return nil }
            draft.location = file.location(node)
            if let text = file.key("text", in: node), file.key("json", in: node) != nil {
                file.error(text, "`text` and `json` exclude each other", expected: "one of them")
            }
            if let json = file.key("json", in: node), file.nodes[json + 1].kind == .mapping,
                file.nodes[json + 1].count == 0
            {
                file.error(
                    json + 1, "no member is changed", expected: "`remove`, `rename`, `replace`, `set` or `append`")
            }
            if let type = file.key("content_type", in: node), file.key("text", in: node) == nil {
                file.error(type, "`content_type` has no effect without `text`", expected: "no such key, or `text`")
            }
            return draft
        }
    }
}

extension ValueDecoder where Value == String {
    fileprivate static var transformedMethod: ValueDecoder {
        let words = RequestTransform.methods
        return scalar(.choice(words)) { text throws(Unfit) in
            let written = text.string
            if words.contains(written) { return written }
            let upper = written.uppercased()
            throw Unfit(suggestion: words.contains(upper) ? "did you mean `\(upper)`?" : nil)
        }
    }
}

extension ValueDecoder where Value == [StatusMapping] {
    fileprivate static var statusMap: ValueDecoder {
        let map = ValueDecoder<[Named<Setting<Int>>]>.map(
            ValueDecoder<AnswerStatuses>.statusForm, countMax: 64, .placed(.mappedStatus)
        ) { text throws(Unfit) in if AnswerStatuses(text) == nil { throw Unfit() } }
        return ValueDecoder(map.type) { node, file in
            map.decode(node, file)?.compactMap { named in
                named.name.withByteView { AnswerStatuses($0) }.map { StatusMapping(from: $0, to: named.value) }
            }
        }
    }
}

extension ValueDecoder {
    /// A mapping from JSON Pointers; two of them that mean one place are an error.
    fileprivate static func jsonMap<Element: Sendable & Equatable, Entry>(
        _ element: ValueDecoder<Element>, make: @escaping @Sendable (JSONPointer, Setting<Element>) -> Entry
    ) -> ValueDecoder where Value == [Entry] {
        let map = ValueDecoder<[Named<Setting<Element>>]>.map(
            JSONPointerText.form, countMax: 64, .placed(element)
        ) { text throws(Unfit) in _ = try JSONPointerText.parse(text) }
        return ValueDecoder(map.type) { node, file in
            map.decode(node, file)?.compactMap { named in
                let pointer = named.name.withByteView { try? JSONPointerText.parse($0) }
                return pointer.map { make($0, named.value) }
            }
        }
    }
}

extension ValueDecoder where Value == [JSONAssignment] {
    fileprivate static var assignments: ValueDecoder {
        jsonMap(.jsonMember) { JSONAssignment(pointer: $0, value: $1) }
    }
}
