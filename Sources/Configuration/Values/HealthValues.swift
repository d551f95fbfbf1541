import Base

extension ValueDecoder where Value == Int {
    /// A whole number and a percent sign.
    static func percent(_ range: ClosedRange<Int>) -> ValueDecoder {
        scalar(.text("a part from \(range.lowerBound)% to \(range.upperBound)%")) { text throws(Unfit) in
            let isMarked = text.count > 1 && text[text.count - 1] == UInt8(ascii: "%")
            if let value = text.prefix(isMarked ? text.count - 1 : text.count).decimalValue(), range.contains(value) {
                if isMarked { return value }
                throw Unfit(suggestion: "did you mean `\(value)%`?")
            }
            if isMarked, text.prefix(text.count - 1).decimalValue() != nil { throw Unfit() }
            let meant = QuantityRemedies.percentage(text).flatMap { range.contains($0) ? $0 : nil }
            throw Unfit(
                expected: "a part from \(range.lowerBound)% to \(range.upperBound)%: a whole number with `%`",
                suggestion: meant.map { "did you mean `\($0)%`?" })
        }
    }
}

extension ValueDecoder where Value == CircuitBreakerSettings.Failure {
    static var failure: ValueDecoder {
        let words: [(StaticString, CircuitBreakerSettings.Failure)] = [
            ("connect", .connect), ("timeout", .timeout), ("reset", .reset),
        ]
        return scalar(.text("`connect`, `timeout`, `reset` or a status from 400 to 599")) { text throws(Unfit) in
            for (word, failure) in words where text == word { return failure }
            guard let status = text.decimalValue(), (400...599).contains(status) else {
                let names = words.map { $0.0.description }
                throw Unfit(
                    suggestion: Spelling.nearest(to: text.string, among: names).map { "did you mean `\($0)`?" })
            }
            return .status(status)
        }
    }
}

extension ValueDecoder where Value == StatusRange {
    static var statusRange: ValueDecoder {
        scalar(.text("a status such as `204`, or a range such as `200-299`, from 100 to 599")) { text throws(Unfit) in
            let dash = text.firstIndex(of: UInt8(ascii: "-"))
            guard let first = text.prefix(dash ?? text.count).decimalValue(),
                let last = dash.map({ text.from($0 + 1).decimalValue() }) ?? first,
                first >= 100, first <= last, last <= 599
            else { throw Unfit() }
            return StatusRange(first, last)
        }
    }
}

extension ValueDecoder where Value == String {
    /// What a request for a health check asks for (RFC 9112 section 3.2.1).
    static var checkPath: ValueDecoder {
        scalar(.text("a path, with or without a query, such as `/healthz`")) { text throws(Unfit) in
            guard text.count > 0, text[0] == ASCII.slash, text.count <= 1_024 else {
                let isBare = text.count > 0 && text.count < 100 && text[0] != ASCII.slash
                throw Unfit(suggestion: isBare ? "did you mean `/\(Visible.text(text))`?" : nil)
            }
            var index = 0
            while index < text.count {
                guard text[index] > 0x20, text[index] < 0x7f, text[index] != UInt8(ascii: "#") else {
                    throw Unfit(expected: "a path of visible ASCII characters, without a fragment")
                }
                index += 1
            }
            return text.string
        }
    }
}
