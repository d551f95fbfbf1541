import Base
import HTTP
import Plugins
import Traffic

/// How a route's requests are divided between upstreams.
final class CompiledSplit {
    /// What keeps a caller on one side.
    enum Key {
        case clientAddress
        case header(ByteView)
        case cookie(ByteView)
        case spiffeID
        case tenant
        /// By its place in `IdentityChain.claims`.
        case claim(Int)
    }

    /// By side: the snapshot's index of the upstream, and what `Host` says there.
    let upstreams: [Int]
    let hosts: [CompiledHost]
    private let choice: WeightedChoice
    private let key: Key?

    init(upstreams: [Int], hosts: [CompiledHost], choice: WeightedChoice, key: Key?) {
        self.upstreams = upstreams
        self.hosts = hosts
        self.choice = choice
        self.key = key
    }

    /// The side that takes the request: always the same one for a key, by chance for a request without it.
    func side(for exchange: Exchange) -> Int {
        choice.side(for: hash(of: exchange) ?? exchange.worker.random.next())
    }

    private func hash(of exchange: Exchange) -> UInt64? {
        switch key {
        case nil: return nil
        case .clientAddress: return Self.keyHash.hash(exchange.client)
        case .header(let name):
            return Self.hash(
                exchange.request.fields.firstIndex(named: name).map { exchange.request.fields.value(at: $0) })
        case .cookie(let name): return Self.hash(exchange.request.fields.cookie(named: name))
        case .spiffeID: return Self.hash(exchange.caller.identity?.spiffeID)
        case .tenant: return Self.hash(exchange.caller.identity?.tenant)
        case .claim(let index): return Self.hash(exchange.caller.claim(index))
        }
    }

    private static func hash(_ value: ByteView?) -> UInt64? {
        guard let value, !value.isEmpty else { return nil }
        return keyHash.hash(value)
    }

    /// A constant key, so that all processes agree; another one than consistent hashing's, so that the callers of one
    /// side are spread over all of its targets.
    static let keyHash = KeyedHash(first: 0x706f_7274_6375_6c6c, second: 0x6973_2d73_706c_6974)
}

/// Methods by name, those that are known as bits.
struct RetryMethods {
    private var known: UInt16 = 0
    private var others: [ByteView] = []

    init() {}

    /// - Parameter names: must live as long as the value.
    init(_ names: [ByteView]) {
        for name in names {
            let method = Method(token: name)
            if method == .other { others.append(name) } else { known |= 1 << UInt16(method.rawValue) }
        }
    }

    func contains(_ method: Method, token: ByteView) -> Bool {
        if method != .other { return known & (1 << UInt16(method.rawValue)) != 0 }
        var index = 0
        while index < others.count {
            if others[index] == token { return true }
            index += 1
        }
        return false
    }
}
