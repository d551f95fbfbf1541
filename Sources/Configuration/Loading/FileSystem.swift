import Glibc

extension ConfigurationSource {
    /// A folder of the file system and the process's environment. Links are followed.
    package static func fileSystem(folder: String) -> ConfigurationSource {
        ConfigurationSource(
            folder: folder,
            list: { () throws(SourceError) in try FileSystem.names(in: folder) },
            read: { (name, limit) throws(SourceError) in
                try FileSystem.content(of: name.hasPrefix("/") ? name : "\(folder)/\(name)", limit: limit)
            },
            readInside: { (name, limit) throws(SourceError) in
                // What is opened is the path without links, so that a link changed meanwhile leads nowhere else.
                let root = try FileSystem.withoutLinks(folder)
                let path = try FileSystem.withoutLinks("\(folder)/\(name)")
                guard path.hasPrefix(root == "/" ? root : root + "/") else { throw .outsideFolder }
                return try FileSystem.content(of: path, limit: limit)
            },
            canonicalPath: { (name) throws(SourceError) in
                try FileSystem.withoutLinks(name.hasPrefix("/") ? name : "\(folder)/\(name)")
            },
            environment: { name in getenv(name).map { String(cString: $0) } },
            generation: { FileSystem.linkTarget("\(folder)/..data") },
            listFolder: { (name) throws(SourceError) in
                try FileSystem.names(in: name.hasPrefix("/") ? name : "\(folder)/\(name)")
            })
    }
}

/// The few calls that reading a folder takes.
private enum FileSystem {
    static func names(in folder: String) throws(SourceError) -> [String] {
        guard let directory = opendir(folder) else { throw error(errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
            // Enough for the loader to see that there are too many.
            if names.count > 100_000 { break }
        }
        return names
    }

    static func content(of path: String, limit: Int) throws(SourceError) -> [UInt8] {
        // Without O_NONBLOCK a pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw error(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw error(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        var bytes: [UInt8] = []
        // One byte more than the limit tells that the file is too long; one more than its size sees its end.
        var wanted = min(max(Int(status.st_size) + 1, 512), limit + 1)
        while true {
            let start = bytes.count
            var failure: Int32?
            bytes.append(contentsOf: repeatElement(0, count: wanted - start))
            let count = bytes.withUnsafeMutableBytes { buffer -> Int in
                let result = Glibc.read(descriptor, buffer.baseAddress.map { $0 + start }, wanted - start)
                if result < 0 { failure = errno }
                return result
            }
            bytes.removeLast(wanted - start - max(count, 0))
            if let failure, failure != EINTR { throw error(failure) }
            if count == 0 || bytes.count > limit { return bytes }
            if bytes.count == wanted { wanted = min(wanted * 2, limit + 1) }
        }
    }

    /// The absolute path with all links followed. The corresponding C function is `realpath`.
    static func withoutLinks(_ path: String) throws(SourceError) -> String {
        guard let found = realpath(path, nil) else { throw error(errno) }
        defer { free(found) }
        return String(cString: found)
    }

    static func linkTarget(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4_097) { buffer in
            guard let base = buffer.baseAddress else { return nil }
            let count = readlink(path, base, 4_096)
            guard count > 0 else { return nil }
            return String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
        }
    }

    private static func error(_ number: Int32) -> SourceError {
        switch number {
        case ENOENT: .notFound
        case EACCES, EPERM: .notPermitted
        case ENOTDIR: .notAFolder
        case EISDIR: .notAFile
        default: .failed(errno: number)
        }
    }
}
