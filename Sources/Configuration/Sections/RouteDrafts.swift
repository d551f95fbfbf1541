import Base

/// What a domain's file says.
struct DomainDraft {
    var domain: Setting<String>?
    var defaults = RouteDefaultsDraft()
    var upstreams: [Named<UpstreamDraft>] = []
    var routes: [Named<RouteDraft>] = []
    /// Limits that routes of the file share.
    var rateLimits: [Named<RateLimitDraft>] = []
}

/// What holds for many routes: gateway.yaml's `defaults`, and a domain file's own keys of these names.
struct RouteDefaultsDraft {
    var timeouts = TimeoutsDraft()
    var limits = RouteLimitsDraft()
    var retries = RetriesDraft()
    var plugins = PluginsDraft()
}

struct TimeoutsDraft {
    var connect: Setting<TimeAmount>?
    var request: Setting<TimeAmount>?
    var responseHeader: Setting<TimeAmount>?
    var idle: Setting<TimeAmount>?
}

struct RouteLimitsDraft {
    var bodyBytesMax: Setting<Int>?
}

/// A class, because it is large and handed on several times.
final class UpstreamDraft {
    var targets: [Setting<TargetDraft>] = []
    var balancer: Setting<BalancerKind>?
    var hashOn: Setting<HashKey>?
    var timeouts = TimeoutsDraft()
    var keepAlive = KeepAliveDraft()
    var connectionsMax: Setting<Int>?
    var hostHeader: Setting<HostHeader>?
    var retryBudget = RetryBudgetDraft()
    var concurrency: ConcurrencySettings?
    var circuitBreaker: (draft: CircuitBreakerDraft, node: Int)?
    var healthCheck: (draft: HealthCheckDraft, node: Int)?
    var slowStart: Setting<TimeAmount>?
    var panicThreshold: Setting<Int>?
}

/// The balancers by name.
enum BalancerKind: String, Sendable, CaseIterable {
    case roundRobin = "round_robin"
    case leastRequests = "least_requests"
    case consistentHash = "consistent_hash"
}

struct TargetDraft: Sendable, Equatable {
    var url: TargetURL?
    var weight: Setting<Int>?
    var priority: Setting<Int>?
}

struct KeepAliveDraft {
    var connectionsMax: Setting<Int>?
    var idleTimeout: Setting<TimeAmount>?
    var requestsMax: Setting<Int>?
}

struct HashKeyDraft {
    var header: Setting<String>?
    var cookie: Setting<String>?
}

/// A class, because it is large and handed on several times.
final class RouteDraft {
    var match = MatchDraft()
    var matchNode: Int?
    var upstream: Setting<String>?
    var split: Setting<SplitDraft>?
    var redirect: (draft: RedirectDraft, key: Int, node: Int)?
    var respond: (draft: RespondDraft, key: Int, node: Int)?
    var rewrite: (draft: RewriteDraft, key: Int, node: Int)?
    var timeouts = TimeoutsDraft()
    var limits = RouteLimitsDraft()
    var retries = RetriesDraft()
    var concurrency: ConcurrencySettings?
    var plugins: PluginsDraft?
    var allowEncodedSlash: Setting<Bool>?
    var tier: Setting<Int>?
}

/// A class for the same reason.
final class MatchDraft {
    var hosts: [Setting<HostPattern>] = []
    var listeners: [Setting<String>] = []
    var methods: [Setting<String>] = []
    var path: Setting<PathTemplate>?
    var prefix: Setting<PathTemplate>?
    var headers: [Named<FieldTest>] = []
    var query: [Named<FieldTest>] = []
}

struct FieldTestDraft {
    var exact: Setting<String>?
    var prefix: Setting<String>?
    var present: Setting<Bool>?
}

/// A class, so that a route without one stays small; so are the next two.
final class RedirectDraft {
    var location: Setting<ValueTemplate>?
    var scheme: Setting<String>?
    var host: Setting<String>?
    var port: Setting<Int>?
    var path: Setting<ValueTemplate>?
    var status: Setting<Int>?
    var keepQuery: Setting<Bool>?
}

final class RespondDraft {
    var status: Setting<Int>?
    var headers: [Named<String>] = []
    var body: Setting<String>?
    var contentType: Setting<String>?
}

final class RewriteDraft {
    var stripPrefix: Setting<PathTemplate>?
    var path: Setting<ValueTemplate>?
    var host: Setting<String>?
}

struct PluginsDraft {
    var requestTransform: RequestTransformDraft?
    var responseTransform: ResponseTransformDraft?
    var ipRestriction: IPRestrictionDraft?
    var rateLimit: RateLimitPluginDraft?
    var identity = IdentityPluginsDraft()
}

struct IPRestrictionDraft {
    /// By the nearest place that names the plugin.
    var enabled: Setting<Bool>?
    var allow: [Setting<CIDRBlock>]?
    var deny: [Setting<CIDRBlock>]?
}
