import Base
import EventLoop
import Observability

/// The stores as one loop has them. A link whose settings stay the same lives on over reloads.
final class WorkerStores {
    private var links: [String: StoreLink] = [:]
    /// Those that no configuration has any more, and that may still have requests to serve.
    private var leaving: [Leaving] = []
    private let loop: EventLoop
    private let log: Observability.ErrorLog

    private struct Leaving {
        weak var link: StoreLink?
    }

    init(loop: EventLoop, log: Observability.ErrorLog) {
        self.loop = loop
        self.log = log
    }

    /// The loop's own of each of these stores, in their order.
    func bind(_ plans: [StorePlan], random: inout RandomSource) -> [StoreLink] {
        var next: [String: StoreLink] = [:]
        let bound = plans.map { plan in
            let name = plan.settings.name
            if let kept = links[name], kept.plan.settings == plan.settings {
                kept.resolve(plan.addresses)
                next[name] = kept
                return kept
            }
            let fresh = StoreLink(plan, loop: loop, log: log, seed: random.next())
            next[name] = fresh
            fresh.start()
            return fresh
        }
        leaving.removeAll { $0.link == nil }
        for (name, link) in links where next[name] !== link {
            link.replace(by: next[name])
            leaving.append(Leaving(link: link))
        }
        links = next
        let all = bound
        loop.onFlush = all.isEmpty ? nil : { for link in all { link.endTurn() } }
        return bound
    }

    /// A name leads to other addresses from now on.
    func resolve(_ name: String, _ addresses: [IPAddress]) {
        for link in links.values where link.plan.settings.hostNames.contains(name) { link.resolve([name: addresses]) }
    }

    /// The worker ends.
    func retire() {
        for link in links.values { link.retire() }
        for gone in leaving { gone.link?.retire() }
        links = [:]
        leaving = []
        loop.onFlush = nil
    }
}

extension StoreLink {
    /// Takes addresses over for the next attempt. A connection that is of use stays.
    func resolve(_ addresses: [String: [IPAddress]]) {
        for (name, found) in addresses where !found.isEmpty { plan.addresses[name] = found }
    }
}
