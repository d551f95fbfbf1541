import Base

/// The tree of a file that was read before and has been edited since, for what its edit costs rather than its length.
///
/// ```
/// domain: bank          ┐
/// routes:               │ as before
///   list: {…}           ┘
///   read: {…}           ┐ the window: whole entries of one block mapping around all that differs.
///   write: {…}          ┘ Only this is parsed, as a document of its own
///   delete: {…}           as before, some lines further down
/// ```
///
/// Between two entries of a block mapping, at the beginning of a line, a YAML parser remembers nothing but how deep it
/// is. So the window's tree is the same by itself as in its place, if its first line is an entry's first line again
/// (then nothing goes on that began before), if nothing in it is left open, and if nothing reaches over its borders:
/// anchors, markers of documents, references. Whatever is unusual or wrong is left to a reading of the whole file.
extension YAMLReader {
    /// A file as it was: its bytes, and the tree that was made of them without any finding.
    struct Earlier {
        let content: [UInt8]
        let document: YAMLDocument
    }

    /// The tree of `content`, or nil when the whole file has to be read.
    static func read(
        _ content: ByteView, changedFrom earlier: Earlier, limits: LoadingLimits, references: References
    ) -> YAMLDocument? {
        earlier.content.withUnsafeBytes { old in
            EditedFile(old: ByteView(old), tree: earlier.document, new: content, limits: limits)?
                .read(references)
        }
    }
}

private struct EditedFile {
    /// Entries of one mapping that are read again; the nodes and bytes are those of the old file.
    private struct Window {
        /// The mappings from the root to the one whose entries these are.
        var mappings: [Int] = []
        /// The first entry's key, and the node behind the last entry.
        var nodes = 0..<0
        var bytes = 0..<0
        /// How many entries these are.
        var entryCount = 0
        /// Where the entries' keys stand, from 1.
        var column = 0
        /// The key of the entry before the first.
        var previous: Int?
    }

    private let old: ByteView
    private let tree: YAMLDocument
    private let new: ByteView
    private let limits: LoadingLimits
    /// What differs, in the old file.
    private let changed: Range<Int>
    /// The line in which the change begins, and the first that is as before from its beginning on. From 1.
    private let firstLine: Int
    private let nextLine: Int

    /// Nil when lines of the old file have to do with one another.
    init?(old: ByteView, tree: YAMLDocument, new: ByteView, limits: LoadingLimits) {
        guard tree.isLocal else { return nil }
        self.old = old
        self.tree = tree
        self.new = new
        self.limits = limits
        changed = Self.difference(old, new)
        firstLine = 1 + Self.breaks(old, 0..<changed.lowerBound)
        let isWhole = changed.upperBound == 0 || old.base[changed.upperBound - 1] == ASCII.lf
        nextLine = firstLine + Self.breaks(old, changed) + (isWhole ? 0 : 1)
    }

    func read(_ references: References) -> YAMLDocument? {
        guard let window = window() else { return nil }
        // The place of a value that isn't there may be where the next line begins to say something.
        let bytes = new[window.bytes.lowerBound..<new.count - (old.count - window.bytes.upperBound)]
        if bytes.isEmpty {
            return tree.nodes[window.nodes.lowerBound - 1].count > 0 ? joined(nil, bytes, window) : nil
        }
        guard standsAlone(bytes, in: window) else { return nil }
        var limits = limits
        limits.depthMax -= window.mappings.count - 1
        let findings = Findings(limit: 1)
        let entries = YAMLReader.read(
            bytes, file: tree.file, limits: limits, findings: findings, references: references)
        guard let entries, findings.errorCount == 0, entries.isLocal, entries.nodes[0].flags.contains(.block),
            entries.location(1) == SourceLocation(file: tree.file, line: 1, column: UInt32(window.column))
        else { return nil }
        guard entries.nodes[entries.count - 1].count > 0 else { return nil }
        return joined(entries, bytes, window)
    }

    // MARK: The window

    /// The smallest one, and the entry before it: what comes between two entries is mostly a comment on the second.
    /// Nil when the change is in none.
    private func window() -> Window? {
        guard var window = smallestWindow() else { return nil }
        if let previous = window.previous, let begin = start(of: previous, in: window) {
            window.nodes = previous..<window.nodes.upperBound
            window.bytes = begin..<window.bytes.upperBound
            window.entryCount += 1
        }
        return window
    }

    private func smallestWindow() -> Window? {
        var found: Window?
        var mapping = 0
        var path: [Int] = []
        var end = old.count
        while tree.nodes[mapping].flags.contains(.block), tree.nodes[mapping].count > 0 {
            path.append(mapping)
            guard let window = window(in: mapping, path, end: end) else { break }
            found = window
            // A change within one entry may be one of the entries within that.
            let value = window.nodes.lowerBound + 1
            guard window.entryCount == 1, tree.nodes[value].line > tree.nodes[value - 1].line else { break }
            mapping = value
            end = window.bytes.upperBound
        }
        return found
    }

    /// - Parameter end: where the mapping's lines end.
    private func window(in mapping: Int, _ path: [Int], end: Int) -> Window? {
        let behind = Int(tree.nodes[mapping].end)
        var window = Window(mappings: path, column: Int(tree.nodes[mapping + 1].column))
        var first: Int?
        var key = mapping + 1
        while key < behind, Int(tree.nodes[key].line) < nextLine {
            if Int(tree.nodes[key].line) <= firstLine {
                window.previous = first
                first = key
                window.entryCount = 0
            }
            window.entryCount += 1
            key = Int(tree.nodes[key + 1].end)
        }
        guard let first, let begin = start(of: first, in: window) else { return nil }
        guard let close = key < behind ? start(of: key, in: window) : end else { return nil }
        window.nodes = first..<key
        window.bytes = begin..<close
        return window
    }

    /// Where the line of an entry begins; nil unless its key is the first thing in it.
    private func start(of key: Int, in window: Window) -> Int? {
        let node = tree.nodes[key]
        guard Int(node.column) == window.column, node.kind == .scalar, node.count > 0 else { return nil }
        var line = firstLine
        var index = changed.lowerBound
        while index > 0, line > Int(node.line) || old.base[index - 1] != ASCII.lf {
            index -= 1
            if old.base[index] == ASCII.lf { line -= 1 }
        }
        if line < Int(node.line) {
            index = changed.lowerBound
            while index < old.count, line < Int(node.line) {
                if old.base[index] == ASCII.lf { line += 1 }
                index += 1
            }
        }
        return line == Int(node.line) && isIndented(old.from(index), window.column) ? index : nil
    }

    /// Whether the text begins with so many spaces that something stands in `column`.
    private func isIndented(_ text: ByteView, _ column: Int) -> Bool {
        guard text.count >= column, text.base[column - 1] != ASCII.space else { return false }
        return (0..<column - 1).allSatisfy { text.base[$0] == ASCII.space }
    }

    /// Whether the new text of a window can be read without what is around it.
    private func standsAlone(_ text: ByteView, in window: Window) -> Bool {
        let endsLine = text.base[text.count - 1] == ASCII.lf || window.bytes.upperBound == old.count
        // `$` may be a reference's.
        return endsLine && isIndented(text, window.column) && text.firstIndex(of: 0x24) == nil
    }

    // MARK: The tree

    /// Nil when what is right in each part is wrong in the whole.
    private func joined(_ entries: YAMLDocument?, _ text: ByteView, _ window: Window) -> YAMLDocument? {
        guard let mapping = window.mappings.last else { return nil }
        let joined = YAMLDocument(file: tree.file, expectedBytes: new.count)
        let line = Int(tree.nodes[window.nodes.lowerBound].line)
        joined.append(0..<window.nodes.lowerBound, of: tree, linesDown: 0)
        if let entries { joined.append(1..<entries.count, of: entries, linesDown: line - 1) }
        let linesDown = Self.breaks(text, 0..<text.count) - Self.breaks(old, window.bytes)
        joined.append(window.nodes.upperBound..<tree.count, of: tree, linesDown: linesDown)
        for node in window.mappings {
            joined.nodes[node].end = UInt32(Int(tree.nodes[node].end) + joined.count - tree.count)
        }
        let childCount = Int(tree.nodes[mapping].count) - window.entryCount * 2
        joined.nodes[mapping].count = UInt32(childCount) + (entries?.nodes[0].count ?? 0)
        guard joined.nodes[mapping].count > 0, joined.count <= limits.nodesMax else { return nil }
        joined.parsedByteCount = text.count
        return joined.repeatedKeys(in: mapping).isEmpty ? joined : nil
    }

    // MARK: Bytes and lines

    /// What of `old` is not as in `new`, counted from the beginning and from the end.
    private static func difference(_ old: ByteView, _ new: ByteView) -> Range<Int> {
        func word(_ text: ByteView, _ offset: Int) -> UInt64 {
            text.raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        let shorter = min(old.count, new.count)
        var start = 0
        while shorter - start >= 8, word(old, start) == word(new, start) { start += 8 }
        while start < shorter, old.base[start] == new.base[start] { start += 1 }
        var end = old.count
        let shift = new.count - old.count
        let least = start + max(0, -shift)
        while end - least >= 8, word(old, end - 8) == word(new, end - 8 + shift) { end -= 8 }
        while end > least, old.base[end - 1] == new.base[end - 1 + shift] { end -= 1 }
        return start..<end
    }

    private static func breaks(_ text: ByteView, _ range: Range<Int>) -> Int {
        var count = 0
        for index in range { count &+= text.base[index] == ASCII.lf ? 1 : 0 }
        return count
    }
}
