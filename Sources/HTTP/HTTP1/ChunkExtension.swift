import Base

/// The place within a chunk's extensions, which are checked and dropped (RFC 9112 section 7.1.1).
///
/// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`, a value being a token or a quoted string.
enum ChunkExtensionState: UInt8, Sendable {
    /// Behind `;`
    case beforeName
    case name
    /// Behind white space after a name: `=` or `;` must follow.
    case afterName
    /// Behind `=`
    case beforeValue
    case token
    case quoted
    /// Behind a backslash in a quoted string.
    case escaped
    /// Directly behind the closing quote.
    case closed
    /// Behind white space after a value, or after the size: `;` must follow.
    case afterValue

    /// Whether the line may end here. White space must lead to something: before CR it belongs to nothing.
    var mayEnd: Bool { self == .name || self == .token || self == .closed }

    /// The place behind `byte`; nil when it can't be here.
    func after(_ byte: UInt8) -> ChunkExtensionState? {
        let isSpace = ASCII.isWhitespace(byte)
        switch self {
        case .beforeName:
            if isSpace { return .beforeName }
            return ByteSet.token.contains(byte) ? .name : nil
        case .name:
            if ByteSet.token.contains(byte) { return .name }
            if isSpace { return .afterName }
            return separator(byte)
        case .afterName:
            return isSpace ? .afterName : separator(byte)
        case .beforeValue:
            if isSpace { return .beforeValue }
            if byte == ASCII.quote { return .quoted }
            return ByteSet.token.contains(byte) ? .token : nil
        case .token:
            if ByteSet.token.contains(byte) { return .token }
            if isSpace { return .afterValue }
            return byte == ASCII.semicolon ? .beforeName : nil
        case .quoted:
            if byte == ASCII.quote { return .closed }
            if byte == ASCII.backslash { return .escaped }
            return isText(byte) ? .quoted : nil
        case .escaped:
            return isText(byte) ? .quoted : nil
        case .closed, .afterValue:
            if isSpace { return .afterValue }
            return byte == ASCII.semicolon ? .beforeName : nil
        }
    }

    private func separator(_ byte: UInt8) -> ChunkExtensionState? {
        switch byte {
        case ASCII.equals: .beforeValue
        case ASCII.semicolon: .beforeName
        default: nil
        }
    }

    /// Visible ASCII, space, tab, bytes above 127.
    private func isText(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != ASCII.delete) || byte == ASCII.tab }
}
