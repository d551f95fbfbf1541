import Base

/// When a target is checked: at its interval, shorter or longer by chance, so that checks of many targets, and those of
/// many gateways that began together, don't come all at once.
package struct CheckSchedule: Sendable, Equatable {
    private let interval: TimeAmount
    private let jitterPercent: Int

    /// Over what time first checks are spread, where the interval isn't shorter: the first verdict decides alone, and
    /// must not be long in coming.
    package static let spreadTime = TimeAmount.seconds(1)

    /// - Parameter jitterPercent: by how much of it an interval may be shorter or longer, 0 to 100.
    package init(interval: TimeAmount, jitterPercent: Int) {
        self.interval = max(interval, .milliseconds(1))
        self.jitterPercent = min(max(jitterPercent, 0), 100)
    }

    /// How long before the first check.
    /// - Parameter random: 64 random bits.
    package func firstPause(random: UInt64) -> TimeAmount {
        TimeAmount(nanoseconds: Int64(random % UInt64(min(interval, Self.spreadTime).nanoseconds)))
    }

    /// From one check's beginning to the next one's.
    /// - Parameter random: 64 random bits.
    package func pause(random: UInt64) -> TimeAmount {
        let span = interval.nanoseconds / 100 * Int64(jitterPercent)
        return TimeAmount(nanoseconds: interval.nanoseconds - span + Int64(random % UInt64(2 * span + 1)))
    }
}
