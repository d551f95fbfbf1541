import Base

/// base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strict both ways: one text for each run of
/// bytes.
package enum Base64URL {
    /// How many characters `count` bytes become.
    @inlinable package static func encodedCount(_ count: Int) -> Int { (count * 4 + 2) / 3 }

    /// How many bytes `count` characters become; nil for a length that no bytes have.
    @inlinable package static func decodedCount(_ count: Int) -> Int? {
        count & 3 == 1 ? nil : count / 4 * 3 + (count & 3) * 3 / 4
    }

    /// Encodes into memory of at least `encodedCount` bytes.
    /// - Returns: how many bytes were written.
    @discardableResult
    package static func encode(_ bytes: ByteView, into output: UnsafeMutablePointer<UInt8>) -> Int {
        let letters = alphabet.utf8Start
        let base = bytes.base
        let whole = bytes.count / 3 * 3
        var index = 0
        var written = 0
        while index < whole {
            let word = UInt32(base[index]) << 16 | UInt32(base[index + 1]) << 8 | UInt32(base[index + 2])
            output[written] = letters[Int(word >> 18)]
            output[written + 1] = letters[Int(word >> 12 & 63)]
            output[written + 2] = letters[Int(word >> 6 & 63)]
            output[written + 3] = letters[Int(word & 63)]
            index += 3
            written += 4
        }
        if bytes.count - index == 1 {
            output[written] = letters[Int(base[index] >> 2)]
            output[written + 1] = letters[Int(base[index] & 3) << 4]
            written += 2
        } else if bytes.count - index == 2 {
            output[written] = letters[Int(base[index] >> 2)]
            output[written + 1] = letters[Int(base[index] & 3) << 4 | Int(base[index + 1] >> 4)]
            output[written + 2] = letters[Int(base[index + 1] & 15) << 2]
            written += 3
        }
        return written
    }

    /// Decodes into memory of at least `decodedCount` bytes. Refuses padding, other alphabets, white space, a length
    /// that no bytes have and bits that are left over but not zero.
    /// - Returns: how many bytes were written; nil for a text that is refused, and the memory then holds rubbish.
    package static func decode(_ text: ByteView, into output: UnsafeMutablePointer<UInt8>) -> Int? {
        guard decodedCount(text.count) != nil else { return nil }
        let base = text.base
        let values = values.utf8Start
        let whole = text.count & ~3
        var index = 0
        var written = 0
        // Errors are gathered and looked at once: a value over 63 has a bit that no good one has.
        var seen: UInt8 = 0
        while index < whole {
            let a = values[Int(base[index])] &- 32
            let b = values[Int(base[index + 1])] &- 32
            let c = values[Int(base[index + 2])] &- 32
            let d = values[Int(base[index + 3])] &- 32
            seen |= a | b | c | d
            output[written] = a << 2 | b >> 4
            output[written + 1] = b << 4 | c >> 2
            output[written + 2] = c << 6 | d
            index += 4
            written += 3
        }
        if text.count - whole >= 2 {
            let a = values[Int(base[index])] &- 32
            let b = values[Int(base[index + 1])] &- 32
            seen |= a | b
            output[written] = a << 2 | b >> 4
            written += 1
            if text.count - whole == 3 {
                let c = values[Int(base[index + 2])] &- 32
                seen |= c
                if c & 3 != 0 { return nil }
                output[written] = b << 4 | c >> 2
                written += 1
            } else if b & 15 != 0 {
                return nil
            }
        }
        return seen & 0xc0 == 0 ? written : nil
    }

    /// The decoded bytes, or nil. Off the hot path only.
    package static func decode(_ text: ByteView) -> [UInt8]? {
        guard let count = decodedCount(text.count) else { return nil }
        var isDecoded = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count + 1) { buffer, filled in
            guard let start = buffer.baseAddress, let written = decode(text, into: start) else { return }
            filled = written
            isDecoded = true
        }
        return isDecoded ? bytes : nil
    }

    /// The encoded text. Off the hot path only.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: encodedCount(bytes.count) + 1) { buffer in
            guard let start = buffer.baseAddress else { return 0 }
            return bytes.withUnsafeBytes { encode(ByteView($0), into: start) }
        }
    }

    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// For each byte its value plus 32, `~` (94) if it has none: a literal needs neither memory nor initialisation.
    private static let values: StaticString = """
        ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~^~~TUVWXYZ[\\]~~~~~~\
        ~ !"#$%&'()*+,-./0123456789~~~~_~:;<=>?@ABCDEFGHIJKLMNOPQRS~~~~~\
        ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\
        ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
        """
}
