import Base

/// Walks one file's tree for the sections and keys, and says what is wrong with it at which place.
final class FileDecoder {
    let document: YAMLDocument
    /// The document's nodes.
    let nodes: UnsafeMutablePointer<YAMLNode>
    let findings: Findings
    /// The places of values that came out of `${…}` and were taken into the model.
    private(set) var secrets: [SourceLocation] = []
    private var unknownKeyMappings: Set<Int> = []

    init(document: YAMLDocument, findings: Findings) {
        self.document = document
        nodes = document.nodes
        self.findings = findings
    }

    func location(_ node: Int) -> SourceLocation {
        SourceLocation(file: document.file, line: nodes[node].line, column: nodes[node].column)
    }

    func noteUnknownKey(in mapping: Int) { unknownKeyMappings.insert(mapping) }

    /// Whether a key of a mapping wasn't understood, so that another one may be absent only because of that.
    func holdsUnknownKey(_ mapping: Int) -> Bool { unknownKeyMappings.contains(mapping) }

    func setting<Value>(_ value: Value, _ node: Int) -> Setting<Value> {
        let place = location(node)
        if document.hasSecrets, document.holdsSecret(node) { secrets.append(place) }
        return Setting(value: value, origin: .file(place))
    }

    /// Calls `body` with each key and value of a mapping.
    func forEachPair(of mapping: Int, _ body: (_ key: Int, _ value: Int) -> Void) {
        let end = Int(nodes[mapping].end)
        var key = mapping + 1
        while key + 1 < end {
            body(key, key + 1)
            key = Int(nodes[key + 1].end)
        }
    }

    /// Calls `body` with each element of a list.
    func forEachElement(of list: Int, _ body: (_ element: Int) -> Void) {
        let end = Int(nodes[list].end)
        var element = list + 1
        while element < end {
            body(element)
            element = Int(nodes[element].end)
        }
    }

    /// The node of a key in a mapping, nil when it isn't there.
    func key(_ name: StaticString, in mapping: Int) -> Int? {
        guard nodes[mapping].kind == .mapping else { return nil }
        let end = Int(nodes[mapping].end)
        var key = mapping + 1
        while key + 1 < end {
            if document.bytes(key) == name { return key }
            key = Int(nodes[key + 1].end)
        }
        return nil
    }

    /// A name or value as it may be shown.
    func shown(_ node: Int) -> String {
        let entry = nodes[node]
        switch entry.kind {
        case .mapping: return "a mapping"
        case .sequence: return "a list"
        case .scalar: break
        }
        if entry.flags.contains(.secret) { return "the value of the reference" }
        if isNull(node) { return "nothing" }
        return "`\(Visible.text(document.bytes(node)))`"
    }

    func isNull(_ node: Int) -> Bool {
        let entry = nodes[node]
        guard entry.kind == .scalar, entry.flags.contains(.plain) else { return false }
        return PlainScalar.isNull(document.bytes(node))
    }

    /// Whether something has been said about the value already.
    func hasFailed(_ node: Int) -> Bool { nodes[node].flags.contains(.failed) }

    /// Reports an error at a node. `field` is added to the path: a key that is missing.
    func error(
        _ node: Int, _ message: String, expected: String? = nil, suggestion: String? = nil,
        related: Diagnostic.Related? = nil, field: String? = nil
    ) {
        report(.error, node, message, expected: expected, suggestion: suggestion, related: related, field: field)
    }

    func warning(_ node: Int, _ message: String, suggestion: String? = nil, related: Diagnostic.Related? = nil) {
        report(.warning, node, message, expected: nil, suggestion: suggestion, related: related, field: nil)
    }

    /// Reports an error at the value that stands at a place of this file.
    func error(
        at place: SourceLocation, _ message: String, expected: String? = nil, suggestion: String? = nil,
        related: Diagnostic.Related? = nil, field: String? = nil
    ) {
        report(
            .error, document.node(at: place), message, expected: expected, suggestion: suggestion, related: related,
            field: field)
    }

    func warning(
        at place: SourceLocation, _ message: String, suggestion: String? = nil, related: Diagnostic.Related? = nil
    ) {
        report(
            .warning, document.node(at: place), message, expected: nil, suggestion: suggestion, related: related,
            field: nil)
    }

    private func report(
        _ severity: Diagnostic.Severity, _ node: Int, _ message: String, expected: String?, suggestion: String?,
        related: Diagnostic.Related?, field: String?
    ) {
        var path = document.path(to: node)
        if let field { path += path.isEmpty ? field : "." + field }
        findings.add(
            Diagnostic(
                severity, at: location(node), path: path, message, expected: expected, suggestion: suggestion,
                related: related))
    }

    /// Reports that a value is of the wrong form.
    func unexpected(_ node: Int, expected: String, suggestion: String? = nil) {
        if hasFailed(node) { return }
        // What came out of a reference is never shown, and a suggestion may be made from it.
        let isSecret = nodes[node].flags.contains(.secret)
        let message =
            isNull(node)
            ? "the key has no value"
            : isSecret ? "the value of the reference does not fit here" : "\(shown(node)) does not fit here"
        error(node, message, expected: expected, suggestion: isSecret ? nil : quoteRemedy(node) ?? suggestion)
    }

    /// For a text in quotes that only word processors know: they are a part of the text.
    func quoteRemedy(_ node: Int) -> String? {
        guard nodes[node].kind == .scalar, nodes[node].flags.contains(.plain) else { return nil }
        let text = document.bytes(node)
        // U+2018…U+201F.
        let isQuoted = text.count > 3 && text[0] == 0xe2 && text[1] == 0x80 && (0x98...0x9f).contains(text[2])
        return isQuoted ? "write straight quotes, `\"` or `'`: these are a part of the text" : nil
    }
}
