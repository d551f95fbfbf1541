import Base

/// One value of a YAML file. Nodes lie in reading order, so a node's children follow it directly and the next sibling
/// begins where the subtree ends: no pointers, no allocation per node.
struct YAMLNode {
    enum Kind: UInt8 { case scalar, mapping, sequence }

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// Written without quotes, so that `null`, numbers and truth values mean themselves.
        static let plain = Flags(rawValue: 1)
        /// Came out of `${…}`: never shown.
        static let secret = Flags(rawValue: 2)
        /// Already reported: whoever decodes it keeps quiet.
        static let failed = Flags(rawValue: 4)
        /// A mapping with its entries on lines of their own, rather than in braces.
        static let block = Flags(rawValue: 8)
    }

    var kind: Kind
    var flags: Flags
    /// Both from 1.
    var line: UInt32
    var column: UInt32
    /// A scalar's place in the document's text.
    var textStart: UInt32
    /// A scalar's length; otherwise the number of children (keys and values counted apart).
    var count: UInt32
    /// Index after the last node of this one's subtree.
    var end: UInt32
}

/// The values of one file, in memory of their own: a load walks a hundred thousand of them within a few milliseconds,
/// so neither bounds of an array nor reference counts are in the way. Indices come from the nodes themselves only.
///
/// Unchecked Sendable: nothing changes a document once `YAMLReader` has given it out.
final class YAMLDocument: @unchecked Sendable {
    /// Index into `SourceFiles.names`.
    let file: UInt32
    /// In reading order; the first is the root.
    private(set) var nodes: UnsafeMutablePointer<YAMLNode>
    private(set) var count = 0
    private var capacity: Int
    private var text: UnsafeMutablePointer<UInt8>
    private(set) var textCount = 0
    private var textCapacity: Int
    /// Whether any value came out of `${…}`.
    var hasSecrets = false
    /// Whether the tree depends on nothing but the file's own bytes.
    var isSelfContained = true
    /// Whether no line has to do with another but by being deeper, and lines end by LF only: no anchors, aliases and
    /// markers of documents.
    var isLocal = true
    /// How many bytes were parsed for the tree: of a file that was edited, only those around the edit.
    var parsedByteCount = 0

    init(file: UInt32, expectedBytes: Int) {
        self.file = file
        capacity = expectedBytes / 6 + 16
        textCapacity = expectedBytes + 64
        nodes = .allocate(capacity: capacity)
        text = .allocate(capacity: textCapacity)
    }

    deinit {
        nodes.deallocate()
        text.deallocate()
    }

    func append(_ node: YAMLNode) {
        if count == capacity {
            let grown = UnsafeMutablePointer<YAMLNode>.allocate(capacity: capacity * 2)
            grown.moveInitialize(from: nodes, count: count)
            nodes.deallocate()
            nodes = grown
            capacity *= 2
        }
        (nodes + count).initialize(to: node)
        count += 1
    }

    /// Appends a stretch of another document of the same file with its text, some lines further down.
    func append(_ range: Range<Int>, of other: YAMLDocument, linesDown: Int) {
        guard !range.isEmpty else { return }
        let textStart = Int(other.nodes[range.lowerBound].textStart)
        let textEnd = range.upperBound < other.count ? Int(other.nodes[range.upperBound].textStart) : other.textCount
        let nodesOn = count - range.lowerBound
        let textOn = textCount - textStart
        append(text: ByteView(base: other.text + textStart, count: textEnd - textStart))
        for index in range {
            var node = other.nodes[index]
            node.line = UInt32(truncatingIfNeeded: Int(node.line) + linesDown)
            node.textStart = UInt32(truncatingIfNeeded: Int(node.textStart) + textOn)
            node.end = UInt32(truncatingIfNeeded: Int(node.end) + nodesOn)
            append(node)
        }
    }

    func append(text bytes: ByteView) {
        if textCapacity - textCount < bytes.count {
            textCapacity = max(textCapacity * 2, textCount + bytes.count)
            let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: textCapacity)
            grown.moveInitialize(from: text, count: textCount)
            text.deallocate()
            text = grown
        }
        (text + textCount).initialize(from: bytes.base, count: bytes.count)
        textCount += bytes.count
    }

    /// The bytes of a scalar. Valid while the document lives and no text is appended.
    func bytes(_ node: Int) -> ByteView {
        let entry = nodes[node]
        guard entry.kind == .scalar else { return ByteView() }
        return ByteView(base: text + Int(entry.textStart), count: Int(entry.count))
    }

    func location(_ node: Int) -> SourceLocation {
        guard node < count else { return SourceLocation(file: file, line: 1, column: 1) }
        return SourceLocation(file: file, line: nodes[node].line, column: nodes[node].column)
    }

    /// Whether the value, or any value within it, came out of `${…}`.
    func holdsSecret(_ node: Int) -> Bool {
        guard hasSecrets else { return false }
        return (node..<Int(nodes[node].end)).contains { nodes[$0].flags.contains(.secret) }
    }

    /// The field that a node is the value of, or the key of, from the root: `routes.read.match.methods[0]`.
    func path(to target: Int) -> String {
        var path = ""
        var node = 0
        while node < target, node < count {
            var child = node + 1
            var position = 0
            var key = child
            while Int(nodes[child].end) <= target {
                key = child
                child = Int(nodes[child].end)
                position += 1
                // A tree cut short by a syntax error may have nothing further.
                if child >= count { return path }
            }
            if nodes[node].kind == .sequence {
                path += "[\(position)]"
            } else {
                if !path.isEmpty { path += "." }
                path += Visible.text(bytes(position & 1 == 0 ? child : key), limit: 100)
            }
            node = child
        }
        return path
    }

    /// The scalar, or else the container, that begins at a place of this file.
    func node(at location: SourceLocation) -> Int {
        (0..<count).last { nodes[$0].line == location.line && nodes[$0].column == location.column } ?? 0
    }
}
