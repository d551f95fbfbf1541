import Base

/// What all loops together have open to one target.
package struct TargetReport: Sendable {
    /// `domain/upstream`.
    package let upstream: String
    /// `http://host:port`.
    package let target: String
    /// Where the target is; empty while its name is not resolved.
    package var endpoints: [IPEndpoint]
    package var idleConnections: Int
    package var activeConnections: Int
}

extension Worker {
    var targetReports: [TargetReport] {
        (pools.values + draining.filter { $0.connectionCount > 0 }).map { pool in
            TargetReport(
                upstream: pool.key.upstream, target: pool.key.target, endpoints: pool.endpoints,
                idleConnections: pool.idleCount, activeConnections: pool.activeCount)
        }
    }
}

/// Adds up what the loops report.
final class ReportBox: Sendable {
    private let reports = Lock<[PoolKey: TargetReport]>([:])

    func add(_ more: [TargetReport]) {
        reports.withLock { reports in
            for report in more {
                let key = PoolKey(upstream: report.upstream, target: report.target)
                var sum = reports[key] ?? report
                if reports[key] != nil {
                    sum.idleConnections += report.idleConnections
                    sum.activeConnections += report.activeConnections
                }
                reports[key] = sum
            }
        }
    }

    var merged: [TargetReport] {
        reports.withLock { $0.values.sorted { ($0.upstream, $0.target) < ($1.upstream, $1.target) } }
    }
}
