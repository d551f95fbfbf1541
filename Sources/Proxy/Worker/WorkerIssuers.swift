import Base
import EventLoop
import JOSE
import Observability
import Plugins

/// A request that waits until the control thread has looked for an issuer's key.
package protocol KeyWaiter: AnyObject {
    /// What it has among those that wait; 0 when it waits for none.
    var issuerTicket: UInt64 { get set }
    /// The control thread has done for the issuer what it could.
    func issuerSettled()
}

/// The issuers as one loop knows them, and the requests that wait for their keys.
package final class WorkerIssuers {
    /// Asks the control thread to look for an issuer's key; it answers with `settled`. A nil id: for any keys at all.
    package typealias LookUp = @Sendable (_ issuer: String, _ keyID: String?) -> Void

    private var known: [String: Known] = [:]
    private var waiting: [Waiting] = []
    private var lastTicket: UInt64 = 0
    private let lookUp: LookUp
    private unowned(unsafe) let loop: EventLoop
    private let metrics: MetricsShard?

    /// Requests that wait at a time; further ones are refused, as they would only make the queue longer.
    package static let waitingMax = 1_024
    /// How long after an answer the same issuer isn't asked about again.
    package static let quietTime = TimeAmount.milliseconds(100)

    private struct Known {
        let definition: IssuerDefinition
        let keys: IssuerKeys
    }

    private struct Waiting {
        let waiter: any KeyWaiter
        let ticket: UInt64
        let issuer: String
        /// As they were bound when it came: a reload may have bound others since.
        let keys: IssuerKeys
    }

    /// - Parameter metrics: the loop's; nil to count nothing.
    package init(loop: EventLoop, metrics: MetricsShard? = nil, lookUp: @escaping LookUp) {
        self.loop = loop
        self.metrics = metrics
        self.lookUp = lookUp
    }

    /// The loop's own of each of these issuers: what it has already when the settings are the same.
    package func bind(_ definitions: [IssuerDefinition]) -> [IssuerKeys] {
        var next: [String: Known] = [:]
        let bound = definitions.map { definition in
            let keys =
                known[definition.name].flatMap { $0.definition == definition ? $0.keys : nil }
                ?? makeKeys(definition)
            next[definition.name] = Known(definition: definition, keys: keys)
            return keys
        }
        // The keys themselves belong to their origin, which may be the same when what tokens must look like is not. A
        // shared secret has none: it is its own key.
        for (name, fresh) in next {
            if let origin = fresh.definition.source?.origin, let old = known[name],
                old.definition.source?.origin == origin, let keys = old.keys.current
            {
                fresh.keys.adopt(keys)
            }
        }
        known = next
        return bound
    }

    private func makeKeys(_ definition: IssuerDefinition) -> IssuerKeys {
        let keys = definition.makeKeys()
        keys.metrics = metrics.map { DecisionMetrics(issuer: definition.name, in: $0) }
        return keys
    }

    /// The control thread has loaded an issuer's keys.
    package func adopt(_ keys: KeySet, of issuer: String) {
        known[issuer]?.keys.adopt(keys)
        for entry in waiting where entry.issuer == issuer { entry.keys.adopt(keys) }
    }

    /// Has the request wait until the control thread has looked for the key.
    /// - Returns: whether it does; otherwise it has to do with the keys that there are.
    package func wait(_ waiter: any KeyWaiter, for issuer: IssuerKeys, keyID: ByteView) -> Bool {
        guard waiting.count < Self.waitingMax else { return false }
        let name = issuer.name.string
        guard let entry = known[name], entry.keys === issuer, entry.definition.isFetched else { return false }
        if !issuer.isLookedUp {
            guard loop.now >= issuer.nextLookup else { return false }
            issuer.isLookedUp = true
            lookUp(name, issuer.hasKeys && !keyID.isEmpty ? keyID.string : nil)
        }
        lastTicket += 1
        waiter.issuerTicket = lastTicket
        waiting.append(Waiting(waiter: waiter, ticket: lastTicket, issuer: name, keys: issuer))
        return true
    }

    /// The control thread has done for the issuer what it could: those who wait go on.
    package func settled(_ issuer: String) {
        // Nobody asked: an attempt of the control thread's own, or the end of an issuer that had this name.
        if let keys = known[issuer]?.keys, keys.isLookedUp {
            keys.isLookedUp = false
            keys.nextLookup = loop.now + Self.quietTime
        }
        let due = waiting.filter { $0.issuer == issuer }
        guard !due.isEmpty else { return }
        waiting.removeAll { $0.issuer == issuer }
        // One whose client left meanwhile is another exchange by now, or none, and has another ticket.
        for entry in due where entry.waiter.issuerTicket == entry.ticket { entry.waiter.issuerSettled() }
    }
}
