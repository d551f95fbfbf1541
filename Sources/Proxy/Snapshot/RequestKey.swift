import Base
import HTTP
import Plugins

/// What a choice among targets or upstreams looks at, so that it is the same one for a caller each time.
enum RequestKey {
    case clientAddress
    case header(ByteView)
    case cookie(ByteView)
    case spiffeID
    case tenant
    /// By its place in `IdentityChain.claims`.
    case claim(Int)

    /// Nil when the request doesn't have it, or has it without a value.
    func hash(of exchange: Exchange, by hash: KeyedHash) -> UInt64? {
        self.hash(exchange.request.fields, client: exchange.client, identity: exchange.caller.identity, by: hash)
    }

    /// The same of a request that nobody serves.
    /// - Parameter client: nil when nobody said who it is.
    func hash(
        _ fields: borrowing HeaderList, client: IPAddress?, identity: RouteIdentity?, by hash: KeyedHash
    ) -> UInt64? {
        if case .clientAddress = self { return client.map { hash.hash($0) } }
        guard let text = text(fields, identity), !text.isEmpty else { return nil }
        return hash.hash(text)
    }

    private func text(_ fields: borrowing HeaderList, _ identity: RouteIdentity?) -> ByteView? {
        switch self {
        case .clientAddress: return nil
        case .header(let name):
            guard let index = fields.firstIndex(named: name) else { return nil }
            return fields.value(at: index)
        case .cookie(let name): return fields.cookie(named: name)
        case .spiffeID: return identity?.spiffeID
        case .tenant: return identity?.tenant
        case .claim(let index): return identity?.claim(index)
        }
    }
}
