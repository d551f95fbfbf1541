import Base

/// The YAML files of a folder, gateway.yaml first, then by name.
struct FolderContent {
    var names: SourceFiles
    var contents: [[UInt8]]
    /// Whether there is anything to parse: what could not be read has been reported.
    var isReadable: [Bool]
}

/// Reads the folder's YAML files. Names that begin with a dot are passed over: editors' leftovers, and the `..data`
/// folders of a Kubernetes mount, whose files are seen through the links beside them.
struct FolderReader {
    static let gatewayFile = "gateway.yaml"

    let source: ConfigurationSource
    let limits: LoadingLimits
    let findings: Findings

    /// Reads once more when the folder's generation changed meanwhile, so that no mixture of two of them loads.
    func read() -> FolderContent {
        var attempt = 1
        while true {
            let generation = source.generation()
            let trial = Findings(limit: limits.diagnosticsMax)
            let content = readOnce(trial)
            if attempt == 3 || source.generation() == generation {
                findings.add(trial)
                return content
            }
            attempt += 1
        }
    }

    private func readOnce(_ findings: Findings) -> FolderContent {
        let folder = source.folder.hasSuffix("/") ? String(source.folder.dropLast()) : source.folder
        var names = [Self.gatewayFile]
        do throws(SourceError) {
            let all = try source.list()
            if all.count > limits.folderEntriesMax {
                report(findings, 0, "the folder holds more than \(limits.folderEntriesMax) names")
            }
            names += all.filter { isDomainFile($0) }.sorted()
            if all.contains("gateway.yml") {
                if !all.contains(Self.gatewayFile) {
                    report(
                        findings, 0, "the file does not exist", suggestion: "rename `gateway.yml` to `gateway.yaml`")
                    return content(folder, names: [Self.gatewayFile], findings)
                }
                report(findings, 0, "`gateway.yml` lies beside it and is not read", severity: .warning)
            }
        } catch {
            report(findings, 0, "the folder `\(Visible.text(folder))` \(error.reason)")
            return content(folder, names: [Self.gatewayFile], findings)
        }
        if names.count > limits.filesMax {
            report(findings, 0, "the folder holds more than \(limits.filesMax) YAML files")
            names = Array(names.prefix(limits.filesMax))
        }
        return content(folder, names: names, findings)
    }

    private func isDomainFile(_ name: String) -> Bool {
        !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml")) && name != Self.gatewayFile
            && name != "gateway.yml"
    }

    private func content(_ folder: String, names: [String], _ findings: Findings) -> FolderContent {
        var content = FolderContent(
            names: SourceFiles(names: names.map { folder.isEmpty ? $0 : "\(folder)/\($0)" }), contents: [],
            isReadable: [])
        for (index, name) in names.enumerated() {
            // Whatever was said about the folder or gateway.yaml itself says why it isn't read.
            var bytes: [UInt8]?
            if index > 0 || findings.errorCount == 0 {
                do throws(SourceError) {
                    bytes = try source.read(name, limits.fileBytesMax)
                } catch {
                    report(findings, index, "the file \(error.reason)")
                }
            }
            if let count = bytes?.count, count > limits.fileBytesMax {
                report(findings, index, "the file is larger than \(limits.fileBytesMax) bytes")
                bytes = nil
            }
            content.contents.append(bytes ?? [])
            content.isReadable.append(bytes != nil)
        }
        return content
    }

    private func report(
        _ findings: Findings, _ file: Int, _ message: String, severity: Diagnostic.Severity = .error,
        suggestion: String? = nil
    ) {
        let start = SourceLocation(file: UInt32(file), line: 1, column: 1)
        findings.add(Diagnostic(severity, at: start, path: "", message, suggestion: suggestion))
    }
}
