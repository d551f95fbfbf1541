import Base
import Configuration
import Observability
import Proxy
import Traffic

/// All upstreams with their targets, for people and programs.
package struct UpstreamListing {
    package let json: JSONOutput

    /// - Parameters:
    ///   - connections: what the loops have open; a target that isn't among them is shown with nothing open.
    ///   - endpoints: where a target is now.
    ///   - budget: an upstream's retry budget, by its name.
    ///   - health: what is known of an upstream, by `domain/upstream`.
    package init(
        _ configuration: GatewayConfiguration, connections: [TargetConnections],
        endpoints: (Target) -> [IPEndpoint],
        budget: (String) -> JSONOutput? = { _ in nil }, now: MonotonicTime, health: (String) -> UpstreamHealth?
    ) {
        var byTarget: [String: [String: TargetConnections]] = [:]
        for one in connections { byTarget[one.upstream, default: [:]][one.target] = one }
        let upstreams = configuration.domains.flatMap { domain in
            domain.upstreams.map { upstream -> JSONOutput in
                let name = upstream.identity(in: domain.name)
                let known = UpstreamHealthListing(upstream: upstream, health: health(name), now: now)
                let urls = upstream.targets.map(\.url)
                let draining = (byTarget[name] ?? [:]).values.filter { $0.active > 0 && !urls.contains($0.target) }
                var members: [(String, JSONOutput)] = [
                    ("upstream", .string(name)),
                    ("balancer", .string(upstream.balancer.value.text)),
                    ("connections_max", .integer(upstream.connectionsMax.value)),
                    ("place", .string(configuration.files.describe(upstream.location))),
                    ("retry_budget", budget(name) ?? .null),
                ]
                members += known.members
                members.append(
                    (
                        "targets",
                        .array(
                            zip(upstream.targets, urls).map { target, url in
                                .object(
                                    Self.members(target, url, byTarget[name]?[url], endpoints(target))
                                        + known.members(of: target, url))
                            })
                    ))
                if !draining.isEmpty { members.append(("draining", Self.draining(draining))) }
                return .object(members)
            }
        }
        json = ["upstreams": .array(upstreams)]
    }

    /// Targets that the configuration names no more, and that still answer requests.
    private static func draining(_ connections: [TargetConnections]) -> JSONOutput {
        .array(
            connections.sorted { $0.target < $1.target }.map { one in
                ["target": .string(one.target), "active_connections": .integer(one.active)]
            })
    }

    private static func members(
        _ target: Target, _ url: String, _ connections: TargetConnections?, _ endpoints: [IPEndpoint]
    ) -> [(String, JSONOutput)] {
        [
            ("target", .string(url)),
            ("weight", .integer(target.weight.value)),
            ("addresses", .strings(endpoints.map(\.description))),
            ("active_connections", .integer(connections?.active ?? 0)),
            ("idle_connections", .integer(connections?.idle ?? 0)),
        ]
    }
}

extension Balancer {
    /// As people say it, with what is hashed.
    package var text: String {
        switch self {
        case .roundRobin: "round_robin"
        case .leastRequests: "least_requests"
        case .consistentHash(.header(let name)): "consistent_hash on header \(name)"
        case .consistentHash(.cookie(let name)): "consistent_hash on cookie \(name)"
        case .consistentHash(.clientAddress): "consistent_hash on client_address"
        }
    }
}
