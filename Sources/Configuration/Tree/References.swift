import Base

/// Puts the values of `${env:NAME}` and `${file:path}` in their places, for all files of one load.
///
/// What comes out is text as it is: it isn't looked through for further references. `$${` stands for `${`.
final class References {
    /// Which files a file may take text from.
    enum Reach {
        /// Any file of the host: for gateway.yaml, which is the operator's.
        case host
        /// Files in the configuration folder, wherever links lead: for a domain file. Whoever can change one must not
        /// thereby learn what else the process can read.
        case folder
    }

    /// Why a reference has no value.
    enum Failure: Error, Equatable {
        /// `${` without `}`.
        case unterminated
        /// Neither `env:` nor `file:`.
        case unknownKind(String)
        /// Not `[A-Za-z_][A-Za-z0-9_]*`.
        case badVariableName(String)
        case variableNotSet(String)
        /// Empty, or a relative path with `..` in it.
        case badPath(String)
        /// A path out of the configuration folder, in a file that may read in the folder only.
        case outOfReach(String)
        /// The gateway's own signing keys, in a file that may not read them.
        case signingKey(String)
        case unreadable(path: String, SourceError)
        /// Larger than the limit, in bytes.
        case tooLarge(what: String, limit: Int)
        /// Not UTF-8, or with a NUL in it.
        case notText(what: String)
        /// More than the limit in all files together.
        case tooMany(limit: Int)
    }

    private let source: ConfigurationSource
    private let limits: LoadingLimits
    private var count = 0
    /// All that came out of references so far, and what was made with it.
    private(set) var texts: Set<[UInt8]> = []
    /// What files hold, by path. A link may lead out of the folder, so each reach has its own.
    private var contents: [Reach: [String: [UInt8]]] = [:]
    /// What domain files may not read, by canonical paths; those of folders with a slash at the end.
    private var protectedFiles: Set<String> = []
    private var protectedFolders: [String] = []

    init(source: ConfigurationSource, limits: LoadingLimits) {
        self.source = source
        self.limits = limits
    }

    /// Keeps signing keys from domain files, wherever in the folder they lie and by whatever link they are reached.
    func protect(files: [String], folders: [String]) {
        for file in files { if let path = try? source.canonicalPath(file) { protectedFiles.insert(path) } }
        for folder in folders {
            guard let path = try? source.canonicalPath(folder) else { continue }
            protectedFolders.append(path.hasSuffix("/") || path.isEmpty ? path : path + "/")
        }
    }

    private func isProtected(_ name: String) -> Bool {
        // A name that leads nowhere can't be read either.
        guard let path = try? source.canonicalPath(name) else { return false }
        return protectedFiles.contains(path) || protectedFolders.contains { path.hasPrefix($0) }
    }

    /// The text with everything in its place, and whether there was any reference in it.
    func resolve(_ text: ByteView, reach: Reach) throws(Failure) -> (bytes: [UInt8], isSecret: Bool) {
        var result: [UInt8] = []
        var isSecret = false
        var index = 0
        while index < text.count {
            let byte = text[index]
            let isOpening = byte == 0x24 && index + 1 < text.count
            if isOpening, text[index + 1] == 0x24, index + 2 < text.count, text[index + 2] == ASCII.openBrace {
                result += [0x24, ASCII.openBrace]
                index += 3
            } else if isOpening, text[index + 1] == ASCII.openBrace {
                guard let end = text.firstIndex(of: ASCII.closeBrace, from: index + 2) else { throw .unterminated }
                let found = try value(of: text[index + 2..<end].string, reach)
                texts.insert(found)
                result += found
                if result.count > limits.scalarBytesMax {
                    throw .tooLarge(what: "the value", limit: limits.scalarBytesMax)
                }
                isSecret = true
                index = end + 1
            } else {
                result.append(byte)
                index += 1
            }
        }
        if isSecret { texts.insert(result) }
        return (result, isSecret)
    }

    private func value(of reference: String, _ reach: Reach) throws(Failure) -> [UInt8] {
        count += 1
        guard count <= limits.referencesMax else { throw .tooMany(limit: limits.referencesMax) }
        if reference.hasPrefix("env:") { return try variable(String(reference.dropFirst(4))) }
        if reference.hasPrefix("file:") { return try file(String(reference.dropFirst(5)), reach) }
        throw .unknownKind(reference)
    }

    private func variable(_ name: String) throws(Failure) -> [UInt8] {
        let isName = name.utf8.allSatisfy { ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == ASCII.underscore }
        guard isName, let first = name.utf8.first, !ASCII.isDigit(first) else { throw .badVariableName(name) }
        guard let value = source.environment(name) else { throw .variableNotSet(name) }
        return try text(Array(value.utf8), of: "the environment variable \(name)")
    }

    private func file(_ path: String, _ reach: Reach) throws(Failure) -> [UInt8] {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .badPath(path) }
        let leadsUp = path.split(separator: "/").contains("..")
        switch reach {
        case .host: guard path.hasPrefix("/") || !leadsUp else { throw .badPath(path) }
        case .folder:
            guard !path.hasPrefix("/"), !leadsUp else { throw .outOfReach(path) }
            if isProtected(path) { throw .signingKey(path) }
        }
        if let known = contents[reach]?[path] { return known }
        var bytes: [UInt8]
        do {
            bytes =
                try reach == .host
                ? source.read(path, limits.referencedFileBytesMax)
                : source.readInside(path, limits.referencedFileBytesMax)
        } catch {
            throw error == .outsideFolder ? .outOfReach(path) : .unreadable(path: path, error)
        }
        guard bytes.count <= limits.referencedFileBytesMax else {
            throw .tooLarge(what: "the file `\(path)`", limit: limits.referencedFileBytesMax)
        }
        if bytes.last == ASCII.lf { bytes.removeLast() }
        if bytes.last == ASCII.cr { bytes.removeLast() }
        let value = try text(bytes, of: "the file `\(path)`")
        contents[reach, default: [:]][path] = value
        return value
    }

    private func text(_ bytes: [UInt8], of what: String) throws(Failure) -> [UInt8] {
        let isText = bytes.withUnsafeBytes { raw in
            let view = ByteView(raw)
            return UTF8Check.firstInvalid(view) == nil && view.firstIndex(of: 0) == nil
        }
        guard isText else { throw .notText(what: what) }
        return bytes
    }
}

extension References.Failure {
    var message: String {
        switch self {
        case .unterminated: "`${` has no closing `}`"
        case .unknownKind(let text): "`${\(Visible.text(text))}` is not a reference"
        case .badVariableName(let name): "`\(Visible.text(name))` is not the name of an environment variable"
        case .variableNotSet(let name): "the environment variable `\(Visible.text(name))` is not set"
        case .badPath(let path): "`\(Visible.text(path))` is not a path that may be read"
        case .outOfReach(let path): "`\(Visible.text(path))` is not in the configuration folder"
        case .signingKey(let path): "`\(Visible.text(path))` is one of the gateway's signing keys"
        case .unreadable(let path, let error): "the file `\(Visible.text(path))` \(error.reason)"
        case .tooLarge(let what, let limit): "\(Visible.text(what)) is larger than \(limit) bytes"
        case .notText(let what): "\(Visible.text(what)) does not hold UTF-8 text"
        case .tooMany(let limit): "there are more than \(limit) references"
        }
    }

    var expectation: String? {
        switch self {
        case .unterminated, .unknownKind: "`${env:NAME}` or `${file:path}`; `$${` stands for a plain `${`"
        case .badVariableName: "letters, digits and `_`, not beginning with a digit"
        case .badPath: "a path below the configuration folder without `..`, or an absolute one"
        case .outOfReach: "a path below the configuration folder: only gateway.yaml may take text from elsewhere"
        default: nil
        }
    }
}
