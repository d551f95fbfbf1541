import Configuration
import Proxy

/// `portcullis check DIR`: everything that the server would say to this folder.
package enum CheckCommand: Command {
    package static let syntax = CommandSyntax(
        "check", "check a configuration folder as the server would, and list everything wrong with it",
        arguments: [.folder],
        options: [
            .format(["human", "json", "github"]),
            .init(
                name: "--warnings-as-errors", help: "treat warnings, such as a route that is never reached, as errors"),
        ],
        details: "The format `github` makes annotations of pull requests: print it in a GitHub Actions step.",
        examples: ["portcullis check gateway.d", "portcullis check gateway.d --format github --warnings-as-errors"])

    package static func run(_ arguments: ParsedArguments, _ console: Console) -> Int32 {
        let folder = arguments.argument("DIR")
        let checked = ConfigurationCheck.load(source: .fileSystem(folder: folder))
        var findings = checked.findings
        if arguments.has("--warnings-as-errors") { findings = findings.withWarningsAsErrors }
        let renderer = DiagnosticRenderer(files: checked.files, contents: checked.contents)
        switch arguments.value("--format") {
        case "json": console.print(renderer.json(findings))
        case "github": console.print(renderer.gitHubCommands(findings))
        default:
            if findings.errorCount + findings.warningCount > 0 { console.print(renderer.text(findings)) }
            if let blueprint = checked.blueprint { console.print(summary(folder, blueprint, checked.files)) }
        }
        return findings.errorCount > 0 ? 1 : 0
    }

    private static func summary(_ folder: String, _ blueprint: Blueprint, _ files: SourceFiles) -> String {
        let routes = blueprint.routes.count
        let count = files.names.count
        return "\(folder): can be served: \(count) file\(count == 1 ? "" : "s"), "
            + "\(routes) route\(routes == 1 ? "" : "s"), digest \(blueprint.configuration.digest)\n"
    }
}
