import Base

/// The keys of an upstream.
enum UpstreamSections {
    static let upstream = Section(
        "A service behind the gateway.", draft: { UpstreamDraft() },
        keys: [
            Key(
                "targets", .list(.target, countMax: 256), required: true,
                "Where the service runs: URLs, or mappings with a weight."
            ) { $0.targets = $1.value },
            Key("balancer", .choice, default: BalancerKind.roundRobin.rawValue, "How a target is picked.") {
                $0.balancer = $1
            },
            Key("hash_on", .hashKey, "What `consistent_hash` hashes; needed with it, an error without it.") {
                $0.hashOn = $1
            },
            .part(
                "timeouts", .section(timeouts),
                "Time-outs of this upstream; absent keys come from the domain, then from `defaults`."
            ) { draft, value, _, _ in draft.timeouts = value },
            .part("keep_alive", .section(keepAlive), "How long unused connections live.") { draft, value, _, _ in
                draft.keepAlive = value
            },
            Key(
                "connections_max", .integer(1...1_000_000), default: "\(Defaults.upstreamConnectionsMax)",
                "Open connections of all loops together. Unused ones give way to those that are needed, whichever target or loop has them; when all are at work, 503."
            ) { $0.connectionsMax = $1 },
            Key(
                "host_header", .choice, default: HostHeader.preserve.rawValue,
                "Which `Host` the upstream sees: the client's as it was matched (lower case, no trailing dot), or the target's."
            ) { $0.hostHeader = $1 },
            .part(
                "circuit_breaker", .section(HealthSections.circuitBreaker), default: "none",
                "Keeps requests from targets that fail, and from the upstream when too much of it does."
            ) { draft, value, _, node in draft.circuitBreaker = (value, node) },
            .part(
                "health_check", .section(HealthSections.healthCheck), default: "none",
                "Asks each target at intervals whether it is well, and takes it out while it isn't."
            ) { draft, value, _, node in draft.healthCheck = (value, node) },
            Key(
                "slow_start", .duration(.milliseconds(100) ... .seconds(3_600)), default: "none",
                "In what time a target that has come back, or was added, goes from a tenth of its share to the whole."
            ) { $0.slowStart = $1 },
            Key(
                "panic_threshold", .percent(0...100), default: "\(Defaults.panicThreshold)%",
                "With a smaller part of the targets healthy, all are used as if they were; `0%` for never."
            ) { $0.panicThreshold = $1 },
            .part("retry_budget", .section(RetrySections.budget), "How many retries the upstream bears.") {
                draft, value, _, _ in draft.retryBudget = value
            },
            .part(
                "concurrency", .section(ConcurrencySections.concurrency),
                "Requests to this upstream under way at a time."
            ) { draft, value, _, _ in draft.concurrency = ConcurrencySettings(value) },
            .reserved("tls", "TLS towards the targets."),
        ], misplaced: Key<UpstreamDraft>.misplacedInUpstream)

    static let timeouts = Section(
        "Time-outs of an upstream.", draft: { TimeoutsDraft() },
        keys: [
            .connect,
            .responseHeader,
            .idle,
            .elsewhere("request", "put `request` under a route's or the domain's `timeouts`, or under `defaults`"),
        ])

    private static let keepAlive = Section(
        "Keep-alive towards the targets.", draft: { KeepAliveDraft() },
        keys: [
            Key(
                "connections_max", .integer(0...100_000), default: "\(Defaults.poolConnectionsMax)",
                "Unused connections that each loop keeps."
            ) { $0.connectionsMax = $1 },
            Key(
                "idle_timeout", Bounds.upstreamTime, default: DurationFormat.text(Defaults.poolIdleTimeout),
                "How long a connection may stay unused; keep it below the service's own."
            ) { $0.idleTimeout = $1 },
            Key(
                "requests_max", .integer(1...1_000_000_000), default: "\(Defaults.poolRequestsMax)",
                "Requests on one connection."
            ) { $0.requestsMax = $1 },
        ])

    fileprivate static let target = Section(
        "A target with a weight.", draft: { TargetDraft() },
        keys: [
            Key("url", .targetURL, required: true, "Scheme, host and port; the port is 80 unless given.") {
                $0.url = $1.value
            },
            Key("weight", .integer(0...1_000), default: "1", "The target's share; 0 takes no new requests.") {
                $0.weight = $1
            },
            Key(
                "priority", .integer(0...9), default: "0",
                "Targets of a higher number get requests only when no lower one is healthy: backups."
            ) { $0.priority = $1 },
        ])

    fileprivate static let hashKey = Section(
        "What is hashed: one of the keys.", draft: { HashKeyDraft() },
        keys: [
            Key("header", .readableHeaderName(), "The value of a request header.") { $0.header = $1 },
            Key("cookie", .headerName, "The value of a cookie.") { $0.cookie = $1 },
        ])
}

extension ValueDecoder where Value == TargetDraft {
    static var target: ValueDecoder {
        let url = ValueDecoder<TargetURL>.targetURL
        let section = UpstreamSections.target
        return ValueDecoder(.either(url.type, .section(section.description))) { node, file in
            if file.nodes[node].kind == .mapping {
                guard let draft = section.decode(node, file), draft.url != nil else { return nil }
                return draft
            }
            return url.decode(node, file).map { TargetDraft(url: $0) }
        }
    }
}

extension ValueDecoder where Value == HashKey {
    static var hashKey: ValueDecoder {
        let section = UpstreamSections.hashKey
        let type = ValueType.either(.choice(["client_address"]), .section(section.description))
        return ValueDecoder(type) { node, file in
            guard file.nodes[node].kind == .mapping else {
                if file.document.bytes(node) == "client_address" { return .clientAddress }
                file.unexpected(node, expected: "`client_address`, `{header: NAME}` or `{cookie: NAME}`")
                return nil
            }
            guard let draft = section.decode(node, file) else { return nil }
            switch (draft.header, draft.cookie) {
            case (let header?, nil): return .header(header.value)
            case (nil, let cookie?): return .cookie(cookie.value)
            default:
                file.unexpected(node, expected: "exactly one of `header` and `cookie`")
                return nil
            }
        }
    }
}

extension Key<TimeoutsDraft> {
    /// The keys that `timeouts` has wherever it stands.
    static var connect: Key {
        Key("connect", Bounds.upstreamTime, default: DurationFormat.text(Defaults.connect), "Opening a connection.") {
            $0.connect = $1
        }
    }

    static var responseHeader: Key {
        Key(
            "response_header", Bounds.upstreamTime, default: DurationFormat.text(Defaults.responseHeader),
            "From the end of the request to the end of the response header."
        ) { $0.responseHeader = $1 }
    }

    static var idle: Key {
        Key(
            "idle", Bounds.upstreamTime, default: DurationFormat.text(Defaults.idle), "Between two pieces of a body."
        ) { $0.idle = $1 }
    }
}
