/// Where a configuration's bytes come from: a folder and an environment, or a test's tables.
package struct ConfigurationSource: Sendable {
    /// The folder's path as people know it; goes before the files' names.
    package let folder: String
    /// Names in the folder, in any order, dot names left out or not.
    package let list: @Sendable () throws(SourceError) -> [String]
    /// The content of a file, at most `limit + 1` bytes of it. The name is relative to the folder, or absolute.
    package let read: @Sendable (_ name: String, _ limit: Int) throws(SourceError) -> [UInt8]
    /// As `read`, for a file that must lie in the folder wherever links lead; `SourceError.outsideFolder` when not.
    package let readInside: @Sendable (_ name: String, _ limit: Int) throws(SourceError) -> [UInt8]
    /// A path by which a file or folder is told from others: absolute where that means something, and without links.
    package let canonicalPath: @Sendable (_ name: String) throws(SourceError) -> String
    /// Names in another folder, which is relative to the first, or absolute.
    package let listFolder: @Sendable (_ name: String) throws(SourceError) -> [String]
    /// The value of an environment variable, nil when it isn't set.
    package let environment: @Sendable (_ name: String) -> String?
    /// What changes when the whole folder is replaced at once (the target of `..data` in a Kubernetes mount); nil where
    /// there is no such thing.
    package let generation: @Sendable () -> String?

    /// - Parameters:
    ///   - readInside: `read` itself when nil, for sources that know no links.
    ///   - canonicalPath: by default the name without empty parts and `.`.
    package init(
        folder: String,
        list: @escaping @Sendable () throws(SourceError) -> [String],
        read: @escaping @Sendable (_ name: String, _ limit: Int) throws(SourceError) -> [UInt8],
        readInside: (@Sendable (_ name: String, _ limit: Int) throws(SourceError) -> [UInt8])? = nil,
        canonicalPath: @escaping @Sendable (_ name: String) throws(SourceError) -> String = {
            (name) throws(SourceError) in
            (name.hasPrefix("/") ? "/" : "") + name.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        },
        environment: @escaping @Sendable (_ name: String) -> String?,
        generation: @escaping @Sendable () -> String? = { nil },
        listFolder: @escaping @Sendable (_ name: String) throws(SourceError) -> [String] = {
            (_) throws(SourceError) in throw .notFound
        }
    ) {
        self.folder = folder
        self.list = list
        self.read = read
        self.readInside = readInside ?? read
        self.canonicalPath = canonicalPath
        self.environment = environment
        self.generation = generation
        self.listFolder = listFolder
    }
}

/// Why bytes could not be had.
package enum SourceError: Error, Sendable, Equatable {
    case notFound
    case notPermitted
    /// A folder, a pipe, a device where a file must be.
    case notAFile
    /// A file where a folder must be.
    case notAFolder
    /// A link leads out of the folder.
    case outsideFolder
    /// Anything else, by its `errno`.
    case failed(errno: Int32)

    /// For a sentence that begins with the file's name.
    package var reason: String {
        switch self {
        case .notFound: "does not exist"
        case .notPermitted: "may not be read"
        case .notAFile: "is not a regular file"
        case .notAFolder: "is not a folder"
        case .outsideFolder: "is not in the configuration folder"
        case .failed(let errno): "could not be read (errno \(errno))"
        }
    }
}
