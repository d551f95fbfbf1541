import Base

/// The grammar and the value of a number (RFC 8259 section 6).
enum JSONNumber {
    /// The longest number that is taken, in characters.
    static let maximumCount = 64

    /// The length of the number that starts `text`.
    /// - Parameter isBounded: whether it must fit in a double, and in `maximumCount` characters.
    static func scan(_ text: ByteView, isBounded: Bool) throws(JSONError) -> Int {
        let base = text.base
        let count = text.count
        var index = base[0] == ASCII.hyphen ? 1 : 0
        let integerStart = index
        while index < count, ASCII.isDigit(base[index]) { index += 1 }
        let digits = index - integerStart
        guard digits > 0 else { throw index == count ? .unexpectedEnd : .invalidNumber }
        if digits > 1, base[integerStart] == ASCII.zero { throw .invalidNumber }
        if index < count, base[index] == ASCII.dot {
            let fractionStart = index + 1
            index = fractionStart
            while index < count, ASCII.isDigit(base[index]) { index += 1 }
            if index == fractionStart { throw index == count ? .unexpectedEnd : .invalidNumber }
        }
        if index < count, base[index] | 0x20 == 0x65 {
            index += 1
            let isNegative = index < count && base[index] == ASCII.hyphen
            if index < count, isNegative || base[index] == 0x2b { index += 1 }
            let exponentStart = index
            var exponent = 0
            while index < count, ASCII.isDigit(base[index]) {
                exponent = min(exponent * 10 + Int(base[index] &- ASCII.zero), 100_000)
                index += 1
            }
            if index == exponentStart { throw index == count ? .unexpectedEnd : .invalidNumber }
            // Below 10^308 whatever the digits are, hence finite.
            if isBounded, isNegative ? exponent > 400 : exponent + digits > 308 { throw .numberTooLarge }
        }
        if isBounded, index > maximumCount { throw .numberTooLarge }
        return index
    }

    static func integer(_ text: ByteView) -> Int64? {
        let base = text.base
        let isNegative = base[0] == ASCII.hyphen
        var index = isNegative ? 1 : 0
        guard text.count - index <= 19 else { return nil }
        var value: Int64 = 0
        while index < text.count {
            let digit = base[index] &- ASCII.zero
            guard digit <= 9 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (difference, carry) = product.subtractingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { return nil }
            value = difference
            index += 1
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    static func double(_ text: ByteView) -> Double {
        // Digits with one dot, small enough that mantissa and power are exact: one rounding, as strtod's.
        let base = text.base
        let isNegative = base[0] == ASCII.hyphen
        var index = isNegative ? 1 : 0
        var mantissa: UInt64 = 0
        var power = 1.0
        var isFraction = false
        while index < text.count, mantissa < 1 << 49 {
            let byte = base[index]
            if byte == ASCII.dot {
                isFraction = true
            } else if ASCII.isDigit(byte) {
                mantissa = mantissa * 10 + UInt64(byte &- ASCII.zero)
                if isFraction { power *= 10 }
            } else {
                break
            }
            index += 1
        }
        // At most 16 digits after the dot were taken while the mantissa was below 2^53; zeros may have come before.
        if index == text.count, power <= 1e22, mantissa < 1 << 53 {
            let value = Double(mantissa) / power
            return isNegative ? -value : value
        }
        return Double(text.string) ?? 0
    }
}
