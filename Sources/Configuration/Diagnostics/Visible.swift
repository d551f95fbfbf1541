import Base

/// Makes text from a file fit to be shown on a terminal: bounded, and without anything that moves the cursor.
package enum Visible {
    /// After how many characters a value is cut off: one in a message, and a path.
    static let limits = [80, 200]

    static func text(_ bytes: ByteView, limit: Int = 80) -> String {
        text(bytes.count > limit * 4 ? bytes.prefix(limit * 4).string : bytes.string, limit: limit)
    }

    package static func text(_ text: String, limit: Int = 80) -> String {
        var shown = ""
        var count = 0
        for scalar in text.unicodeScalars {
            if count == limit { return shown + "…" }
            count += 1
            switch scalar.value {
            case 0x0a: shown += "\\n"
            case 0x0d: shown += "\\r"
            case 0x09: shown += "\\t"
            case 0...0x1f, 0x7f...0x9f, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
