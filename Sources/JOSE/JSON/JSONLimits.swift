/// How much JSON a reader takes before it refuses.
package struct JSONLimits: Sendable, Equatable {
    /// The longest text, in bytes. At most `UInt32.max`.
    package var bytes: Int
    /// How deep arrays and objects may nest; a value at the top that is neither has depth 0. At most 64.
    package var depth: Int
    /// How many values a text may hold in all, counting the names of members too.
    package var values: Int
    /// Whether numbers must fit in a double and in 64 characters. Nobody may ask for the value of one that needn't.
    package var boundsNumbers: Bool

    package init(bytes: Int, depth: Int, values: Int, boundsNumbers: Bool = true) {
        self.bytes = bytes
        self.depth = depth
        self.values = values
        self.boundsNumbers = boundsNumbers
    }

    /// A token's header: small, and shallow because no member that is understood nests.
    package static let tokenHeader = JSONLimits(bytes: 4 * 1024, depth: 8, values: 256)
    /// A token's claims.
    package static let claims = JSONLimits(bytes: 64 * 1024, depth: 16, values: 4096)
    /// A JWK set: a hundred keys with certificate chains.
    package static let keySet = JSONLimits(bytes: 1024 * 1024, depth: 16, values: 8192)
    /// An OpenID provider's discovery document.
    package static let discovery = JSONLimits(bytes: 256 * 1024, depth: 16, values: 8192)
}

/// Why a text is not the JSON that is taken here: RFC 8259, and I-JSON (RFC 7493) where that is stricter.
package enum JSONError: UInt8, Error, Sendable, Equatable {
    /// More bytes than the limit.
    case tooLarge
    /// Arrays and objects nest deeper than the limit.
    case tooDeep
    /// More values than the limit.
    case tooManyValues
    /// The text ends within a value, or is empty.
    case unexpectedEnd
    /// A byte that can't stand where it does.
    case unexpectedByte
    /// Something other than white space follows the value.
    case trailingBytes
    /// A string that is not well-formed UTF-8.
    case invalidUTF8
    /// An escape that JSON doesn't know.
    case invalidEscape
    /// `\ud800` to `\udfff` without its other half (RFC 7493 section 2.1).
    case loneSurrogate
    /// An unescaped control character within a string.
    case controlCharacter
    /// A leading zero, a bare sign or dot, an empty exponent.
    case invalidNumber
    /// A number that is too long (over 64 characters) or too large for a double.
    case numberTooLarge
    /// Two members of one object have the same name once their escapes are decoded (RFC 7493 section 2.3).
    case duplicateName
}

extension JSONError {
    /// A stable name for logs and metrics.
    package var code: StaticString {
        switch self {
        case .tooLarge: "json_too_large"
        case .tooDeep: "json_too_deep"
        case .tooManyValues: "json_too_many_values"
        case .unexpectedEnd: "json_unexpected_end"
        case .unexpectedByte: "json_unexpected_byte"
        case .trailingBytes: "json_trailing_bytes"
        case .invalidUTF8: "json_invalid_utf8"
        case .invalidEscape: "json_invalid_escape"
        case .loneSurrogate: "json_lone_surrogate"
        case .controlCharacter: "json_control_character"
        case .invalidNumber: "json_invalid_number"
        case .numberTooLarge: "json_number_too_large"
        case .duplicateName: "json_duplicate_name"
        }
    }

    /// What is wrong, in a few words.
    package var text: StaticString {
        switch self {
        case .tooLarge: "the JSON text is too large"
        case .tooDeep: "the JSON text nests too deep"
        case .tooManyValues: "the JSON text holds too many values"
        case .unexpectedEnd: "the JSON text ends too early"
        case .unexpectedByte: "a byte that JSON doesn't allow there"
        case .trailingBytes: "something follows the JSON value"
        case .invalidUTF8: "a JSON string is not UTF-8"
        case .invalidEscape: "an unknown escape in a JSON string"
        case .loneSurrogate: "half a surrogate pair in a JSON string"
        case .controlCharacter: "a control character in a JSON string"
        case .invalidNumber: "not a JSON number"
        case .numberTooLarge: "a JSON number is too large"
        case .duplicateName: "a JSON object has two members of one name"
        }
    }
}
