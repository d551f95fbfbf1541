import Base

/// Lengths of time as they are written: a whole number and a unit.
package enum DurationFormat {
    private static let units: [(name: StaticString, nanoseconds: Int64)] = [
        ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
    ]

    /// Nil when it isn't a number and one of `us`, `ms`, `s`, `m`, `h`, or is too large to count.
    package static func parse(_ text: ByteView) -> TimeAmount? {
        var digits = 0
        while digits < text.count, ASCII.isDigit(text[digits]) { digits += 1 }
        guard let number = text.prefix(digits).decimalValue() else { return nil }
        let unit = text.from(digits)
        for (name, nanoseconds) in units where unit == name {
            let (product, overflow) = Int64(number).multipliedReportingOverflow(by: nanoseconds)
            return overflow ? nil : TimeAmount(nanoseconds: product)
        }
        return nil
    }

    /// In the largest unit that gives a whole number.
    package static func text(_ amount: TimeAmount) -> String {
        if amount.nanoseconds == 0 { return "0s" }
        for (name, nanoseconds) in units where amount.nanoseconds % nanoseconds == 0 {
            return "\(amount.nanoseconds / nanoseconds)\(name)"
        }
        return "\(amount.nanoseconds)ns"
    }
}

/// Numbers of bytes as they are written: a whole number and a unit.
package enum SizeFormat {
    private static let units: [(name: StaticString, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// Nil when it isn't a number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB`, or is too large to count.
    static func parse(_ text: ByteView) -> Int? {
        var digits = 0
        while digits < text.count, ASCII.isDigit(text[digits]) { digits += 1 }
        guard let number = text.prefix(digits).decimalValue() else { return nil }
        let unit = text.from(digits)
        for (name, bytes) in units where unit == name {
            let (product, overflow) = number.multipliedReportingOverflow(by: bytes)
            return overflow ? nil : product
        }
        return nil
    }

    /// In the largest unit that gives a whole number.
    package static func text(_ count: Int) -> String {
        for (name, bytes) in units where count != 0 && count % bytes == 0 { return "\(count / bytes)\(name)" }
        return "\(count)B"
    }
}
