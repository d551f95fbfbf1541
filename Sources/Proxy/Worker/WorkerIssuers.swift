import Base
import EventLoop
import Identity
import JOSE
import Observability
import Plugins

/// A request that waits until the control thread has looked for an issuer's key.
package protocol KeyWaiter: AnyObject {
    /// What it has among those that wait; 0 when it waits for none.
    var issuerTicket: UInt64 { get set }
    /// The control thread has done for the issuer what it could.
    /// - Parameter mayAskAgain: whether it was asked for any keys at all, and not yet for the one that is needed.
    func issuerSettled(mayAskAgain: Bool)
}

/// The issuers as one loop knows them, and the requests that wait for their keys.
package final class WorkerIssuers {
    /// Asks the control thread to look for an issuer's key; `take` gets its answer. A nil id: for any keys at all.
    package typealias LookUp = @Sendable (_ issuer: String, _ keyID: String?) -> Void

    private var known: [String: Known] = [:]
    private var waiting: [Waiting] = []
    private var lastTicket: UInt64 = 0
    private let lookUp: LookUp
    private unowned(unsafe) let loop: EventLoop
    private let metrics: MetricsShard?

    /// Requests that wait at a time; further ones are refused, as they would only make the queue longer.
    package static let waitingMax = 1_024

    private struct Known {
        let definition: IssuerDefinition
        let keys: IssuerKeys
        var questions = KeyQuestions()
    }

    private struct Waiting {
        let waiter: any KeyWaiter
        let ticket: UInt64
        let issuer: String
        /// As they were bound when it came: a reload may have bound others since.
        let keys: IssuerKeys
        /// The key's id; empty for none.
        let id: String
        /// What `KeyQuestions` calls it.
        let question: String

        /// Whether its key is there now.
        var hasKey: Bool {
            question.isEmpty ? keys.hasKeys : id.withByteView { keys.hasKey($0) }
        }
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
            if let old = known[definition.name], old.definition == definition {
                next[definition.name] = old
            } else {
                next[definition.name] = Known(definition: definition, keys: makeKeys(definition))
            }
            return next[definition.name]?.keys ?? makeKeys(definition)
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

    /// The control thread has loaded an issuer's keys: whose is among them waits no longer.
    package func adopt(_ keys: KeySet, of issuer: String) {
        known[issuer]?.keys.adopt(keys)
        for entry in waiting where entry.issuer == issuer { entry.keys.adopt(keys) }
        resume { $0.issuer == issuer && $0.hasKey }
    }

    /// Has the request wait until the control thread has looked for the key.
    /// - Parameter keyID: empty for a token that names none.
    /// - Returns: whether it does; otherwise it has to do with the keys that there are.
    package func wait(_ waiter: any KeyWaiter, for issuer: IssuerKeys, keyID: ByteView) -> Bool {
        guard waiting.count < Self.waitingMax else { return false }
        let name = issuer.name.string
        guard let entry = known[name], entry.keys === issuer, entry.definition.isFetched else { return false }
        // A file is read when the configuration is: what isn't in it won't be.
        let hasKeys = issuer.hasKeys
        if hasKeys, !issuer.isFetched { return false }
        let id = keyID.string
        switch known[name]?.questions.need(id, hasKeys: hasKeys, now: loop.now) {
        case .refuse, nil: return false
        case .ask: lookUp(name, hasKeys ? id : nil)
        case .join: break
        }
        lastTicket += 1
        waiter.issuerTicket = lastTicket
        waiting.append(
            Waiting(
                waiter: waiter, ticket: lastTicket, issuer: name, keys: issuer, id: id,
                question: KeyQuestions.question(for: id, hasKeys: hasKeys)))
        return true
    }

    /// The request doesn't wait any more.
    package func leave(_ waiter: any KeyWaiter) {
        let ticket = waiter.issuerTicket
        waiter.issuerTicket = 0
        waiting.removeAll { $0.ticket == ticket }
    }

    /// The control thread tells what it does for the issuer: those who wait for nothing any more go on.
    package func take(_ news: KeyNews, of issuer: String) {
        known[issuer]?.questions.take(news, now: loop.now)
        switch news {
        case .fetching, .expected: break
        case .refused(let id, _), .quiet(let id, _): resume { $0.issuer == issuer && $0.question == id ?? "" }
        // Settings of other issuers' or its own may have changed meanwhile, and with them who answers for the question.
        case .settled: resume { $0.issuer == issuer && !(isOpen($0)) }
        case .gone: resume { $0.issuer == issuer }
        }
    }

    private func isOpen(_ entry: Waiting) -> Bool {
        known[entry.issuer]?.questions.isOpen(entry.question) ?? false
    }

    private func resume(where isDue: (Waiting) -> Bool) {
        let due = waiting.filter(isDue)
        guard !due.isEmpty else { return }
        waiting.removeAll(where: isDue)
        // One that ended meanwhile is another exchange by now, or none, and has another ticket.
        for entry in due where entry.waiter.issuerTicket == entry.ticket {
            entry.waiter.issuerSettled(
                mayAskAgain: entry.question.isEmpty && !entry.id.isEmpty && entry.keys.hasKeys)
        }
    }
}
