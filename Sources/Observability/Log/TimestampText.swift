import Base

/// Writes instants as RFC 3339 in UTC with milliseconds, `2026-11-02T10:00:00.123Z`: 24 bytes.
///
/// The calendar is computed once a second, the milliseconds when they change; lines of the same millisecond copy the
/// text.
struct TimestampText {
    static let length = 24

    private var millisecond = Int64.min
    private var second = Int64.min
    private var text = InlineArray<24, UInt8>(repeating: 0x5a)

    /// Years 0000 to 9999 exist; an instant outside of 1677...2262 cannot be expressed by `WallTime` anyway.
    mutating func write(_ time: WallTime, to cursor: inout TextCursor) {
        let millisecond = time.milliseconds
        if millisecond != self.millisecond { compute(millisecond, second: time.seconds) }
        cursor.write(text)
    }

    @inline(never)
    private mutating func compute(_ millisecond: Int64, second: Int64) {
        if second != self.second { compute(second) }
        self.millisecond = millisecond
        put(millisecond - second * 1_000, at: 20, digits: 3, then: 0x5a)
    }

    private mutating func compute(_ seconds: Int64) {
        second = seconds
        let days = seconds >= 0 ? seconds / 86_400 : (seconds + 1) / 86_400 - 1
        let timeOfDay = seconds - days * 86_400
        let date = CivilDate(daysSinceEpoch: Int(days))
        put(Int64(date.year), at: 0, digits: 4, then: ASCII.hyphen)
        put(Int64(date.month), at: 5, digits: 2, then: ASCII.hyphen)
        put(Int64(date.day), at: 8, digits: 2, then: 0x54)
        put(timeOfDay / 3_600, at: 11, digits: 2, then: ASCII.colon)
        put(timeOfDay / 60 % 60, at: 14, digits: 2, then: ASCII.colon)
        put(timeOfDay % 60, at: 17, digits: 2, then: ASCII.dot)
    }

    private mutating func put(_ number: Int64, at start: Int, digits: Int, then separator: UInt8) {
        var rest = number
        for index in (start..<start + digits).reversed() {
            text[index] = ASCII.zero &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        text[start + digits] = separator
    }
}

extension WallTime {
    /// RFC 3339 in UTC with milliseconds. Off the hot path only.
    package var timestamp: String {
        var buffer = IOBuffer(capacity: TimestampText.length)
        var cursor = TextCursor(reserving: TimestampText.length, in: &buffer)
        var text = TimestampText()
        text.write(self, to: &cursor)
        cursor.commit(to: &buffer)
        return buffer.readable.string
    }
}
