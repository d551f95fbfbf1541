import Base
import EventLoop
import Observability

/// The stores as one loop has them. A link whose settings stay the same lives on over reloads.
final class WorkerStores {
    private var links: [String: StoreLink] = [:]
    private let loop: EventLoop
    private let log: Observability.ErrorLog

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
        // Snapshots that still have requests hold on to those that they know.
        for (name, link) in links where next[name] !== link { link.replace(by: next[name]) }
        links = next
        let all = bound
        loop.onFlush = all.isEmpty ? nil : { for link in all { link.endTurn() } }
        return bound
    }

    /// A name leads to other addresses from now on.
    func resolve(_ name: String, _ addresses: [IPAddress]) {
        for link in links.values where link.plan.settings.hostNames.contains(name) { link.resolve([name: addresses]) }
    }
}

extension StoreLink {
    /// Takes addresses over for the next attempt. A connection that is of use stays.
    func resolve(_ addresses: [String: [IPAddress]]) {
        for (name, found) in addresses where !found.isEmpty { plan.addresses[name] = found }
    }
}
