/// What a command takes: one description for its parser and its help.
package struct CommandSyntax: Sendable {
    /// A word that must be there, by its place.
    package struct Argument: Sendable {
        /// In capitals: `DIR`.
        let name: String
        let help: String

        package init(name: String, help: String) {
            self.name = name
            self.help = help
        }
    }

    /// A word that begins with `--`, in any place.
    package struct Option: Sendable {
        /// With its dashes.
        let name: String
        /// What stands for its value in the help; nil when it takes none.
        let value: String?
        /// What the value may be; empty for anything.
        let choices: [String]
        let isRepeatable: Bool
        let help: String

        package init(
            name: String, value: String? = nil, choices: [String] = [], isRepeatable: Bool = false, help: String
        ) {
            self.name = name
            self.value = value
            self.choices = choices
            self.isRepeatable = isRepeatable
            self.help = help
        }
    }

    package let name: String
    /// One line for the list of commands.
    package let summary: String
    let arguments: [Argument]
    let options: [Option]
    /// What more there is to know, in lines.
    let details: String
    /// Whole command lines.
    let examples: [String]

    package init(
        _ name: String, _ summary: String, arguments: [Argument] = [], options: [Option] = [], details: String = "",
        examples: [String] = []
    ) {
        self.name = name
        self.summary = summary
        self.arguments = arguments
        self.options = options
        self.details = details
        self.examples = examples
    }
}

extension CommandSyntax.Argument {
    static let folder = CommandSyntax.Argument(
        name: "DIR", help: "the configuration folder: gateway.yaml and a file for each domain")
}

extension CommandSyntax.Option {
    static func format(_ choices: [String]) -> CommandSyntax.Option {
        CommandSyntax.Option(
            name: "--format", value: "FORMAT", choices: choices,
            help: "\(choices.joined(separator: ", ")); \(choices.first ?? "") unless given")
    }

    static let help = CommandSyntax.Option(name: "--help", help: "show this")

    /// As the help shows it: `--format FORMAT`; `…` says that it may be repeated.
    var label: String { (value.map { "\(name) \($0)" } ?? name) + (isRepeatable ? " …" : "") }
}
