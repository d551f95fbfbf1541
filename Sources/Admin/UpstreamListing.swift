import Base
import Configuration
import Proxy
import Traffic

/// All upstreams with their targets, for people and programs.
package struct UpstreamListing {
    package let json: JSONOutput

    /// - Parameters:
    ///   - reports: what the loops have open; a target without one is shown with nothing open.
    ///   - budget: an upstream's retry budget, by its name.
    ///   - health: what is known of an upstream, by `domain/upstream`.
    package init(
        _ configuration: GatewayConfiguration, reports: [TargetReport],
        budget: (String) -> JSONOutput? = { _ in nil }, now: MonotonicTime, health: (String) -> UpstreamHealth?
    ) {
        var byTarget: [String: [String: TargetReport]] = [:]
        for report in reports { byTarget[report.upstream, default: [:]][report.target] = report }
        let upstreams = configuration.domains.flatMap { domain in
            domain.upstreams.map { upstream -> JSONOutput in
                let name = upstream.identity(in: domain.name)
                let known = UpstreamHealthListing(upstream: upstream, health: health(name), now: now)
                let urls = upstream.targets.map(\.url)
                let draining = (byTarget[name] ?? [:]).filter { !urls.contains($0.key) }.values
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
                                    Self.members(target, url, byTarget[name]?[url]) + known.members(of: target, url))
                            })
                    ))
                if !draining.isEmpty { members.append(("draining", Self.draining(Array(draining)))) }
                return .object(members)
            }
        }
        json = ["upstreams": .array(upstreams)]
    }

    /// Targets that the configuration names no more, and that still answer requests.
    private static func draining(_ reports: [TargetReport]) -> JSONOutput {
        .array(
            reports.sorted { $0.target < $1.target }.map { report in
                [
                    "target": .string(report.target), "active_connections": .integer(report.activeConnections),
                ]
            })
    }

    private static func members(_ target: Target, _ url: String, _ report: TargetReport?) -> [(String, JSONOutput)] {
        let endpoints: [IPEndpoint]
        if case .address(let address) = target.host {
            endpoints = [IPEndpoint(address: address, port: target.port)]
        } else {
            endpoints = report?.endpoints ?? []
        }
        return [
            ("target", .string(url)),
            ("weight", .integer(target.weight.value)),
            ("addresses", .strings(endpoints.map(\.description))),
            ("active_connections", .integer(report?.activeConnections ?? 0)),
            ("idle_connections", .integer(report?.idleConnections ?? 0)),
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
