import Base

/// The forms in which findings are shown.
package struct DiagnosticRenderer: Sendable {
    private let files: SourceFiles
    private let contents: [[UInt8]]

    /// - Parameter contents: the files' bytes, in the order of `files`; may be empty.
    package init(files: SourceFiles, contents: [[UInt8]]) {
        self.files = files
        self.contents = contents
    }

    package init(_ result: LoadResult) { self.init(files: result.files, contents: result.contents) }

    /// For a terminal: place, path and message, the line with a caret under the place, then what was expected.
    package func text(_ diagnostic: Diagnostic) -> String {
        var text = line(diagnostic) + "\n"
        text += excerpt(diagnostic.location)
        if let expectation = diagnostic.expectation { text += "  expected: \(expectation)\n" }
        if let suggestion = diagnostic.suggestion { text += "  help: \(suggestion)\n" }
        if let related = diagnostic.related {
            text += "  see: \(files.describe(related.location)): \(related.note)\n"
        }
        return text
    }

    /// The findings one after another, and a line that counts them.
    package func text(_ findings: FindingList) -> String {
        let errors = findings.errorCount
        let warnings = findings.warningCount
        let shown = findings.shown
        var counts = "\(errors) error\(errors == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s")"
        if findings.omittedCount > 0 { counts += "; the first \(shown.count) are shown" }
        return shown.map { text($0) + "\n" }.joined() + counts + "\n"
    }

    /// Everything about one finding on one line: for logs.
    package func summary(_ diagnostic: Diagnostic) -> String {
        var text = line(diagnostic)
        if let expectation = diagnostic.expectation { text += "; expected \(expectation)" }
        if let suggestion = diagnostic.suggestion { text += "; \(suggestion)" }
        if let related = diagnostic.related {
            text += "; see \(files.describe(related.location)): \(related.note)"
        }
        return text
    }

    private func line(_ diagnostic: Diagnostic) -> String {
        let path = diagnostic.path.isEmpty ? "" : "\(diagnostic.path): "
        let place = files.describe(diagnostic.location)
        return "\(place): \(diagnostic.severity.rawValue): \(path)\(diagnostic.message)"
    }

    /// The line that a place is on, and a caret under the place. A line with a value out of a reference holds the
    /// reference only, so nothing secret can be in it.
    private func excerpt(_ place: SourceLocation) -> String {
        let index = Int(place.file)
        guard index < contents.count, !contents[index].isEmpty else { return "" }
        guard let line = sourceLine(Int(place.line), of: contents[index]) else { return "" }
        let column = Int(place.column)
        // Of a long line, a window around the place.
        let scalars = Array(String(decoding: line, as: UTF8.self).unicodeScalars)
        let start = column > 100 ? column - 60 : 0
        guard start <= scalars.count else { return "" }
        var window = String.UnicodeScalarView()
        window.append(contentsOf: scalars[start..<min(scalars.count, start + 120)].map { $0 == "\t" ? " " : $0 })
        let number = String(place.line)
        let margin = String(repeating: " ", count: number.count)
        let caret = String(repeating: " ", count: max(0, column - 1 - start)) + "^"
        return "  \(number) | \(Visible.text(String(window), limit: 120))\n  \(margin) | \(caret)\n"
    }

    private func sourceLine(_ number: Int, of bytes: [UInt8]) -> ArraySlice<UInt8>? {
        bytes.withUnsafeBytes { raw in
            let text = ByteView(raw)
            var start = 0
            for _ in 1..<max(number, 1) {
                guard let end = text.firstIndex(of: ASCII.lf, from: start) else { return nil }
                start = end + 1
            }
            return trimmed(bytes[start..<(text.firstIndex(of: ASCII.lf, from: start) ?? bytes.count)])
        }
    }

    private func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        line.last == ASCII.cr ? line.dropLast() : line
    }
}

extension DiagnosticRenderer {
    /// One JSON object with `errors`, `warnings`, how many findings are `not_shown`, and the list `diagnostics`; absent
    /// parts are left out.
    package func json(_ findings: FindingList) -> String {
        let list = findings.shown.map { "    " + json($0) }.joined(separator: ",\n")
        let body = list.isEmpty ? "[]" : "[\n\(list)\n  ]"
        let omitted = findings.omittedCount > 0 ? "\n  \"not_shown\": \(findings.omittedCount)," : ""
        return """
            {
              "errors": \(findings.errorCount),
              "warnings": \(findings.warningCount),\(omitted)
              "diagnostics": \(body)
            }

            """
    }

    private func json(_ diagnostic: Diagnostic) -> String {
        var fields = [
            ("severity", JSONString.quoted(diagnostic.severity.rawValue)),
            ("file", JSONString.quoted(files.name(of: diagnostic.location))),
            ("line", String(diagnostic.location.line)),
            ("column", String(diagnostic.location.column)),
            ("path", JSONString.quoted(diagnostic.path)),
            ("message", JSONString.quoted(diagnostic.message)),
        ]
        if let expectation = diagnostic.expectation { fields.append(("expected", JSONString.quoted(expectation))) }
        if let suggestion = diagnostic.suggestion { fields.append(("suggestion", JSONString.quoted(suggestion))) }
        if let related = diagnostic.related {
            let place = related.location
            fields.append(
                (
                    "related",
                    "{\"file\": \(JSONString.quoted(files.name(of: place))), \"line\": \(place.line), "
                        + "\"column\": \(place.column), \"note\": \(JSONString.quoted(related.note))}"
                ))
        }
        return "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
    }

    /// One workflow command of GitHub Actions for each finding, each on its line.
    package func gitHubCommands(_ findings: FindingList) -> String {
        let commands = findings.shown.map { diagnostic in
            let file = escaped(files.name(of: diagnostic.location), isProperty: true)
            let place = "file=\(file),line=\(diagnostic.location.line),col=\(diagnostic.location.column)"
            var message = diagnostic.path.isEmpty ? diagnostic.message : "\(diagnostic.path): \(diagnostic.message)"
            if let expectation = diagnostic.expectation { message += "\nexpected: \(expectation)" }
            if let suggestion = diagnostic.suggestion { message += "\nhelp: \(suggestion)" }
            if let related = diagnostic.related {
                message += "\nsee: \(files.describe(related.location)): \(related.note)"
            }
            return "::\(diagnostic.severity.rawValue) \(place)::\(escaped(message, isProperty: false))\n"
        }
        let omitted = findings.omittedCount
        return commands.joined() + (omitted > 0 ? "::notice::\(omitted) further findings are not shown\n" : "")
    }

    /// The runner's own escapes: `%`, CR and LF everywhere, `:` and `,` in properties.
    private func escaped(_ text: String, isProperty: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "%": result += "%25"
            case "\r": result += "%0D"
            case "\n": result += "%0A"
            case ":" where isProperty: result += "%3A"
            case "," where isProperty: result += "%2C"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
