import Base
import HTTP

/// `If-None-Match` (RFC 9110 section 13.1.2).
package enum EntityTags {
    /// Whether the field holds the tag, compared weakly, or `*`.
    package static func hold(_ tag: ByteView, in fields: borrowing HeaderList) -> Bool {
        var line = fields.firstIndex(of: .ifNoneMatch)
        while let index = line {
            let value = fields.value(at: index)
            if value == "*" { return true }
            var start = 0
            while start < value.count {
                let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
                let listed = value[start..<end].trimmingWhitespace()
                if listed == tag || listed.hasPrefix(ByteView("W/")) && listed.from(2) == tag { return true }
                start = end + 1
            }
            line = fields.firstIndex(of: .ifNoneMatch, from: index + 1)
        }
        return false
    }
}
