/// What `--help` says.
package enum HelpText {
    /// Of the program.
    package static func program(_ commands: [CommandSyntax]) -> String {
        """
        portcullis \(programVersion): an API gateway

        usage: portcullis COMMAND [ARGUMENTS]

        commands:
        \(rows(commands.map { ($0.name, $0.summary) }))
        `portcullis COMMAND --help` tells more about each.

        A configuration is a folder: gateway.yaml belongs to the platform team, every other *.yaml to one domain.
        A running gateway takes signals:
          SIGHUP           loads the folder anew; when anything is wrong with it, nothing changes
          SIGTERM, SIGINT  ends when the requests under way are answered; a second one ends at once
          SIGUSR1          opens the log files anew

        exit status: 0 fine, 1 findings (a configuration with errors, a request that no route takes), 2 wrong usage

        """
    }

    /// Of one command.
    package static func command(_ syntax: CommandSyntax) -> String {
        let options = syntax.options + [.help]
        let words = ["portcullis", syntax.name] + syntax.arguments.map(\.name)
        let usage = words.joined(separator: " ") + (syntax.options.isEmpty ? "" : " [OPTIONS]")
        var text = "\(syntax.summary)\n\nusage: \(usage)\n\n"
        if !syntax.arguments.isEmpty {
            text += "arguments:\n\(rows(syntax.arguments.map { ($0.name, $0.help) }))\n"
        }
        text += "options:\n\(rows(options.map { ($0.label, $0.help) }))"
        if !syntax.details.isEmpty { text += "\n\(syntax.details)\n" }
        if !syntax.examples.isEmpty {
            text += "\nexamples:\n" + syntax.examples.map { "  \($0)\n" }.joined()
        }
        return text
    }

    private static func rows(_ rows: [(String, String)]) -> String {
        TextTable(rows: rows.map { ["", $0.0, $0.1] }).text
    }
}
