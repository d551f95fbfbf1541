import Configuration

/// A command's arguments and options, checked against its syntax.
package struct ParsedArguments: Equatable {
    private var arguments: [String: String] = [:]
    private var options: [String: [String]] = [:]
    /// Whether `--help` or `-h` was there: then nothing else is checked.
    package private(set) var wantsHelp = false

    /// Options may stand before, between and behind arguments, as `--name value` or `--name=value`; behind `--` all
    /// words are arguments.
    package init(_ words: [String], _ syntax: CommandSyntax) throws(UsageError) {
        if words.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
            wantsHelp = true
            return
        }
        var rest = words[...]
        var expected = syntax.arguments[...]
        var takesOptions = true
        while let word = rest.popFirst() {
            if takesOptions, word == "--" {
                takesOptions = false
            } else if takesOptions, word.hasPrefix("-"), word != "-" {
                try take(option: word, &rest, syntax)
            } else {
                guard let argument = expected.popFirst() else { throw .excessArgument(word) }
                arguments[argument.name] = word
            }
        }
        if let missing = expected.first { throw .missingArgument(missing.name) }
    }

    private mutating func take(
        option word: String, _ rest: inout ArraySlice<String>, _ syntax: CommandSyntax
    ) throws(UsageError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts[0]
        guard let option = syntax.options.first(where: { $0.name == name }) else {
            let names = syntax.options.map(\.name) + ["--help"]
            throw .unknownOption(name, nearest: Spelling.nearest(to: name, among: names))
        }
        if options[name] != nil, !option.isRepeatable { throw .repeatedOption(name) }
        guard let placeholder = option.value else {
            if parts.count > 1 { throw .valueOfFlag(name) }
            options[name] = []
            return
        }
        guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
            throw .optionWithoutValue(name, value: placeholder)
        }
        if !option.choices.isEmpty, !option.choices.contains(value) {
            throw .invalidChoice(option: name, given: value, choices: option.choices)
        }
        options[name, default: []].append(value)
    }

    /// The argument of this name, which the syntax has.
    package func argument(_ name: String) -> String { arguments[name] ?? "" }

    /// Whether the option is there.
    package func has(_ name: String) -> Bool { options[name] != nil }

    /// The option's value; nil when it isn't there.
    package func value(_ name: String) -> String? { options[name]?.first }

    /// All values of a repeatable option, in order.
    package func values(_ name: String) -> [String] { options[name] ?? [] }
}
