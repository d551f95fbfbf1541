/// A body that a transform was to edit and could not: whose it is, and what became of it.
package enum UnfitBody: UInt8, CaseIterable, Sendable {
    case requestRefused
    case requestPassed
    case responseRefused
    case responsePassed

    /// The label `body`.
    package var side: StaticString {
        switch self {
        case .requestRefused, .requestPassed: "request"
        case .responseRefused, .responsePassed: "response"
        }
    }

    /// The label `result`.
    package var result: StaticString {
        switch self {
        case .requestRefused, .responseRefused: "refused"
        case .requestPassed, .responsePassed: "passed"
        }
    }
}
