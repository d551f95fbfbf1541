import Base

/// The one form of a path that is matched, authorised, logged and sent upstream.
///
/// - Escapes of unreserved characters are decoded, all others get upper-case digits (RFC 3986 section 6.2.2).
/// - Repeated slashes are merged, then dot segments removed, encoded dots included (RFC 3986 section 5.2.4).
/// - Visible ASCII that a path can't hold (`"<>[]^{|}` and the back-tick) is encoded.
/// - `%2F` and `%5C` stay encoded and are reported: decoding them would change the path's segments.
///
/// Refused is what servers read in different ways: control bytes, raw or encoded; non-ASCII bytes; invalid escapes;
/// raw backslashes; a dot segment next to an encoded slash or with a parameter (`/..;x/`), which some servers resolve
/// and others don't; and `..` above the root. RFC 3986 would clamp the latter to the root, but no honest client sends
/// it, and a peer that clamps at another place (behind a stripped prefix, say) would see another path than we did.
///
/// The form is a fixed point: the canonical form of a canonical path is itself.
package enum CanonicalPath {
    /// What became of a path.
    package struct Outcome: Equatable, Sendable {
        /// The bytes written.
        package let count: Int
        package let hasEncodedSlash: Bool
    }

    /// The bytes that `write` needs at most for a path of `count` bytes.
    package static func capacity(for count: Int) -> Int { count * 3 + 1 }

    /// Where the path that begins at `start` of a target ends (at the first `?`, or the target's end), and whether it
    /// is canonical as it stands. That is true of nearly all; it may be false of a canonical path, never the reverse.
    static func survey(_ target: ByteView, from start: Int) -> (end: Int, isCanonical: Bool) {
        var index = start
        var isCanonical = true
        while true {
            index = ByteScan.endOfWord(target, from: index)
            guard index < target.count else { break }
            let byte = target[index]
            if byte == ASCII.question { break }
            index += 1
            if byte == ASCII.slash {
                if index < target.count, target[index] == ASCII.slash || target[index] == ASCII.dot {
                    isCanonical = false
                }
            } else if !plain.contains(byte) {
                isCanonical = false
            }
        }
        return (index, isCanonical)
    }

    /// Writes the canonical form of `path` to `output`, which holds `capacity(for:)` bytes and is no part of `path`.
    package static func write(
        _ path: ByteView, to output: UnsafeMutablePointer<UInt8>
    ) throws(MessageError) -> Outcome {
        guard path.count > 0, path[0] == ASCII.slash else { throw .malformedTarget }
        var writer = Writer(output: output)
        var index = 0
        while index < path.count {
            let byte = path[index]
            switch byte {
            case ASCII.slash:
                try writer.endSegment(withSlash: true)
                index += 1
            case ASCII.percent:
                try writer.appendEscape(path, at: index)
                index += 3
            case ASCII.backslash:
                throw .backslashInPath
            default:
                if plain.contains(byte) {
                    writer.append(byte)
                } else if byte > ASCII.space, byte < ASCII.delete, byte != UInt8(ascii: "#"), byte != ASCII.question {
                    writer.appendEncoded(byte)
                } else {
                    throw .invalidTargetByte
                }
                index += 1
            }
        }
        try writer.endSegment(withSlash: false)
        return Outcome(count: writer.count, hasEncodedSlash: writer.hasEncodedSlash)
    }

    /// `unreserved`, `sub-delims`, `:`, `@` and `/` (RFC 3986 section 3.3).
    private static var plain: ByteSet { ByteSet(words: (0x2fff_ffd2_0000_0000, 0x47ff_fffe_87ff_ffff, 0, 0)) }
}

/// Writes segments, resolving each when it ends.
private struct Writer {
    let output: UnsafeMutablePointer<UInt8>
    var count = 0
    var hasEncodedSlash = false
    /// Where the segment under way begins: after the slash before it. -1 before the first slash.
    private var segmentStart = -1
    /// Where its last piece begins: after the last slash, raw or encoded.
    private var pieceStart = -1

    init(output: UnsafeMutablePointer<UInt8>) { self.output = output }

    mutating func append(_ byte: UInt8) {
        output[count] = byte
        count += 1
    }

    mutating func appendEncoded(_ byte: UInt8) {
        append(ASCII.percent)
        append(ASCII.hexDigit(byte >> 4))
        append(ASCII.hexDigit(byte & 15))
    }

    mutating func appendEscape(_ path: ByteView, at index: Int) throws(MessageError) {
        guard index + 2 < path.count, let high = ASCII.hexValue(path[index + 1]),
            let low = ASCII.hexValue(path[index + 2])
        else { throw .invalidEscape }
        let byte = high << 4 | low
        if byte < ASCII.space || byte == ASCII.delete { throw .encodedControlByte }
        if byte == ASCII.slash || byte == ASCII.backslash {
            if dotKind() != .none { throw .ambiguousDotSegment }
            hasEncodedSlash = true
            appendEncoded(byte)
            pieceStart = count
        } else if ASCII.isAlpha(byte) || ASCII.isDigit(byte) || byte == ASCII.hyphen || byte == ASCII.dot
            || byte == ASCII.underscore || byte == UInt8(ascii: "~")
        {
            append(byte)
        } else {
            appendEncoded(byte)
        }
    }

    mutating func endSegment(withSlash: Bool) throws(MessageError) {
        if segmentStart >= 0 {
            let kind = dotKind()
            if kind == .ambiguous || (kind != .none && pieceStart != segmentStart) { throw .ambiguousDotSegment }
            if kind == .single { count = segmentStart }
            if kind == .double {
                guard segmentStart > 1 else { throw .pathAboveRoot }
                count = segmentStart - 1
                while output[count - 1] != ASCII.slash { count -= 1 }
            }
            // What remains after an empty or a removed segment ends with the slash already.
            if output[count - 1] == ASCII.slash {
                segmentStart = count
                pieceStart = count
                return
            }
        }
        if withSlash { append(ASCII.slash) }
        segmentStart = count
        pieceStart = count
    }

    private enum DotKind { case none, single, double, ambiguous }

    /// Whether the last piece is `.` or `..`, or one of them with a parameter.
    private func dotKind() -> DotKind {
        let length = count - pieceStart
        guard length > 0, output[pieceStart] == ASCII.dot else { return .none }
        if length == 1 { return .single }
        if output[pieceStart + 1] == ASCII.semicolon { return .ambiguous }
        guard output[pieceStart + 1] == ASCII.dot else { return .none }
        if length == 2 { return .double }
        return output[pieceStart + 2] == ASCII.semicolon ? .ambiguous : .none
    }
}
