import Base
import HTTP
import Upstream

/// An upstream as one loop sees it: its targets' pools and the balancer that picks among them.
///
/// It belongs to a snapshot; its pools outlive it.
final class UpstreamCluster {
    /// `domain/upstream`.
    let name: String
    let targets: [TargetPool]
    private var balancer: TargetBalancer
    private let hashKey: CompiledHashKey?
    private let hashSeed: UInt64

    init(name: String, targets: [TargetPool], balancer: TargetBalancer, hashKey: CompiledHashKey?, hashSeed: UInt64) {
        self.name = name
        self.targets = targets
        self.balancer = balancer
        self.hashKey = hashKey
        self.hashSeed = hashSeed
    }

    /// The target for the next attempt of `exchange`; nil when none is left. Follow with `release`.
    func pick(for exchange: Exchange) -> Int? {
        balancer.pick(hash: hash(of: exchange), excluding: exchange.attempt.excludedTargets)
    }

    /// The attempt at the target of this index is over.
    func release(_ index: Int) { balancer.release(index) }

    private func hash(of exchange: Exchange) -> UInt64? {
        switch hashKey {
        case nil: return nil
        case .clientAddress: return KeyHash.hash(high: exchange.client.high, low: exchange.client.low, seed: hashSeed)
        case .header(let name):
            guard let index = exchange.request.fields.firstIndex(named: name) else { return nil }
            return KeyHash.hash(exchange.request.fields.value(at: index), seed: hashSeed)
        case .cookie(let name):
            guard let value = exchange.request.fields.cookie(named: name) else { return nil }
            return KeyHash.hash(value, seed: hashSeed)
        }
    }
}

/// What consistent hashing looks at.
enum CompiledHashKey {
    case header(ByteView)
    case cookie(ByteView)
    case clientAddress
}

extension HeaderList {
    /// The value of the first cookie called `name` (RFC 6265 section 4.2).
    func cookie(named name: ByteView) -> ByteView? {
        var next = firstIndex(of: .cookie)
        while let index = next {
            let line = value(at: index)
            var start = 0
            while start < line.count {
                let end = line.firstIndex(of: ASCII.semicolon, from: start) ?? line.count
                let pair = line[start..<end].trimmingWhitespace()
                if let equals = pair.firstIndex(of: ASCII.equals), pair.prefix(equals) == name {
                    return pair.from(equals + 1)
                }
                start = end + 1
            }
            next = firstIndex(of: .cookie, from: index + 1)
        }
        return nil
    }
}
