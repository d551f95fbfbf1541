/// An instant of the wall clock: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted. For what people and
/// other machines read (logs, request ids, token lifetimes); whatever is measured or waited for uses `MonotonicTime`.
@usableFromInline package struct WallTime: Sendable, Hashable, Comparable {
    @usableFromInline package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    @inlinable package init(seconds: Int64) { self.nanoseconds = seconds * 1_000_000_000 }

    /// Whole seconds since 1970, rounded down (towards the past).
    @inlinable package var seconds: Int64 {
        nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds + 1) / 1_000_000_000 - 1
    }

    /// Whole milliseconds since 1970, rounded down (towards the past).
    @inlinable package var milliseconds: Int64 {
        nanoseconds >= 0 ? nanoseconds / 1_000_000 : (nanoseconds + 1) / 1_000_000 - 1
    }

    @inlinable package static func < (left: WallTime, right: WallTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
