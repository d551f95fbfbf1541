import Base

/// A host with an optional port, as in `Host` and in an absolute target (RFC 9110 section 7.2, RFC 3986 section 3.2).
///
/// Stricter than the grammar, whose `reg-name` is any name of any naming system: a host here is made of letters,
/// digits, `-`, `_`, `~` and non-empty labels between dots, at most 253 bytes. Percent-escapes and sub-delimiters such
/// as `,` or `;` occur in no name of DNS, and servers disagree about what they mean.
package struct Authority: Equatable, Sendable {
    /// The bytes of the host at the beginning, without a trailing dot, with the brackets of an IPv6 literal.
    package let hostCount: Int
    /// Nil when there is none, or an empty one (`host:`).
    package let port: UInt16?
    /// Whether the bytes are already as `RequestHead.authority` wants them: lower case, no trailing dot, a plain port.
    package let isCanonical: Bool

    /// Parses the whole of `text`.
    ///
    /// - Throws: `invalidHost`, or `userInformation` when there is an `@`.
    package init(parsing text: ByteView) throws(MessageError) {
        let colon = ByteScan.index(ofColon: text, from: 0)
        if ByteScan.isPlainHost(text.prefix(colon)) {
            hostCount = colon
            port = colon < text.count ? try Self.port(text, from: colon + 1) : nil
            isCanonical = colon == text.count || (port != nil && text[colon + 1] != ASCII.zero)
            return
        }
        guard let first = text.count > 0 ? text[0] : nil else { throw .invalidHost }
        var isCanonical = true
        let hostEnd: Int
        if first == ASCII.openBracket {
            hostEnd = try Self.endOfLiteral(text, &isCanonical)
            hostCount = hostEnd
        } else {
            hostEnd = try Self.endOfName(text, &isCanonical)
            // A trailing dot says "not relative to a search domain": here it names the same host.
            let hasTrailingDot = hostEnd > 0 && text[hostEnd - 1] == ASCII.dot
            hostCount = hasTrailingDot ? hostEnd - 1 : hostEnd
            if hasTrailingDot { isCanonical = false }
            guard hostCount > 0, hostCount <= 253 else { throw .invalidHost }
        }
        if hostEnd == text.count {
            port = nil
        } else {
            guard text[hostEnd] == ASCII.colon else { throw .invalidHost }
            port = try Self.port(text, from: hostEnd + 1)
            if port == nil || text[hostEnd + 1] == ASCII.zero { isCanonical = false }
        }
        self.isCanonical = isCanonical
    }

    private static func endOfName(_ text: ByteView, _ isCanonical: inout Bool) throws(MessageError) -> Int {
        var index = 0
        var previous = ASCII.dot
        while index < text.count {
            let byte = text[index]
            if plain.contains(byte) {
                previous = byte
                index += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                isCanonical = false
            case ASCII.dot:
                if previous == ASCII.dot { throw .invalidHost }
            case ASCII.colon:
                return index
            default:
                throw text.firstIndex(of: ASCII.at, from: index) != nil ? .userInformation : .invalidHost
            }
            previous = byte
            index += 1
        }
        return index
    }

    /// Lower-case letters, digits, `-`, `_` and `~`.
    private static var plain: ByteSet { ByteSet(words: (0x03ff_2000_0000_0000, 0x47ff_fffe_8000_0000, 0, 0)) }

    private static func port(_ text: ByteView, from start: Int) throws(MessageError) -> UInt16? {
        if start == text.count { return nil }
        guard text.count - start <= 5, let value = text.from(start).decimalValue(), value <= 65535 else {
            // `user:password@host` is told apart for its own error.
            throw text.firstIndex(of: ASCII.at, from: start) != nil ? .userInformation : .invalidHost
        }
        return UInt16(value)
    }

    /// An IPv6 address in brackets; no zone, no future version (RFC 3986 section 3.2.2).
    private static func endOfLiteral(_ text: ByteView, _ isCanonical: inout Bool) throws(MessageError) -> Int {
        guard let close = text.firstIndex(of: ASCII.closeBracket) else { throw .invalidHost }
        let literal = text[1..<close]
        guard let address = IPAddress(text: literal), !address.isIPv4 else { throw .invalidHost }
        var index = 0
        while index < literal.count {
            if ASCII.isUpper(literal[index]) { isCanonical = false }
            index += 1
        }
        return close + 1
    }
}
