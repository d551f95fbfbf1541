import Base
import Observability
import Plugins
import Traffic
import Upstream

/// One route, ready to be used.
///
/// What every request reads stands first and together: with many routes, a request waits for each cache line that its
/// route's last request has left long ago.
final class CompiledRoute {
    let requestTimeout: TimeAmount
    let bodyBytesMax: Int
    let plugins: PluginChain
    /// The same as `rateLimits` for requests: the route keeps it alive.
    let uncountedLimits: Unmanaged<RateLimitChain>?
    /// The upstream of an action that proxies, so that nothing of the action need be copied to learn it; -1 for others.
    let upstreamIndex: Int
    /// How requests are divided between upstreams; nil when there is one.
    let split: CompiledSplit?
    /// How many requests may be under way; bound when the loop takes the snapshot over. Nil for no limit.
    var gate: ConcurrencyGate?
    let rewrite: CompiledRewrite
    let allowsEncodedSlash: Bool
    private let hasRetryLaw: Bool
    let hostHeader: CompiledHost
    let responseHeaderTimeout: TimeAmount
    let idleTimeout: TimeAmount
    var metrics: RouteMetrics

    // What only some requests read.

    /// `domain/name`.
    let identity: ByteView
    let action: CompiledAction
    /// Nil when the route has no rate limit.
    let rateLimits: RateLimitChain?
    /// Further targets tried when no connection could be opened.
    let connectRetriesMax: Int
    let retriesStaleConnection: Bool
    /// When else there is a further attempt; nil for never.
    var retryLaw: RetryLaw? { hasRetryLaw ? furtherAttempts : nil }
    private let furtherAttempts: RetryLaw?
    let retryMethods: RetryMethods

    init(_ parts: Parts, metrics: RouteMetrics) {
        identity = parts.identity
        action = parts.action
        upstreamIndex = if case .proxy(let index) = parts.action { index } else { -1 }
        requestTimeout = parts.requestTimeout
        responseHeaderTimeout = parts.responseHeaderTimeout
        idleTimeout = parts.idleTimeout
        bodyBytesMax = parts.bodyBytesMax
        allowsEncodedSlash = parts.allowsEncodedSlash
        connectRetriesMax = parts.connectRetriesMax
        retriesStaleConnection = parts.retriesStaleConnection
        hasRetryLaw = parts.retryLaw != nil
        furtherAttempts = parts.retryLaw
        retryMethods = parts.retryMethods
        split = parts.split
        rewrite = parts.rewrite
        hostHeader = parts.hostHeader
        plugins = parts.plugins
        rateLimits = parts.rateLimits
        uncountedLimits = parts.rateLimits.map { .passUnretained($0) }
        self.metrics = metrics
    }

    /// What a route is made of; the defaults are those of a request that no route took.
    struct Parts {
        var identity = ByteView()
        var action = CompiledAction.respond(CompiledResponse(status: 404, fields: [], body: ByteView()))
        var requestTimeout = TimeAmount.seconds(60)
        var responseHeaderTimeout = TimeAmount.seconds(30)
        var idleTimeout = TimeAmount.seconds(60)
        var bodyBytesMax = Int.max
        var allowsEncodedSlash = false
        var connectRetriesMax = 0
        var retriesStaleConnection = true
        var retryLaw: RetryLaw?
        var retryMethods = RetryMethods()
        var split: CompiledSplit?
        var rewrite = CompiledRewrite.keep
        var hostHeader = CompiledHost.preserve
        var plugins = PluginChain()
        var rateLimits: RateLimitChain?
    }
}
