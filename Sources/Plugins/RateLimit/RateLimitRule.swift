import Base
import HTTP
import Observability
import Routing
import Traffic

/// Where a limit's buckets are.
package enum LimitBacking {
    /// In this process. The table must live as long as the rule.
    case local(Buckets)
    /// In a store.
    case shared(SharedLimit)
}

/// One limit as a route uses it.
package final class RateLimitRule {
    /// How the route calls it: letters, digits and hyphens.
    let name: ByteView
    /// What finds its buckets; for logs.
    let identity: ByteView
    let backing: LimitBacking
    /// The process's own buckets: the limit's, or what stands in for those in a store.
    let buckets: Buckets
    let law: TokenBucketLaw
    let key: RateLimitKey
    let cost: RateLimitCost
    let exemption: RateLimitExemptions
    let isShadow: Bool
    /// Whether it can be checked only when the caller is known.
    let needsIdentity: Bool
    let metrics: LimitMetrics

    /// - Parameters: texts must live as long as the rule.
    package init(
        name: ByteView, identity: ByteView, backing: LimitBacking, law: TokenBucketLaw, key: RateLimitKey,
        cost: RateLimitCost, exemption: RateLimitExemptions, isShadow: Bool, needsIdentity: Bool, metrics: LimitMetrics
    ) {
        self.name = name
        self.identity = identity
        self.backing = backing
        buckets =
            switch backing {
            case .local(let buckets): buckets
            case .shared(let limit): limit.buckets
            }
        self.law = law
        self.key = key
        self.cost = cost
        self.exemption = exemption
        self.isShadow = isShadow
        self.needsIdentity = needsIdentity
        self.metrics = metrics
    }
}

/// How many tokens a request takes.
package struct RateLimitCost {
    private let usual: Int
    private let byMethod: [(method: ByteView, cost: Int)]
    private let isAlwaysUsual: Bool

    package init(usual: Int, byMethod: [(method: ByteView, cost: Int)] = []) {
        self.usual = usual
        self.byMethod = byMethod
        isAlwaysUsual = byMethod.isEmpty
    }

    /// Tokens that the request takes; 0 when it isn't counted.
    @inline(__always)
    package func cost(of request: borrowing RequestHead) -> Int {
        if isAlwaysUsual { return usual }
        var index = 0
        while index < byMethod.count {
            if byMethod[index].method == request.methodToken { return byMethod[index].cost }
            index += 1
        }
        return usual
    }
}

/// Requests that a limit does not count: one condition suffices.
package struct RateLimitExemptions {
    private let networks: [CIDRBlock]
    /// Of `Host` it is the host that counts, in small letters and without port.
    private let fields: [(name: ByteView, known: KnownField, value: ByteView)]
    /// By their places in `IdentityChain.claims`.
    private let claims: [(index: Int, value: ByteView)]
    private let isEmpty: Bool

    package init(
        networks: [CIDRBlock] = [], fields: [(name: ByteView, known: KnownField, value: ByteView)] = [],
        claims: [(index: Int, value: ByteView)] = []
    ) {
        self.networks = networks
        self.fields = fields
        self.claims = claims
        isEmpty = networks.isEmpty && fields.isEmpty && claims.isEmpty
    }

    /// Whether the request isn't counted.
    @inline(__always)
    package func cover(_ request: borrowing RequestHead, client: IPAddress?, identity: RouteIdentity?) -> Bool {
        isEmpty ? false : covers(request, client, identity)
    }

    private func covers(_ request: borrowing RequestHead, _ client: IPAddress?, _ identity: RouteIdentity?) -> Bool {
        if let client { for network in networks where network.contains(client) { return true } }
        for field in fields {
            if field.known == .host {
                if request.host == field.value { return true }
                continue
            }
            // A second line could be what the upstream believes: then it isn't that value.
            guard let line = RateLimitKey.index(of: field.name, field.known, in: request.fields, from: 0),
                RateLimitKey.index(of: field.name, field.known, in: request.fields, from: line + 1) == nil,
                request.fields.value(at: line) == field.value
            else { continue }
            return true
        }
        guard let identity else { return false }
        for claim in claims {
            if let text = identity.claim(claim.index), text == claim.value { return true }
        }
        return false
    }
}

/// When limits are checked.
package enum RateLimitPhase: Sendable {
    /// Before anybody asks who sends the request.
    case anonymous
    /// When that is known.
    case identified
}

/// What the limits of a phase say.
package enum RateLimitVerdict: Sendable, Equatable {
    case proceed
    /// Too many requests: the state says which limits refused, and for how long.
    case refuse
    /// A limit can't count the request.
    case keyMissing
    /// The store has to be asked for the others.
    case ask
    /// The store gives no answer, and a limit refuses then.
    case unavailable
}
