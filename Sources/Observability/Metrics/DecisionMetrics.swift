/// What one loop counts of the decisions about one issuer's tokens. Used on that loop only; its series last as long as
/// it does.
package final class DecisionMetrics {
    /// Where requests without a token are counted.
    package static let noIssuer = "none"
    /// Where tokens are counted that name none of the route's issuers.
    package static let unknownIssuer = "unknown"

    private let issuer: String
    private let lease: MetricsLease
    private let accepted: MetricCell
    private let refused: MetricCell
    private var anonymous: MetricCell?
    /// The reasons that occurred, by the address of their text; a few dozen at most, as they are literals.
    private var reasons: [(text: UnsafePointer<UInt8>, cell: MetricCell)] = []

    /// - Parameter issuer: the label; from the configuration, or one of the two above.
    package init(issuer: String, in shard: MetricsShard) {
        self.issuer = issuer
        lease = shard.lease()
        accepted = lease.decisionCell(issuer: issuer, .accepted)
        refused = lease.decisionCell(issuer: issuer, .refused)
    }

    package func countAccepted() { accepted.add() }

    package func countAnonymous() {
        let cell = anonymous ?? lease.decisionCell(issuer: issuer, .anonymous)
        anonymous = cell
        cell.add()
    }

    /// - Parameter reason: a literal, the same one for the same reason. Allocates the first time.
    package func countRefused(_ reason: StaticString) {
        refused.add()
        for known in reasons where known.text == reason.utf8Start { return known.cell.add() }
        // A literal that stands at two places leads to one series all the same.
        let cell = lease.refusalCell(issuer: issuer, reason)
        reasons.append((reason.utf8Start, cell))
        cell.add()
    }
}
