import Base
import EventLoop
import JOSE
import Observability
import Plugins

/// The issuers as one loop knows them, and the requests that wait for their keys.
final class WorkerIssuers {
    /// Asks the control thread to look for an issuer's key; it answers with `settled`. A nil id: for any keys at all.
    typealias LookUp = @Sendable (_ issuer: String, _ keyID: String?) -> Void

    private var known: [String: Known] = [:]
    private var waiting: [Waiting] = []
    private var lastTicket: UInt64 = 0
    private let lookUp: LookUp
    private unowned(unsafe) let loop: EventLoop
    private let metrics: MetricsShard

    /// Requests that wait at a time; further ones are refused, as they would only make the queue longer.
    private static let waitingMax = 1_024
    /// How long after an answer the same issuer isn't asked about again.
    private static let quietTime = TimeAmount.milliseconds(100)

    private struct Known {
        let definition: IssuerDefinition
        let keys: IssuerKeys
    }

    private struct Waiting {
        let exchange: Exchange
        let ticket: UInt64
        let issuer: String
    }

    init(loop: EventLoop, metrics: MetricsShard, lookUp: @escaping LookUp) {
        self.loop = loop
        self.metrics = metrics
        self.lookUp = lookUp
    }

    /// The loop's own of each of these issuers: what it has already when the settings are the same.
    func bind(_ definitions: [IssuerDefinition]) -> [IssuerKeys] {
        var next: [String: Known] = [:]
        let bound = definitions.map { definition in
            let keys =
                known[definition.name].flatMap { $0.definition == definition ? $0.keys : nil }
                ?? makeKeys(definition)
            next[definition.name] = Known(definition: definition, keys: keys)
            return keys
        }
        // The keys themselves belong to the source, which may be the same when what tokens must look like is not.
        for (name, fresh) in next {
            if let old = known[name], old.definition.source == fresh.definition.source, let keys = old.keys.current {
                fresh.keys.adopt(keys)
            }
        }
        known = next
        return bound
    }

    private func makeKeys(_ definition: IssuerDefinition) -> IssuerKeys {
        let keys = definition.makeKeys()
        keys.metrics = DecisionMetrics(issuer: definition.name, in: metrics)
        return keys
    }

    /// The control thread has loaded an issuer's keys.
    func adopt(_ keys: KeySet, of issuer: String) { known[issuer]?.keys.adopt(keys) }

    /// Has the exchange wait until the control thread has looked for the key.
    /// - Returns: whether it does; otherwise it has to do with the keys that there are.
    func wait(_ exchange: Exchange, for issuer: IssuerKeys, keyID: ByteView) -> Bool {
        guard waiting.count < Self.waitingMax else { return false }
        let name = issuer.name.string
        guard let entry = known[name], entry.keys === issuer, entry.definition.isFetched else { return false }
        if !issuer.isLookedUp {
            guard loop.now >= issuer.nextLookup else { return false }
            issuer.isLookedUp = true
            lookUp(name, issuer.hasKeys && !keyID.isEmpty ? keyID.string : nil)
        }
        lastTicket += 1
        exchange.issuerTicket = lastTicket
        waiting.append(Waiting(exchange: exchange, ticket: lastTicket, issuer: name))
        return true
    }

    /// The control thread has done for the issuer what it could: those who wait go on.
    func settled(_ issuer: String) {
        if let keys = known[issuer]?.keys {
            keys.isLookedUp = false
            keys.nextLookup = loop.now + Self.quietTime
        }
        let due = waiting.filter { $0.issuer == issuer }
        guard !due.isEmpty else { return }
        waiting.removeAll { $0.issuer == issuer }
        // One whose client left meanwhile is another exchange by now, or none, and has another ticket.
        for entry in due where entry.exchange.issuerTicket == entry.ticket { entry.exchange.issuerSettled() }
    }
}
