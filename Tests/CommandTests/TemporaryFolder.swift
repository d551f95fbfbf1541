import Foundation
import portcullis

/// A configuration folder on disk for one test.
final class TemporaryFolder {
    let path: String

    init(_ files: [String: String]) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("portcullis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in files {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        path = folder.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What a command line said and how it ended. `DIR` in the words stands for the folder, and in what was said too.
struct Outcome {
    let status: Int32
    let output: String
    let complaint: String

    init(_ words: [String], in folder: TemporaryFolder? = nil) {
        var output = ""
        var complaint = ""
        let path = folder?.path ?? "DIR"
        status = CommandLineTool.run(
            words.map { $0 == "DIR" ? path : $0 },
            Console(output: { output += $0 }, complaint: { complaint += $0 }))
        self.output = output.replacingOccurrences(of: path, with: "DIR")
        self.complaint = complaint.replacingOccurrences(of: path, with: "DIR")
    }
}
