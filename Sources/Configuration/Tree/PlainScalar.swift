import Base

/// What a value written without quotes is by the core schema of YAML 1.2 (section 10.3.2).
enum PlainScalar {
    /// `null`, `~` or nothing at all.
    static func isNull(_ bytes: ByteView) -> Bool {
        switch bytes.count {
        case 0: true
        case 1: bytes[0] == 0x7e
        case 4: bytes == "null" || bytes == "Null" || bytes == "NULL"
        default: false
        }
    }

    /// What a scalar is instead of text, nil when it is text.
    static func notText(_ bytes: ByteView) -> String? {
        // Nothing but text begins with any other letter.
        if bytes.count > 0 {
            let first = bytes[0] | 0x20
            if ASCII.isLower(first), first != 0x6e, first != 0x74, first != 0x66 { return nil }
        }
        if isNull(bytes) { return "nothing (null)" }
        if bytes.equalsIgnoringCase("true") || bytes.equalsIgnoringCase("false") { return "a truth value" }
        return isNumber(bytes) ? "a number" : nil
    }

    private static func isNumber(_ bytes: ByteView) -> Bool {
        var index = 0
        if bytes[0] == 0x2d || bytes[0] == 0x2b { index = 1 }
        let rest = bytes.from(index)
        if rest.equalsIgnoringCase(".inf") || rest.equalsIgnoringCase(".nan") { return true }
        if rest.count > 2, rest[0] == ASCII.zero, rest[1] | 0x20 == 0x78 || rest[1] | 0x20 == 0x6f {
            return rest.from(2).raw.allSatisfy { ASCII.hexValue($0) != nil }
        }
        var digits = 0
        var dots = 0
        index = 0
        while index < rest.count {
            let byte = rest[index]
            if ASCII.isDigit(byte) {
                digits += 1
            } else if byte == ASCII.dot, dots == 0 {
                dots = 1
            } else if byte | 0x20 == 0x65, digits > 0 {
                let exponent = rest.from(index + 1)
                let signed = exponent.count > 1 && (exponent[0] == 0x2d || exponent[0] == 0x2b)
                return (signed ? exponent.from(1) : exponent).decimalValue() != nil
            } else {
                return false
            }
            index += 1
        }
        return digits > 0
    }
}
