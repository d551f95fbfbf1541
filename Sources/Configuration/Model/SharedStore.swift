import Base

/// A store that replicas of the gateway share: one entry of gateway.yaml's `stores`.
package struct SharedStore: Sendable, Equatable {
    /// What limits call it: `[a-z0-9-]{1,63}`.
    package let name: String
    package let redis: RedisStore
    /// The place of its name.
    @Provenance package var location: SourceLocation
}

/// A server that speaks Redis's protocol, or several of which one is the master.
package struct RedisStore: Sendable, Equatable {
    /// Tried in this order, until one turns out to be a master. Empty when Sentinels are asked.
    package let addresses: [Setting<StoreAddress>]
    /// Nil when `addresses` are given.
    package let sentinel: RedisSentinel?
    package let credentials: StoreCredentials
    package let database: Setting<Int>
    /// Nil for connections without TLS.
    package let tls: StoreTLS?
    /// What all keys begin with; 0…128 bytes.
    package let prefix: Setting<String>
    /// How long connecting, TLS and the greeting may take together, 10ms…60s.
    package let connectTimeout: Setting<TimeAmount>
    /// How long a request waits for an answer, 1ms…10s.
    package let timeout: Setting<TimeAmount>
    /// Requests of one loop that may wait at a time, 1…16384.
    package let waitingMax: Setting<Int>
    package let breaker: StoreBreaker
}

/// Who tells where the master is.
package struct RedisSentinel: Sendable, Equatable {
    /// What they call the master.
    package let master: Setting<String>
    /// Never empty; tried in this order.
    package let addresses: [Setting<StoreAddress>]
    /// What they themselves ask for.
    package let credentials: StoreCredentials
}

/// Who the gateway is to a server.
package struct StoreCredentials: Sendable, Equatable {
    /// A user of the server's ACL; nil for its default user.
    package let username: Setting<String>?
    /// Nil when the server asks for none. Never shown.
    package let password: Setting<String>?
}

/// How a server is held to its certificate.
package struct StoreTLS: Sendable, Equatable {
    /// Certificates (PEM) that it is verified against; nil: the system's roots.
    package let authorities: Setting<ReferencedFile>?
    /// The name that its certificate must be for; nil: the address's own.
    package let serverName: Setting<String>?
}

/// When a store counts as gone, and when it is looked after again.
package struct StoreBreaker: Sendable, Equatable {
    /// Failed checks in a row, of one loop.
    package let failures: Setting<Int>
    /// How long the store is left alone the first time.
    package let openTime: Setting<TimeAmount>
    /// The most that this grows to, doubling each time that the store still isn't well; at least `openTime`.
    package let openTimeMax: Setting<TimeAmount>
}

/// Where a server is.
package struct StoreAddress: Sendable, Hashable, CustomStringConvertible {
    package let host: TargetHost
    package let port: UInt16

    package init(host: TargetHost, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, IPv6 in brackets.
    package var description: String {
        switch host {
        case .name(let name): "\(name):\(port)"
        case .address(let address): IPEndpoint(address: address, port: port).description
        }
    }
}

/// What becomes of a request when the store that counts it gives no answer.
package enum StoreFailureDecision: String, Sendable, CaseIterable {
    /// The process's own buckets decide, by the same rate.
    case local
    /// It is let through.
    case allow
    /// It is answered with 503.
    case refuse
}
