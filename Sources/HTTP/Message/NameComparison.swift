import Base

extension ByteView {
    /// Equality with a name of letters, digits and hyphens, ignoring the case of letters, eight bytes at a time.
    @inline(__always)
    func equalsName(_ name: StaticString) -> Bool {
        guard count == name.utf8CodeUnitCount else { return false }
        let left = UnsafeRawPointer(base)
        let right = UnsafeRawPointer(name.utf8Start)
        var index = 0
        while index + 8 <= count {
            guard Self.equalLetters(left, right, index, as: UInt64.self, 0x4040_4040_4040_4040) else { return false }
            index += 8
        }
        if index == count { return true }
        if count >= 8 { return Self.equalLetters(left, right, count - 8, as: UInt64.self, 0x4040_4040_4040_4040) }
        if count >= 4 {
            return Self.equalLetters(left, right, 0, as: UInt32.self, 0x4040_4040)
                && Self.equalLetters(left, right, count - 4, as: UInt32.self, 0x4040_4040)
        }
        while index < count {
            guard Self.equalLetters(left, right, index, as: UInt8.self, 0x40) else { return false }
            index += 1
        }
        return true
    }

    /// Compares one word. Bit 6 marks the letters among the bytes of a known name; only there bit 5, the case, is free.
    @inline(__always)
    private static func equalLetters<Word: FixedWidthInteger>(
        _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ offset: Int, as: Word.Type, _ letterBits: Word
    ) -> Bool {
        let known = right.loadUnaligned(fromByteOffset: offset, as: Word.self)
        let caseBits = (known & letterBits) >> 1
        return left.loadUnaligned(fromByteOffset: offset, as: Word.self) | caseBits == known | caseBits
    }

    /// The same, reading `_` as `-`. Off the common path.
    func equalsNameFoldingUnderscores(_ known: ByteView) -> Bool {
        guard count == known.count else { return false }
        var index = 0
        while index < count {
            let byte = self[index] == ASCII.underscore ? ASCII.hyphen : ASCII.lowercased(self[index])
            if byte != ASCII.lowercased(known[index]) { return false }
            index += 1
        }
        return true
    }
}
