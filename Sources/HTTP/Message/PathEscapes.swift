import Base

/// What pieces of a canonical path say once their escapes are decoded, which is what services read in them.
///
/// In a canonical path every escape is whole, and `+` is a plus sign.
package enum PathEscapes {
    /// Whether `piece` is one name, which decoded once has the bytes of `text`, for all who read it.
    ///
    /// Never when it holds a slash, a backslash or a control character, escaped or not: they are in no name. Nor when
    /// it holds a `;` as it is, from which on some services read a parameter; `%3B` is in the name for all.
    package static func isName(_ piece: ByteView, _ text: ByteView) -> Bool {
        var position = 0
        var index = 0
        while index < piece.count {
            guard position < text.count, piece[index] != ASCII.semicolon else { return false }
            let byte = decodedByte(of: piece, at: &index)
            if byte != text[position] || byte == ASCII.slash || byte == ASCII.backslash { return false }
            if byte < ASCII.space || byte == ASCII.delete { return false }
            position += 1
        }
        return position == text.count
    }

    /// Appends `piece`, decoded once, to `buffer`.
    package static func appendDecoded(_ piece: ByteView, to buffer: inout IOBuffer) {
        var index = 0
        while index < piece.count { buffer.append(byte: decodedByte(of: piece, at: &index)) }
    }

    /// Calls `body` with `piece`, decoded once. Pieces without escapes are not copied.
    package static func withDecoded<Result>(_ piece: ByteView, _ body: (ByteView) -> Result) -> Result {
        guard piece.firstIndex(of: ASCII.percent) != nil else { return body(piece) }
        return withUnsafeTemporaryAllocation(byteCount: piece.count, alignment: 1) { memory in
            var count = 0
            var index = 0
            while index < piece.count {
                memory[count] = decodedByte(of: piece, at: &index)
                count += 1
            }
            return body(ByteView(UnsafeRawBufferPointer(rebasing: memory[..<count])))
        }
    }

    private static func decodedByte(of piece: ByteView, at index: inout Int) -> UInt8 {
        let byte = piece[index]
        if byte == ASCII.percent, index + 2 < piece.count, let high = ASCII.hexValue(piece[index + 1]),
            let low = ASCII.hexValue(piece[index + 2])
        {
            index += 3
            return high << 4 | low
        }
        index += 1
        return byte
    }
}
