import Base
import HTTP
import Plugins
import Traffic

/// How a route's requests are divided between upstreams.
final class CompiledSplit {
    /// By side: the snapshot's index of the upstream, and what `Host` says there.
    let upstreams: [Int]
    let hosts: [CompiledHost]
    private let choice: WeightedChoice
    /// What keeps a caller on one side.
    private let key: RequestKey?

    init(upstreams: [Int], hosts: [CompiledHost], choice: WeightedChoice, key: RequestKey?) {
        self.upstreams = upstreams
        self.hosts = hosts
        self.choice = choice
        self.key = key
    }

    /// The side that takes the request: always the same one for a key, by chance for a request without it.
    func side(for exchange: Exchange) -> Int {
        choice.side(for: key?.hash(of: exchange, by: Self.keyHash) ?? exchange.worker.random.next())
    }

    /// The side that takes every request like this one; nil when chance decides, or nobody said whose it is.
    func side(_ request: borrowing RequestHead, client: IPAddress?, identity: RouteIdentity?) -> Int? {
        if let only = choice.onlySide { return only }
        let hash = key?.hash(request, client: client, identity: identity, by: Self.keyHash)
        return hash.map { choice.side(for: $0) }
    }

    /// A constant key, so that all processes agree; another one than consistent hashing's, so that the callers of one
    /// side are spread over all of its targets.
    static let keyHash = KeyedHash(first: 0x706f_7274_6375_6c6c, second: 0x6973_2d73_706c_6974)
}
