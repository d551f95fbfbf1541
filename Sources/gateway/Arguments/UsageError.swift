/// A command line that means nothing: exit status 2.
package enum UsageError: Error, Equatable {
    case noCommand
    case unknownCommand(String, nearest: String?)
    /// A command that is planned, so that nobody takes it for a typing error.
    case commandOfLaterVersion(String)
    case unknownOption(String, nearest: String?)
    case optionWithoutValue(String, value: String)
    case valueOfFlag(String)
    case repeatedOption(String)
    case invalidChoice(option: String, given: String, choices: [String])
    case missingArgument(String)
    case excessArgument(String)
    /// An option without which nothing can be done here.
    case missingOption(String, expected: String)
    /// Two options that mean different things.
    case conflictingOptions(String, String)
    /// A file that an option or argument names.
    case unreadable(String, reason: String)
    /// An option's or argument's value that can't be what it must be.
    case invalidValue(of: String, given: String, expected: String)

    /// What is wrong, on one line without full stop.
    package var message: String {
        switch self {
        case .noCommand: "a command is missing"
        case .unknownCommand(let name, let nearest): "unknown command `\(name)`\(Self.suggestion(nearest))"
        case .commandOfLaterVersion(let name): "the command `\(name)` is not part of this version"
        case .unknownOption(let name, let nearest): "unknown option `\(name)`\(Self.suggestion(nearest))"
        case .optionWithoutValue(let name, let value): "the option `\(name)` needs a value: \(name) \(value)"
        case .valueOfFlag(let name): "the option `\(name)` takes no value"
        case .repeatedOption(let name): "the option `\(name)` is given twice"
        case .invalidChoice(let option, let given, let choices):
            "`\(given)` is no value of `\(option)`; expected \(choices.map { "`\($0)`" }.joined(separator: ", "))"
        case .missingArgument(let name): "the argument \(name) is missing"
        case .excessArgument(let text): "one argument too many: `\(text)`"
        case .missingOption(let name, let expected): "the option `\(name)` is missing; expected \(expected)"
        case .conflictingOptions(let first, let second): "`\(first)` and `\(second)` can't be given together"
        case .unreadable(let name, let reason): "`\(name)` can't be read: \(reason)"
        case .invalidValue(let name, let given, let expected): "`\(given)` is no \(name); expected \(expected)"
        }
    }

    private static func suggestion(_ nearest: String?) -> String { nearest.map { "; did you mean `\($0)`?" } ?? "" }
}
