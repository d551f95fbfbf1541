import Base
import Configuration
import HTTP
import Plugins

/// Compiles what a limit reads of requests: what it counts by, what they cost, and whom it exempts. Texts are kept in
/// `texts`.
struct LimitTerms {
    let texts: TextArena
    let hash: KeyedHash

    func key(_ definition: RateLimitDefinition, of route: ConfiguredRoute, claims: ClaimSlots) -> RateLimitKey {
        let parts: [RateLimitKey.Part] = definition.key.value.map { part in
            switch part {
            case .clientAddress: .client(ipv6Prefix: definition.ipv6Prefix.value)
            case .spiffeID: .spiffeID
            case .tenant: .tenant
            case .claim(let path): .claim(claims.index(of: path))
            case .header(let name): field(name)
            case .pathParameter(let name):
                route.match.path.value.parameters.firstIndex(of: name).map { .capture($0) } ?? .nothing
            case .route: .fixed(texts.keep(route.identity))
            case .domain: .fixed(texts.keep(route.domain))
            case .gateway: .fixed(texts.keep("gateway"))
            }
        }
        let missing: RateLimitKey.Missing
        switch definition.missingKey.value {
        case .refuse: missing = .refuse
        case .skip: missing = .skip
        case .shared: missing = .shared
        }
        return RateLimitKey(parts, missing: missing, hash: hash)
    }

    private func field(_ name: String) -> RateLimitKey.Part {
        let kept = texts.keep(name)
        let known = KnownField(name: kept)
        return known == .host ? .host : .field(name: kept, known: known)
    }

    func cost(_ cost: RequestCost) -> RateLimitCost {
        RateLimitCost(usual: cost.usual, byMethod: cost.byMethod.map { (texts.keep($0.method), $0.cost) })
    }

    func exemptions(_ exemption: RateLimitExemption, claims: ClaimSlots) -> RateLimitExemptions {
        RateLimitExemptions(
            networks: exemption.networks.map(\.value),
            fields: exemption.headers.map { header in
                let name = texts.keep(header.name)
                return (name, KnownField(name: name), texts.keep(header.value.value))
            },
            claims: exemption.claims.map { (claims.index(of: $0.path), texts.keep($0.value.value)) })
    }
}
