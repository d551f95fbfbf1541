/// What a reload changes, by name: for its log line.
package struct ConfigurationChanges: Sendable, Equatable {
    /// The fate of one kind of thing.
    package struct Kind: Sendable, Equatable {
        package var added: [String] = []
        package var changed: [String] = []
        package var removed: [String] = []
        package var keptCount = 0

        package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }
    }

    package var listeners = Kind()
    package var domains = Kind()
    /// `domain/upstream`.
    package var upstreams = Kind()
    /// `domain/route`.
    package var routes = Kind()
    package var issuers = Kind()
    /// By the file's path: signing keys of `internal_tokens`.
    package var signingKeys = Kind()
    /// Top-level keys of gateway.yaml with another effective value.
    package var settings: [String] = []

    /// Whether nothing changes at all.
    package var isEmpty: Bool {
        listeners.isEmpty && domains.isEmpty && upstreams.isEmpty && routes.isEmpty && issuers.isEmpty
            && signingKeys.isEmpty && settings.isEmpty
    }

    package static func between(_ old: GatewayConfiguration, _ new: GatewayConfiguration) -> ConfigurationChanges {
        var changes = ConfigurationChanges()
        changes.listeners = compare(old.listeners, new.listeners) { $0.name }
        changes.domains = compare(old.domains.map(\.withoutContent), new.domains.map(\.withoutContent)) { $0.name }
        changes.upstreams = compare(upstreams(old), upstreams(new)) { $0.identity }
        changes.routes = compare(old.domains.flatMap { $0.routes }, new.domains.flatMap { $0.routes }) { $0.identity }
        changes.issuers = compare(old.issuers, new.issuers) { $0.name }
        changes.signingKeys = compare(old.internalTokens?.keys ?? [], new.internalTokens?.keys ?? []) {
            $0.file.value.path
        }
        changes.settings = settings(old, new)
        return changes
    }

    private struct PlacedUpstream: Equatable {
        let identity: String
        let upstream: Upstream
    }

    private static func upstreams(_ configuration: GatewayConfiguration) -> [PlacedUpstream] {
        configuration.domains.flatMap { domain in
            domain.upstreams.map { PlacedUpstream(identity: $0.identity(in: domain.name), upstream: $0) }
        }
    }

    /// Mostly the names are the same and in the same order, but for a stretch in the middle: only that one is looked up
    /// by name.
    private static func compare<Value: Equatable>(
        _ old: [Value], _ new: [Value], by name: (Value) -> String
    ) -> Kind {
        var kind = Kind()
        let shorter = min(old.count, new.count)
        var start = 0
        while start < shorter, name(old[start]) == name(new[start]) {
            kind.add(old[start], new[start], name)
            start += 1
        }
        var tail = 0
        while tail < shorter - start, name(old[old.count - 1 - tail]) == name(new[new.count - 1 - tail]) { tail += 1 }
        var before: [String: Value] = [:]
        for value in old[start..<old.count - tail] { before[name(value)] = value }
        for value in new[start..<new.count - tail] {
            if let earlier = before.removeValue(forKey: name(value)) {
                kind.add(earlier, value, name)
            } else {
                kind.added.append(name(value))
            }
        }
        kind.removed = old[start..<old.count - tail].map(name).filter { before[$0] != nil }
        for (earlier, value) in zip(old.suffix(tail), new.suffix(tail)) { kind.add(earlier, value, name) }
        return kind
    }

    /// Whether nothing changes but which keys there are and what they are.
    private static func hasEqualTokens(_ old: InternalTokens?, _ new: InternalTokens?) -> Bool {
        guard old?.withoutKeys == new?.withoutKeys else { return false }
        let before = old?.keys.map(\.file.value.path) ?? []
        let after = new?.keys.map(\.file.value.path) ?? []
        // Which key is the newest is a matter of their order.
        return before == after || Set(before) != Set(after)
    }

    private static func settings(_ old: GatewayConfiguration, _ new: GatewayConfiguration) -> [String] {
        var settings: [String] = []
        if old.workers != new.workers { settings.append("workers") }
        if old.admin != new.admin { settings.append("admin") }
        if old.trustedProxies != new.trustedProxies { settings.append("trusted_proxies") }
        if old.limits != new.limits { settings.append("limits") }
        if old.drainTimeout != new.drainTimeout { settings.append("timeouts") }
        if old.accessLog != new.accessLog { settings.append("access_log") }
        if old.errorLog != new.errorLog { settings.append("error_log") }
        if old.auditLog != new.auditLog { settings.append("audit_log") }
        if !hasEqualTokens(old.internalTokens, new.internalTokens) { settings.append("internal_tokens") }
        if old.stores != new.stores { settings.append("stores") }
        if old.dns != new.dns { settings.append("dns") }
        if old.forwarding != new.forwarding { settings.append("forwarding") }
        if old.serverHeader != new.serverHeader { settings.append("server_header") }
        return settings
    }
}

extension ConfigurationChanges.Kind {
    /// What became of one that is there before and after.
    fileprivate mutating func add<Value: Equatable>(_ old: Value, _ new: Value, _ name: (Value) -> String) {
        if old == new { keptCount += 1 } else { changed.append(name(new)) }
    }
}

extension InternalTokens {
    /// Keys are counted by themselves.
    fileprivate var withoutKeys: InternalTokens {
        InternalTokens(
            issuer: issuer, keys: [], publishBeforeSigning: publishBeforeSigning, lifetimeMax: lifetimeMax,
            publication: publication, location: location)
    }
}

extension Domain {
    /// What gateway.yaml says about the domain, without what its file declares.
    fileprivate var withoutContent: Domain {
        Domain(
            name: name, owner: owner, hosts: hosts, paths: paths, listeners: listeners, trustDomain: trustDomain,
            upstreams: [], routes: [], location: location, fileLocation: fileLocation)
    }
}
