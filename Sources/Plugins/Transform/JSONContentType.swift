import Base
import HTTP

/// Reads `Content-Type` for who edits JSON: whoever reads the content behind the gateway must see the members that the
/// gateway has seen. So nothing is passed over that might have them read it otherwise, such as a charset.
package enum JSONContentType {
    /// Why content of this type isn't edited; nil for `application/json`, or a type with the suffix `+json` (RFC 6839
    /// section 3.1), in UTF-8, which is JSON's only charset (RFC 8259 section 8.1).
    package static func problem(_ value: ByteView) -> BodyProblem? {
        let end = value.firstIndex(of: ASCII.semicolon) ?? value.count
        guard isJSON(value.prefix(end).trimmingWhitespace()) else { return .notJSON }
        return hasFitParameters(value.from(end)) ? nil : .notUTF8
    }

    private static func isJSON(_ type: ByteView) -> Bool {
        guard let slash = type.firstIndex(of: ASCII.slash), type.prefix(slash).isToken, type.from(slash + 1).isToken
        else { return false }
        if type.equalsIgnoringCase("application/json") { return true }
        let suffix = ByteView("+json")
        return type.count > suffix.count && type.from(type.count - suffix.count).equalsIgnoringCase(suffix)
    }

    /// `*( OWS ";" OWS [ token "=" ( token / quoted-string ) ] )` (RFC 9110 section 5.6.6), each `charset` being UTF-8
    /// or a part of it.
    private static func hasFitParameters(_ text: ByteView) -> Bool {
        var rest = text
        while !rest.isEmpty {
            guard rest[0] == ASCII.semicolon else { return false }
            rest = rest.from(1).trimmingWhitespace()
            if rest.isEmpty || rest[0] == ASCII.semicolon { continue }
            guard let equals = rest.firstIndex(of: ASCII.equals), rest.prefix(equals).isToken else { return false }
            let name = rest.prefix(equals)
            rest = rest.from(equals + 1)
            guard let length = valueLength(rest) else { return false }
            let value = rest.prefix(length)
            // `charset*` and `charset*0` are the same in another spelling (RFC 2231), and nobody needs that.
            if name.prefix(min(name.count, 8)).equalsIgnoringCase("charset*") { return false }
            if name.equalsIgnoringCase("charset"), !isUTF8(value) { return false }
            rest = rest.from(length).trimmingWhitespace()
        }
        return true
    }

    /// How long the token or quoted string is that `text` begins with, up to the next semicolon; nil for neither.
    private static func valueLength(_ text: ByteView) -> Int? {
        guard !text.isEmpty else { return nil }
        guard text[0] == ASCII.quote else {
            let end = text.firstIndex(of: ASCII.semicolon) ?? text.count
            let token = text.prefix(end).trimmingWhitespace()
            // White space may be behind it only, which the caller skips.
            return token.isToken && !ASCII.isWhitespace(text[0]) ? token.count : nil
        }
        var index = 1
        while index < text.count, text[index] != ASCII.quote { index += text[index] == ASCII.backslash ? 2 : 1 }
        return index < text.count ? index + 1 : nil
    }

    /// US-ASCII is a part of UTF-8. A backslash makes it another text: no charset needs one.
    private static func isUTF8(_ value: ByteView) -> Bool {
        var name = value
        if name[0] == ASCII.quote { name = name[1..<name.count - 1] }
        return name.equalsIgnoringCase("utf-8") || name.equalsIgnoringCase("utf8")
            || name.equalsIgnoringCase("us-ascii")
    }
}
