/// What is wrong with a configuration: the count of all findings, and as many of them as are shown.
package struct FindingList: Sendable, Equatable {
    /// All errors, those included that aren't shown.
    package private(set) var errorCount = 0
    /// All warnings, those included that aren't shown.
    package private(set) var warningCount = 0
    private var errors: [Diagnostic] = []
    private var warnings: [Diagnostic] = []
    /// How many findings are shown, errors rather than warnings; of either the first that are found.
    package let limit: Int

    /// An empty list.
    package init(limit: Int) { self.limit = limit }

    /// In reading order.
    package var shown: [Diagnostic] {
        (errors + warnings.prefix(limit - errors.count)).sorted(by: Diagnostic.inReadingOrder)
    }

    /// How many are only counted.
    package var omittedCount: Int { errorCount + warningCount - min(errors.count + warnings.count, limit) }

    package mutating func add(_ diagnostic: Diagnostic) {
        switch diagnostic.severity {
        case .error:
            errorCount += 1
            if errors.count < limit { errors.append(diagnostic) }
        case .warning:
            warningCount += 1
            if warnings.count < limit { warnings.append(diagnostic) }
        }
    }

    package mutating func add(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics { add(diagnostic) }
    }

    /// Takes over what another list holds and counts.
    package mutating func add(_ other: FindingList) {
        add(other.errors + other.warnings)
        errorCount += other.errorCount - other.errors.count
        warningCount += other.warningCount - other.warnings.count
    }

    /// The same in other words. - Parameter change: keeps the severity.
    package func map(_ change: (Diagnostic) -> Diagnostic) -> FindingList {
        var changed = self
        changed.errors = errors.map(change)
        changed.warnings = warnings.map(change)
        return changed
    }

    /// The same with errors in place of warnings.
    package var withWarningsAsErrors: FindingList {
        var strict = FindingList(limit: limit)
        strict.add(shown.map(\.asError))
        strict.errorCount = errorCount + warningCount
        return strict
    }
}

extension Diagnostic {
    fileprivate var asError: Diagnostic {
        Diagnostic(
            .error, at: location, path: path, message, expected: expectation, suggestion: suggestion, related: related)
    }
}
