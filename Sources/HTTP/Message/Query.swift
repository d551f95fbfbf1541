import Base

/// The pairs of a query, `name=value` between `&`, as they came (WHATWG URL, application/x-www-form-urlencoded).
/// Empty pieces are skipped.
package struct QueryPairs: Sendable {
    /// One pair, not decoded. A piece without `=` has an empty value.
    package struct Pair: Sendable {
        package let name: ByteView
        package let value: ByteView
    }

    private let query: ByteView
    private var position = 0

    /// - Parameter query: the bytes after `?`.
    package init(_ query: ByteView) { self.query = query }

    package mutating func next() -> Pair? {
        while position < query.count {
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: position) ?? query.count
            let piece = query[position..<end]
            position = end + 1
            if piece.isEmpty { continue }
            guard let equals = piece.firstIndex(of: ASCII.equals) else { return Pair(name: piece, value: ByteView()) }
            return Pair(name: piece.prefix(equals), value: piece.from(equals + 1))
        }
        return nil
    }

    /// Whether `raw`, decoded (`%XX`, `+` as a space), is `text`. An invalid escape stands for itself.
    package static func decodes(_ raw: ByteView, to text: ByteView) -> Bool {
        var index = 0
        var position = 0
        while index < raw.count {
            guard position < text.count else { return false }
            let byte = decodedByte(of: raw, at: &index)
            if byte != text[position] { return false }
            position += 1
        }
        return position == text.count
    }

    /// Appends `raw`, decoded, to `buffer`.
    package static func appendDecoded(_ raw: ByteView, to buffer: inout IOBuffer) {
        var index = 0
        while index < raw.count { buffer.append(byte: decodedByte(of: raw, at: &index)) }
    }

    private static func decodedByte(of raw: ByteView, at index: inout Int) -> UInt8 {
        let byte = raw[index]
        if byte == ASCII.percent, index + 2 < raw.count, let high = ASCII.hexValue(raw[index + 1]),
            let low = ASCII.hexValue(raw[index + 2])
        {
            index += 3
            return high << 4 | low
        }
        index += 1
        return byte == UInt8(ascii: "+") ? ASCII.space : byte
    }
}
