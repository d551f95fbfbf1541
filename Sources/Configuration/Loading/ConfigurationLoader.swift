import Base

/// Reads a folder into a checked configuration.
package struct ConfigurationLoader: Sendable {
    private let source: ConfigurationSource
    private let limits: LoadingLimits
    private let cache = DocumentCache()

    package init(source: ConfigurationSource, limits: LoadingLimits = LoadingLimits()) {
        self.source = source
        self.limits = limits
    }

    /// Reads everything anew. Never fails: what is wrong is in the result, all at once. A loader that is kept for the
    /// next load remembers the trees of files, so that only what changed in them is parsed again.
    package func load() -> LoadResult {
        let findings = Findings(limit: limits.diagnosticsMax)
        let folder = FolderReader(source: source, limits: limits, findings: findings).read()
        var load = Load(limits: limits, findings: findings, folder: folder, source: source, cache: cache)
        let configuration = load.run()
        return LoadResult(
            configuration: findings.errorCount == 0 ? configuration : nil,
            findings: findings.list.map(load.referenced.masked), referenced: load.referenced,
            files: folder.names, contents: folder.contents, parsedByteCount: load.parsedByteCount)
    }
}

/// What came of a load.
package struct LoadResult: Sendable {
    /// Nil when there is any error.
    package let configuration: GatewayConfiguration?
    package let findings: FindingList
    /// What nobody may be shown.
    package let referenced: ReferencedTexts
    package let files: SourceFiles
    /// The files' bytes, for showing the line that a finding is about.
    package let contents: [[UInt8]]
    /// How many bytes of them had to be parsed, because they weren't the same at the loader's last load.
    package let parsedByteCount: Int

    /// Those of the findings that are shown, in reading order.
    package var diagnostics: [Diagnostic] { findings.shown }
    package var hasErrors: Bool { findings.errorCount > 0 }
}

/// One load under way.
private struct Load {
    let limits: LoadingLimits
    let findings: Findings
    let folder: FolderContent
    let source: ConfigurationSource
    let cache: DocumentCache
    private(set) var parsedByteCount = 0
    private(set) var referenced = ReferencedTexts()
    private var domainFiles: [(draft: DomainDraft, file: FileDecoder)] = []

    init(
        limits: LoadingLimits, findings: Findings, folder: FolderContent, source: ConfigurationSource,
        cache: DocumentCache
    ) {
        self.cache = cache
        self.limits = limits
        self.findings = findings
        self.folder = folder
        self.source = source
    }

    /// Nil after an error.
    mutating func run() -> GatewayConfiguration? {
        let references = References(source: source, limits: limits)
        defer { referenced.add(references.texts) }
        let gatewayFile = decoder(0, references)
        let gateway = gatewayFile.flatMap { GatewaySections.root.decode(0, $0) }
        let signingKeys = gateway?.internalTokens?.draft.keys?.map(\.value) ?? []
        references.protect(
            files: signingKeys.compactMap { $0.file?.value }, folders: signingKeys.compactMap { $0.folder?.value })
        var unreadable = false
        for index in folder.contents.indices.dropFirst() {
            guard let file = decoder(index, references), let draft = RouteSections.domainFile.decode(0, file) else {
                unreadable = true
                continue
            }
            if draft.domain == nil { unreadable = true }
            domainFiles.append((draft, file))
        }
        checkRouteCount()
        guard let gateway, let gatewayFile else { return nil }
        let assembly = GatewayAssembly(draft: gateway, file: gatewayFile)
        let listeners = assembly.listeners()
        assembly.checkTrustedProxies()
        let referenced = ReferencedFiles(source: source, limits: limits)
        let identity = IdentityAssembly(
            gateway, gateway: gatewayFile, listeners: listeners,
            files: referenced, limits: limits)
        let stores = gateway.stores.compactMap {
            StoreAssembly(named: $0, file: gatewayFile, files: referenced).store()
        }
        let domains = domains(gateway, gatewayFile, listeners, identity, missingIsFine: unreadable)
        let secrets = Set(([gatewayFile] + domainFiles.map(\.file)).flatMap(\.secrets))
        let configuration = assembly.configuration(
            listeners: listeners, domains: domains, identity: identity, stores: stores, files: folder.names,
            secrets: secrets)
        return findings.errorCount == 0 ? configuration : nil
    }

    private mutating func decoder(_ index: Int, _ references: References) -> FileDecoder? {
        guard folder.isReadable[index], let document = document(index, references) else { return nil }
        return FileDecoder(document: document, findings: findings)
    }

    /// What was read of the file before serves as far as the file is the same.
    private mutating func document(_ index: Int, _ references: References) -> YAMLDocument? {
        let content = folder.contents[index]
        let earlier = cache.file(at: index)
        if let earlier, earlier.content == content { return earlier.document }
        let errorsBefore = findings.errorCount
        let document = content.withUnsafeBytes { bytes in
            let text = ByteView(bytes)
            let edited = earlier.flatMap {
                YAMLReader.read(text, changedFrom: $0, limits: limits, references: references)
            }
            return edited
                ?? YAMLReader.read(
                    text, file: UInt32(index), limits: limits, findings: findings, references: references)
        }
        guard let document else { return nil }
        parsedByteCount += document.parsedByteCount
        if document.isSelfContained, findings.errorCount == errorsBefore {
            cache.keep(.init(content: content, document: document), at: index)
        }
        return document
    }

    private func checkRouteCount() {
        var count = 0
        for (draft, file) in domainFiles {
            count += draft.routes.count
            guard count > limits.routesMax, let over = draft.routes.last else { continue }
            file.error(over.key, "there are more than \(limits.routesMax) routes in all files")
            return
        }
    }

    private func domains(
        _ gateway: GatewayDraft, _ gatewayFile: FileDecoder, _ listeners: [Listener],
        _ identity: IdentityAssembly, missingIsFine: Bool
    ) -> [Domain] {
        var indices: [String: Int] = [:]
        for (index, listener) in listeners.enumerated() { indices[listener.name] = index }
        let files = filesByDomain(gateway, gatewayFile)
        let missingIsFine = missingIsFine || files.count < domainFiles.count
        return gateway.domains.map { named in
            let claims = DomainClaims(named, gateway: gatewayFile, listeners: listeners, listenerIndices: indices)
            var upstreams: [Upstream] = []
            var routes: [Route] = []
            var place: SourceLocation?
            if let (draft, file) = files[named.name] {
                let assembly = DomainAssembly(
                    draft: draft, file: file, claims: claims, base: RouteBase([gateway.defaults, draft.defaults]),
                    gateway: gatewayFile, gatewayDraft: gateway, identity: identity,
                    trustDomain: named.value.trustDomain,
                    entryNode: named.node)
                upstreams = assembly.upstreams()
                routes = assembly.routes(upstreams)
                place = draft.domain?.origin.location
            } else if !missingIsFine {
                gatewayFile.warning(named.key, "no file of the folder says `domain: \(named.name)`")
            }
            return Domain(
                name: named.name, owner: named.value.owner, hosts: claims.hosts, paths: claims.paths,
                listeners: claims.listeners, trustDomain: named.value.trustDomain, upstreams: upstreams,
                routes: routes, location: gatewayFile.location(named.key), fileLocation: place)
        }
    }

    /// The file of each declared domain; reports files of no domain and second files.
    private func filesByDomain(
        _ gateway: GatewayDraft, _ gatewayFile: FileDecoder
    ) -> [String: (DomainDraft, FileDecoder)] {
        let names = gateway.domains.map(\.name)
        let declared = Set(names)
        // When an entry itself could not be read, its file isn't to blame.
        let entries = gatewayFile.key("domains", in: 0).map { $0 + 1 }
        let allRead = entries.map { Int(gatewayFile.nodes[$0].count) / 2 == names.count } ?? true
        var files: [String: (DomainDraft, FileDecoder)] = [:]
        for (draft, file) in domainFiles {
            guard let name = draft.domain, let place = name.origin.location else { continue }
            if let (first, _) = files[name.value], let firstPlace = first.domain?.origin.location {
                file.error(
                    at: place, "the domain `\(name.value)` has another file already", expected: "one file per domain",
                    related: .init(location: firstPlace, note: "the first file"))
            } else if declared.contains(name.value) {
                files[name.value] = (draft, file)
            } else if allRead {
                file.error(
                    at: place, "gateway.yaml declares no domain `\(name.value)`",
                    expected: names.isEmpty ? nil : ValueType.alternatives(Array(names.prefix(10))),
                    suggestion: Spelling.nearest(to: name.value, among: names).map { "did you mean `\($0)`?" },
                    related: .init(location: gatewayFile.location(entries ?? 0), note: "where domains are declared"))
            }
        }
        return files
    }
}
