import Base

/// Turns what gateway.yaml says into the model: fills in defaults and checks what no single key can tell.
struct GatewayAssembly {
    let draft: GatewayDraft
    let file: FileDecoder

    /// The listeners with an address; one without has been reported.
    func listeners() -> [Listener] {
        if draft.listeners.isEmpty, let node = draft.listenersNode, file.nodes[node].count == 0 {
            file.error(node, "there is no listener", expected: "at least one")
        }
        let listeners = draft.listeners.compactMap(listener)
        checkAddresses(listeners)
        return listeners
    }

    private func listener(_ named: Named<ListenerDraft>) -> Listener? {
        guard let address = named.value.address else { return nil }
        let limits = named.value.limits
        let shared = draft.limits.listener
        let times = named.value.timeouts
        let sharedTimes = draft.timeouts.listener
        let usual = ListenerLimits.builtIn
        let usualTimes = ListenerTimeouts.builtIn
        return Listener(
            name: named.name, address: address,
            limits: ListenerLimits(
                connectionsMax: limits.connectionsMax ?? shared.connectionsMax ?? usual.connectionsMax,
                requestsPerConnectionMax: limits.requestsPerConnectionMax ?? shared.requestsPerConnectionMax
                    ?? usual.requestsPerConnectionMax,
                headerBytesMax: limits.headerBytesMax ?? shared.headerBytesMax ?? usual.headerBytesMax,
                headerCountMax: limits.headerCountMax ?? shared.headerCountMax ?? usual.headerCountMax,
                targetBytesMax: limits.targetBytesMax ?? shared.targetBytesMax ?? usual.targetBytesMax),
            timeouts: ListenerTimeouts(
                headerRead: times.headerRead ?? sharedTimes.headerRead ?? usualTimes.headerRead,
                bodyIdle: times.bodyIdle ?? sharedTimes.bodyIdle ?? usualTimes.bodyIdle,
                keepAliveIdle: times.keepAliveIdle ?? sharedTimes.keepAliveIdle ?? usualTimes.keepAliveIdle,
                writeIdle: times.writeIdle ?? sharedTimes.writeIdle ?? usualTimes.writeIdle),
            location: file.location(named.key))
    }

    /// Two listeners can't have one address, nor one an address that another's takes in.
    private func checkAddresses(_ listeners: [Listener]) {
        var taken: [(name: String, address: IPEndpoint, place: SourceLocation)] = []
        var addresses = listeners.map { (name: "the listener `\($0.name)`", address: $0.address) }
        if let admin = draft.admin?.draft.address { addresses.append((name: "the admin listener", address: admin)) }
        for (name, address) in addresses {
            guard let place = address.origin.location else { continue }
            guard let first = taken.first(where: { $0.address.overlaps(address.value) }) else {
                taken.append((name, address.value, place))
                continue
            }
            if first.address == address.value {
                file.error(
                    at: place, "\(first.name) has the same address", expected: "a different address",
                    related: .init(location: first.place, note: "first used here"))
            } else {
                file.error(
                    at: place, "\(first.name) has `\(first.address)`, which overlaps with this address",
                    expected: "another port, or addresses of which none takes in the other",
                    related: .init(location: first.place, note: "the other address"))
            }
        }
    }

    func admin() -> AdminListener? {
        guard let (admin, node) = draft.admin, let address = admin.address else { return nil }
        if !address.value.address.isLoopback, admin.allowPublic?.value != true, let place = address.origin.location {
            file.error(
                at: place, "the admin listener would be reachable from outside", expected: "a loopback address",
                suggestion: "write `127.0.0.1:\(address.value.port)`, or add `allow_public: true`")
        }
        return AdminListener(address: address, location: file.location(node))
    }

    /// Warns of a trust that makes forwarding headers worthless.
    func checkTrustedProxies() {
        for proxy in draft.trustedProxies {
            guard proxy.value.prefixLength == 0 else { continue }
            guard let place = proxy.origin.location else { continue }
            file.warning(
                at: place, "every client is trusted to say who it is", suggestion: "name the proxies' networks")
        }
    }

    var accessLog: AccessLog {
        AccessLog(
            enabled: draft.accessLog.enabled ?? .builtIn(true),
            destination: draft.accessLog.destination ?? .builtIn(.standardOutput),
            flushInterval: draft.accessLog.flushInterval ?? .builtIn(Defaults.flushInterval))
    }

    var auditLog: AuditLog {
        AuditLog(
            enabled: draft.auditLog.enabled ?? .builtIn(true),
            destination: draft.auditLog.destination ?? .builtIn(.standardOutput),
            decisions: draft.auditLog.decisions ?? .builtIn(.all))
    }

    var nameResolution: NameResolution {
        NameResolution(
            refresh: draft.nameRefresh ?? .builtIn(Defaults.nameRefresh),
            timeout: draft.nameTimeout ?? .builtIn(Defaults.nameTimeout))
    }

    var forwarding: Forwarding {
        Forwarding(
            xForwarded: draft.forwarding.xForwarded ?? .builtIn(true),
            forwarded: draft.forwarding.forwarded ?? .builtIn(false),
            requestID: draft.forwarding.requestID ?? .builtIn(true),
            traceContext: draft.forwarding.traceContext ?? .builtIn(true))
    }

    /// Everything together.
    func configuration(
        listeners: [Listener], domains: [Domain], identity: IdentityAssembly, stores: [SharedStore],
        files: SourceFiles,
        secrets: Set<SourceLocation>
    ) -> GatewayConfiguration {
        GatewayConfiguration(
            workers: draft.workers ?? .builtIn(.automatic), listeners: listeners, admin: admin(),
            trustedProxies: draft.trustedProxies,
            limits: GatewayLimits(
                connectionsMax: draft.limits.connectionsMax ?? .builtIn(Defaults.connectionsMax),
                connectionsPerClientMax: draft.limits.connectionsPerClientMax
                    ?? .builtIn(Defaults.connectionsPerClientMax)),
            drainTimeout: draft.timeouts.drain ?? .builtIn(Defaults.drain), accessLog: accessLog,
            errorLog: ErrorLog(level: draft.errorLevel ?? .builtIn(.info)),
            auditLog: auditLog, issuers: identity.issuers, internalTokens: identity.internalTokens, stores: stores,
            dns: nameResolution,
            forwarding: forwarding, serverHeader: draft.serverHeader ?? .builtIn(Defaults.serverHeader),
            domains: domains, files: files, secrets: secrets)
    }
}
