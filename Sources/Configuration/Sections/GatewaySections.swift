import Base

/// The keys of gateway.yaml.
enum GatewaySections {
    static let root = Section(
        "The platform team's file, `gateway.yaml`.", draft: { GatewayDraft() }, keys: keys,
        misplaced: Key<GatewayDraft>.misplacedInGateway)

    private static let keys: [Key<GatewayDraft>] = [
        Key(
            "workers", .workers, default: "auto",
            "How many event loops run, each on a thread of its own; `auto` is one for each processor."
        ) { $0.workers = $1 },
        .part(
            "listeners", .named(listener, countMax: 64), required: true,
            "Where clients connect to, by name. At least one."
        ) { draft, value, _, node in
            draft.listeners = value
            draft.listenersNode = node
        },
        .part("admin", .section(admin), default: "none", "The listener of probes, metrics and introspection.") {
            draft, value, _, node in
            draft.admin = (value, node)
        },
        Key(
            "trusted_proxies", .list(.network, countMax: 1_000, emptyAllowed: true), default: "[]",
            "Peers whose `X-Forwarded-*`, `Forwarded`, `X-Request-ID` and `traceparent` are believed, and who are exempt from `connections_per_client_max`. The client is the last in `X-Forwarded-For` who is no trusted proxy, without that header the last in `Forwarded`; where both come, `X-Forwarded-*` win, and a `Forwarded` that says anything else is dropped. A client whose entry can't be read is unknown: `ip_restriction` refuses it, and it lacks the rate limits' key `client_address`."
        ) { $0.trustedProxies = $1.value },
        .part("limits", .section(limits), "Limits on what clients may make grow.") { draft, value, _, _ in
            draft.limits = value
        },
        .part("timeouts", .section(timeouts), "How long clients may take, and a drain.") { draft, value, _, _ in
            draft.timeouts = value
        },
        .part("access_log", .section(accessLog), "One JSON line per request.") { draft, value, _, _ in
            draft.accessLog = value
        },
        .part("error_log", .section(errorLog), "The gateway's own log, on standard error.") { draft, value, _, _ in
            draft.errorLevel = value.level
        },
        .part("audit_log", .section(InternalTokenSections.auditLog), "One JSON line per identity decision.") {
            draft, value, _, _ in draft.auditLog = value
        },
        .part(
            "issuers", .named(IssuerSections.issuer, countMax: 64),
            "Whose tokens clients may bring, by name. A route picks with `jwt: {issuer: NAME}`."
        ) { draft, value, _, _ in draft.issuers = value },
        .part(
            "internal_tokens", .section(InternalTokenSections.internalTokens), default: "none",
            "The tokens that the plugin `internal_jwt` issues."
        ) { draft, value, _, node in draft.internalTokens = (value, node) },
        .part(
            "stores", .named(StoreSections.store, countMax: 16),
            "Stores that replicas of the gateway share, by name. A limit picks with `store: NAME`."
        ) { draft, value, _, _ in draft.stores = value },
        .part("dns", .section(nameResolution), "How names of targets become addresses.") { draft, value, _, _ in
            draft.nameRefresh = value.refresh
            draft.nameTimeout = value.timeout
        },
        .part("forwarding", .section(forwarding), "Which headers tell upstreams about the client.") {
            draft, value, _, _ in draft.forwarding = value
        },
        Key(
            "server_header", .headerValue, default: Defaults.serverHeader,
            "The `Server` header of answers that the gateway itself makes; `\"\"` for none."
        ) { $0.serverHeader = $1 },
        .part(
            "defaults", .section(RouteSections.defaults),
            "What holds for every route whose domain and own keys say nothing else."
        ) { draft, value, _, _ in draft.defaults = value },
        .part(
            "domains", .named(domainEntry, countMax: 10_000),
            "The business domains, by name, and what each may claim. Every other `*.yaml` file of the folder belongs to one of them."
        ) { draft, value, _, _ in draft.domains = value },
        .part(
            "rate_limits", .named(RateLimitSections.shared, countMax: 1_000),
            "Rate limits that routes of any domain share, by name: `rate_limit: {shared: NAME}`."
        ) { draft, value, _, _ in draft.rateLimits = value },
        .reserved("tls", "Certificates."),
        .reserved("telemetry", "Traces."),
        .elsewhere("upstreams", "declare upstreams in a domain's own file"),
        .elsewhere("routes", "declare routes in a domain's own file"),
        .elsewhere("plugins", "put plugins for all routes under `defaults`"),
    ]

    private static let listener = Section(
        "A listener.", draft: { ListenerDraft() },
        keys: [
            Key(
                "address", .socketAddress, required: true,
                "Address and port; `[::]` takes IPv4 as well, port 0 any free port."
            ) { $0.address = $1 },
            .part(
                "limits", .section(listenerLimits),
                "Limits of this listener; absent keys come from the file's `limits`."
            ) { draft, value, _, _ in draft.limits = value },
            .part(
                "timeouts", .section(listenerTimeouts),
                "Time-outs of this listener; absent keys come from the file's `timeouts`."
            ) { draft, value, _, _ in draft.timeouts = value },
            .reserved("tls", "Certificates."),
        ])

    private static let admin = Section(
        "The admin listener.", draft: { AdminDraft() },
        keys: [
            Key(
                "address", .socketAddress, required: true,
                "Address and port. Anything but a loopback address needs `allow_public`."
            ) { $0.address = $1 },
            Key(
                "allow_public", .boolean, default: "false",
                "Lets the admin listener have an address that others can reach."
            ) { $0.allowPublic = $1 },
        ])

    private static let limits = Section(
        "Limits for all listeners.", draft: { GatewayLimitsDraft() },
        keys: [
            Key(
                "connections_max", .integer(1...10_000_000), default: "\(Defaults.connectionsMax)",
                "Client connections of all listeners together."
            ) { $0.connectionsMax = $1 },
            Key(
                "connections_per_listener_max", .integer(1...10_000_000),
                default: "\(Defaults.connectionsPerListenerMax)", "Client connections of each listener."
            ) { $0.listener.connectionsMax = $1 },
            Key(
                "connections_per_client_max", .integer(1...10_000_000), default: "\(Defaults.connectionsPerClientMax)",
                "Client connections from one address; trusted proxies are exempt."
            ) { $0.connectionsPerClientMax = $1 },
            Key(
                "requests_per_connection_max", .integer(1...1_000_000_000),
                default: "\(Defaults.requestsPerConnectionMax)",
                "Requests on one client connection before it is closed."
            ) { $0.listener.requestsPerConnectionMax = $1 },
            Key(
                "header_bytes_max", Bounds.headerBytes, default: SizeFormat.text(Defaults.headerBytesMax),
                "All header lines of a request together; more is answered with 431."
            ) { $0.listener.headerBytesMax = $1 },
            Key(
                "header_count_max", Bounds.headerCount, default: "\(Defaults.headerCountMax)",
                "Header lines of a request; more is answered with 431."
            ) { $0.listener.headerCountMax = $1 },
            Key(
                "target_bytes_max", Bounds.targetBytes, default: SizeFormat.text(Defaults.targetBytesMax),
                "The request target (path and query); more is answered with 414."
            ) { $0.listener.targetBytesMax = $1 },
            .elsewhere(
                "body_bytes_max", "put `body_bytes_max` under `defaults: {limits: …}`, a domain's or a route's `limits`"
            ),
        ])

    private static let listenerLimits = Section(
        "Limits of one listener.", draft: { ListenerLimitsDraft() },
        keys: [
            Key("connections_max", .integer(1...10_000_000), "Client connections of this listener.") {
                $0.connectionsMax = $1
            },
            Key(
                "requests_per_connection_max", .integer(1...1_000_000_000),
                "Requests on one client connection before it is closed."
            ) { $0.requestsPerConnectionMax = $1 },
            Key("header_bytes_max", Bounds.headerBytes, "All header lines of a request together, with their line ends.")
            {
                $0.headerBytesMax = $1
            },
            Key("header_count_max", Bounds.headerCount, "Header lines of a request.") { $0.headerCountMax = $1 },
            Key("target_bytes_max", Bounds.targetBytes, "The request target (path and query).") {
                $0.targetBytesMax = $1
            },
        ])

    private static let timeouts = Section(
        "Time-outs for all listeners.", draft: { GatewayTimeoutsDraft() },
        keys: [
            Key(
                "header_read", Bounds.clientTime, default: DurationFormat.text(Defaults.headerRead),
                "From the first byte of a request to the end of its header."
            ) { $0.listener.headerRead = $1 },
            Key(
                "body_idle", Bounds.clientTime, default: DurationFormat.text(Defaults.bodyIdle),
                "Between two pieces of a request body."
            ) { $0.listener.bodyIdle = $1 },
            Key(
                "keep_alive_idle", Bounds.clientTime, default: DurationFormat.text(Defaults.keepAliveIdle),
                "Between two requests of a connection."
            ) { $0.listener.keepAliveIdle = $1 },
            Key(
                "write_idle", Bounds.clientTime, default: DurationFormat.text(Defaults.writeIdle),
                "While a client takes nothing of its answer."
            ) { $0.listener.writeIdle = $1 },
            Key(
                "drain", .duration(.zero ... .seconds(86_400)), default: DurationFormat.text(Defaults.drain),
                "How long requests under way may go on after SIGTERM."
            ) { $0.drain = $1 },
        ])

    private static let listenerTimeouts = Section(
        "Time-outs of one listener.", draft: { ListenerTimeoutsDraft() },
        keys: [
            Key("header_read", Bounds.clientTime, "From the first byte of a request to the end of its header.") {
                $0.headerRead = $1
            },
            Key("body_idle", Bounds.clientTime, "Between two pieces of a request body.") { $0.bodyIdle = $1 },
            Key("keep_alive_idle", Bounds.clientTime, "Between two requests of a connection.") {
                $0.keepAliveIdle = $1
            },
            Key("write_idle", Bounds.clientTime, "While a client takes nothing of its answer.") { $0.writeIdle = $1 },
        ])

    private static let accessLog = Section(
        "The access log.", draft: { AccessLogDraft() },
        keys: [
            .enabled, .file,
            Key(
                "flush_interval", .duration(.milliseconds(10) ... .seconds(60)),
                default: DurationFormat.text(Defaults.flushInterval), "The longest that a line waits in memory."
            ) { $0.flushInterval = $1 },
        ])

    private static let errorLog = Section(
        "The gateway's own log.", draft: { ErrorLogDraft() },
        keys: [
            Key("level", .choice, default: LogLevel.info.rawValue, "The least important lines that are written.") {
                $0.level = $1
            }
        ])

    private static let nameResolution = Section(
        "Name resolution.", draft: { NameResolutionDraft() },
        keys: [
            Key(
                "refresh", .duration(.seconds(1) ... .seconds(86_400)),
                default: DurationFormat.text(Defaults.nameRefresh),
                "How often a name is looked up again; the last good answer is kept when that fails."
            ) { $0.refresh = $1 },
            Key(
                "timeout", .duration(.milliseconds(100) ... .seconds(60)),
                default: DurationFormat.text(Defaults.nameTimeout),
                "How long a start or a reload waits for new names; answers may come later."
            ) { $0.timeout = $1 },
        ])

    private static let forwarding = Section(
        "Headers about the client.", draft: { ForwardingDraft() },
        keys: [
            Key("x_forwarded", .boolean, default: "true", "`X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.") {
                $0.xForwarded = $1
            },
            Key("forwarded", .boolean, default: "false", "`Forwarded` (RFC 7239).") { $0.forwarded = $1 },
            Key("request_id", .boolean, default: "true", "`X-Request-ID`.") { $0.requestID = $1 },
            Key("trace_context", .boolean, default: "true", "`traceparent` and `tracestate` (W3C Trace Context).") {
                $0.traceContext = $1
            },
        ])

    private static let domainEntry = Section(
        "What a domain may claim.", draft: { DomainEntryDraft() },
        keys: [
            Key("owner", .text("a team's name", bytesMax: 200), "The team, for people.") { $0.owner = $1 },
            Key(
                "hosts", .list(.hostPattern, countMax: 1_000),
                "The hosts that its routes may claim: `api.example.com`, `*.example.com` (every name below), `*` (any). A route that names none gets all of these. Without this key its routes may name no host and match any, after every route that names one."
            ) { $0.hosts = $1.value },
            Key(
                "paths", .list(.literalPrefix, countMax: 1_000), default: "[/]",
                "The prefixes under which its routes' paths must lie, on segment borders."
            ) { $0.paths = $1.value },
            Key(
                "listeners", .list(.name, countMax: 64), default: "all listeners",
                "The listeners that its routes may claim. A route that names none gets all of these."
            ) { $0.listeners = $1.value },
            Key("trust_domain", .trustDomain, "The SPIFFE trust domain of its users; the plugin `spiffe` needs it.") {
                $0.trustDomain = $1
            },
        ])
}

/// Ranges that several sections share.
enum Bounds {
    /// Head and target together fit into one large buffer of a loop.
    static let headerBytes = ValueDecoder<Int>.size(1 << 10...48 << 10)
    static let headerCount = ValueDecoder<Int>.integer(1...1_000)
    static let targetBytes = ValueDecoder<Int>.size(256...15 << 10)
    static let clientTime = ValueDecoder<TimeAmount>.duration(.milliseconds(10) ... .seconds(86_400))
    static let upstreamTime = ValueDecoder<TimeAmount>.duration(.milliseconds(1) ... .seconds(86_400))
}

extension ValueDecoder where Value == WorkerCount {
    static var workers: ValueDecoder {
        scalar(.either(.choice(["auto"]), .integer(1...256))) { text throws(Unfit) in
            if text == "auto" { return .automatic }
            guard let count = text.decimalValue(), (1...256).contains(count) else { throw Unfit() }
            return .count(count)
        }
    }
}

extension Key where Draft: LineLogDraft {
    /// The keys that every log of lines has.
    static var enabled: Key {
        Key("enabled", .boolean, default: "true", "Whether there is one.") { $0.enabled = $1 }
    }

    static var file: Key {
        Key(
            "file", .logDestination, default: "stdout",
            "`stdout`, `stderr`, or a path, relative to the process's working directory; SIGUSR1 opens the file anew."
        ) { $0.destination = $1 }
    }
}

extension ValueDecoder where Value == LogDestination {
    static var logDestination: ValueDecoder {
        scalar(.either(.choice(["stdout", "stderr"]), .text("a path"))) { text throws(Unfit) in
            if text == "stdout" { return .standardOutput }
            if text == "stderr" { return .standardError }
            guard text.count > 0, text.count <= 4_096, text.firstIndex(of: 0) == nil else { throw Unfit() }
            return .file(text.string)
        }
    }
}
