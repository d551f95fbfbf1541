import Base
import Configuration
import Proxy

/// All upstreams with their targets, for people and programs.
package struct UpstreamListing {
    package let json: JSONValue

    /// - Parameters:
    ///   - reports: what the loops have open; a target without one is shown with nothing open.
    ///   - budget: an upstream's retry budget, by its name.
    package init(
        _ configuration: GatewayConfiguration, reports: [TargetReport],
        budget: (String) -> JSONValue? = { _ in nil }
    ) {
        var byTarget: [String: [String: TargetReport]] = [:]
        for report in reports { byTarget[report.upstream, default: [:]][report.target] = report }
        let upstreams = configuration.domains.flatMap { domain in
            domain.upstreams.map { upstream -> JSONValue in
                let name = "\(domain.name)/\(upstream.name)"
                return [
                    "upstream": .string(name),
                    "balancer": .string(upstream.balancer.value.text),
                    "connections_max": .integer(upstream.connectionsMax.value),
                    "place": .string(configuration.files.describe(upstream.location)),
                    "retry_budget": budget(name) ?? .null,
                    "targets": .array(
                        upstream.targets.map { target in
                            let url = "http://\(target.authority)"
                            return Self.json(target, url, byTarget[name]?[url])
                        }),
                ]
            }
        }
        json = ["upstreams": .array(upstreams)]
    }

    private static func json(_ target: Target, _ url: String, _ report: TargetReport?) -> JSONValue {
        let endpoints: [IPEndpoint]
        if case .address(let address) = target.host {
            endpoints = [IPEndpoint(address: address, port: target.port)]
        } else {
            endpoints = report?.endpoints ?? []
        }
        return [
            "target": .string(url),
            "weight": .integer(target.weight.value),
            "addresses": .strings(endpoints.map(\.description)),
            "active_connections": .integer(report?.activeConnections ?? 0),
            "idle_connections": .integer(report?.idleConnections ?? 0),
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
