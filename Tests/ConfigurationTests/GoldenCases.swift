import Testing

/// A YAML file that is wrong, and all that is said about it.
struct GoldenCase: Sendable, CustomTestStringConvertible {
    let name: String
    let yaml: String
    let findings: [String]

    init(_ name: String, _ yaml: String, _ findings: String...) {
        self.name = name
        self.yaml = yaml
        self.findings = findings
    }

    var testDescription: String { name }
}
