import Base

/// The whole configuration, checked and with every effective value filled in: what the snapshot compiler reads.
///
/// Equality ignores where things were written and the files' names.
package struct GatewayConfiguration: Sendable, Equatable {
    package let workers: Setting<WorkerCount>
    /// In the order of gateway.yaml; at least one.
    package let listeners: [Listener]
    /// Nil when gateway.yaml has no `admin`.
    package let admin: AdminListener?
    /// Whose forwarding headers are believed, and who is exempt from the limit per client.
    package let trustedProxies: [Setting<CIDRBlock>]
    package let limits: GatewayLimits
    /// How long a drain after SIGTERM may take.
    package let drainTimeout: Setting<TimeAmount>
    package let accessLog: AccessLog
    package let errorLog: ErrorLog
    package let auditLog: AuditLog
    /// In the order of gateway.yaml; at most 64.
    package let issuers: [Issuer]
    /// Nil when gateway.yaml has no `internal_tokens`; then no route has `internal_jwt`.
    package let internalTokens: InternalTokens?
    /// In the order of gateway.yaml; at most 16.
    package let stores: [SharedStore]
    package let dns: NameResolution
    package let forwarding: Forwarding
    /// The `Server` field of answers that the gateway itself makes; empty for none.
    package let serverHeader: Setting<String>
    /// In the order of gateway.yaml, each with what its own file declares.
    package let domains: [Domain]
    /// What `SourceLocation.file` counts, gateway.yaml first.
    @Provenance package var files: SourceFiles
    /// Places of the values that came out of `${env:…}` or `${file:…}`: never shown.
    @Provenance package var secrets: Set<SourceLocation>
    private let knownDigest = DigestMemory()

    /// SHA-256 over the effective values, 64 lower-case hexadecimal digits. Equal digests mean equal behaviour.
    ///
    /// Worked out when somebody asks first, which takes milliseconds with thousands of routes: a server serves before.
    package var digest: String { knownDigest.value { ConfigurationDigest.digest(of: self) } }
}

/// A configuration's digest, once it is known. Any two are equal, as it tells nothing that the values don't.
private final class DigestMemory: Sendable, Equatable {
    private let known = Lock<String?>(nil)

    func value(_ digest: () -> String) -> String {
        known.withLock { known in
            if let known { return known }
            let value = digest()
            known = value
            return value
        }
    }

    static func == (left: DigestMemory, right: DigestMemory) -> Bool { true }
}

/// How many event loops run.
package enum WorkerCount: Sendable, Hashable {
    /// One for each processor that the process may use.
    case automatic
    /// That many, 1…256.
    case count(Int)
}

/// Limits that all listeners share.
package struct GatewayLimits: Sendable, Equatable {
    /// Client connections of all listeners together.
    package let connectionsMax: Setting<Int>
    /// Client connections from one address; trusted proxies are exempt.
    package let connectionsPerClientMax: Setting<Int>
}

/// Where clients connect to.
package struct Listener: Sendable, Equatable {
    package let name: String
    package let address: Setting<IPEndpoint>
    package let limits: ListenerLimits
    package let timeouts: ListenerTimeouts
    @Provenance package var location: SourceLocation
}

/// A listener that a domain or a route names.
package struct ListenerReference: Sendable, Equatable {
    /// Index into `GatewayConfiguration.listeners`; the name is what counts in a comparison.
    @Provenance package var index: Int
    package let name: String
}

/// What one client connection may make grow, before its request has a route.
package struct ListenerLimits: Sendable, Equatable {
    /// Open client connections of this listener.
    package let connectionsMax: Setting<Int>
    /// Requests on one connection; the last one's answer says `Connection: close`.
    package let requestsPerConnectionMax: Setting<Int>
    /// All header lines of a request together, in bytes; more is 431.
    package let headerBytesMax: Setting<Int>
    /// Header lines of a request; more is 431.
    package let headerCountMax: Setting<Int>
    /// The request target, in bytes; more is 414.
    package let targetBytesMax: Setting<Int>

    package static var builtIn: ListenerLimits {
        ListenerLimits(
            connectionsMax: .builtIn(Defaults.connectionsPerListenerMax),
            requestsPerConnectionMax: .builtIn(Defaults.requestsPerConnectionMax),
            headerBytesMax: .builtIn(Defaults.headerBytesMax), headerCountMax: .builtIn(Defaults.headerCountMax),
            targetBytesMax: .builtIn(Defaults.targetBytesMax))
    }
}

/// How long one client connection may take.
package struct ListenerTimeouts: Sendable, Equatable {
    /// From the first byte of a request head to its end.
    package let headerRead: Setting<TimeAmount>
    /// Between two reads of a request body.
    package let bodyIdle: Setting<TimeAmount>
    /// Between two requests.
    package let keepAliveIdle: Setting<TimeAmount>
    /// Between two writes that the client accepts.
    package let writeIdle: Setting<TimeAmount>

    package static var builtIn: ListenerTimeouts {
        ListenerTimeouts(
            headerRead: .builtIn(Defaults.headerRead), bodyIdle: .builtIn(Defaults.bodyIdle),
            keepAliveIdle: .builtIn(Defaults.keepAliveIdle), writeIdle: .builtIn(Defaults.writeIdle))
    }
}

/// The listener of probes, metrics and introspection.
package struct AdminListener: Sendable, Equatable {
    /// A loopback address unless `allow_public` was given.
    package let address: Setting<IPEndpoint>
    @Provenance package var location: SourceLocation
}
