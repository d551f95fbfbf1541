/// Reads a folder into a checked configuration.
package struct ConfigurationLoader: Sendable {
    private let source: ConfigurationSource
    private let limits: LoadingLimits

    package init(source: ConfigurationSource, limits: LoadingLimits = LoadingLimits()) {
        self.source = source
        self.limits = limits
    }

    /// Reads everything anew. Never fails: what is wrong is in the result, all at once.
    package func load() -> LoadResult {
        LoadResult(configuration: nil, diagnostics: [], files: SourceFiles(names: []), contents: [])
    }
}

/// What came of a load.
package struct LoadResult: Sendable {
    /// Nil when there is any error.
    package let configuration: GatewayConfiguration?
    /// In reading order.
    package let diagnostics: [Diagnostic]
    package let files: SourceFiles
    /// The files' bytes, for showing the line that a finding is about.
    package let contents: [[UInt8]]

    package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}
