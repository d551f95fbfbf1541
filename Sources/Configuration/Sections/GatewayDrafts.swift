import Base

/// What gateway.yaml says, before defaults are filled in.
struct GatewayDraft {
    var workers: Setting<WorkerCount>?
    var listeners: [Named<ListenerDraft>] = []
    var listenersNode: Int?
    var admin: (draft: AdminDraft, node: Int)?
    var trustedProxies: [Setting<CIDRBlock>] = []
    var limits = GatewayLimitsDraft()
    var timeouts = GatewayTimeoutsDraft()
    var accessLog = AccessLogDraft()
    var errorLevel: Setting<LogLevel>?
    var auditLog = AuditLogDraft()
    var issuers: [Named<IssuerDraft>] = []
    var internalTokens: (draft: InternalTokensDraft, node: Int)?
    var stores: [Named<StoreDraft>] = []
    var nameRefresh: Setting<TimeAmount>?
    var nameTimeout: Setting<TimeAmount>?
    var forwarding = ForwardingDraft()
    var serverHeader: Setting<String>?
    var defaults = RouteDefaultsDraft()
    var domains: [Named<DomainEntryDraft>] = []
    /// Limits that routes of all files share.
    var rateLimits: [Named<RateLimitDraft>] = []
}

struct ListenerDraft {
    var address: Setting<IPEndpoint>?
    var limits = ListenerLimitsDraft()
    var timeouts = ListenerTimeoutsDraft()
}

struct AdminDraft {
    var address: Setting<IPEndpoint>?
    var allowPublic: Setting<Bool>?
}

struct GatewayLimitsDraft {
    var connectionsMax: Setting<Int>?
    var connectionsPerClientMax: Setting<Int>?
    /// What every listener has unless it says otherwise.
    var listener = ListenerLimitsDraft()
}

struct ListenerLimitsDraft {
    var connectionsMax: Setting<Int>?
    var requestsPerConnectionMax: Setting<Int>?
    var headerBytesMax: Setting<Int>?
    var headerCountMax: Setting<Int>?
    var targetBytesMax: Setting<Int>?
}

struct GatewayTimeoutsDraft {
    var drain: Setting<TimeAmount>?
    var listener = ListenerTimeoutsDraft()
}

struct ListenerTimeoutsDraft {
    var headerRead: Setting<TimeAmount>?
    var bodyIdle: Setting<TimeAmount>?
    var keepAliveIdle: Setting<TimeAmount>?
    var writeIdle: Setting<TimeAmount>?
}

/// A log of lines: whether there is one, and where it goes.
protocol LineLogDraft: SendableMetatype {
    var enabled: Setting<Bool>? { get set }
    var destination: Setting<LogDestination>? { get set }
}

struct AccessLogDraft: LineLogDraft {
    var enabled: Setting<Bool>?
    var destination: Setting<LogDestination>?
    var flushInterval: Setting<TimeAmount>?
}

struct ErrorLogDraft {
    var level: Setting<LogLevel>?
}

struct NameResolutionDraft {
    var refresh: Setting<TimeAmount>?
    var timeout: Setting<TimeAmount>?
}

struct ForwardingDraft {
    var xForwarded: Setting<Bool>?
    var forwarded: Setting<Bool>?
    var requestID: Setting<Bool>?
    var traceContext: Setting<Bool>?
}

/// What gateway.yaml gives a domain.
struct DomainEntryDraft {
    var owner: Setting<String>?
    var hosts: [Setting<HostPattern>] = []
    var paths: [Setting<PathTemplate>] = []
    var listeners: [Setting<String>] = []
    var trustDomain: Setting<String>?
}
