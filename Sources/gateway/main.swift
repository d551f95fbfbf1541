import Linux

let arguments = CommandLine.arguments
if arguments.count > 2, arguments[1] == "run" { ProcessResources.exit(status: RunCommand.run(folder: arguments[2])) }
