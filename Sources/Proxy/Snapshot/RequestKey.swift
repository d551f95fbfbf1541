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
        if case .clientAddress = self { return hash.hash(exchange.client) }
        guard let text = text(of: exchange), !text.isEmpty else { return nil }
        return hash.hash(text)
    }

    private func text(of exchange: Exchange) -> ByteView? {
        switch self {
        case .clientAddress: nil
        case .header(let name):
            exchange.request.fields.firstIndex(named: name).map { exchange.request.fields.value(at: $0) }
        case .cookie(let name): exchange.request.fields.cookie(named: name)
        case .spiffeID: exchange.caller.identity?.spiffeID
        case .tenant: exchange.caller.identity?.tenant
        case .claim(let index): exchange.caller.claim(index)
        }
    }
}
