/// Gathers what is wrong during one load.
final class Findings {
    private(set) var all: [Diagnostic] = []
    private(set) var errorCount = 0
    private var dropped = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func add(_ diagnostic: Diagnostic) {
        if diagnostic.severity == .error { errorCount += 1 }
        if all.count < limit { all.append(diagnostic) } else { dropped += 1 }
    }

    /// In reading order, with a last line about those that did not fit.
    func sorted() -> [Diagnostic] {
        var sorted = all.sorted(by: Diagnostic.inReadingOrder)
        if dropped > 0, let last = sorted.last {
            let severity: Diagnostic.Severity = errorCount > 0 ? .error : .warning
            sorted.append(
                Diagnostic(severity, at: last.location, path: "", "\(dropped) further findings are not shown"))
        }
        return sorted
    }
}
