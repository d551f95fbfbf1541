import Base

/// What of a target's behaviour is a failure to circuit breakers. What clients do, and what the gateway itself
/// refuses, never is.
package struct FailureRule: Sendable, Equatable {
    /// Ways to fail that have no status of the target's.
    package struct Kinds: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// No connection could be had, its time-out included; or the target's name has no address.
        package static let connect = Kinds(rawValue: 1)
        /// The answer, or more of it, didn't come in time.
        package static let timeout = Kinds(rawValue: 2)
        /// The connection ended before the answer did, or what came was no answer.
        package static let reset = Kinds(rawValue: 4)
    }

    package var kinds: Kinds = [.connect, .timeout, .reset]
    /// An answer whose head takes longer than this is slow.
    package var slowTime = TimeAmount.seconds(5)
    /// Bit `n` stands for status 400 + n.
    private var statuses: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// - Parameter statuses: those from 400 to 599; others are never failures.
    package init(kinds: Kinds = [.connect, .timeout, .reset], statuses: [Int] = [502, 503, 504]) {
        self.kinds = kinds
        for status in statuses { insert(status) }
    }

    /// What an answer tells.
    /// - Parameter time: from when the target had the request to when it had answered with a head.
    package func outcome(status: Int, time: TimeAmount) -> CallOutcome {
        if contains(status) { return .failure }
        return time > slowTime ? .slow : .success
    }

    /// What the lack of one tells.
    package func outcome(_ kind: Kinds) -> CallOutcome { kinds.isSuperset(of: kind) ? .failure : .unknown }

    package func contains(_ status: Int) -> Bool {
        let index = status - 400
        guard index >= 0, index < 200 else { return false }
        return word(index >> 6) & (1 << UInt64(index & 63)) != 0
    }

    private mutating func insert(_ status: Int) {
        let index = status - 400
        guard index >= 0, index < 200 else { return }
        let bit: UInt64 = 1 << UInt64(index & 63)
        switch index >> 6 {
        case 0: statuses.0 |= bit
        case 1: statuses.1 |= bit
        case 2: statuses.2 |= bit
        default: statuses.3 |= bit
        }
    }

    private func word(_ index: Int) -> UInt64 {
        switch index {
        case 0: statuses.0
        case 1: statuses.1
        case 2: statuses.2
        default: statuses.3
        }
    }

    package static func == (left: FailureRule, right: FailureRule) -> Bool {
        left.kinds == right.kinds && left.slowTime == right.slowTime && left.statuses == right.statuses
    }
}
