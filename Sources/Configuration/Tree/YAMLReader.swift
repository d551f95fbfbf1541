import Base
import CYAML

/// Turns the bytes of one file into its tree, and reports what isn't allowed in one: everything that libyaml itself
/// refuses, several documents, tags, keys that aren't text or come twice, and whatever passes a limit.
///
/// libyaml delivers events; `YAMLReader` is the machine that they drive.
struct YAMLReader {
    private struct Container {
        let node: Int
        let isMapping: Bool
        var childCount: UInt32 = 0

        var expectsKey: Bool { isMapping && childCount & 1 == 0 }
    }

    private let limits: LoadingLimits
    private let findings: Findings
    private let references: References
    private let document: YAMLDocument
    private var open: [Container] = []
    private var anchors: [String: Int] = [:]
    private var anchorCount = 0
    private var aliasCount = 0
    private var aliasNodeCount = 0
    private var documentCount = 0
    /// Found while the tree was still growing: reported when paths can be told.
    private var pending: [(node: Int, failure: References.Failure)] = []
    private var duplicates: [(key: Int, first: Int)] = []

    /// The tree, or nil when nothing can be made of the file; the findings say why.
    static func read(
        _ bytes: ByteView, file: UInt32, limits: LoadingLimits, findings: Findings, references: References
    ) -> YAMLDocument? {
        if let offset = UTF8Check.firstInvalid(bytes) {
            let (line, column) = UTF8Check.position(of: offset, in: bytes)
            let place = SourceLocation(file: file, line: line, column: column)
            findings.add(Diagnostic(.error, at: place, path: "", "the file is not UTF-8", expected: "UTF-8 text"))
            return nil
        }
        let hasMark = bytes.count >= 3 && bytes[0] == 0xef && bytes[1] == 0xbb && bytes[2] == 0xbf
        let content = hasMark ? bytes.from(3) : bytes
        var reader = YAMLReader(
            limits: limits, findings: findings, references: references,
            document: YAMLDocument(file: file, expectedBytes: content.count))
        reader.document.parsedByteCount = content.count
        reader.document.isLocal = !UTF8Check.holdsMarkOrRareBreak(bytes)
        return reader.run(content) ? reader.document : nil
    }

    private init(limits: LoadingLimits, findings: Findings, references: References, document: YAMLDocument) {
        self.limits = limits
        self.findings = findings
        self.references = references
        self.document = document
    }

    private mutating func run(_ content: ByteView) -> Bool {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            report(at: place(line: 1, column: 1), "there is not enough memory to read the file")
            return false
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, content.base, content.count)
        var goesOn = true
        while goesOn {
            var event = yaml_event_t()
            guard yaml_parser_parse(&parser, &event) == 1 else {
                reportSyntax(parser, content)
                return close(complete: false)
            }
            if event.type == YAML_STREAM_END_EVENT { break }
            goesOn = take(&event)
            yaml_event_delete(&event)
        }
        if goesOn, document.count == 0 {
            report(at: place(line: 1, column: 1), "the file is empty", expected: "a mapping")
            goesOn = false
        }
        return close(complete: goesOn)
    }

    /// Takes one event; false when the rest of the file must not be looked at.
    private mutating func take(_ event: inout yaml_event_t) -> Bool {
        let start = place(event.start_mark)
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            documentCount += 1
            if event.data.document_start.implicit == 0 { document.isLocal = false }
            if documentCount > 1 {
                report(at: start, "a second YAML document begins here", expected: "one document in each file")
                return false
            }
            return true
        case YAML_DOCUMENT_END_EVENT:
            if event.data.document_end.implicit == 0 { document.isLocal = false }
            return true
        case YAML_SCALAR_EVENT:
            return takeScalar(event.data.scalar, at: start)
        case YAML_MAPPING_START_EVENT:
            let data = event.data.mapping_start
            let flags: YAMLNode.Flags = data.style == YAML_BLOCK_MAPPING_STYLE ? .block : []
            return takeContainer(.mapping, flags, anchor: data.anchor, tag: data.tag, at: start)
        case YAML_SEQUENCE_START_EVENT:
            let data = event.data.sequence_start
            return takeContainer(.sequence, [], anchor: data.anchor, tag: data.tag, at: start)
        case YAML_MAPPING_END_EVENT, YAML_SEQUENCE_END_EVENT:
            closeContainer()
            return true
        case YAML_ALIAS_EVENT:
            return takeAlias(event.data.alias.anchor, at: start)
        default:
            return true
        }
    }

    private mutating func takeScalar(
        _ data: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar, at start: SourceLocation
    ) -> Bool {
        guard admit(anchor: data.anchor, tag: data.tag, at: start) else { return false }
        let bytes = data.value.map { ByteView(base: $0, count: data.length) } ?? ByteView()
        if bytes.count > limits.scalarBytesMax {
            return refuse(at: start, "the value is longer than \(limits.scalarBytesMax) bytes")
        }
        var flags: YAMLNode.Flags = data.style == YAML_PLAIN_SCALAR_STYLE ? .plain : []
        let isKey = open.last?.expectsKey ?? false
        if isKey {
            if flags.contains(.plain), let reading = PlainScalar.notText(bytes) {
                return refuse(
                    at: start, "a key must be text, and YAML reads this one as \(reading)", expected: "a quoted key")
            }
        } else if holdsDollar(bytes) {
            return takeReferences(bytes, flags, at: start)
        }
        add(.scalar, &flags, bytes, at: start)
        return true
    }

    private func holdsDollar(_ bytes: ByteView) -> Bool {
        var index = 0
        while index < bytes.count {
            if bytes.base[index] == 0x24 { return true }
            index += 1
        }
        return false
    }

    private mutating func takeReferences(
        _ bytes: ByteView, _ plain: YAMLNode.Flags, at start: SourceLocation
    ) -> Bool {
        var flags = plain
        document.isSelfContained = false
        do throws(References.Failure) {
            let reach: References.Reach = start.file == SourceFiles.gatewayFile ? .host : .folder
            let (value, isSecret) = try references.resolve(bytes, reach: reach)
            if isSecret {
                // The value is text even when it is empty: only what stands in the file can be `null`.
                flags = .secret
                document.hasSecrets = true
            }
            value.withUnsafeBytes { add(.scalar, &flags, ByteView($0), at: start) }
        } catch {
            pending.append((document.count, error))
            flags.insert(.failed)
            add(.scalar, &flags, bytes, at: start)
        }
        return true
    }

    private mutating func takeContainer(
        _ kind: YAMLNode.Kind, _ style: YAMLNode.Flags, anchor: UnsafeMutablePointer<UInt8>?,
        tag: UnsafeMutablePointer<UInt8>?, at start: SourceLocation
    ) -> Bool {
        guard admit(anchor: anchor, tag: tag, at: start) else { return false }
        if open.last?.expectsKey ?? false { return refuse(at: start, "a key must be text", expected: "a plain key") }
        if open.count >= limits.depthMax {
            return refuse(at: start, "values are nested deeper than \(limits.depthMax) levels")
        }
        let node = document.count
        var flags = style
        add(kind, &flags, ByteView(), at: start)
        open.append(Container(node: node, isMapping: kind == .mapping))
        return true
    }

    private mutating func takeAlias(_ name: UnsafeMutablePointer<UInt8>?, at start: SourceLocation) -> Bool {
        let anchor = name.map { String(cString: $0) } ?? ""
        aliasCount += 1
        document.isLocal = false
        if aliasCount > limits.aliasesMax {
            return refuse(at: start, "the file has more than \(limits.aliasesMax) aliases")
        }
        if open.last?.expectsKey ?? false {
            return refuse(at: start, "an alias can't be a key", expected: "a plain key")
        }
        guard let source = anchors[anchor] else {
            return refuse(at: start, "no anchor `&\(Visible.text(anchor))` comes before this alias")
        }
        guard !open.contains(where: { $0.node == source }) else {
            return refuse(at: start, "the alias `*\(Visible.text(anchor))` stands within its own anchor")
        }
        let end = Int(document.nodes[source].end)
        aliasNodeCount += end - source
        if aliasNodeCount > limits.aliasNodesMax || document.count + end - source > limits.nodesMax {
            return refuse(at: start, "the aliases of the file stand for more than \(limits.aliasNodesMax) values")
        }
        if open.count + depth(of: source) > limits.depthMax {
            return refuse(at: start, "values are nested deeper than \(limits.depthMax) levels")
        }
        countChild()
        let shift = UInt32(document.count - source)
        for index in source..<end {
            var copy = document.nodes[index]
            copy.end += shift
            document.append(copy)
        }
        return true
    }

    /// How many levels of lists and mappings a finished value has.
    private func depth(of root: Int) -> Int {
        var ends: [UInt32] = []
        var deepest = 0
        for index in root..<Int(document.nodes[root].end) {
            while let last = ends.last, last <= UInt32(index) { ends.removeLast() }
            if document.nodes[index].kind != .scalar { ends.append(document.nodes[index].end) }
            deepest = max(deepest, ends.count)
        }
        return deepest
    }

    /// Checks what every value may carry, and remembers its anchor.
    private mutating func admit(
        anchor: UnsafeMutablePointer<UInt8>?, tag: UnsafeMutablePointer<UInt8>?, at start: SourceLocation
    ) -> Bool {
        if let tag {
            let full = String(cString: tag)
            let standard = "tag:yaml.org,2002:"
            let name = Visible.text(full.hasPrefix(standard) ? "!!" + full.dropFirst(standard.count) : full)
            return refuse(at: start, "the tag `\(name)` is not allowed", expected: "a value without a tag")
        }
        if document.count >= limits.nodesMax {
            return refuse(at: start, "the file holds more than \(limits.nodesMax) values")
        }
        if let anchor {
            anchorCount += 1
            document.isLocal = false
            if anchorCount > limits.anchorsMax {
                return refuse(at: start, "the file has more than \(limits.anchorsMax) anchors")
            }
            anchors[String(cString: anchor)] = document.count
        }
        return true
    }

    private mutating func countChild() {
        guard !open.isEmpty else { return }
        open[open.count - 1].childCount += 1
    }

    private mutating func add(
        _ kind: YAMLNode.Kind, _ flags: inout YAMLNode.Flags, _ text: ByteView, at start: SourceLocation
    ) {
        countChild()
        let textStart = UInt32(document.textCount)
        if text.count > 0 { document.append(text: text) }
        document.append(
            YAMLNode(
                kind: kind, flags: flags, line: start.line, column: start.column, textStart: textStart,
                count: UInt32(text.count), end: UInt32(document.count + 1)))
    }

    private mutating func closeContainer() {
        guard let container = open.popLast() else { return }
        document.nodes[container.node].end = UInt32(document.count)
        document.nodes[container.node].count = container.childCount
        if container.isMapping { duplicates += document.repeatedKeys(in: container.node) }
    }

    /// Ends the tree and reports what had to wait for it.
    private mutating func close(complete: Bool) -> Bool {
        while let container = open.popLast() {
            document.nodes[container.node].end = UInt32(document.count)
            document.nodes[container.node].count = container.childCount
        }
        for (node, failure) in pending {
            findings.add(
                Diagnostic(
                    .error, at: document.location(node), path: document.path(to: node), failure.message,
                    expected: failure.expectation))
        }
        for (key, first) in duplicates {
            findings.add(
                Diagnostic(
                    .error, at: document.location(key), path: document.path(to: key),
                    "the key `\(Visible.text(document.bytes(key)))` is written twice",
                    related: .init(location: document.location(first), note: "first written here")))
        }
        return complete
    }

    private func place(line: UInt32, column: UInt32) -> SourceLocation {
        SourceLocation(file: document.file, line: line, column: column)
    }

    private func place(_ mark: yaml_mark_t) -> SourceLocation {
        place(line: UInt32(truncatingIfNeeded: mark.line + 1), column: UInt32(truncatingIfNeeded: mark.column + 1))
    }

    private func refuse(at start: SourceLocation, _ message: String, expected: String? = nil) -> Bool {
        report(at: start, message, expected: expected)
        return false
    }

    private func report(
        at start: SourceLocation, _ message: String, expected: String? = nil, suggestion: String? = nil,
        related: Diagnostic.Related? = nil
    ) {
        findings.add(
            Diagnostic(
                .error, at: start, path: openPath, message, expected: expected, suggestion: suggestion,
                related: related))
    }

    /// The path of the value that is being read.
    private var openPath: String {
        var path = ""
        for (index, container) in open.enumerated() {
            if !container.isMapping {
                path += "[\(container.childCount - (index + 1 < open.count ? 1 : 0))]"
                continue
            }
            guard container.childCount > 0 else { continue }
            var key = container.node + 1
            var next = index + 1 < open.count ? open[index + 1].node : document.count
            next = min(next, document.count)
            while key + 1 < next, Int(document.nodes[key + 1].end) < next { key = Int(document.nodes[key + 1].end) }
            guard key < document.count else { continue }
            if !path.isEmpty { path += "." }
            path += Visible.text(document.bytes(key), limit: 100)
        }
        return path
    }

    private func reportSyntax(_ parser: yaml_parser_t, _ content: ByteView) {
        let problem = parser.problem.map { String(cString: $0) } ?? "the file can't be read"
        if parser.error == YAML_READER_ERROR {
            let (line, column) = UTF8Check.position(of: Int(parser.problem_offset), in: content)
            return report(at: place(line: line, column: column), "not valid YAML: \(problem)")
        }
        var related: Diagnostic.Related?
        if let context = parser.context {
            related = Diagnostic.Related(location: place(parser.context_mark), note: String(cString: context))
        }
        let mark = parser.problem_mark
        let remedy = SyntaxRemedy.remedy(
            problem: problem, context: related?.note ?? "", line: Int(clamping: mark.line),
            column: Int(clamping: mark.column), in: content)
        report(at: place(mark), "not valid YAML: \(problem)", suggestion: remedy, related: related)
    }
}
