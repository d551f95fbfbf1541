import Configuration
import Proxy

/// One of the program's commands.
package protocol Command {
    static var syntax: CommandSyntax { get }
    /// - Returns: the exit status: 0 fine, 1 findings.
    static func run(_ arguments: ParsedArguments, _ console: Console) throws(UsageError) -> Int32
}

/// The program: its commands, and what a command line does.
package enum CommandLineTool {
    /// In the order of the help.
    package static var commands: [any Command.Type] {
        [
            ServeCommand.self, CheckCommand.self, RoutesCommand.self, ExplainCommand.self, KeygenCommand.self,
            TokenCommand.self, HealthCommand.self, ReferenceCommand.self, VersionCommand.self,
        ]
    }

    /// Names that a later version will give a meaning to.
    private static let laterCommands = ["test", "diff", "schema", "import"]

    /// - Parameter words: the command line without the program's name.
    /// - Returns: the exit status: 2 as well when what was printed has not all arrived.
    package static func run(_ words: [String], _ console: Console) -> Int32 {
        let status = execute(words, console)
        guard let error = console.lostOutput else { return status }
        console.complain("portcullis: what should stand here could not be written to standard output: \(error)\n")
        return 2
    }

    private static func execute(_ words: [String], _ console: Console) -> Int32 {
        var command: (any Command.Type)?
        do throws(UsageError) {
            if isHelp(words.first) {
                guard words.count > 1, words[0] == "help" else {
                    console.print(HelpText.program(commands.map { $0.syntax }))
                    return 0
                }
                console.print(HelpText.command(try find(words[1]).syntax))
                return 0
            }
            guard let name = words.first else { throw .noCommand }
            let found = try find(name == "--version" ? "version" : name)
            command = found
            let arguments = try ParsedArguments(Array(words.dropFirst()), found.syntax)
            if arguments.wantsHelp {
                console.print(HelpText.command(found.syntax))
                return 0
            }
            return try found.run(arguments, console)
        } catch {
            let name = command.map { "portcullis \($0.syntax.name)" } ?? "portcullis"
            console.complain("\(name): \(error.message)\nTry `\(name) --help`.\n")
            return 2
        }
    }

    private static func isHelp(_ word: String?) -> Bool { word == "--help" || word == "-h" || word == "help" }

    private static func find(_ name: String) throws(UsageError) -> any Command.Type {
        if let command = commands.first(where: { $0.syntax.name == name }) { return command }
        if laterCommands.contains(name) { throw .commandOfLaterVersion(name) }
        throw .unknownCommand(
            name, nearest: Spelling.nearest(to: name, among: commands.map { $0.syntax.name } + ["help"]))
    }
}

extension Command {
    /// The folder's checked configuration; nil after complaining about its errors.
    static func load(_ arguments: ParsedArguments, _ console: Console) -> CheckedConfiguration? {
        let checked = ConfigurationCheck.load(source: .fileSystem(folder: arguments.argument("DIR")))
        if checked.blueprint != nil { return checked }
        let renderer = DiagnosticRenderer(files: checked.files, contents: checked.contents)
        console.complain(renderer.text(checked.findings))
        return nil
    }
}
