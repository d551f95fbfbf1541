/// A Swift file taken apart just far enough to judge it: its lines, its code without comments and literals' contents,
/// and where its functions begin and end.
struct SwiftText {
    /// The file as it is.
    let lines: [String]
    /// The same lines, with every comment and every literal's contents turned into blanks.
    let code: [String]
    /// Every function, initialiser and subscript that has a body, nested ones too.
    let functions: [Function]

    struct Function {
        let name: String
        /// The line of its keyword, from 1.
        let line: Int
        /// From the keyword's line to the closing brace's, both included.
        let lineCount: Int
    }

    init(_ text: String) {
        let bytes = Array(text.utf8)
        lines = Self.splitLines(bytes)
        var blanking = Blanking(bytes: bytes)
        code = Self.splitLines(blanking.run())
        functions = FunctionScanner(code: code).run()
    }

    /// The modules that the file imports, each with its line.
    var imports: [(module: String, line: Int)] {
        code.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count else { return nil }
            let before = words[..<keyword]
            guard before.allSatisfy({ $0.hasPrefix("@") || Self.accessLevels.contains($0) }) else { return nil }
            let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
            let path = kinds.contains(words[keyword + 1]) ? words.dropFirst(keyword + 2).first : words[keyword + 1]
            guard let module = path?.split(separator: ".").first else { return nil }
            return (String(module), index + 1)
        }
    }

    private static let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]

    static func splitLines(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}

/// Turns comments and the contents of literals into blanks, keeping every line break where it is.
private struct Blanking {
    private let bytes: [UInt8]
    private var output: [UInt8]
    private var index = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        output = bytes
    }

    mutating func run() -> [UInt8] {
        code(untilParenthesis: false)
        return output
    }

    /// Passes over code; within an interpolation, up to the parenthesis that closes it.
    private mutating func code(untilParenthesis: Bool) {
        var depth = 0
        while index < bytes.count {
            if starts("//") {
                while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blank() }
            } else if starts("/*") {
                blockComment()
            } else if let hashes = literalStart() {
                literal(hashes: hashes)
            } else {
                if bytes[index] == UInt8(ascii: "(") { depth += 1 }
                if bytes[index] == UInt8(ascii: ")") {
                    depth -= 1
                    if untilParenthesis, depth < 0 { return }
                }
                index += 1
            }
        }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                blank(2)
            } else if starts("*/") {
                depth -= 1
                blank(2)
            } else {
                blank()
            }
        } while depth > 0 && index < bytes.count
    }

    /// How many `#` stand before the quote of a literal that starts here; nil if none starts here.
    private func literalStart() -> Int? {
        var quote = index
        while quote < bytes.count, bytes[quote] == UInt8(ascii: "#") { quote += 1 }
        return quote < bytes.count && bytes[quote] == UInt8(ascii: "\"") ? quote - index : nil
    }

    private mutating func literal(hashes: Int) {
        index += hashes
        let fence = String(repeating: "#", count: hashes)
        let quotes = starts("\"\"\"") ? "\"\"\"" : "\""
        index += quotes.utf8.count
        while index < bytes.count {
            if starts(quotes + fence) {
                index += quotes.utf8.count + hashes
                return
            } else if starts("\\" + fence + "(") {
                blank(2 + hashes)
                code(untilParenthesis: true)
                blank()
            } else if starts("\\" + fence) {
                blank(2 + hashes)
            } else {
                blank()
            }
        }
    }

    private func starts(_ text: String) -> Bool {
        index + text.utf8.count <= bytes.count && bytes[index..<(index + text.utf8.count)].elementsEqual(text.utf8)
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where index < bytes.count {
            if bytes[index] != UInt8(ascii: "\n") { output[index] = UInt8(ascii: " ") }
            index += 1
        }
    }
}

/// Finds functions in blanked code by their keywords and braces.
private struct FunctionScanner {
    private struct Token {
        let text: String
        let line: Int
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xff:
            true
        default: false
        }
    }

    private var tokens: [Token] = []

    init(code: [String]) {
        for (index, line) in code.enumerated() {
            var rest = line.utf8[...]
            while let first = rest.first {
                let text = Self.isWord(first) ? rest.prefix(while: Self.isWord) : rest.prefix(1)
                if first != UInt8(ascii: " ") {
                    tokens.append(Token(text: String(decoding: text, as: UTF8.self), line: index + 1))
                }
                rest = rest[text.endIndex...]
            }
        }
    }

    func run() -> [SwiftText.Function] {
        tokens.indices.compactMap { index in
            guard startsFunction(index), let end = closingBrace(after: index) else { return nil }
            let name = tokens[index].text == "func" ? tokens[index + 1].text : tokens[index].text
            let first = tokens[index].line
            return SwiftText.Function(name: name, line: first, lineCount: tokens[end].line - first + 1)
        }
    }

    private func startsFunction(_ index: Int) -> Bool {
        let previous = index > 0 ? tokens[index - 1].text : ""
        let following = index + 1 < tokens.count ? tokens[index + 1].text : ""
        switch tokens[index].text {
        case "func": return following != ""
        case "deinit": return following == "{"
        case "subscript": return following == "(" || following == "<"
        case "init": return previous != "." && ["(", "<", "?"].contains(following)
        default: return false
        }
    }

    /// The brace that closes the body of the function whose keyword is at `start`; nil for a requirement without one.
    private func closingBrace(after start: Int) -> Int? {
        var parentheses = 0
        var braces = 0
        for index in (start + 1)..<tokens.count {
            switch tokens[index].text {
            case "(", "[": parentheses += 1
            case ")", "]": parentheses -= 1
            case "{" where parentheses == 0 || braces > 0: braces += 1
            case "}" where parentheses == 0 || braces > 0:
                braces -= 1
                if braces == 0 { return index }
                if braces < 0 { return nil }
            case "func", "var", "let", "init", "case", "associatedtype":
                if braces == 0, parentheses == 0, index > start + 1 { return nil }
            default: break
            }
        }
        return nil
    }
}
