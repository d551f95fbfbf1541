import Base

/// A service behind the gateway.
package struct Upstream: Sendable, Equatable {
    /// `[a-z0-9-]{1,63}`, unique within its domain.
    package let name: String
    /// At least one; at least one with a weight above 0.
    package let targets: [Target]
    package let balancer: Setting<Balancer>
    /// How long opening a connection may take.
    package let connectTimeout: Setting<TimeAmount>
    package let keepAlive: KeepAlive
    /// Open connections of all loops together.
    package let connectionsMax: Setting<Int>
    package let hostHeader: Setting<HostHeader>
    package let retryBudget: RetryBudgetSettings
    /// Nil for no limit.
    package let concurrency: ConcurrencySettings?
    /// Nil for none.
    package let circuitBreaker: CircuitBreakerSettings?
    /// Nil for none.
    package let healthCheck: HealthCheckSettings?
    /// How long a target that has come back takes to get its whole share; nil for no time.
    package let slowStart: Setting<TimeAmount>?
    /// Percent of a priority's targets; with fewer healthy ones all are used. 0 for never.
    package let panicThreshold: Setting<Int>
    @Provenance package var location: SourceLocation

    /// `domain/name`: what identifies it over reloads, in logs and metrics.
    package func identity(in domain: String) -> String { "\(domain)/\(name)" }
}

/// One place where a service runs.
package struct Target: Sendable, Equatable {
    package let host: TargetHost
    /// 1…65535.
    package let port: UInt16
    /// 0…1000; 0 takes no new requests.
    package let weight: Setting<Int>
    /// 0…9; lower ones are asked first.
    package let priority: Setting<Int>
    @Provenance package var location: SourceLocation

    /// `host:port`, IPv6 in brackets: what the `Host` header says when the target's name is sent.
    package var authority: String { host.authority(port: port) }

    /// What identifies it within its upstream over reloads, in logs and metrics.
    package var url: String { "http://\(authority)" }
}

/// What a target's URL names.
package enum TargetHost: Sendable, Hashable {
    /// A name to resolve, in lower case.
    case name(String)
    case address(IPAddress)

    /// With the port, IPv6 in brackets.
    func authority(port: UInt16) -> String {
        switch self {
        case .name(let name): "\(name):\(port)"
        case .address(let address): IPEndpoint(address: address, port: port).description
        }
    }
}

/// How a target is picked.
package enum Balancer: Sendable, Hashable {
    /// Each in turn, by weight.
    case roundRobin
    /// The one with the fewest requests under way in relation to its weight.
    case leastRequests
    /// Always the same one for the same key.
    case consistentHash(HashKey)
}

/// What consistent hashing hashes.
package enum HashKey: Sendable, Hashable {
    /// The value of a request header, named as written.
    case header(String)
    /// The value of a cookie.
    case cookie(String)
    case clientAddress
}

/// How long unused upstream connections live.
package struct KeepAlive: Sendable, Equatable {
    /// Unused connections that one loop keeps.
    package let connectionsMax: Setting<Int>
    package let idleTimeout: Setting<TimeAmount>
    /// Requests on one connection.
    package let requestsMax: Setting<Int>
}

/// Which host the upstream sees.
package enum HostHeader: String, Sendable, Hashable, CaseIterable {
    /// The client's.
    case preserve
    /// The target's host and port.
    case target
}
