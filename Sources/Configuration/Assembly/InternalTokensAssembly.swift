import Base

/// Turns what gateway.yaml says about the gateway's own tokens into the model.
struct InternalTokensAssembly {
    let draft: InternalTokensDraft
    let node: Int
    let file: FileDecoder
    let files: ReferencedFiles
    let limits: LoadingLimits
    let listeners: [Listener]

    /// Nil after an error.
    func internalTokens() -> InternalTokens? {
        let keys = keys()
        let publication = draft.publication.map { publish($0.draft) }
        guard let issuer = draft.issuer, let keys else { return nil }
        return InternalTokens(
            issuer: issuer, keys: keys,
            publishBeforeSigning: draft.publishBeforeSigning ?? .builtIn(Defaults.publishBeforeSigning),
            lifetimeMax: draft.lifetimeMax ?? .builtIn(Defaults.internalTokenLifetimeMax), publication: publication,
            location: file.location(node))
    }

    private func keys() -> [SigningKeyFile]? {
        guard let drafts = draft.keys else { return nil }
        var keys: [SigningKeyFile] = []
        for (entry, setting) in drafts.enumerated() {
            let draft = setting.value
            if let folder = draft.folder {
                guard let found = files.keyFiles(in: folder, file) else { return nil }
                keys += found.map { SigningKeyFile(file: $0, algorithm: nil, id: nil, state: nil, entry: entry) }
            } else if let path = draft.file {
                guard let found = files.file(path, file) else { return nil }
                keys.append(
                    SigningKeyFile(
                        file: found, algorithm: draft.algorithm, id: draft.id, state: draft.state, entry: entry))
            } else {
                return nil
            }
        }
        check(keys)
        return keys
    }

    private func check(_ keys: [SigningKeyFile]) {
        if keys.count > limits.signingKeysMax, let place = keys.last?.file.origin.location {
            file.error(at: place, "there are \(keys.count) keys", expected: "at most \(limits.signingKeysMax)")
        }
        var byPath: [String: Origin] = [:]
        var byID: [String: Origin] = [:]
        var signing: Origin?
        for key in keys {
            if let first = byPath.updateValue(key.file.origin, forKey: key.file.value.path) {
                report(key.file.origin, "the key is listed twice", first)
            }
            if let id = key.id, let first = byID.updateValue(id.origin, forKey: id.value) {
                report(id.origin, "another key has the same `id`", first)
            }
            guard let state = key.state, state.value == .signing else { continue }
            if let first = signing { report(state.origin, "another key is the one that signs", first) }
            signing = state.origin
        }
        let canSign = keys.contains { $0.state == nil || $0.state?.value == .signing }
        if !canSign, let place = keys.last?.state?.origin.location {
            file.error(at: place, "no key signs", expected: "a key with `state: signing`, or without `state`")
        }
    }

    private func report(_ origin: Origin, _ message: String, _ first: Origin) {
        guard let place = origin.location, let earlier = first.location else { return }
        file.error(at: place, message, related: .init(location: earlier, note: "the first one"))
    }

    private func publish(_ draft: KeyPublicationDraft) -> KeyPublication {
        var indices: [String: Int] = [:]
        for (index, listener) in listeners.enumerated() { indices[listener.name] = index }
        let all: [Setting<ListenerReference>] = listeners.enumerated().map {
            .builtIn(ListenerReference(index: $0.offset, name: $0.element.name))
        }
        let keySet = draft.keySetPath ?? .builtIn(Defaults.keySetPath)
        let bundle = draft.bundlePath ?? .builtIn(Defaults.bundlePath)
        if keySet.value == bundle.value, let place = bundle.origin.location ?? keySet.origin.location {
            file.error(at: place, "`jwks_path` and `bundle_path` are the same", expected: "two different paths")
        }
        return KeyPublication(
            listeners: draft.listeners.map { $0.compactMap { DomainClaims.reference($0, indices, file) } } ?? all,
            keySetPath: keySet, bundlePath: bundle)
    }
}
