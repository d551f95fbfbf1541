extension UInt64 {
    /// How many digits the number has in decimal: at most 20.
    @inlinable package var decimalCount: Int {
        var count = 1
        var rest = self
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }
}

extension UnsafeMutablePointer<UInt8> {
    /// Writes `value` in decimal at `offset`, where 20 bytes are free; returns the number of digits.
    @inlinable package func writeDecimal(_ value: UInt64, at offset: Int) -> Int {
        let count = value.decimalCount
        var rest = value
        var index = offset + count
        repeat {
            index -= 1
            self[index] = ASCII.zero &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        return count
    }
}

extension IOBuffer {
    /// Appends `value` in decimal; a negative one as the 64 bits that it has.
    package mutating func append(decimal value: Int) { append(decimal: UInt64(bitPattern: Int64(value))) }

    /// Appends `value` in decimal.
    package mutating func append(decimal value: UInt64) {
        reserve(20)
        guard let storage else { return }
        writeIndex += storage.writeDecimal(value, at: writeIndex)
    }

    /// Appends `value` in lower-case hexadecimal without leading zeros.
    package mutating func append(hex value: Int) {
        let number = UInt64(bitPattern: Int64(value))
        appendHex(number, digits: max((67 - number.leadingZeroBitCount) / 4, 1))
    }

    /// Appends `number` in lower-case hexadecimal with 16 digits.
    package mutating func append(hex16 number: UInt64) { appendHex(number, digits: 16) }

    private mutating func appendHex(_ number: UInt64, digits: Int) {
        reserve(16)
        guard let storage else { return }
        var rest = number
        var index = writeIndex + digits
        while index > writeIndex {
            index -= 1
            storage[index] = ASCII.lowerHexDigit(UInt8(truncatingIfNeeded: rest) & 15)
            rest >>= 4
        }
        writeIndex += digits
    }

    /// Appends bytes, two lower-case hexadecimal digits each.
    package mutating func append(hexOf bytes: ByteView) {
        reserve(2 * bytes.count)
        guard let storage else { return }
        var index = 0
        while index < bytes.count {
            storage[writeIndex] = ASCII.lowerHexDigit(bytes[index] >> 4)
            storage[writeIndex + 1] = ASCII.lowerHexDigit(bytes[index] & 15)
            writeIndex += 2
            index += 1
        }
    }
}
