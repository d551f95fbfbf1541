/// `portcullis version`.
package enum VersionCommand: Command {
    package static let syntax = CommandSyntax("version", "print the version of this program")

    package static func run(_ arguments: ParsedArguments, _ console: Console) -> Int32 {
        console.print("portcullis \(programVersion) (Swift \(compiler), Linux \(architecture))\n")
        return 0
    }

    private static var compiler: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "arm64"
        #else
            "other"
        #endif
    }
}
