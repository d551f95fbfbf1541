import Base

/// What was probably meant by quantities in forms that other programs take: `1.5s`, `1m30s`, `5 s`, `30sec`, `0.5`.
enum QuantityRemedies {
    /// A decimal number without sign and exponent, in millionths.
    private struct Millionths {
        let value: Int
        let end: Int
    }

    private static let durationUnits: [(names: [String], nanoseconds: Int)] = [
        (["us", "µs", "μs"], 1_000), (["ms", "msec", "millis", "milliseconds"], 1_000_000),
        (["s", "sec", "secs", "second", "seconds"], 1_000_000_000),
        (["m", "min", "mins", "minute", "minutes"], 60_000_000_000),
        (["h", "hr", "hrs", "hour", "hours"], 3_600_000_000_000), (["d", "day", "days"], 86_400_000_000_000),
    ]
    private static let sizeUnits: [(names: [String], bytes: Int)] = [
        (["b", "byte", "bytes"], 1), (["k", "kb", "kib"], 1 << 10), (["m", "mb", "mib"], 1 << 20),
        (["g", "gb", "gib"], 1 << 30), (["t", "tb", "tib"], 1 << 40),
    ]

    /// The same length of time in the form that is taken; nil when it can't be told.
    static func duration(_ text: ByteView) -> TimeAmount? {
        let total = sum(text) { unit in
            durationUnits.first { $0.names.contains(unit) }?.nanoseconds
                ?? durationUnits.first { $0.names.contains(unit.lowercased()) }?.nanoseconds
        }
        return total.map { TimeAmount(nanoseconds: Int64($0)) }
    }

    /// The same number of bytes; powers of 1000 are taken for those of 1024.
    static func size(_ text: ByteView) -> Int? {
        sum(text) { unit in sizeUnits.first { $0.names.contains(unit.lowercased()) }?.bytes }
    }

    /// A part of one, such as `0.5`, in percent; nil when it is no whole percentage.
    static func percentage(_ text: ByteView) -> Int? {
        let isMarked = text.count > 1 && text[text.count - 1] == ASCII.percent
        guard !isMarked, let number = number(text, from: 0), number.end == text.count, number.value <= 1_000_000,
            number.value % 10_000 == 0, text.firstIndex(of: ASCII.dot) != nil
        else { return nil }
        return number.value / 10_000
    }

    /// A rate with a part of a request, or with spaces: the same in the shortest period that makes it whole.
    static func rate(_ text: ByteView) -> String? {
        guard let slash = text.firstIndex(of: ASCII.slash) else { return nil }
        let unit = text.from(slash + 1).trimmingWhitespace().string
        let amount = text.prefix(slash).trimmingWhitespace()
        guard let period = RatePeriod(rawValue: RateLimitText.unit(unit) ?? unit),
            let number = number(amount, from: 0), number.end == amount.count, number.value > 0
        else { return nil }
        for longer in RatePeriod.allCases where longer.seconds >= period.seconds {
            let (count, overflow) = number.value.multipliedReportingOverflow(by: longer.seconds / period.seconds)
            if overflow { return nil }
            if count % 1_000_000 == 0 { return "\(count / 1_000_000)/\(longer.rawValue)" }
        }
        return nil
    }

    /// All numbers with their units; nil when there is anything else, or no whole sum.
    private static func sum(_ text: ByteView, _ unit: (String) -> Int?) -> Int? {
        guard text.count <= 64 else { return nil }
        var total = 0
        var index = 0
        while index < text.count {
            guard let number = number(text, from: index) else { return nil }
            index = skipSpaces(text, from: number.end)
            let start = index
            while index < text.count, ASCII.isAlpha(text[index]) || text[index] >= 0x80 { index += 1 }
            guard let size = unit(text[start..<index].string) else { return nil }
            guard let part = product(number.value, size) else { return nil }
            let (sum, isTooLarge) = total.addingReportingOverflow(part)
            if isTooLarge { return nil }
            total = sum
            index = skipSpaces(text, from: index)
        }
        return total > 0 ? total : nil
    }

    /// Nil when it isn't whole, or is too large.
    private static func product(_ millionths: Int, _ size: Int) -> Int? {
        let product = millionths.multipliedFullWidth(by: size)
        guard product.high >= 0, product.high < 499_999 else { return nil }
        let (quotient, remainder) = 1_000_000.dividingFullWidth(product)
        return remainder == 0 ? quotient : nil
    }

    private static func number(_ text: ByteView, from start: Int) -> Millionths? {
        var index = start
        while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
        guard index > start, index - start <= 12, let whole = text[start..<index].decimalValue() else { return nil }
        var part = 0
        if index < text.count, text[index] == ASCII.dot {
            index += 1
            var weight = 100_000
            let first = index
            while index < text.count, ASCII.isDigit(text[index]), index - first < 6 {
                part += Int(text[index] &- ASCII.zero) * weight
                weight /= 10
                index += 1
            }
            guard index > first else { return nil }
        }
        return Millionths(value: whole * 1_000_000 + part, end: index)
    }

    private static func skipSpaces(_ text: ByteView, from start: Int) -> Int {
        var index = start
        while index < text.count, text[index] == ASCII.space { index += 1 }
        return index
    }
}
