import Base

/// What gateway.yaml gives one domain, and the check that the domain's file keeps to it.
struct DomainClaims {
    let name: String
    let hosts: [Setting<HostPattern>]
    let paths: [Setting<PathTemplate>]
    /// All listeners unless the entry names some.
    let listeners: [Setting<ListenerReference>]
    /// What a route without hosts of its own matches.
    let effectiveHosts: [Setting<HostPattern>]
    /// The place of the domain's entry in gateway.yaml.
    let entry: SourceLocation
    private let listenerIndices: [String: Int]

    /// Checks the entry's own references, too.
    init(
        _ named: Named<DomainEntryDraft>, gateway: FileDecoder, listeners all: [Listener],
        listenerIndices: [String: Int]
    ) {
        name = named.name
        hosts = named.value.hosts
        paths = named.value.paths
        effectiveHosts = hosts.isEmpty ? [.builtIn(.any)] : hosts
        entry = gateway.location(named.key)
        self.listenerIndices = listenerIndices
        if named.value.listeners.isEmpty {
            listeners = all.enumerated().map { .builtIn(ListenerReference(index: $0.offset, name: $0.element.name)) }
        } else {
            listeners = named.value.listeners.compactMap { listener in
                Self.reference(listener, listenerIndices, gateway)
            }
        }
    }

    /// Nil after an error.
    static func reference(
        _ listener: Setting<String>, _ indices: [String: Int], _ file: FileDecoder
    ) -> Setting<ListenerReference>? {
        if let index = indices[listener.value] {
            return Setting(value: ListenerReference(index: index, name: listener.value), origin: listener.origin)
        }
        let names = indices.keys.sorted()
        let nearest = Spelling.nearest(to: listener.value, among: names)
        if let place = listener.origin.location {
            file.error(
                at: place, "gateway.yaml declares no listener `\(listener.value)`",
                expected: names.isEmpty ? nil : ValueType.alternatives(Array(names.prefix(10))),
                suggestion: nearest.map { "did you mean `\($0)`?" })
        }
        return nil
    }

    /// The hosts of a route: its own, each of which the domain must have, or all of the domain's.
    func hosts(for route: MatchDraft, _ file: FileDecoder) -> [Setting<HostPattern>] {
        if route.hosts.isEmpty { return effectiveHosts }
        for host in route.hosts where !hosts.contains(where: { $0.value.covers(host.value) }) {
            guard let place = host.origin.location else { continue }
            let own = hosts.map { $0.value.description }
            file.error(
                at: place, "the domain `\(name)` may not claim the host `\(host.value)`",
                expected: own.isEmpty
                    ? "no `hosts`: gateway.yaml gives the domain none"
                    : "what gateway.yaml gives the domain: \(ValueType.alternatives(Array(own.prefix(10))))",
                suggestion: Spelling.nearest(to: host.value.description, among: own).map { "did you mean `\($0)`?" },
                related: .init(
                    location: hosts.first?.origin.location ?? entry,
                    note: own.isEmpty ? "the domain's entry, which has no `hosts`" : "the domain's hosts"))
        }
        return route.hosts
    }

    /// The listeners of a route: its own, each of which the domain must have, or all of the domain's.
    func listeners(for route: MatchDraft, _ file: FileDecoder) -> [Setting<ListenerReference>] {
        if route.listeners.isEmpty { return listeners }
        return route.listeners.compactMap { listener in
            guard let reference = Self.reference(listener, listenerIndices, file) else { return nil }
            if !listeners.contains(where: { $0.value.name == listener.value }), let place = listener.origin.location {
                let own = listeners.map(\.value.name)
                file.error(
                    at: place, "the domain `\(name)` may not claim the listener `\(listener.value)`",
                    expected: "what gateway.yaml gives the domain: \(ValueType.alternatives(Array(own.prefix(10))))",
                    related: .init(
                        location: listeners.first?.origin.location ?? entry, note: "the domain's listeners"))
            }
            return reference
        }
    }

    /// Reports a path that doesn't lie under any of the domain's.
    func check(_ path: Setting<PathTemplate>, matchNode: Int, _ file: FileDecoder) {
        if paths.isEmpty || paths.contains(where: { path.value.isUnder($0.value) }) { return }
        let own = ValueType.alternatives(paths.prefix(10).map { $0.value.description })
        let related = Diagnostic.Related(location: paths.first?.origin.location ?? entry, note: "the domain's paths")
        let expectation = "a path under what gateway.yaml gives the domain: \(own)"
        if let place = path.origin.location {
            file.error(
                at: place, "the domain `\(name)` may not claim the path `\(path.value)`", expected: expectation,
                related: related)
        } else {
            file.error(
                matchNode, "the domain `\(name)` may not claim every path", expected: expectation, related: related,
                field: "path")
        }
    }
}
