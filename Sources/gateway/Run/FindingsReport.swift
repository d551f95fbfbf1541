import Configuration
import Observability
import Proxy

extension CheckedConfiguration {
    /// Writes the findings for people.
    var renderer: DiagnosticRenderer { DiagnosticRenderer(files: files, contents: contents) }
}

extension Observability.ErrorLog {
    /// Findings in the log after one load. All of them together must leave most of the log's queue to others: it is
    /// short, and what doesn't fit is lost.
    private static let findingsMax = 50

    /// A configuration is wrong, and the one that is served stays. First what came of it, then the first of its errors.
    func reportRejected(_ checked: CheckedConfiguration) {
        let count = checked.findings.errorCount
        log(.error, "reload rejected: the running configuration stays", isLimited: false) { $0.field("errors", count) }
        report(checked, .error, count: count)
    }

    /// The first of the warnings of a configuration that is served.
    func reportWarnings(of checked: CheckedConfiguration) {
        report(checked, .warning, count: checked.findings.warningCount)
    }

    private func report(_ checked: CheckedConfiguration, _ severity: Diagnostic.Severity, count: Int) {
        let level: Level = severity == .error ? .error : .warning
        let written = checked.diagnostics.lazy.filter { $0.severity == severity }.prefix(Self.findingsMax)
        for diagnostic in written {
            log(level, "configuration", isLimited: false) { line in
                line.field("place", checked.files.describe(diagnostic.location))
                line.field("field", diagnostic.path)
                line.field("problem", checked.renderer.summary(diagnostic))
            }
        }
        let left = count - written.count
        guard left > 0 else { return }
        log(level, "configuration: further findings are left out, `portcullis check` has more", isLimited: false) {
            $0.field("left_out", left)
        }
    }
}
