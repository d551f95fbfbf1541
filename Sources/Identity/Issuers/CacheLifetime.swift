import Base

/// How long an answer may be kept, by its `Cache-Control`, `Age`, `Expires` and `Date` (RFC 9111 sections 4.2 and 5.2).
package struct CacheLifetime: Sendable {
    private var maxAge: Int?
    private var mustRevalidate = false
    private var expires: Expiry = .absent
    private var date: WallTime?
    private var age = 0

    private enum Expiry {
        case absent
        /// Not a date, such as `0`: expired already (RFC 9111 section 5.3).
        case invalid
        case at(WallTime)
    }

    /// No lifetime exceeds this; it keeps sums far from overflow. Ten years in seconds.
    private static let secondsMax = 315_360_000

    package init() {}

    /// Reads a `Cache-Control` field. `s-maxage` is for shared caches, and so not for us; of several `max-age` the
    /// smallest counts, and one that can't be read is 0 (RFC 9111 section 4.2.1).
    package mutating func add(cacheControl value: ByteView) {
        var index = 0
        while index < value.count {
            let end = Self.endOfDirective(value, from: index)
            addDirective(value[index..<end].trimmingWhitespace())
            index = end + 1
        }
    }

    /// Reads an `Age` field, in seconds; anything else is ignored.
    package mutating func add(age value: ByteView) {
        age = Self.seconds(value) ?? age
    }

    /// Takes an `Expires` field. - Parameter time: nil when it is no date.
    package mutating func add(expires time: WallTime?) { expires = time.map { .at($0) } ?? .invalid }

    /// Takes a `Date` field that is a date.
    package mutating func add(date time: WallTime) { date = time }

    /// The time left from now on, zero for an answer that must not be kept; nil when the answer says nothing.
    ///
    /// - Parameter now: stands in for a missing `Date`.
    package func remaining(now: WallTime) -> TimeAmount? {
        if mustRevalidate { return .zero }
        if let maxAge { return .seconds(Int64(max(0, maxAge - age))) }
        switch expires {
        case .absent: return nil
        case .invalid: return .zero
        case .at(let time):
            let seconds = time.seconds - (date ?? now).seconds
            return .seconds(min(max(0, seconds - Int64(age)), Int64(Self.secondsMax)))
        }
    }

    /// The next comma outside of a quoted string, or the end.
    private static func endOfDirective(_ value: ByteView, from start: Int) -> Int {
        var index = start
        var isQuoted = false
        while index < value.count {
            let byte = value[index]
            if isQuoted, byte == ASCII.backslash {
                index += 1
            } else if byte == ASCII.quote {
                isQuoted.toggle()
            } else if byte == ASCII.comma, !isQuoted {
                return index
            }
            index += 1
        }
        return value.count
    }

    private mutating func addDirective(_ directive: ByteView) {
        let equals = directive.firstIndex(of: ASCII.equals)
        let name = directive.prefix(equals ?? directive.count)
        if name.equalsIgnoringCase("no-store") || name.equalsIgnoringCase("no-cache") {
            mustRevalidate = true
        } else if name.equalsIgnoringCase("max-age") {
            var argument = equals.map { directive.from($0 + 1) } ?? ByteView()
            // Both forms of an argument must be understood (RFC 9111 section 5.2).
            if argument.count >= 2, argument[0] == ASCII.quote, argument[argument.count - 1] == ASCII.quote {
                argument = argument[1..<argument.count - 1]
            }
            maxAge = min(maxAge ?? .max, Self.seconds(argument) ?? 0)
        }
    }

    /// Digits only; more than the limit are the limit (RFC 9111 section 1.2.2).
    private static func seconds(_ text: ByteView) -> Int? {
        guard !text.isEmpty, text.raw.allSatisfy(ASCII.isDigit) else { return nil }
        return min(text.decimalValue() ?? secondsMax, secondsMax)
    }
}
