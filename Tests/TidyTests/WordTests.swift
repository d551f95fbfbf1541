import Testing

@Suite("Words")
struct WordTests {
    /// A word that must not appear, and what to write in its place.
    struct Ban: Sendable, CustomTestStringConvertible {
        let pattern: String
        /// Path prefixes that the ban covers.
        let places: [String]
        var exceptPlaces: [String] = []
        /// Looks at comments and literals too, not at code alone.
        var everywhere = false
        let instead: String

        var testDescription: String { pattern }
    }

    static let bans = [
        Ban(pattern: #"\btry!"#, places: ["Sources/"], instead: "handle the error, or let it be thrown on"),
        Ban(pattern: #"\bas!"#, places: ["Sources/"], instead: "an enum with a case for each type"),
        Ban(
            pattern: #"\bfatalError\("#, places: ["Sources/"],
            instead: "precondition for a broken invariant of ours, an error for anything that a peer can cause"),
        Ban(
            pattern: #"(^|[^\w.])(debugPrint|dump|print)\("#, places: ["Sources/"], exceptPlaces: ["Sources/gateway/"],
            instead: "the log sink that the code is given"),
        Ban(
            pattern: #"\b(TO"# + #"DO|FIX"# + #"ME|X"# + #"XX)\b"#, places: [""], everywhere: true,
            instead: "do it, or open an issue"),
        Ban(pattern: #"\bimport Foundation"#, places: ["Sources/"], instead: "Base, or the Swift standard library"),
        Ban(pattern: #"@testable\b"#, places: ["Tests/"], instead: "package access"),
        Ban(pattern: #"^\s*(public|open) "#, places: ["Sources/"], instead: "package: nothing outside imports us"),
        Ban(pattern: #"\bnonisolated\(unsafe\)"#, places: ["Sources/"], instead: "Atomic, Lock or a loop's own state"),
        Ban(
            pattern: #"\bMutex[<(]"#, places: ["Sources/"], exceptPlaces: ["Sources/Base/Lock.swift"],
            instead: "Lock, whose order ThreadSanitizer sees"),
        Ban(
            pattern: #"(^|[^\w./-])/(work|root|home|tmp/h)/\w"#, places: [""], exceptPlaces: ["Dockerfile"],
            everywhere: true, instead: "a path relative to the repository"),
    ]

    private let tree = SourceTree.here

    @Test("banned words", arguments: bans)
    func banned(ban: Ban) throws {
        let regex = try Regex(ban.pattern)
        for path in try textFiles() {
            guard ban.places.contains(where: path.hasPrefix), !ban.exceptPlaces.contains(where: path.hasPrefix) else {
                continue
            }
            let swift = SourceTree.swiftFiles[path]
            let code = ban.everywhere ? swift?.lines : swift?.code
            let lines = try code ?? SwiftText.splitLines(Array(tree.text(path).utf8))
            for (index, line) in lines.enumerated() where line.firstMatch(of: regex) != nil {
                Issue.record("\(path):\(index + 1): matches \(ban.pattern); write instead: \(ban.instead)")
            }
        }
    }

    /// What is written by hand and read as text.
    private func textFiles() throws -> [String] {
        let kinds = [".swift", ".md", ".py", ".sh", ".yaml", ".yml", ".h", ".c", "Makefile", "Dockerfile"]
        let listed =
            try tree.trackedFiles() ?? ["Sources", "Tests", "gateway.d", "docs"].flatMap { tree.files(in: $0) }
        return listed.filter { path in
            kinds.contains(where: path.hasSuffix) || path.hasPrefix(".ci/")
        }
    }

    @Test("no file is named for being useful", arguments: ["Sources", "Tests"])
    func fileNames(folder: String) {
        for path in tree.files(in: folder, withExtension: "swift") {
            let name = path.split(separator: "/").last ?? ""
            let vague = ["Util.swift", "Utils.swift", "Utilities.swift", "Helper.swift", "Helpers.swift", "Misc.swift"]
            #expect(!vague.contains(where: name.hasSuffix), "\(path): name it for the concept that it holds")
        }
    }

    /// Modules that still hold a type of their own name. A ratchet: names are only ever removed here.
    private let namesakes: Set<Substring> = ["EventLoop"]

    @Test("no type bears its module's name")
    func moduleNames() throws {
        for (path, text) in tree.swiftFiles(in: "Sources") {
            let module = path.split(separator: "/")[1]
            if namesakes.contains(module) { continue }
            let declaration = try Regex(#"\b(struct|class|enum|protocol|actor|typealias) \#(module)\b"#)
            for (index, line) in text.code.enumerated() {
                #expect(line.firstMatch(of: declaration) == nil, "\(path):\(index + 1): a type named like its module")
            }
        }
    }

    @Test("whoever overrules the compiler on Sendable says why, on the line or beside it")
    func uncheckedSendable() {
        for (path, text) in tree.swiftFiles(in: "Sources") {
            for (index, line) in text.code.enumerated() where line.contains("@unchecked Sendable") {
                let near = [index - 1, index, index + 1].filter(text.lines.indices.contains).map { text.lines[$0] }
                // A doc comment says what a type is; the reason is a plain comment, or a doc comment that names it.
                let isExplained = near.contains { line in
                    guard let comment = line.firstRange(of: "//") else { return false }
                    let isDocumentation = line[comment.lowerBound...].hasPrefix("///")
                    return !isDocumentation || line.firstMatch(of: #/Sendable|thread|loop|immutable|lock/#) != nil
                }
                #expect(isExplained, "\(path):\(index + 1): @unchecked Sendable without a reason beside it")
            }
        }
    }
}
