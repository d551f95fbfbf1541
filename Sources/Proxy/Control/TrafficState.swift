import Configuration
import Traffic

/// What all loops share about requests to one upstream.
struct UpstreamTraffic: Sendable {
    let retryBudget: RetryBudget
    /// Nil for no limit.
    let concurrency: ConcurrencyLimit?
}

/// Retry budgets and concurrency limits by the identity of their upstream or route: what loops share, and what a reload
/// keeps. Used on the control thread.
final class TrafficState {
    private let loops: Int
    private var budgets: [String: RetryBudget] = [:]
    private var upstreamLimits: [String: ConcurrencyLimit] = [:]
    private var routeLimits: [String: ConcurrencyLimit] = [:]

    init(loops: Int) { self.loops = loops }

    /// What a configuration shall have, with what it keeps of the present one. Changes nothing that loops see.
    struct Plan {
        /// In the order of the domains and their upstreams.
        fileprivate(set) var upstreams: [UpstreamTraffic] = []
        /// By the routes' indices.
        fileprivate(set) var routes: [(route: Int, limit: ConcurrencyLimit)] = []
        fileprivate var budgets: [String: (RetryBudget, RetryBudgetLaw)] = [:]
        fileprivate var upstreamLimits: [String: (ConcurrencyLimit, ConcurrencyLaw)] = [:]
        fileprivate var routeLimits: [String: (ConcurrencyLimit, ConcurrencyLaw)] = [:]
    }

    func plan(_ blueprint: Blueprint) -> Plan {
        var plan = Plan()
        for domain in blueprint.configuration.domains {
            for upstream in domain.upstreams {
                let name = upstream.identity(in: domain.name)
                let law = RetryBudgetLaw(upstream.retryBudget)
                let budget = budgets[name] ?? RetryBudget(law)
                plan.budgets[name] = (budget, law)
                let concurrency = upstream.concurrency.map { settings in
                    limit(name, ConcurrencyLaw(settings), kept: upstreamLimits, in: &plan.upstreamLimits)
                }
                plan.upstreams.append(UpstreamTraffic(retryBudget: budget, concurrency: concurrency))
            }
        }
        for (index, route) in blueprint.routes.enumerated() {
            guard let settings = route.concurrency else { continue }
            let limit = limit(route.identity, ConcurrencyLaw(settings), kept: routeLimits, in: &plan.routeLimits)
            plan.routes.append((index, limit))
        }
        return plan
    }

    private func limit(
        _ name: String, _ law: ConcurrencyLaw, kept: [String: ConcurrencyLimit],
        in planned: inout [String: (ConcurrencyLimit, ConcurrencyLaw)]
    ) -> ConcurrencyLimit {
        let limit = kept[name] ?? ConcurrencyLimit(law, loops: loops)
        planned[name] = (limit, law)
        return limit
    }

    /// The loops are about to take the plan over.
    func commit(_ plan: Plan) {
        for (budget, law) in plan.budgets.values { budget.setLaw(law) }
        budgets = plan.budgets.mapValues { $0.0 }
        upstreamLimits = Self.next(plan.upstreamLimits, after: upstreamLimits)
        routeLimits = Self.next(plan.routeLimits, after: routeLimits)
    }

    /// A limit that no configuration names is kept until its last request has ended: should it come back before, the
    /// count is still right.
    private static func next(
        _ planned: [String: (ConcurrencyLimit, ConcurrencyLaw)], after known: [String: ConcurrencyLimit]
    ) -> [String: ConcurrencyLimit] {
        for (limit, law) in planned.values { limit.setLaw(law) }
        var next = planned.mapValues { $0.0 }
        for (name, limit) in known where next[name] == nil {
            if limit.count > 0 || limit.waitingCount > 0 { next[name] = limit } else { limit.retire() }
        }
        return next
    }

    // MARK: Introspection

    func retryBudget(of upstream: String) -> RetryBudget? { budgets[upstream] }
    var allBudgets: [(String, RetryBudget)] { budgets.sorted { $0.key < $1.key } }
    var allUpstreamLimits: [(String, ConcurrencyLimit)] { upstreamLimits.sorted { $0.key < $1.key } }
    var allRouteLimits: [(String, ConcurrencyLimit)] { routeLimits.sorted { $0.key < $1.key } }
}

extension RetryBudgetLaw {
    init(_ settings: RetryBudgetSettings) {
        self.init(perThousand: settings.percent.value * 10, perSecondMinimum: settings.perSecondMin.value)
    }
}

extension ConcurrencyLaw {
    init(_ settings: ConcurrencySettings) {
        self.init(
            requestsMax: settings.requestsMax.value, queueMax: settings.queueMax.value, waitMax: settings.waitMax.value)
    }
}
