import Base
import Configuration
import HTTP
import Plugins
import Routing

/// What a limit makes of a sample request before it takes any tokens, found out by the very parts that serve. For
/// `explain`: how full the buckets are, only a running gateway knows.
package struct LimitPreview: Equatable, Sendable {
    package enum Decision: Equatable, Sendable {
        /// It takes so many tokens.
        case counted(cost: Int)
        /// It costs nothing.
        case free
        case exempt
        /// It lacks these parts of the key.
        case keyMissing([RateLimitKeyPart], cost: Int)
    }

    /// How the route calls the limit.
    package let name: String
    package let decision: Decision
    /// Whether the limit exempts networks, and nobody said who the client is.
    package let isClientMissing: Bool
    /// Whether the gateway refuses the request, whatever the buckets hold.
    let isRefused: Bool
}

/// All limits of a route, for one sample request. To be made before the claims are read that keys consist of.
struct LimitPreviews {
    private let limits: [Part]
    private let client: IPAddress?

    private struct Part {
        let limit: RouteRateLimit
        let key: RateLimitKey
        let cost: RateLimitCost
        let exemptions: RateLimitExemptions
    }

    /// - Parameters:
    ///   - texts: must live as long as this.
    ///   - client: nil when nobody said: then no network is exempt.
    init(_ route: ConfiguredRoute, texts: TextArena, claims: ClaimSlots, client: IPAddress?) {
        // Nobody compares the hashes with others.
        let terms = LimitTerms(texts: texts, hash: KeyedHash(first: 0, second: 0))
        limits = (route.hasPlugins ? route.plugins.rateLimit?.limits ?? [] : []).map { limit in
            Part(
                limit: limit, key: terms.key(limit.definition, of: route, claims: claims),
                cost: terms.cost(limit.cost.value),
                exemptions: terms.exemptions(limit.exemption, claims: claims))
        }
        self.client = client
    }

    /// - Parameter byIdentity: which of the two places is meant.
    func preview(
        byIdentity: Bool, _ request: borrowing RequestHead, parameters: Routing.RouteMatch, identity: RouteIdentity?
    ) -> [LimitPreview] {
        var previews: [LimitPreview] = []
        for part in limits where part.limit.needsIdentity == byIdentity {
            let decision = decision(part, request, parameters, identity)
            var isRefused = false
            if case .keyMissing = decision {
                isRefused = part.limit.definition.missingKey.value == .refuse && !part.limit.isShadow.value
            }
            previews.append(
                LimitPreview(
                    name: part.limit.name, decision: decision,
                    isClientMissing: client == nil && !part.limit.exemption.networks.isEmpty, isRefused: isRefused))
        }
        return previews
    }

    private func decision(
        _ part: Part, _ request: borrowing RequestHead, _ parameters: Routing.RouteMatch, _ identity: RouteIdentity?
    ) -> LimitPreview.Decision {
        let cost = part.cost.cost(of: request)
        if cost == 0 { return .free }
        if part.exemptions.cover(request, client: client, identity: identity) { return .exempt }
        // Every client has an address: any one stands for that of a client whom nobody has named.
        let missing = part.key.missingParts(
            request, parameters: parameters, client: client ?? IPAddress(ipv4: 0), identity: identity)
        if missing.isEmpty { return .counted(cost: cost) }
        return .keyMissing(missing.map { part.limit.definition.key.value[$0] }, cost: cost)
    }
}
