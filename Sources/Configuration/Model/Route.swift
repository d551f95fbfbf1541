import Base

/// One route with all effective values filled in. Its identity over reloads is `domain/name`.
///
/// A class, because it is large and there are thousands: a load hands each on from stage to stage by reference.
package final class Route: Sendable {
    package let domain: String
    /// `[a-z0-9-]{1,63}`, unique within its domain.
    package let name: String
    package let match: RouteMatch
    package let action: RouteAction
    package let timeouts: RouteTimeouts
    package let limits: RouteLimits
    package let retries: RetryPolicy
    /// Nil for no limit.
    package let concurrency: ConcurrencySettings?
    private let sharedPlugins: SharedPlugins?
    /// Whether `%2F` in the path is let through (as it is) rather than refused with 400.
    package let allowEncodedSlash: Setting<Bool>
    /// How much the route matters, 1 (most) to 3, for people; nil when not given.
    package let tier: Setting<Int>?
    /// The place of the route's name.
    package let location: SourceLocation
    /// `domain/name`.
    package let identity: String

    init(
        domain: String, name: String, match: RouteMatch, action: RouteAction, timeouts: RouteTimeouts,
        limits: RouteLimits, retries: RetryPolicy, concurrency: ConcurrencySettings?, plugins: SharedPlugins?,
        allowEncodedSlash: Setting<Bool>, tier: Setting<Int>?, location: SourceLocation
    ) {
        self.domain = domain
        self.name = name
        self.match = match
        self.action = action
        self.timeouts = timeouts
        self.limits = limits
        self.retries = retries
        self.concurrency = concurrency
        sharedPlugins = plugins
        self.allowEncodedSlash = allowEncodedSlash
        self.tier = tier
        self.location = location
        identity = domain + "/" + name
    }

    /// What the route says itself, laid over what holds for its domain and for the gateway.
    package var plugins: PluginSet { sharedPlugins?.set ?? .none }
    /// False for most routes. To be asked first where all routes are gone through: a set is a large value.
    package var hasPlugins: Bool { sharedPlugins != nil }
}

extension Route: Equatable {
    /// Everything but the place.
    package static func == (left: Route, right: Route) -> Bool {
        left === right
            || left.name == right.name && left.domain == right.domain && left.match == right.match
                && left.action == right.action && left.timeouts == right.timeouts && left.limits == right.limits
                && left.retries == right.retries && left.concurrency == right.concurrency
                && (left.sharedPlugins === right.sharedPlugins || left.plugins == right.plugins)
                && left.allowEncodedSlash == right.allowEncodedSlash && left.tier == right.tier
    }
}

/// What a request must be for the route to take it.
package struct RouteMatch: Sendable, Equatable {
    /// Never empty; `[.any]` when neither the route nor its domain names one.
    package let hosts: [Setting<HostPattern>]
    /// In the order written, each once. Never empty.
    package let listeners: [Setting<ListenerReference>]
    /// Empty: any method. Each once, as written (methods are case-sensitive).
    package let methods: [Setting<String>]
    package let path: Setting<PathTemplate>
    /// All must hold.
    package let headers: [FieldCondition]
    /// All must hold, on the parameters' decoded names and values.
    package let query: [FieldCondition]
    /// The place of `match`.
    @Provenance package var location: SourceLocation
}

/// A condition on a request header (names compare without case) or a query parameter (names compare exactly).
package struct FieldCondition: Sendable, Equatable {
    package let name: String
    package let test: FieldTest
    @Provenance package var location: SourceLocation
}

/// What a field must be.
package enum FieldTest: Sendable, Hashable {
    /// The value is this, byte for byte; of several header lines, their values joined by `, `.
    case exact(String)
    /// The value begins so.
    case prefix(String)
    case present
    case absent
}

/// What a route does with a request. The rarer cases are indirect, so that they don't make every route large.
package enum RouteAction: Sendable, Equatable {
    case proxy(ProxyAction)
    indirect case redirect(Redirect)
    indirect case respond(FixedResponse)
}

/// Sends the request to an upstream.
package struct ProxyAction: Sendable, Equatable {
    /// Index into the domain's `upstreams`; the name is what counts in a comparison.
    @Provenance package var upstream: Int
    package let upstreamName: String
    /// Nil: that upstream takes everything. Otherwise it is the first side of this.
    package let split: Split?
    package let rewrite: Rewrite
    @Provenance package var location: SourceLocation
}

/// What the upstream sees instead of the client's path and host.
package struct Rewrite: Sendable, Equatable {
    package let path: Setting<PathRewrite>
    /// The `Host` header; nil leaves it to the upstream's `host_header`.
    package let host: Setting<String>?
}

/// What becomes of the path. The query stays as it is.
package enum PathRewrite: Sendable, Equatable {
    case keep
    /// Drops that many leading segments; an empty rest is `/`.
    case stripSegments(Int)
    /// The path that the template gives. Values of parameters are inserted as they are in the canonical path.
    case replace(ValueTemplate)
}

/// Sends the client elsewhere.
package struct Redirect: Sendable, Equatable {
    /// 301, 302, 303, 307 or 308.
    package let status: Setting<Int>
    package let target: RedirectTarget
    /// Whether the request's query is appended (when the target has none of its own).
    package let keepQuery: Setting<Bool>
    @Provenance package var location: SourceLocation
}

/// What the `Location` header says.
package enum RedirectTarget: Sendable, Equatable {
    /// An absolute URL or an absolute path.
    case location(Setting<ValueTemplate>)
    /// The request's own URL with these parts replaced. At least one is given. A given host or scheme without a port
    /// drops the request's port.
    case parts(
        scheme: Setting<String>?, host: Setting<String>?, port: Setting<Int>?, path: Setting<ValueTemplate>?)
}

/// An answer that needs no upstream.
package struct FixedResponse: Sendable, Equatable {
    /// 200…599. With 204, 205 and 304 the body is empty.
    package let status: Setting<Int>
    package let headers: [HeaderField]
    package let body: Setting<String>
    /// Nil when there is no body.
    package let contentType: Setting<String>?
    @Provenance package var location: SourceLocation

    /// Whether answers with this status have no content (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
    static func isWithoutContent(_ status: Int) -> Bool { status == 204 || status == 205 || status == 304 }
}

/// A header line to send. The name keeps its case; the value holds no CR, LF or NUL.
package struct HeaderField: Sendable, Equatable {
    package let name: String
    package let value: Setting<String>
}

/// How long a request of the route may take.
package struct RouteTimeouts: Sendable, Equatable {
    /// From the end of the request head to the end of the answer.
    package let request: Setting<TimeAmount>
    /// From the end of the request to the end of the upstream's response head.
    package let responseHeader: Setting<TimeAmount>
    /// Between two reads from, or two writes to, the upstream.
    package let idle: Setting<TimeAmount>
}

/// What a request of the route may make grow.
package struct RouteLimits: Sendable, Equatable {
    /// The request body, in bytes; more is 413.
    package let bodyBytesMax: Setting<Int>
}

/// What is tried again. Nothing that may have reached an upstream is sent twice unless RFC 9110 section 9.2.2 lets it.
package struct RetryPolicy: Sendable, Equatable {
    /// Further targets tried when no connection could be opened, 0…5.
    package let connectFailuresMax: Setting<Int>
    /// Whether a request that a reused connection lost before any byte of response is sent once more.
    package let staleConnection: Setting<Bool>
    /// When else there is a further attempt; nil for never.
    package let further: FurtherAttempts?
}
