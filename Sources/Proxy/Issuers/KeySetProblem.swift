import JOSE

/// Why an issuer's key set is not taken, although it came.
package enum KeySetProblem: Error, Equatable, CustomStringConvertible {
    case malformed(KeyError)
    case empty
    /// There are keys, but none that can be used; why the first can't.
    case noneUsable(count: Int, first: KeyError)

    package var description: String {
        switch self {
        case .malformed(let error): "not a key set: \(error.text)"
        case .empty: "the key set is empty"
        case .noneUsable(let count, let error): "none of the \(count) keys can be used: \(error.text)"
        }
    }
}
