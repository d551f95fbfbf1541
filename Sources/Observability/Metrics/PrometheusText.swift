import Base

/// Writes the Prometheus text exposition format 0.0.4.
///
/// Names and label names are ours and literal; only label values come from configuration, so only they are escaped.
struct PrometheusText: ~Copyable {
    var output: IOBuffer

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

    /// The name of a sample; then labels, then a value.
    mutating func begin(_ name: StaticString, suffix: StaticString = "") {
        output.append(name)
        output.append(suffix)
    }

    /// One label. The first one opens the braces; `value` closes them.
    mutating func label(_ name: StaticString, _ text: String, first: Bool = true) {
        text.withByteView { label(name, $0, first: first) }
    }

    mutating func label(_ name: StaticString, _ text: StaticString, first: Bool = true) {
        label(name, ByteView(text), first: first)
    }

    private mutating func label(_ name: StaticString, _ text: ByteView, first: Bool) {
        output.append(byte: first ? ASCII.openBrace : ASCII.comma)
        output.append(name)
        output.append("=\"")
        var plain = 0
        for index in 0..<text.count {
            let escape: StaticString
            switch text[index] {
            case ASCII.backslash: escape = "\\\\"
            case ASCII.quote: escape = "\\\""
            case ASCII.lf: escape = "\\n"
            default: continue
            }
            output.append(text[plain..<index])
            output.append(escape)
            plain = index + 1
        }
        output.append(text.from(plain))
        output.append(byte: ASCII.quote)
    }

    /// Ends a sample with a whole number.
    mutating func value(_ number: UInt64, labelled: Bool = true) {
        output.append(labelled ? "} " : " ")
        output.append(number: number)
        output.append(byte: ASCII.lf)
    }

    /// Ends a sample with a number of nanoseconds, written in seconds.
    mutating func value(nanoseconds: UInt64, labelled: Bool = true) {
        output.append(labelled ? "} " : " ")
        output.append(seconds: nanoseconds)
        output.append(byte: ASCII.lf)
    }

    /// A family of one sample without labels.
    mutating func single(_ name: StaticString, _ kind: Kind, help: StaticString, _ number: UInt64) {
        family(name, kind, help: help)
        begin(name)
        value(number, labelled: false)
    }
}

extension IOBuffer {
    /// Appends all 64 bits in decimal.
    mutating func append(number: UInt64) {
        // The decimal of Base takes an Int; a counter above Int.max would take centuries, a wrapped gauge is a bug
        // that should be seen as the huge number that it is.
        if number <= UInt64(Int.max) {
            append(decimal: Int(number))
        } else {
            append(decimal: Int(number / 10))
            append(decimal: Int(number % 10))
        }
    }

    /// Appends nanoseconds as seconds with nine decimals.
    mutating func append(seconds nanoseconds: UInt64) {
        append(decimal: Int(nanoseconds / 1_000_000_000))
        append(byte: ASCII.dot)
        var rest = nanoseconds % 1_000_000_000
        var scale: UInt64 = 100_000_000
        while scale > 0 {
            append(byte: ASCII.zero &+ UInt8(truncatingIfNeeded: rest / scale))
            rest %= scale
            scale /= 10
        }
    }
}
