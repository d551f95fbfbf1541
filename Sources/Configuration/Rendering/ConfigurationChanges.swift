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
        changes.listeners = compare(named(old.listeners, \.name), named(new.listeners, \.name))
        changes.domains = compare(
            named(old.domains.map(\.withoutContent), \.name), named(new.domains.map(\.withoutContent), \.name))
        changes.upstreams = compare(upstreams(old), upstreams(new))
        changes.routes = compare(
            named(old.domains.flatMap(\.routes), \.identity), named(new.domains.flatMap(\.routes), \.identity))
        changes.issuers = compare(named(old.issuers, \.name), named(new.issuers, \.name))
        changes.signingKeys = compare(
            named(old.internalTokens?.keys ?? [], \.file.value.path),
            named(new.internalTokens?.keys ?? [], \.file.value.path))
        changes.settings = settings(old, new)
        return changes
    }

    private static func named<Value>(_ values: [Value], _ name: (Value) -> String) -> [(String, Value)] {
        values.map { (name($0), $0) }
    }

    private static func upstreams(_ configuration: GatewayConfiguration) -> [(String, Upstream)] {
        configuration.domains.flatMap { domain in domain.upstreams.map { ("\(domain.name)/\($0.name)", $0) } }
    }

    private static func compare<Value: Equatable>(_ old: [(String, Value)], _ new: [(String, Value)]) -> Kind {
        var kind = Kind()
        var before: [String: Value] = [:]
        before.reserveCapacity(old.count)
        for (name, value) in old { before[name] = value }
        for (name, value) in new {
            guard let earlier = before.removeValue(forKey: name) else {
                kind.added.append(name)
                continue
            }
            if earlier == value { kind.keptCount += 1 } else { kind.changed.append(name) }
        }
        kind.removed = old.map(\.0).filter { before[$0] != nil }
        return kind
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
        if old.internalTokens?.withoutKeys != new.internalTokens?.withoutKeys { settings.append("internal_tokens") }
        if old.dns != new.dns { settings.append("dns") }
        if old.forwarding != new.forwarding { settings.append("forwarding") }
        if old.serverHeader != new.serverHeader { settings.append("server_header") }
        return settings
    }
}

extension InternalTokens {
    /// Keys are counted by themselves; their order counts here.
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
