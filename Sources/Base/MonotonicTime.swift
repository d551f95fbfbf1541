/// A span of time in nanoseconds. Signed, so that the difference of two instants always exists (±292 years).
@usableFromInline package struct TimeAmount: Sendable, Hashable, Comparable {
    @usableFromInline package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    @inlinable package static func nanoseconds(_ value: Int64) -> TimeAmount { TimeAmount(nanoseconds: value) }
    @inlinable package static func microseconds(_ value: Int64) -> TimeAmount { TimeAmount(nanoseconds: value * 1_000) }
    @inlinable package static func milliseconds(_ value: Int64) -> TimeAmount {
        TimeAmount(nanoseconds: value * 1_000_000)
    }
    @inlinable package static func seconds(_ value: Int64) -> TimeAmount {
        TimeAmount(nanoseconds: value * 1_000_000_000)
    }
    package static var zero: TimeAmount { TimeAmount(nanoseconds: 0) }

    /// Whole milliseconds, rounded down.
    @inlinable package var milliseconds: Int64 { nanoseconds / 1_000_000 }
    /// Whole microseconds, rounded down.
    @inlinable package var microseconds: Int64 { nanoseconds / 1_000 }

    /// Whole seconds, rounded up; 0 for no time and less.
    @inlinable package var secondsUp: Int {
        let (seconds, rest) = max(nanoseconds, 0).quotientAndRemainder(dividingBy: 1_000_000_000)
        return Int(seconds) + (rest > 0 ? 1 : 0)
    }

    @inlinable package static func < (left: TimeAmount, right: TimeAmount) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
    @inlinable package static func + (left: TimeAmount, right: TimeAmount) -> TimeAmount {
        TimeAmount(nanoseconds: left.nanoseconds &+ right.nanoseconds)
    }

    /// The amount, which is above zero, doubled so often, up to `limit`.
    package func doubled(_ times: Int, upTo limit: TimeAmount) -> TimeAmount {
        var time = nanoseconds
        var left = min(max(times, 0), 62)
        while left > 0, time < limit.nanoseconds {
            time = time > Int64.max / 2 ? Int64.max : time * 2
            left -= 1
        }
        return TimeAmount(nanoseconds: min(time, limit.nanoseconds))
    }
}

/// An instant of a clock that never goes back, in nanoseconds since an arbitrary start.
///
/// Nothing below the event loop reads a clock: an instant is always an argument, so that tests can hold it.
@usableFromInline package struct MonotonicTime: Sendable, Hashable, Comparable {
    @usableFromInline package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Later than every other instant: "no deadline".
    @inlinable package static var distantFuture: MonotonicTime { MonotonicTime(nanoseconds: .max) }
    @inlinable package static var zero: MonotonicTime { MonotonicTime(nanoseconds: 0) }

    @inlinable package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
    /// Saturates at `distantFuture`.
    @inlinable package static func + (instant: MonotonicTime, amount: TimeAmount) -> MonotonicTime {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(amount.nanoseconds)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }
    @inlinable package static func - (left: MonotonicTime, right: MonotonicTime) -> TimeAmount {
        TimeAmount(nanoseconds: left.nanoseconds &- right.nanoseconds)
    }
}
