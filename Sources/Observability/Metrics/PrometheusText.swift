import Base

/// Writes the Prometheus text exposition format 0.0.4.
///
/// Names and label names are ours and literal; only label values come from configuration, so only they are escaped.
///
/// Labels are put together first and stay until they are cleared, so that the twenty lines of a histogram escape their
/// route once.
struct PrometheusText: ~Copyable {
    var output: IOBuffer
    /// Escaped labels with commas between them, without braces.
    private var labels: [UInt8] = []

    /// The media type of the exposition, for the response's `Content-Type`.
    static let mediaType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind {
        case counter, gauge, histogram

        var text: StaticString {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    init(_ output: consuming IOBuffer) { self.output = output }

    /// Starts a family: all its samples must follow before the next one starts.
    mutating func family(_ name: StaticString, _ kind: Kind, help: StaticString) {
        output.append("# HELP ")
        output.append(name)
        output.append(byte: ASCII.space)
        output.append(help)
        output.append("\n# TYPE ")
        output.append(name)
        output.append(byte: ASCII.space)
        output.append(kind.text)
        output.append(byte: ASCII.lf)
    }

    /// How many bytes of labels there are, for `clearLabels` to return to.
    var labelLength: Int { labels.count }

    /// Drops the labels that came after the first `length` bytes.
    mutating func clearLabels(to length: Int = 0) { labels.removeSubrange(length...) }

    /// Adds a label to the samples that follow.
    mutating func label(_ name: StaticString, _ text: String) { text.withByteView { label(name, $0) } }

    mutating func label(_ name: StaticString, _ text: StaticString) { label(name, ByteView(text)) }

    private mutating func label(_ name: StaticString, _ text: ByteView) {
        if !labels.isEmpty { labels.append(ASCII.comma) }
        labels += ByteView(name).raw
        labels.append(ASCII.equals)
        labels.append(ASCII.quote)
        for byte in text.raw {
            switch byte {
            case ASCII.backslash, ASCII.quote:
                labels.append(ASCII.backslash)
                labels.append(byte)
            case ASCII.lf:
                labels.append(ASCII.backslash)
                labels.append(0x6e)
            default: labels.append(byte)
            }
        }
        labels.append(ASCII.quote)
    }

    /// One sample with the labels at hand.
    mutating func sample(_ name: StaticString, suffix: StaticString = "", _ number: UInt64) {
        var cursor = begin(name, suffix)
        if !labels.isEmpty { cursor.write(byte: ASCII.closeBrace) }
        cursor.write(byte: ASCII.space)
        cursor.write(decimal: number)
        cursor.write(byte: ASCII.lf)
        cursor.commit(to: &output)
    }

    /// One sample with the labels at hand, whose value is a number of nanoseconds, written in seconds.
    mutating func sample(_ name: StaticString, suffix: StaticString = "", nanoseconds: UInt64) {
        var cursor = begin(name, suffix)
        if !labels.isEmpty { cursor.write(byte: ASCII.closeBrace) }
        cursor.write(byte: ASCII.space)
        cursor.write(decimal: nanoseconds / 1_000_000_000)
        cursor.write(byte: ASCII.dot)
        cursor.write(nanoseconds % 1_000_000_000, digits: 9)
        cursor.write(byte: ASCII.lf)
        cursor.commit(to: &output)
    }

    /// One bucket of a histogram that has at least one other label.
    mutating func bucket(_ name: StaticString, upTo bound: StaticString, _ number: UInt64) {
        var cursor = begin(name, "_bucket")
        cursor.write(",le=\"")
        cursor.write(bound)
        cursor.write("\"} ")
        cursor.write(decimal: number)
        cursor.write(byte: ASCII.lf)
        cursor.commit(to: &output)
    }

    /// The line up to the last label, in memory that suffices for all that may follow.
    private mutating func begin(_ name: StaticString, _ suffix: StaticString) -> TextCursor {
        let room = name.utf8CodeUnitCount + suffix.utf8CodeUnitCount + labels.count + 64
        var cursor = TextCursor(reserving: room, in: &output)
        cursor.write(name)
        cursor.write(suffix)
        if !labels.isEmpty {
            cursor.write(byte: ASCII.openBrace)
            labels.withUnsafeBytes { cursor.write(ByteView($0)) }
        }
        return cursor
    }

    /// A family of one sample without labels.
    mutating func single(_ name: StaticString, _ kind: Kind, help: StaticString, _ number: UInt64) {
        family(name, kind, help: help)
        sample(name, number)
    }
}
