import Base

/// The files last read without errors with their trees, by their places in the folder. A tree is a pure function of the
/// file's bytes unless it holds `${…}`; such files are never kept.
final class DocumentCache: Sendable {
    private let entries = Lock<[Int: YAMLReader.Earlier]>([:])

    func file(at index: Int) -> YAMLReader.Earlier? { entries.withLock { $0[index] } }

    func keep(_ file: YAMLReader.Earlier, at index: Int) { entries.withLock { $0[index] = file } }
}
