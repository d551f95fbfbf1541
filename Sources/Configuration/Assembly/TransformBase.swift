/// What gateway.yaml's `defaults`, a domain's file and a route say about the transforms, merged key by key: under
/// `rename`, `replace`, `set` and `append` each name counts as a key. What a nearer place removes is no longer changed
/// by what farther ones say.
struct TransformBase {
    private(set) var request: RequestTransform?
    private(set) var response: ResponseTransform?
    /// By the nearest place that names the plugin.
    private var isRequestEnabled = true
    private var isResponseEnabled = true

    /// Nothing is said.
    init() {}

    var isEmpty: Bool { request == nil && response == nil }

    /// What counts in the end.
    var enabledRequest: RequestTransform? { isRequestEnabled ? request : nil }
    var enabledResponse: ResponseTransform? { isResponseEnabled ? response : nil }

    /// What counts where the gateway answers by itself: the head of its answer can be changed, and nothing else.
    var withoutUpstream: TransformBase {
        var own = self
        own.request = nil
        own.response = response.flatMap { response in
            response.headers.isEmpty
                ? nil
                : ResponseTransform(statuses: response.statuses, headers: response.headers, status: [], body: nil)
        }
        return own
    }

    func merged(with nearer: PluginsDraft) -> TransformBase {
        var merged = self
        if let draft = nearer.requestTransform {
            merged.isRequestEnabled = draft.enabled?.value != false
            merged.request = (request ?? .none).merged(with: draft)
        }
        if let draft = nearer.responseTransform {
            merged.isResponseEnabled = draft.enabled?.value != false
            merged.response = (response ?? .none).merged(with: draft)
        }
        return merged
    }
}

extension RequestTransform {
    fileprivate static let none = RequestTransform(
        headers: .none, query: .none, method: nil, path: nil, body: nil, onMissing: .builtIn(.drop))

    fileprivate func merged(with nearer: RequestTransformDraft) -> RequestTransform {
        RequestTransform(
            headers: headers.merged(with: nearer.headers) { $0.lowercased() },
            query: query.merged(with: nearer.query) { $0 }, method: nearer.method ?? method,
            path: nearer.path ?? path, body: BodyEdit.merged(body, with: nearer.body),
            onMissing: nearer.onMissing ?? onMissing)
    }
}

extension ResponseTransform {
    fileprivate static let none = ResponseTransform(statuses: [], headers: .none, status: [], body: nil)

    fileprivate func merged(with nearer: ResponseTransformDraft) -> ResponseTransform {
        let kept = status.filter { old in !nearer.status.contains { $0.from == old.from } }
        return ResponseTransform(
            statuses: nearer.statuses ?? statuses,
            headers: headers.merged(with: nearer.headers) { $0.lowercased() }, status: kept + nearer.status,
            body: BodyEdit.merged(body, with: nearer.body))
    }
}

extension FieldEdit {
    /// - Parameter fold: makes names equal that mean the same field.
    fileprivate func merged(with nearer: FieldEditDraft, fold: (String) -> String) -> FieldEdit {
        let removed = Set((nearer.remove ?? []).map { fold($0.value) })
        func kept(_ old: [FieldAssignment], _ names: [String]) -> [FieldAssignment] {
            let replaced = removed.union(names.map(fold))
            return old.filter { !replaced.contains(fold($0.name)) }
        }
        func assignments(_ named: [Named<Setting<TextTemplate>>]) -> [FieldAssignment] {
            named.map { FieldAssignment(name: $0.name, value: $0.value) }
        }
        let renamed = removed.union(nearer.rename.map { fold($0.name) })
        return FieldEdit(
            remove: nearer.remove ?? remove,
            rename: rename.filter { !renamed.contains(fold($0.from)) }
                + nearer.rename.map { FieldRename(from: $0.name, to: $0.value) },
            replace: kept(replace, nearer.replace.map(\.name)) + assignments(nearer.replace),
            set: kept(set, nearer.set.map(\.name)) + assignments(nearer.set),
            append: kept(append, nearer.append.map(\.name))
                + nearer.append.flatMap { named in
                    named.value.map { FieldAssignment(name: named.name, value: $0) }
                })
    }
}

extension BodyEdit {
    /// Nil as long as nobody says what becomes of the body.
    fileprivate static func merged(_ farther: BodyEdit?, with nearer: BodyEditDraft?) -> BodyEdit? {
        guard let nearer else { return farther }
        var change = farther?.change ?? .json(.none)
        if let text = nearer.text {
            change = .text(text, contentType: nearer.contentType ?? .builtIn(Defaults.contentType))
        } else if let json = nearer.json {
            let old: JSONMemberEdit = if case .json(let edit) = change { edit } else { .none }
            change = .json(old.merged(with: json.draft))
        }
        return BodyEdit(
            statuses: nearer.statuses ?? farther?.statuses ?? [], change: change,
            bytesMax: nearer.bytesMax ?? farther?.bytesMax ?? .builtIn(Defaults.editedBodyBytesMax),
            onUnfit: nearer.onUnfit ?? farther?.onUnfit ?? .builtIn(.refuse))
    }

    /// Whether it changes anything.
    var isEffective: Bool {
        if case .json(let edit) = change { return !edit.isEmpty }
        return true
    }
}

extension JSONMemberEdit {
    fileprivate func merged(with nearer: JSONMemberEditDraft) -> JSONMemberEdit {
        let removed = Set((nearer.remove ?? []).map(\.value))
        func kept(_ old: [JSONAssignment], _ new: [JSONAssignment]) -> [JSONAssignment] {
            let replaced = removed.union(new.map(\.pointer))
            return old.filter { !replaced.contains($0.pointer) } + new
        }
        let renamed = removed.union(nearer.rename.map(\.pointer))
        return JSONMemberEdit(
            remove: nearer.remove ?? remove,
            rename: rename.filter { !renamed.contains($0.pointer) } + nearer.rename,
            replace: kept(replace, nearer.replace), set: kept(set, nearer.set), append: kept(append, nearer.append))
    }
}
