import Configuration
import Identity

/// Loads a configuration and finds out whether it can be served: one function for the server, for its reloads and for
/// every command, so that what `check` accepts is what `run` serves.
package enum ConfigurationCheck {
    /// Reads everything anew and builds the route table. Never fails: what is wrong is in the result, all at once.
    package static func load(
        source: ConfigurationSource, limits: LoadingLimits = LoadingLimits()
    ) -> CheckedConfiguration {
        load(with: ConfigurationLoader(source: source, limits: limits))
    }

    /// The same with a loader that is kept from one reload to the next, and so parses only the files that have changed.
    /// - Parameter ring: the running gateway's keys, beside which the new ones have to stand; a new ring at a start.
    package static func load(
        with loader: ConfigurationLoader, signingKeys ring: SigningKeyRing = SigningKeyRing()
    ) -> CheckedConfiguration {
        let loaded = loader.load()
        var findings = loaded.findings
        var blueprint: Blueprint?
        if let configuration = loaded.configuration {
            var found = FindingList(limit: findings.limit)
            let keys = SigningKeyLoader.load(configuration, for: ring)
            let identity = keys.diagnostics + IssuerFileCheck.diagnostics(configuration)
            found.add(identity + DemoKeys.diagnostics(configuration, signingKeys: keys.entries))
            do throws(RouteConflicts) {
                let built = try Blueprint(configuration, signingKeys: keys.entries)
                let routes = RouteDiagnostics(routes: built.routes, files: loaded.files)
                found.add(routes.all(built.warnings))
                if let tokens = configuration.internalTokens, let publication = tokens.publication {
                    found.add(routes.hidden(by: publication, in: tokens))
                }
                blueprint = identity.isEmpty ? built : nil
            } catch {
                found.add(RouteDiagnostics(routes: error.routes, files: loaded.files).all(error.problems))
            }
            findings.add(found.map(loaded.referenced.masked))
        }
        return CheckedConfiguration(
            blueprint: blueprint, findings: findings, referenced: loaded.referenced, files: loaded.files,
            contents: loaded.contents)
    }
}

/// What came of loading and checking.
package struct CheckedConfiguration: Sendable {
    /// What can be served; nil when there is any error.
    package let blueprint: Blueprint?
    package let findings: FindingList
    /// What came out of references, which nobody may be shown.
    package let referenced: ReferencedTexts
    package let files: SourceFiles
    /// The files' bytes, for showing the line that a finding is about.
    package let contents: [[UInt8]]

    /// Those of the findings that are shown, in reading order.
    package var diagnostics: [Diagnostic] { findings.shown }
}
