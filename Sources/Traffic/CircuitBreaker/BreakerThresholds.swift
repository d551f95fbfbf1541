import Base
import Synchronization

/// Why a breaker opened.
package enum BreakerCause: Sendable, Equatable {
    case consecutiveFailures
    case failureRatio
    case slowRatio
    case failedProbe

    /// For people and programs, in snake case.
    package var label: StaticString {
        switch self {
        case .consecutiveFailures: "consecutive_failures"
        case .failureRatio: "failure_ratio"
        case .slowRatio: "slow_ratio"
        case .failedProbe: "failed_probe"
        }
    }
}

/// What a breaker has done since it exists.
package struct BreakerCounts: Sendable, Equatable {
    package var openings: UInt64 = 0
    /// Requests that it let through half open.
    package var probes: UInt64 = 0
    /// Failures that should have opened it, but too many targets are out already.
    package var suppressed: UInt64 = 0
    /// Why it opened last.
    package var cause: BreakerCause?
}

/// The part of a policy that is looked at with each outcome, changed by a reload while loops read it.
struct BreakerThresholds: ~Copyable, Sendable {
    private let consecutive = Atomic<Int>(-1)
    /// The bits of a share; 0 for none.
    private let failureRatio = Atomic<UInt64>(0)
    private let slowRatio = Atomic<UInt64>(0)
    private let volumeMinimum = Atomic<Int>(1)

    /// Whether `set` was ever called.
    var isSet: Bool { consecutive.load(ordering: .relaxed) >= 0 }

    func set(_ policy: BreakerPolicy) {
        consecutive.store(max(policy.consecutiveFailures, 0), ordering: .relaxed)
        failureRatio.store((policy.failureRatio ?? 0).bitPattern, ordering: .relaxed)
        slowRatio.store((policy.slowRatio ?? 0).bitPattern, ordering: .relaxed)
        volumeMinimum.store(max(policy.volumeMinimum, 1), ordering: .relaxed)
    }

    func isExceeded(inARow count: Int) -> Bool {
        let limit = consecutive.load(ordering: .relaxed)
        return limit > 0 && count >= limit
    }

    var hasRatio: Bool {
        failureRatio.load(ordering: .relaxed) | slowRatio.load(ordering: .relaxed) != 0
    }

    /// Which share is too large.
    func excess(of sum: OutcomeWindow.Sum) -> BreakerCause? {
        guard sum.total >= volumeMinimum.load(ordering: .relaxed) else { return nil }
        let total = Double(sum.total)
        let failures = Double(bitPattern: failureRatio.load(ordering: .relaxed))
        if failures > 0, Double(sum.failures) / total >= failures { return .failureRatio }
        let slow = Double(bitPattern: slowRatio.load(ordering: .relaxed))
        if slow > 0, Double(sum.slow) / total >= slow { return .slowRatio }
        return nil
    }
}
