import Base
import Observability
import Plugins
import Routing

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
            fields: fallback.body.isEmpty
                ? [] : [(name: ByteView("Content-Type"), value: texts.keep(fallback.contentType))],
            body: texts.keep(fallback.body))
    }

    /// Keeps the key's name as long as the snapshot lives.
    func compile(_ key: ConfiguredHashKey) -> RequestKey {
        switch key {
        case .clientAddress: .clientAddress
        case .header(let name): .header(named: texts.keep(name))
        case .cookie(let name): .cookie(texts.keep(name))
        }
    }
}
