import Base
import Synchronization

/// What is known of one target of an upstream: shared by all loops, written by the control thread and by breakers, kept
/// over reloads.
package final class TargetHealth: Sendable {
    /// As configured, such as `http://10.1.0.11:8080`.
    package let target: String
    package let breaker: CircuitBreaker
    private let isDown = Atomic<Bool>(false)
    /// When the target was found to be up again, or was added; the least instant for neither.
    private let upSince = Atomic<Int64>(.min)
    private let check = Lock(CheckReport())
    private let signal: ChangeSignal

    /// What active checks have said last.
    package struct CheckReport: Sendable, Equatable {
        package var standing = CheckStanding.unknown
        /// The last check's result, for people.
        package var result: String?
        package var passed: UInt64 = 0
        package var failed: UInt64 = 0

        package init() {}
    }

    package init(target: String, breaker: CircuitBreaker, signal: ChangeSignal) {
        self.target = target
        self.breaker = breaker
        self.signal = signal
    }

    /// Whether active checks have found it down.
    package var isKnownDown: Bool { isDown.load(ordering: .relaxed) }

    package var lastCheck: CheckReport { check.withLock { $0 } }

    /// From when its share of the load grows, where it does so slowly; nil for a target that was there from the start.
    package var recovery: MonotonicTime? {
        let instant = upSince.load(ordering: .relaxed)
        let up = instant == .min ? nil : MonotonicTime(nanoseconds: instant)
        guard let closed = breaker.recovery else { return up }
        return max(up ?? closed, closed)
    }

    /// The target has joined others that are at work.
    package func joined(now: MonotonicTime) {
        upSince.store(now.nanoseconds, ordering: .relaxed)
        signal.raise()
    }

    /// A check has ended. - Parameter result: what it said, for people.
    package func checked(_ standing: CheckStanding, passed: Bool, result: String, now: MonotonicTime) {
        let before = check.withLock { report in
            let before = report.standing
            report.standing = standing
            report.result = result
            if passed { report.passed &+= 1 } else { report.failed &+= 1 }
            return before
        }
        guard before != standing else { return }
        if before == .down, standing == .up { upSince.store(now.nanoseconds, ordering: .relaxed) }
        isDown.store(standing == .down, ordering: .relaxed)
        signal.raise()
    }

    /// Nobody checks it any more: what was found means nothing.
    package func checksEnded() {
        check.withLock { $0 = CheckReport() }
        isDown.store(false, ordering: .relaxed)
        signal.raise()
    }
}
