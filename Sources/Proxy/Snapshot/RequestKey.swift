import Base
import HTTP
import Plugins

/// What a choice among targets or upstreams looks at, so that it is the same one for a caller each time.
enum RequestKey {
    case clientAddress
    case header(ByteView)
    /// As it is understood, in whatever spelling a client writes it.
    case host
    case cookie(ByteView)
    case spiffeID
    case tenant
    /// By its place in `IdentityChain.claims`.
    case claim(Int)

    /// - Parameter name: kept as long as the key.
    static func header(named name: ByteView) -> RequestKey { KnownField(name: name) == .host ? .host : .header(name) }

    /// Nil when the request doesn't have it, or has it without a value.
    func hash(of exchange: Exchange, by hash: KeyedHash) -> UInt64? {
        self.hash(exchange.request, client: exchange.client, identity: exchange.caller.identity, by: hash)
    }

    /// The same of a request that nobody serves.
    /// - Parameter client: nil when nobody said who it is.
    func hash(
        _ request: borrowing RequestHead, client: IPAddress?, identity: RouteIdentity?, by hash: KeyedHash
    ) -> UInt64? {
        if case .clientAddress = self { return client.map { hash.hash($0) } }
        guard let text = text(request, identity), !text.isEmpty else { return nil }
        return hash.hash(text)
    }

    private func text(_ request: borrowing RequestHead, _ identity: RouteIdentity?) -> ByteView? {
        switch self {
        case .clientAddress: return nil
        case .header(let name):
            guard let index = request.fields.firstIndex(named: name) else { return nil }
            return request.fields.value(at: index)
        case .cookie(let name): return request.fields.cookie(named: name)
        case .host: return request.host
        case .spiffeID: return identity?.spiffeID
        case .tenant: return identity?.tenant
        case .claim(let index): return identity?.claim(index)
        }
    }
}
