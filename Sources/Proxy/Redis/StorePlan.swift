import Base
import Configuration
import Redis
import TLS

/// A store as one loop shall have it, made ready by the control thread.
package struct StorePlan {
    let settings: SharedStore
    /// What is known of the addresses' names.
    var addresses: [String: [IPAddress]]
    /// Nil without TLS, and when there can be none.
    let tls: TLSClientContext?
    let status: StoreStatus

    init(settings: SharedStore, addresses: [String: [IPAddress]], tls: TLSClientContext?, status: StoreStatus) {
        self.settings = settings
        self.addresses = addresses
        self.tls = tls
        self.status = status
    }

    /// A store whose servers have addresses, not names, and speak without TLS.
    package init(_ settings: SharedStore, status: StoreStatus) {
        self.init(settings: settings, addresses: [:], tls: nil, status: status)
    }

    /// Where a connection goes.
    struct Candidate {
        let endpoint: IPEndpoint
        /// Who must be there.
        let peer: TLSPeerName
    }

    /// Sentinels, or the servers themselves, as far as they are known: in the order of the configuration.
    var candidates: [Candidate] {
        let redis = settings.redis
        let configured = redis.sentinel?.addresses ?? redis.addresses
        return configured.flatMap { setting in
            let address = setting.value
            let found: [IPAddress]
            switch address.host {
            case .address(let one): found = [one]
            case .name(let name): found = addresses[name] ?? []
            }
            return found.map { one in
                Candidate(endpoint: IPEndpoint(address: one, port: address.port), peer: peer(address.host))
            }
        }
    }

    /// Who a server must prove to be.
    func peer(_ host: TargetHost) -> TLSPeerName {
        if let name = settings.redis.tls?.serverName { return .name(name.value) }
        switch host {
        case .name(let name): return .name(name)
        case .address(let address): return .address(address)
        }
    }

    /// The conversation with a server.
    var session: SessionSettings {
        let redis = settings.redis
        var session = SessionSettings()
        session.username = redis.credentials.username?.value
        session.password = redis.credentials.password?.value
        session.database = redis.database.value
        session.prefix = redis.prefix.value
        return session
    }

    /// The conversation with a Sentinel; nil where none is asked.
    var sentinelSession: SessionSettings? {
        guard let sentinel = settings.redis.sentinel else { return nil }
        var session = SessionSettings()
        session.purpose = .findMaster(sentinel.master.value)
        session.username = sentinel.credentials.username?.value
        session.password = sentinel.credentials.password?.value
        return session
    }
}

extension SharedStore {
    /// The names that its servers go by.
    var hostNames: [String] {
        (redis.addresses + (redis.sentinel?.addresses ?? [])).compactMap { setting in
            if case .name(let name) = setting.value.host { name } else { nil }
        }
    }
}
