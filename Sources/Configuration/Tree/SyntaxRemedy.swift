import Base

/// What to do about a slip that libyaml only tells in terms of its scanner.
enum SyntaxRemedy {
    /// - Parameters:
    ///   - problem: libyaml's words, those of `context` too.
    ///   - line: from 0, as libyaml counts.
    ///   - column: in characters, from 0.
    static func remedy(problem: String, context: String, line: Int, column: Int, in content: ByteView) -> String? {
        let bytes = self.line(line, of: content)
        let place = offset(ofCharacter: column, in: bytes)
        let rest = bytes.from(place)
        let isTab = rest.count > 0 && rest[0] == ASCII.tab
        if isTab || problem.contains("tab character") || problem.contains("cannot start any token") && hasTab(bytes) {
            return "indent with spaces: YAML takes no tabs there"
        }
        if problem.contains("cannot start any token"), rest.count > 0 {
            return "write the value between quotes: YAML takes none that begins with `\(Visible.text(rest.prefix(1)))`"
        }
        if context.contains("an alias") || context.contains("an anchor") {
            return "write the value between quotes: in YAML, `*` and `&` have a meaning of their own"
        }
        if context.contains("a flow"), holdsBareBraces(bytes) || holdsBareBraces(self.line(line - 1, of: content)) {
            return "write a value with `{…}` in it between quotes, such as `\"/accounts/{id}\"`"
        }
        if problem.contains("mapping values are not allowed") {
            return "write a value with `: ` in it between quotes, and begin the keys of a mapping in the same column"
        }
        return nil
    }

    private static func line(_ number: Int, of content: ByteView) -> ByteView {
        var start = 0
        for _ in 0..<max(number, 0) {
            guard let end = content.firstIndex(of: ASCII.lf, from: start) else { return ByteView() }
            start = end + 1
        }
        let end = content.firstIndex(of: ASCII.lf, from: start) ?? content.count
        return content[start..<end]
    }

    private static func offset(ofCharacter column: Int, in line: ByteView) -> Int {
        var left = column
        var index = 0
        while index < line.count {
            if line[index] & 0xc0 != 0x80 {
                if left == 0 { return index }
                left -= 1
            }
            index += 1
        }
        return line.count
    }

    /// Whether the line's indentation holds a tab.
    private static func hasTab(_ line: ByteView) -> Bool {
        for byte in line.raw {
            if byte == ASCII.tab { return true }
            if byte != ASCII.space { return false }
        }
        return false
    }

    /// Whether a brace stands within a value without quotes: one that opens a mapping has a space or another sign
    /// before it.
    private static func holdsBareBraces(_ line: ByteView) -> Bool {
        var quote: UInt8?
        var before = ASCII.space
        for byte in line.raw {
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == ASCII.quote || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == ASCII.openBrace,
                ASCII.isAlpha(before) || ASCII.isDigit(before) || "/._-".utf8.contains(before)
            {
                return true
            }
            before = byte
        }
        return false
    }
}
