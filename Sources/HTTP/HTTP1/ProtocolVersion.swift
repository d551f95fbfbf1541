import Base

/// `HTTP/1.x` at its place in a start line (RFC 9112 section 2.3).
enum ProtocolVersion {
    private static var http11: UInt64 { 0x312e_312f_5054_5448 }
    private static var http10: UInt64 { 0x302e_312f_5054_5448 }

    /// Parses the eight bytes of a version, and in a request line the CRLF behind it.
    ///
    /// - Returns: the minor version, at most 1; nil when bytes are missing and those present are right.
    @inline(__always)
    static func parse(_ view: ByteView, from start: Int, isRequestLine: Bool) throws(MessageError) -> UInt8? {
        let length = isRequestLine ? 10 : 8
        if start + length <= view.count, !isRequestLine || (view[start + 8] == ASCII.cr && view[start + 9] == ASCII.lf)
        {
            let bytes = view[start..<start + 8]
            let word = UInt64(littleEndian: UnsafeRawPointer(bytes.base).loadUnaligned(as: UInt64.self))
            if word == http11 { return 1 }
            if word == http10 { return 0 }
        }
        return try judge(view, from: start, length: length)
    }

    /// The same, byte by byte.
    @inline(never)
    private static func judge(_ view: ByteView, from start: Int, length: Int) throws(MessageError) -> UInt8? {
        let pattern = ByteView("HTTP/0.0\r\n")
        var index = 0
        while index < length {
            guard start + index < view.count else { return nil }
            let byte = view[start + index]
            switch index {
            case 5, 7:
                guard ASCII.isDigit(byte) else { throw .malformedVersion }
            case 8:
                guard byte == ASCII.cr else { throw byte == ASCII.lf ? .bareLineFeed : .malformedVersion }
            case 9:
                guard byte == ASCII.lf else { throw .bareCarriageReturn }
            default:
                guard byte == pattern[index] else { throw .malformedVersion }
            }
            index += 1
        }
        guard view[start + 5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return view[start + 7] == ASCII.zero ? 0 : 1
    }
}
