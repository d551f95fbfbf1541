import Foundation

/// The files of the project, as they lie beside this one.
struct SourceTree {
    let root: URL

    static let here = SourceTree(
        root: URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent())

    /// The paths of files under `folder`, relative to the root, sorted; hidden ones and build products left out.
    func files(in folder: String, withExtension pathExtension: String? = nil) -> [String] {
        let start = root.appendingPathComponent(folder)
        let walk = FileManager.default.enumerator(
            at: start, includingPropertiesForKeys: [.isRegularFileKey], options: [.skipsHiddenFiles])
        var paths: [String] = []
        while let file = walk?.nextObject() as? URL {
            guard (try? file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true else { continue }
            if file.pathComponents.contains("__pycache__") { continue }
            if let pathExtension, file.pathExtension != pathExtension { continue }
            paths.append(String(file.standardizedFileURL.path.dropFirst(root.standardizedFileURL.path.count + 1)))
        }
        return paths.sorted()
    }

    /// The names of the folders directly within `folder`, sorted.
    func folders(in folder: String) -> [String] {
        let start = root.appendingPathComponent(folder)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: start.path)) ?? []
        return names.filter { name in
            var isFolder: ObjCBool = false
            let path = start.appendingPathComponent(name).path
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        }.sorted()
    }

    func text(_ path: String) throws -> String {
        // Lossy on purpose: a file that isn't text has no words to ban.
        String(decoding: try Data(contentsOf: root.appendingPathComponent(path)), as: UTF8.self)
    }

    /// Every Swift file of Sources/ and Tests/ by its path, read and taken apart once.
    static let swiftFiles: [String: SwiftText] = {
        var texts: [String: SwiftText] = [:]
        for path in here.files(in: "Sources", withExtension: "swift") + here.files(in: "Tests", withExtension: "swift")
        {
            texts[path] = (try? here.text(path)).map { SwiftText($0) }
        }
        return texts
    }()

    /// Those of one of the two folders, in order.
    func swiftFiles(in folder: String) -> [(path: String, text: SwiftText)] {
        Self.swiftFiles.filter { $0.key.hasPrefix(folder + "/") }.sorted { $0.key < $1.key }
            .map { (path: $0.key, text: $0.value) }
    }

    /// What is under version control or would be by `git add .`; nil outside a Git working tree.
    func trackedFiles() throws -> [String]? {
        guard FileManager.default.fileExists(atPath: root.appendingPathComponent(".git").path) else { return nil }
        let git = Process()
        git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        git.arguments = [
            "git", "-c", "safe.directory=*", "-C", root.path, "ls-files", "-z", "--cached", "--others",
            "--exclude-standard",
        ]
        let output = Pipe()
        git.standardOutput = output
        try git.run()
        let listing = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        let present = String(decoding: listing, as: UTF8.self).split(separator: "\0").map(String.init)
        // A file removed from the working tree but not yet from the index is no longer ours to judge.
        return Array(Set(present)).filter {
            (try? FileManager.default.attributesOfItem(atPath: root.appendingPathComponent($0).path)) != nil
        }.sorted()
    }
}
