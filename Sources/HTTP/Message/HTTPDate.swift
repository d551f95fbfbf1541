import Base

/// The date format of HTTP, `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 section 5.6.7).
package enum HTTPDate {
    /// The length of every date, in bytes.
    package static let count = 29

    /// Appends the date of an instant. Once per second is enough: keep the bytes.
    ///
    /// - Parameter epochSeconds: seconds since 1970-01-01 00:00:00 UTC, clamped to the years 1970...9999.
    package static func append(epochSeconds: Int64, to buffer: inout IOBuffer) {
        let seconds = min(max(epochSeconds, 0), 253_402_300_799)
        let days = Int(seconds / 86_400)
        let second = Int(seconds % 86_400)
        let date = CivilDate(daysSinceEpoch: days)
        buffer.append(name(in: "ThuFriSatSunMonTueWed", days % 7))
        buffer.append(", ")
        append(twoDigits: date.day, to: &buffer)
        buffer.append(byte: ASCII.space)
        buffer.append(name(in: "JanFebMarAprMayJunJulAugSepOctNovDec", date.month - 1))
        buffer.append(byte: ASCII.space)
        append(twoDigits: date.year / 100, to: &buffer)
        append(twoDigits: date.year % 100, to: &buffer)
        buffer.append(byte: ASCII.space)
        append(twoDigits: second / 3600, to: &buffer)
        buffer.append(byte: ASCII.colon)
        append(twoDigits: second / 60 % 60, to: &buffer)
        buffer.append(byte: ASCII.colon)
        append(twoDigits: second % 60, to: &buffer)
        buffer.append(" GMT")
    }

    private static func name(in names: StaticString, _ index: Int) -> ByteView {
        ByteView(names)[index * 3..<index * 3 + 3]
    }

    private static func append(twoDigits value: Int, to buffer: inout IOBuffer) {
        buffer.append(byte: ASCII.zero &+ UInt8(truncatingIfNeeded: value / 10 % 10))
        buffer.append(byte: ASCII.zero &+ UInt8(truncatingIfNeeded: value % 10))
    }
}
