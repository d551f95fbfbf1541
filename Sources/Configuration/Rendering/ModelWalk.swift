import Base

/// Hands every effective value to a sink, in the order of the files.
enum ModelWalk {
    static func walk<Sink: ModelSink>(_ configuration: GatewayConfiguration, _ sink: inout Sink) {
        switch configuration.workers.value {
        case .automatic: sink.text("workers", "auto", configuration.workers.origin)
        case .count(let count): sink.integer("workers", count, configuration.workers.origin)
        }
        sink.beginObject("listeners")
        for listener in configuration.listeners { walk(listener, &sink) }
        sink.endObject()
        if let admin = configuration.admin {
            sink.beginObject("admin")
            sink.address("address", admin.address.value, admin.address.origin)
            sink.endObject()
        }
        sink.networks("trusted_proxies", configuration.trustedProxies)
        sink.beginObject("limits")
        sink.integer("connections_max", configuration.limits.connectionsMax)
        sink.integer("connections_per_client_max", configuration.limits.connectionsPerClientMax)
        sink.endObject()
        sink.beginObject("timeouts")
        sink.duration("drain", configuration.drainTimeout)
        sink.endObject()
        walkServices(configuration, &sink)
        walkIdentity(configuration, &sink)
        walkStores(configuration, &sink)
        sink.beginObject("domains")
        for domain in configuration.domains { walk(domain, &sink) }
        sink.endObject()
    }

    private static func walkServices<Sink: ModelSink>(_ configuration: GatewayConfiguration, _ sink: inout Sink) {
        let log = configuration.accessLog
        sink.beginObject("access_log")
        sink.boolean("enabled", log.enabled)
        sink.destination("file", log.destination)
        sink.duration("flush_interval", log.flushInterval)
        sink.endObject()
        sink.beginObject("error_log")
        sink.text("level", configuration.errorLog.level.value.rawValue, configuration.errorLog.level.origin)
        sink.endObject()
        sink.beginObject("dns")
        sink.duration("refresh", configuration.dns.refresh)
        sink.duration("timeout", configuration.dns.timeout)
        sink.endObject()
        sink.beginObject("forwarding")
        sink.boolean("x_forwarded", configuration.forwarding.xForwarded)
        sink.boolean("forwarded", configuration.forwarding.forwarded)
        sink.boolean("request_id", configuration.forwarding.requestID)
        sink.boolean("trace_context", configuration.forwarding.traceContext)
        sink.endObject()
        sink.text("server_header", configuration.serverHeader)
    }

    private static func walk<Sink: ModelSink>(_ listener: Listener, _ sink: inout Sink) {
        sink.beginObject(named: listener.name)
        sink.address("address", listener.address.value, listener.address.origin)
        sink.beginObject("limits")
        sink.integer("connections_max", listener.limits.connectionsMax)
        sink.integer("requests_per_connection_max", listener.limits.requestsPerConnectionMax)
        sink.integer("header_bytes_max", listener.limits.headerBytesMax)
        sink.integer("header_count_max", listener.limits.headerCountMax)
        sink.integer("target_bytes_max", listener.limits.targetBytesMax)
        sink.endObject()
        sink.beginObject("timeouts")
        sink.duration("header_read", listener.timeouts.headerRead)
        sink.duration("body_idle", listener.timeouts.bodyIdle)
        sink.duration("keep_alive_idle", listener.timeouts.keepAliveIdle)
        sink.duration("write_idle", listener.timeouts.writeIdle)
        sink.endObject()
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ domain: Domain, _ sink: inout Sink) {
        sink.beginObject(named: domain.name)
        if let owner = domain.owner { sink.text("owner", owner) }
        sink.hosts(domain.hosts)
        sink.beginList("paths")
        for path in domain.paths { sink.element(path.value.description, path.origin) }
        sink.endList()
        sink.listeners(domain.listeners)
        if let trustDomain = domain.trustDomain { sink.text("trust_domain", trustDomain) }
        sink.beginObject("upstreams")
        for upstream in domain.upstreams { walk(upstream, &sink) }
        sink.endObject()
        sink.beginObject("routes")
        for route in domain.routes { walk(route, &sink) }
        sink.endObject()
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ upstream: Upstream, _ sink: inout Sink) {
        sink.beginObject(named: upstream.name)
        sink.beginList("targets")
        for target in upstream.targets {
            sink.beginElement()
            sink.target(target.host, port: target.port, .file(target.location))
            sink.integer("weight", target.weight)
            if target.priority.value != 0 { sink.integer("priority", target.priority) }
            sink.endObject()
        }
        sink.endList()
        let origin = upstream.balancer.origin
        switch upstream.balancer.value {
        case .roundRobin: sink.text("balancer", BalancerKind.roundRobin.rawValue, origin)
        case .leastRequests: sink.text("balancer", BalancerKind.leastRequests.rawValue, origin)
        case .consistentHash(let key):
            sink.text("balancer", BalancerKind.consistentHash.rawValue, .builtIn)
            switch key {
            case .header(let name): sink.text("hash_on", "header \(name)", origin)
            case .cookie(let name): sink.text("hash_on", "cookie \(name)", origin)
            case .clientAddress: sink.text("hash_on", "client_address", origin)
            }
        }
        sink.duration("connect_timeout", upstream.connectTimeout)
        sink.beginObject("keep_alive")
        sink.integer("connections_max", upstream.keepAlive.connectionsMax)
        sink.duration("idle_timeout", upstream.keepAlive.idleTimeout)
        sink.integer("requests_max", upstream.keepAlive.requestsMax)
        sink.endObject()
        sink.integer("connections_max", upstream.connectionsMax)
        sink.text("host_header", upstream.hostHeader.value.rawValue, upstream.hostHeader.origin)
        walk(upstream.retryBudget, &sink)
        walk(upstream.concurrency, &sink)
        walkHealth(upstream, &sink)
        sink.endObject()
    }
}
