import Base

/// When an upstream, or a target of it, is asked no more for a while.
package struct CircuitBreakerSettings: Sendable, Equatable {
    /// What has a breaker.
    package enum Scope: String, Sendable, CaseIterable {
        case both
        case upstream
        case targets
    }

    /// What counts as a failure.
    package enum Failure: Sendable, Hashable {
        /// No connection could be had.
        case connect
        /// The answer didn't come in time.
        case timeout
        /// The connection ended before the answer did, or what came was no answer.
        case reset
        /// An answer with this status, 400…599.
        case status(Int)

        /// As it is written.
        package var text: String {
            switch self {
            case .connect: "connect"
            case .timeout: "timeout"
            case .reset: "reset"
            case .status(let status): "\(status)"
            }
        }
    }

    /// What is answered instead of 503.
    package struct Fallback: Sendable, Equatable {
        package let status: Setting<Int>
        package let contentType: Setting<String>
        package let body: Setting<String>
    }

    package let scope: Setting<Scope>
    /// Failures in a row; 0 for any number.
    package let consecutiveFailures: Setting<Int>
    /// Percent, 1…100.
    package let failureRatio: Setting<Int>?
    /// Percent, 1…100.
    package let slowRatio: Setting<Int>?
    package let slowTime: Setting<TimeAmount>
    package let window: Setting<TimeAmount>
    package let volumeMin: Setting<Int>
    package let failures: [Setting<Failure>]
    package let openTime: Setting<TimeAmount>
    package let openGrowth: Setting<Int>
    package let openTimeMax: Setting<TimeAmount>
    /// Percent, 0…100.
    package let jitter: Setting<Int>
    package let probes: Setting<Int>
    /// Nil for at once.
    package let recoverTime: Setting<TimeAmount>?
    /// Percent of the targets, 0…100.
    package let ejectedMax: Setting<Int>
    package let fallback: Fallback?

    package static let defaultFailures: [Failure] = [
        .connect, .timeout, .reset, .status(502), .status(503), .status(504),
    ]
}

/// How each target is asked whether it is well.
package struct HealthCheckSettings: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case http
        /// A connection that stands is enough.
        case tcp
    }

    package enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case head = "HEAD"
    }

    package let kind: Setting<Kind>
    package let path: Setting<String>
    package let method: Setting<Method>
    /// What `Host` says; nil for the target's own.
    package let host: Setting<String>?
    /// Statuses of a target that is well.
    package let statuses: [Setting<StatusRange>]
    /// What the content must hold; nil for anything.
    package let bodyContains: Setting<String>?
    package let interval: Setting<TimeAmount>
    /// Percent, 0…50.
    package let jitter: Setting<Int>
    package let timeout: Setting<TimeAmount>
    package let healthyThreshold: Setting<Int>
    package let unhealthyThreshold: Setting<Int>
}

/// Statuses from one to another, 100…599.
package struct StatusRange: Sendable, Hashable {
    package let first: Int
    package let last: Int

    package init(_ first: Int, _ last: Int) {
        self.first = first
        self.last = last
    }

    /// As it is written.
    package var text: String { first == last ? "\(first)" : "\(first)-\(last)" }

    package func contains(_ status: Int) -> Bool { status >= first && status <= last }
}

/// What an upstream's breakers make of its targets.
extension Upstream {
    private var weightedCount: Int { targets.count { $0.weight.value > 0 } }

    /// Targets that may be out by their breakers at once; those without a weight don't count.
    package var ejectedTargetsMax: Int {
        guard let circuitBreaker, circuitBreaker.scope.value != .upstream else { return 0 }
        return circuitBreaker.ejectedTargets(of: weightedCount)
    }

    /// Requests in the window below which no share of them opens the upstream's own breaker: where targets have
    /// breakers that may open, as many for each of them. A target that fails must be found before its failures are put
    /// down to all of them.
    package var ownVolumeMin: Int {
        guard let circuitBreaker else { return 0 }
        return circuitBreaker.volumeMin.value * (ejectedTargetsMax > 0 ? max(weightedCount, 1) : 1)
    }
}

extension CircuitBreakerSettings {
    /// How many of so many targets may be out at once.
    func ejectedTargets(of count: Int) -> Int { count * ejectedMax.value / 100 }
}
