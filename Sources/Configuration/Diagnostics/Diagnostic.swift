/// One finding about a configuration: a value, so that it can be shown in several forms.
package struct Diagnostic: Sendable, Equatable {
    package enum Severity: String, Sendable, Hashable { case error, warning }

    package let severity: Severity
    package let location: SourceLocation
    /// The field, from the file's root: `routes.read-order.match.path`. Empty for the file itself.
    package let path: String
    /// What is wrong, a sentence without full stop.
    package let message: String
    /// What was expected instead, when that isn't plain from the message.
    package let expectation: String?
    /// A remedy: ``did you mean `rate_limit`?``
    package let suggestion: String?
    /// Another place that has to do with it, and what is there.
    package let related: Related?

    /// A second place.
    package struct Related: Sendable, Equatable {
        package let location: SourceLocation
        /// What is there: ``the domain's entry``.
        package let note: String

        package init(location: SourceLocation, note: String) {
            self.location = location
            self.note = note
        }
    }

    package init(
        _ severity: Severity, at location: SourceLocation, path: String, _ message: String,
        expected expectation: String? = nil, suggestion: String? = nil, related: Related? = nil
    ) {
        self.severity = severity
        self.location = location
        self.path = path
        self.message = message
        self.expectation = expectation
        self.suggestion = suggestion
        self.related = related
    }
}

extension Diagnostic {
    /// The order in which findings are shown: by place, errors before warnings.
    package static func inReadingOrder(_ left: Diagnostic, _ right: Diagnostic) -> Bool {
        if left.location != right.location { return left.location < right.location }
        if left.severity != right.severity { return left.severity == .error }
        if left.path != right.path { return left.path < right.path }
        return left.message < right.message
    }
}
