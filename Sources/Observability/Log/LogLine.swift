import Base

/// What can be written as one line of a log.
protocol LogLine: ~Copyable {
    /// More than the line's length, in bytes.
    var lineCapacity: Int { get }

    /// Appends the line, with its line feed.
    /// - Parameter capacity: `lineCapacity`, which the caller knows already.
    func write(to buffer: inout IOBuffer, capacity: Int, _ timestamps: inout TimestampText)
}

/// The cursor with what one line needs to remember. Its methods are inlined so that each name is copied by moves of a
/// known length.
struct LineCursor {
    var cursor: TextCursor
    var isTruncated = false

    init(_ cursor: TextCursor) { self.cursor = cursor }

    @inline(__always)
    mutating func text(_ name: StaticString, _ text: ByteView, _ limit: Int) {
        if text.count <= limit {
            cursor.write(name, json: text)
        } else {
            isTruncated = true
            cursor.write(name, json: text.prefix(limit))
        }
    }

    @inline(__always)
    mutating func optional(_ name: StaticString, _ text: ByteView, _ limit: Int) {
        if !text.isEmpty { self.text(name, text, limit) }
    }

    @inline(__always)
    mutating func number(_ name: StaticString, _ number: UInt64) {
        cursor.write(name, decimal: number)
    }

    @inline(__always)
    mutating func milliseconds(_ name: StaticString, _ amount: TimeAmount) {
        let microseconds = UInt64(max(amount.microseconds, 0))
        cursor.write(name, decimal: microseconds / 1_000, thousandths: microseconds % 1_000)
    }
}
