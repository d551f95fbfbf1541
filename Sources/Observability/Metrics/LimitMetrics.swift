import Base

/// What a rate limit said to a request.
package enum LimitDecision: UInt8, CaseIterable, Sendable {
    /// It took the request's tokens. Another limit may have refused the request all the same, and had them given back.
    case allowed
    case refused
    /// It would have refused the request, but is in shadow mode.
    case shadowRefused
    /// It does not count the request.
    case exempt
    /// The request lacks what it is counted by.
    case keyMissing
    /// Its buckets are in a store that gave no answer, and it lets requests through then.
    case unansweredAllowed
    /// … and it refuses requests then.
    case unansweredRefused

    /// The label value.
    package var label: StaticString {
        switch self {
        case .allowed: "allowed"
        case .refused: "refused"
        case .shadowRefused: "shadow_refused"
        case .exempt: "exempt"
        case .keyMissing: "key_missing"
        case .unansweredAllowed: "unanswered_allowed"
        case .unansweredRefused: "unanswered_refused"
        }
    }
}

/// The counters of one rate limit on one loop. A word; valid as long as the lease that gave it.
package struct LimitMetrics: @unchecked Sendable {
    // Sendable so that a snapshot compiled on one thread can be handed to its loop, which then is the only writer.
    private let slot: UnsafeMutablePointer<SeriesSlot>

    init(slot: UnsafeMutablePointer<SeriesSlot>) { self.slot = slot }

    static let cellCount = LimitDecision.allCases.count

    /// By the loop's thread only; the first call allocates the cells.
    package func count(_ decision: LimitDecision) { slot.pointee.own[Int(decision.rawValue)].add() }
}

/// What all loops together counted for one limit, by decision.
package struct LimitCounts: Sendable, Equatable {
    private var counts = [UInt64](repeating: 0, count: LimitDecision.allCases.count)

    /// Nothing counted.
    package init() {}

    init(_ series: MergedSeries) {
        for decision in LimitDecision.allCases { counts[Int(decision.rawValue)] = series.sum(Int(decision.rawValue)) }
    }

    package subscript(decision: LimitDecision) -> UInt64 { counts[Int(decision.rawValue)] }
}

extension MetricsRegistry {
    /// What was counted for each limit, by its identity; limits that never saw a request are missing.
    package var limitCounts: [String: LimitCounts] {
        var counts: [String: LimitCounts] = [:]
        for series in MergedSeries.merge(allShards.map(\.limits)) { counts[series.name.owner] = LimitCounts(series) }
        return counts
    }
}

/// The family about rate limits. A gateway without limits has none of it.
struct LimitFamilies {
    let limits: [MergedSeries]
    let takeovers: [(limit: String, count: UInt64)]

    func render(_ text: inout PrometheusText) {
        renderTakeovers(&text)
        guard !limits.isEmpty else { return }
        let name: StaticString = "portcullis_rate_limit_decisions_total"
        text.family(name, .counter, help: "What rate limits said to requests, by limit.")
        for series in limits {
            let counts = LimitCounts(series)
            for decision in LimitDecision.allCases where counts[decision] > 0 {
                text.label("limit", series.name.owner)
                text.label("decision", decision.label)
                text.sample(name, counts[decision])
                text.clearLabels()
            }
        }
    }

    private func renderTakeovers(_ text: inout PrometheusText) {
        guard !takeovers.isEmpty else { return }
        let name: StaticString = "portcullis_rate_limit_takeovers_total"
        text.family(name, .counter, help: "Buckets in use that another key took over, for want of room (keys_max).")
        for (limit, count) in takeovers {
            text.label("limit", limit)
            text.sample(name, count)
            text.clearLabels()
        }
    }
}
