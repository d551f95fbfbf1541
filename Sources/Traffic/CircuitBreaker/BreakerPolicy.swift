import Base

/// When a circuit breaker opens, and how it closes again.
package struct BreakerPolicy: Sendable, Equatable {
    /// Failures in a row that open it; 0 for any number.
    package var consecutiveFailures = 5
    /// The share of failures in the window that opens it, above 0 to 1; nil for any.
    package var failureRatio: Double?
    /// The share of slow answers in the window that opens it, above 0 to 1; nil for any.
    package var slowRatio: Double?
    /// What shares are reckoned over.
    package var window = TimeAmount.seconds(10)
    /// Requests in the window below which no share counts.
    package var volumeMinimum = 20
    /// How long it stays open the first time.
    package var openTime = TimeAmount.seconds(10)
    /// By how much longer each time that the probes fail; at least 1.
    package var openTimeGrowth = 2.0
    package var openTimeMaximum = TimeAmount.seconds(300)
    /// The part of the open time that is left to chance, 0 to 1: breakers that opened together don't close together.
    package var jitter = 0.1
    /// Requests let through when the open time is over. All must succeed.
    package var probes = 3
    /// How long a probe may be without an outcome before its place is another's.
    package var probePatience = TimeAmount.seconds(5)
    /// Over what time all requests are let through again, once the probes have succeeded; zero for at once.
    package var recoverTime = TimeAmount.zero

    package init() {}

    /// How long the breaker stays open.
    /// - Parameters:
    ///   - streak: how often it has opened since it was last closed, from 1.
    ///   - chance: 0 to below 1.
    func openTime(streak: Int, chance: Double) -> TimeAmount {
        var time = Double(openTime.nanoseconds)
        let limit = Double(openTimeMaximum.nanoseconds)
        var left = streak - 1
        while left > 0, time < limit {
            time *= max(openTimeGrowth, 1)
            // Without growth there is nothing to go round for.
            left = openTimeGrowth > 1 ? left - 1 : 0
        }
        return TimeAmount(nanoseconds: Int64(min(time, limit) * (1 - jitter * chance)))
    }
}

/// What a request has told about the upstream.
package enum CallOutcome: Sendable {
    case success
    /// It answered as it should, but took longer than `FailureRule.slowTime`.
    case slow
    /// What the rule counts: by default a failed connection, a broken answer, a time-out, 502, 503, 504.
    case failure
    /// Nothing: the client left, or the gateway itself refused.
    case unknown
}
