import Base

extension ByteView {
    /// Whether the bytes are a `token` (RFC 9110 section 5.6.2): a field name, a method, a connection option.
    package var isToken: Bool { count > 0 && ByteScan.endOfToken(self, from: 0) == count }

    package var isValidFieldName: Bool { isToken }

    /// Whether the bytes can be a field value (RFC 9110 section 5.5): visible ASCII, space, tab and bytes above 127,
    /// with no white space at the ends. Empty is valid.
    package var isValidFieldValue: Bool {
        guard count > 0 else { return true }
        return isFieldText && !ASCII.isWhitespace(self[0]) && !ASCII.isWhitespace(self[count - 1])
    }

    /// The same, but for white space at the ends, which readers drop.
    package var isFieldText: Bool { ByteScan.isFieldText(self) }
}

/// The elements of a comma-separated field value (RFC 9110 section 5.6.1), trimmed; empty ones are skipped. A comma
/// within a quoted string does not separate.
package struct ListElements: Sendable {
    private let value: ByteView
    private var position = 0

    package init(_ value: ByteView) { self.value = value }

    package mutating func next() -> ByteView? {
        while position < value.count {
            let start = position
            var isQuoted = false
            while position < value.count {
                let byte = value[position]
                if byte == ASCII.quote {
                    isQuoted.toggle()
                } else if isQuoted {
                    if byte == ASCII.backslash { position += 1 }
                } else if byte == ASCII.comma {
                    break
                }
                position += 1
            }
            let end = min(position, value.count)
            position = end + 1
            let element = value[start..<end].trimmingWhitespace()
            if !element.isEmpty { return element }
        }
        return nil
    }
}
