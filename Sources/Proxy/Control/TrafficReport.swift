import Base
import Observability
import Traffic

/// What loops share about requests, for people and metrics.
extension Gateway {
    /// One limit of requests under way.
    package struct ConcurrencyReport: Sendable {
        package let isRoute: Bool
        /// `domain/route` or `domain/upstream`.
        package let name: String
        package let limit: ConcurrencyLimit
    }

    /// Routes' limits first, then upstreams', by name.
    package var concurrencyReports: [ConcurrencyReport] {
        traffic.allRouteLimits.map { ConcurrencyReport(isRoute: true, name: $0.0, limit: $0.1) }
            + traffic.allUpstreamLimits.map { ConcurrencyReport(isRoute: false, name: $0.0, limit: $0.1) }
    }

    /// The retry budget of `domain/upstream`.
    package func retryBudget(of upstream: String) -> RetryBudget? { traffic.retryBudget(of: upstream) }

    /// What metrics tell of them. A budget that nobody has asked is left out.
    package func addTraffic(to sample: inout ProcessSample) {
        sample.concurrency = concurrencyReports.map { report in
            ConcurrencySample(
                isRoute: report.isRoute, name: report.name, active: report.limit.count,
                waiting: report.limit.waitingCount, requestsMax: report.limit.law.requestsMax,
                refusedFull: report.limit.refusedFull, refusedWaited: report.limit.refusedWaited)
        }
        sample.retryBudgets = traffic.allBudgets.map { name, budget in
            RetryBudgetSample(upstream: name, granted: budget.granted, refused: budget.refused)
        }
        sample.limitTakeovers = rateLimits.tables.values.map {
            ($0.definition.identity, $0.table.buckets.takeovers)
        }.sorted { $0.0 < $1.0 }
    }
}
