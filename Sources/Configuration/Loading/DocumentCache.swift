import Base

/// The trees of the last load, by the file's place in the folder and its bytes. A tree is a pure function of those
/// unless the file holds `${…}`; such files, and files with errors, are never kept.
final class DocumentCache: Sendable {
    private struct Entry {
        let content: [UInt8]
        let document: YAMLDocument
    }

    private let entries = Lock<[Int: Entry]>([:])

    func document(at index: Int, _ content: [UInt8]) -> YAMLDocument? {
        entries.withLock { entries in
            guard let entry = entries[index] else { return nil }
            if entry.content == content { return entry.document }
            entries[index] = nil
            return nil
        }
    }

    func keep(_ document: YAMLDocument, at index: Int, _ content: [UInt8]) {
        entries.withLock { $0[index] = Entry(content: content, document: document) }
    }
}
