/// When a reload begins: one at a time, and none that was asked for is forgotten.
///
/// ```
///          requested                  finished
///   idle ────────────▶ under way ──────────────────────▶ idle
///                       │     ▲ requested meanwhile:
///                       │     └ another one begins as this one finishes
///                       └ ended (the gateway drains) ──▶ over
/// ```
package enum ReloadSequence: Equatable {
    case idle
    /// Somewhere between its files and the loops. - Parameter again: whether it was asked for once more since it began.
    case underWay(again: Bool)
    /// The gateway drains: nothing is reloaded any more.
    case over

    /// Somebody wants a reload. - Returns: whether to begin one now.
    package mutating func requested() -> Bool {
        switch self {
        case .idle:
            self = .underWay(again: false)
            return true
        case .underWay:
            self = .underWay(again: true)
            return false
        case .over: return false
        }
    }

    /// The reload under way was applied or rejected. - Returns: whether to begin another one now.
    package mutating func finished() -> Bool {
        switch self {
        case .idle, .over: return false
        case .underWay(let again):
            self = again ? .underWay(again: false) : .idle
            return again
        }
    }

    /// The gateway drains. - Returns: whether a reload was given up.
    package mutating func ended() -> Bool {
        let before = self
        self = .over
        if case .underWay = before { return true }
        return false
    }
}
