/// `portcullis run DIR`.
package enum ServeCommand: Command {
    package static let syntax = CommandSyntax(
        "run", "serve by a configuration folder, until SIGTERM or SIGINT",
        arguments: [.folder],
        options: [
            .init(
                name: "--demo",
                help: "also start a demo upstream on 127.0.0.1:9001, 9002 and 9003, and print curl lines to try")
        ],
        details: """
            SIGHUP loads the folder anew: requests under way end by the configuration that they began with, and a folder
            with errors changes nothing. SIGTERM and SIGINT take no more connections, let requests end and then exit.
            SIGUSR1 opens the log files anew. Exit status 1 when the folder can't be served.
            """,
        examples: ["portcullis run gateway.d", "portcullis run gateway.d --demo"])

    package static func run(_ arguments: ParsedArguments, _ console: Console) -> Int32 {
        let folder = arguments.argument("DIR")
        return RunCommand.run(
            folder: folder, demo: arguments.has("--demo") ? { Demo.start(gateway: $0, folder: folder, console) } : nil)
    }
}
