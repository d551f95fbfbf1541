/// One limit of requests under way, as it is now.
package struct ConcurrencySample: Sendable {
    /// Whether it is a route's; otherwise an upstream's.
    package var isRoute: Bool
    /// `domain/route` or `domain/upstream`.
    package var name: String
    package var active: Int
    package var waiting: Int
    package var requestsMax: Int
    package var refusedFull: UInt64
    package var refusedWaited: UInt64

    package init(
        isRoute: Bool, name: String, active: Int, waiting: Int, requestsMax: Int, refusedFull: UInt64,
        refusedWaited: UInt64
    ) {
        self.isRoute = isRoute
        self.name = name
        self.active = active
        self.waiting = waiting
        self.requestsMax = requestsMax
        self.refusedFull = refusedFull
        self.refusedWaited = refusedWaited
    }
}

/// One upstream's retry budget, as it is now.
package struct RetryBudgetSample: Sendable {
    /// `domain/upstream`.
    package var upstream: String
    package var granted: UInt64
    package var refused: UInt64

    package init(upstream: String, granted: UInt64, refused: UInt64) {
        self.upstream = upstream
        self.granted = granted
        self.refused = refused
    }
}

/// The families about limits of requests under way, and retry budgets.
struct TrafficFamilies {
    let concurrency: [ConcurrencySample]
    let retryBudgets: [RetryBudgetSample]

    func render(_ text: inout PrometheusText) {
        if !concurrency.isEmpty { renderConcurrency(&text) }
        if !retryBudgets.isEmpty { renderBudgets(&text) }
    }

    private func renderConcurrency(_ text: inout PrometheusText) {
        let requests: StaticString = "portcullis_concurrency_requests"
        text.family(requests, .gauge, help: "Requests under way and waiting, where their number is limited.")
        for sample in concurrency {
            let length = label(sample, &text)
            text.label("state", "active" as StaticString)
            text.sample(requests, UInt64(max(sample.active, 0)))
            text.clearLabels(to: length)
            text.label("state", "waiting" as StaticString)
            text.sample(requests, UInt64(max(sample.waiting, 0)))
            text.clearLabels()
        }
        let limit: StaticString = "portcullis_concurrency_requests_max"
        text.family(limit, .gauge, help: "Requests that may be under way.")
        for sample in concurrency {
            _ = label(sample, &text)
            text.sample(limit, UInt64(max(sample.requestsMax, 0)))
            text.clearLabels()
        }
        let refusals: StaticString = "portcullis_concurrency_refusals_total"
        text.family(
            refusals, .counter,
            help: "Requests refused because too many were under way: the queue was full, or they had waited.")
        for sample in concurrency {
            let length = label(sample, &text)
            text.label("reason", "full" as StaticString)
            text.sample(refusals, sample.refusedFull)
            text.clearLabels(to: length)
            text.label("reason", "waited" as StaticString)
            text.sample(refusals, sample.refusedWaited)
            text.clearLabels()
        }
    }

    private func label(_ sample: ConcurrencySample, _ text: inout PrometheusText) -> Int {
        text.label(sample.isRoute ? "route" : "upstream", sample.name)
        return text.labelLength
    }

    private func renderBudgets(_ text: inout PrometheusText) {
        let grants: StaticString = "portcullis_retry_budget_grants_total"
        text.family(grants, .counter, help: "Further attempts that an upstream's retry budget has granted.")
        for sample in retryBudgets {
            text.label("upstream", sample.upstream)
            text.sample(grants, sample.granted)
            text.clearLabels()
        }
        let refusals: StaticString = "portcullis_retry_budget_refusals_total"
        text.family(refusals, .counter, help: "Further attempts not made because the budget was used up.")
        for sample in retryBudgets {
            text.label("upstream", sample.upstream)
            text.sample(refusals, sample.refused)
            text.clearLabels()
        }
    }
}
