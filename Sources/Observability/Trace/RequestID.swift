import Base

/// The identity that the gateway gives a request: a UUID of version 7 (RFC 9562 section 5.7), so that ids sort by time.
/// Unique, not secret: it proves nothing and grants nothing.
package struct RequestID: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// The bytes of the text form.
    package static let textLength = 36
    /// The longest id that is taken over from a trusted client, in bytes.
    package static let maximumLength = 128

    /// - Parameter time: when the request arrived; its milliseconds lead the id.
    package init(at time: WallTime, using random: inout RandomSource) {
        let milliseconds = UInt64(bitPattern: time.milliseconds) & 0xffff_ffff_ffff
        high = milliseconds << 16 | 0x7000 | random.next() & 0x0fff
        low = random.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    }

    /// Appends the 36 bytes of the text form: lower-case hexadecimal in groups of 8, 4, 4, 4 and 12.
    package func append(to buffer: inout IOBuffer) {
        var cursor = TextCursor(reserving: Self.textLength, in: &buffer)
        cursor.write(uuid: high, low)
        cursor.commit(to: &buffer)
    }

    /// Whether an id that a trusted proxy sent is taken over: 1 to 128 letters, digits, dots, hyphens and underscores.
    package static func isAcceptable(_ text: ByteView) -> Bool {
        guard text.count > 0, text.count <= maximumLength else { return false }
        for index in 0..<text.count {
            let byte = text[index]
            guard
                ASCII.isAlpha(byte) || ASCII.isDigit(byte) || byte == ASCII.dot || byte == ASCII.hyphen
                    || byte == ASCII.underscore
            else { return false }
        }
        return true
    }
}
