import Base

/// The plugin `rate_limit` of a route: every limit that its requests are held to, all of which must let them through.
package struct RateLimitSettings: Sendable, Equatable {
    /// Never empty, at most `countMax`; each name once.
    package let limits: [RouteRateLimit]
    package let headers: Setting<RateLimitHeaders>

    /// Limits that one request may be held to.
    package static let countMax = 8
}

/// One limit as one route uses it.
package struct RouteRateLimit: Sendable, Equatable {
    /// How the route calls it; `default` for the short form.
    package let name: String
    /// What counts, and for whom: one object for all routes that share it.
    package let definition: RateLimitDefinition
    package let cost: Setting<RequestCost>
    /// Requests that are not counted.
    package let exemption: RateLimitExemption
    /// Counts, and refuses nobody.
    package let isShadow: Setting<Bool>
    @Provenance package var location: SourceLocation
}

/// A limit with its buckets: routes with one definition share them.
package struct RateLimitDefinition: Sendable, Equatable {
    /// What finds the buckets again after a reload, and tells people where the limit is defined: the names on the way
    /// to it, such as `bank-a/read-account/rate_limit/default`.
    package let identity: String
    package let rate: Setting<RequestRate>
    /// The most tokens that wait.
    package let burst: Setting<Int>
    package let key: Setting<[RateLimitKeyPart]>
    /// How many leading bits of an IPv6 address make one client.
    package let ipv6Prefix: Setting<Int>
    package let missingKey: Setting<MissingKey>
    /// Keys in use at a time that have a bucket of their own.
    package let keysMax: Setting<Int>
    /// The store that has its buckets, by name; nil: the process itself.
    package let store: Setting<String>?
    /// What becomes of requests when the store gives no answer.
    package let onFailure: Setting<StoreFailureDecision>
    /// How many tokens a loop takes from the store at once, at most the burst; nil: each request takes its own.
    package let batch: Setting<Int>?
}

/// Tokens that come in a period.
package struct RequestRate: Sendable, Hashable, CustomStringConvertible {
    package let count: Int
    package let period: RatePeriod

    package init(count: Int, period: RatePeriod) {
        self.count = count
        self.period = period
    }

    /// As it would be written.
    package var description: String { "\(count)/\(period.rawValue)" }

    /// What comes in a second, and at least one.
    package var perSecond: Int { max(count / period.seconds, 1) }
}

/// The units of a rate.
package enum RatePeriod: String, Sendable, CaseIterable {
    case second = "s"
    case minute = "min"
    case hour = "h"
    case day = "d"

    package var seconds: Int {
        switch self {
        case .second: 1
        case .minute: 60
        case .hour: 3_600
        case .day: 86_400
        }
    }
}

/// One of the things that requests are counted by.
package enum RateLimitKeyPart: Sendable, Hashable {
    case clientAddress
    case spiffeID
    case tenant
    case claim(ClaimPath)
    case header(String)
    case pathParameter(String)
    case route
    case domain
    /// The same for all requests.
    case gateway

    /// Whether it is known only when the caller is.
    package var needsIdentity: Bool {
        switch self {
        case .spiffeID, .tenant, .claim: true
        case .clientAddress, .header, .pathParameter, .route, .domain, .gateway: false
        }
    }

    /// Whether it is the configuration's, and not the request's: then there are few buckets.
    package var isFixed: Bool {
        switch self {
        case .route, .domain, .gateway: true
        case .clientAddress, .spiffeID, .tenant, .claim, .header, .pathParameter: false
        }
    }

    /// As it is written.
    package var text: String {
        switch self {
        case .clientAddress: "client_address"
        case .spiffeID: "spiffe_id"
        case .tenant: "tenant"
        case .claim(let path): "claim.\(path)"
        case .header(let name): "header.\(name)"
        case .pathParameter(let name): "path.\(name)"
        case .route: "route"
        case .domain: "domain"
        case .gateway: "gateway"
        }
    }
}

/// What becomes of a request that lacks what it is counted by.
package enum MissingKey: String, Sendable, CaseIterable {
    /// It is answered with 400.
    case refuse
    /// This limit lets it pass, uncounted.
    case skip
    /// All such requests have one bucket.
    case shared
}

/// How many tokens a request takes.
package struct RequestCost: Sendable, Hashable {
    /// For methods that are not listed.
    package let usual: Int
    package let byMethod: [MethodCost]

    package struct MethodCost: Sendable, Hashable {
        package let method: String
        package let cost: Int
    }

    /// The most that any request takes.
    package var most: Int { byMethod.reduce(usual) { max($0, $1.cost) } }
}

/// Requests that a limit does not count: one of these suffices.
package struct RateLimitExemption: Sendable, Equatable {
    package let networks: [Setting<CIDRBlock>]
    package let claims: [ExemptClaim]
    package let headers: [HeaderField]

    package struct ExemptClaim: Sendable, Equatable {
        package let path: ClaimPath
        package let value: Setting<String>
    }

    package static let none = RateLimitExemption(networks: [], claims: [], headers: [])

    package var isEmpty: Bool { networks.isEmpty && claims.isEmpty && headers.isEmpty }
}

/// Which fields tell clients how they stand.
package enum RateLimitHeaders: String, Sendable, CaseIterable {
    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    case draft
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    case legacy
    case both
    /// Only `Retry-After`, with a refusal.
    case none
}

extension RouteRateLimit {
    /// Whether it can be checked only when the caller is known.
    package var needsIdentity: Bool {
        definition.key.value.contains(where: \.needsIdentity) || !exemption.claims.isEmpty
    }
}
