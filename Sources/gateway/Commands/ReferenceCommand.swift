import Configuration

/// `portcullis reference`: the page that documents every key, made from the loader's own schema.
package enum ReferenceCommand: Command {
    package static let syntax = CommandSyntax(
        "reference", "print the reference of all configuration keys, as Markdown")

    package static func run(_ arguments: ParsedArguments, _ console: Console) -> Int32 {
        console.print(ReferencePage.markdown())
        return 0
    }
}
