import Base
import HTTP
import Observability
import Plugins
import Routing
import Traffic
import Upstream

/// A configuration as one event loop uses it: compiled, immutable but for the pools that it is bound to, and the loop's
/// own, so that no request touches a reference count that another core touches too.
package final class Snapshot: @unchecked Sendable {
    // Sendable for one hand-over: the control thread builds it, then exactly one loop has it.

    /// Finds routes; the indices are those of `routes`.
    let table: RouteTable
    let routes: [CompiledRoute]
    /// What comes before all routes of the table.
    let published: PublishedPaths
    /// What counts requests that no route took.
    let unrouted: CompiledRoute
    let forwarding: ForwardingPolicy
    /// The `Server` field of the gateway's own answers; empty for none.
    let serverHeader: ByteView
    /// By the index that routes have; bound to the loop's pools when the loop takes the snapshot over.
    var upstreams: [UpstreamCluster] = []
    /// Whether any route or upstream limits how many requests are under way.
    var hasGates = false
    /// By the index that routes have; bound to the loop's when the loop takes the snapshot over.
    var issuers: [IssuerKeys] = []
    /// The same of the stores that replicas share.
    var stores: [StoreLink] = []
    /// Keeps the loop's signing key; nil when nothing is signed.
    var signingNeed: SigningNeed?
    /// Names of query parameters whose values stay out of logs: those in which any route takes tokens, and
    /// `access_token` (RFC 6750 section 2.3).
    let queryTokenNames: [ByteView]
    private let texts: TextArena
    private let lease: MetricsLease
    /// The buckets of the routes' rate limits, which their rules point to.
    private let limits: [String: LimitTable]

    init(
        table: RouteTable, routes: [CompiledRoute], published: PublishedPaths = PublishedPaths(),
        unrouted: CompiledRoute, forwarding: ForwardingPolicy, serverHeader: ByteView, queryTokenNames: [ByteView],
        texts: TextArena, lease: MetricsLease, limits: [String: LimitTable] = [:]
    ) {
        self.table = table
        self.routes = routes
        self.published = published
        self.unrouted = unrouted
        self.forwarding = forwarding
        self.serverHeader = serverHeader
        self.queryTokenNames = queryTokenNames
        self.texts = texts
        self.lease = lease
        self.limits = limits
    }

    /// Keeps the answer's texts as long as the snapshot lives.
    func compile(_ fallback: HealthPlan.Fallback) -> CompiledResponse {
        CompiledResponse(
            status: fallback.status,
            fields: [(name: ByteView("Content-Type"), value: texts.keep(fallback.contentType))],
            body: texts.keep(fallback.body))
    }

    /// Keeps the key's name as long as the snapshot lives.
    func compile(_ key: ConfiguredHashKey) -> RequestKey {
        switch key {
        case .clientAddress: .clientAddress
        case .header(let name): .header(texts.keep(name))
        case .cookie(let name): .cookie(texts.keep(name))
        }
    }
}

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

/// What a route does.
enum CompiledAction {
    /// Sends the request to the upstream of this index.
    case proxy(Int)
    case redirect(CompiledRedirect)
    case respond(CompiledResponse)
    /// An endpoint of the gateway itself.
    case local(any LocalHandler)
    /// The gateway's own keys.
    case keys(KeyDocument)
}

/// What `Host` says upstream.
enum CompiledHost {
    case preserve
    case target
    case fixed(ByteView)
}

/// A fixed answer.
struct CompiledResponse {
    let status: Int
    let fields: [(name: ByteView, value: ByteView)]
    let body: ByteView
}

/// What becomes of the path on its way upstream.
package enum CompiledRewrite {
    case keep
    /// Drops that many leading segments.
    case strip(segments: Int)
    case replace(CompiledTemplate)

    func apply(to exchange: Exchange) {
        append(exchange.request.path, parameters: exchange.match, to: &exchange.rewrittenPath)
    }

    /// Appends what becomes of `path`; nothing when it is kept.
    package func append(_ path: ByteView, parameters: RouteMatch, to buffer: inout IOBuffer) {
        switch self {
        case .keep: return
        case .strip(let segments):
            var index = 0
            var left = segments
            while left > 0, let slash = path.firstIndex(of: ASCII.slash, from: index + 1) {
                index = slash
                left -= 1
            }
            if left > 0 {
                buffer.append("/")
            } else {
                buffer.append(path.from(index))
            }
        case .replace(let template): template.append(parameters: parameters, path: path, to: &buffer)
        }
    }
}

/// Where a redirect sends the client.
package struct CompiledRedirect {
    package enum Target {
        case location(CompiledTemplate)
        /// The request's own URL with some parts replaced.
        case parts(scheme: ByteView?, host: ByteView?, port: Int?, path: CompiledTemplate?)
    }

    let status: Int
    let target: Target
    let keepsQuery: Bool

    /// - Parameters:
    ///   - status: one of the 3xx.
    ///   - target: its texts must live as long as the redirect.
    ///   - keepsQuery: whether the request's query is passed on, to a target that has none of its own.
    package init(status: Int, target: Target, keepsQuery: Bool) {
        self.status = status
        self.target = target
        self.keepsQuery = keepsQuery
    }

    func appendLocation(of exchange: Exchange, to buffer: inout IOBuffer) {
        appendLocation(exchange.request, query: exchange.upstreamQuery, parameters: exchange.match, to: &buffer)
    }

    /// Appends the value of `Location`. `buffer` must be empty.
    /// - Parameter query: the request's, or what is passed on of it.
    package func appendLocation(
        _ request: borrowing RequestHead, query: ByteView?, parameters: RouteMatch, to buffer: inout IOBuffer
    ) {
        switch target {
        case .location(let template):
            template.append(parameters: parameters, path: request.path, to: &buffer)
        case .parts(let scheme, let host, let port, let path):
            buffer.append(scheme ?? ByteView("http"))
            buffer.append("://")
            buffer.append(host ?? request.host)
            if let port {
                buffer.append(":")
                buffer.append(decimal: port)
            } else if scheme == nil, host == nil, let asked = request.port {
                buffer.append(":")
                buffer.append(decimal: Int(asked))
            }
            if let path {
                path.append(parameters: parameters, path: request.path, to: &buffer)
            } else {
                buffer.append(request.path)
            }
        }
        if keepsQuery, let query { Self.insert(query: query, into: &buffer) }
    }

    /// Gives the location a query, before its fragment, unless it has one of its own (RFC 3986 section 3).
    private static func insert(query: ByteView, into buffer: inout IOBuffer) {
        let location = buffer.readable
        let end = location.firstIndex(of: UInt8(ascii: "#")) ?? location.count
        guard location.prefix(end).firstIndex(of: ASCII.question) == nil else { return }
        var tail = IOBuffer()
        if end < location.count {
            tail.append(location)
            buffer.removeAll()
            buffer.append(tail.readable.prefix(end))
        }
        buffer.append("?")
        buffer.append(query)
        buffer.append(tail.readable.from(min(end, tail.readableCount)))
    }
}
