import Linux

ProcessResources.openMissingStandardStreams()
// Everything that a command line can do is in Commands/; `run` goes on in Run/.
ProcessResources.exit(status: CommandLineTool.run(Array(CommandLine.arguments.dropFirst()), .standard))
