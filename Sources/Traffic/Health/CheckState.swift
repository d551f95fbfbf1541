/// What active checks make of a target.
///
/// ```
///                first check passes            so many fail in a row
///   unknown ──────────────────────────▶ up ───────────────────────────▶ down
///      │                                ▲                                │ ▲
///      │                                └────── so many pass in a row ───┘ │
///      └────────────────────────── first check fails ────────────────────┘
/// ```
/// A target that is `unknown` is used: it is checked at once, and that first check decides alone.
package enum CheckStanding: Sendable, Equatable {
    case unknown
    case up
    case down

    /// For people and programs.
    package var label: StaticString {
        switch self {
        case .unknown: "unknown"
        case .up: "up"
        case .down: "down"
        }
    }
}

/// A target's standing, and how many checks in a row speak against it.
package struct CheckState: Sendable, Equatable {
    package private(set) var standing = CheckStanding.unknown
    private var against = 0

    package init() {}

    /// Takes a check's result.
    /// - Parameters:
    ///   - healthyThreshold: passed checks in a row that bring a target back, at least 1.
    ///   - unhealthyThreshold: failed checks in a row that take one out, at least 1.
    package mutating func take(passed: Bool, healthyThreshold: Int, unhealthyThreshold: Int) {
        switch standing {
        case .unknown: settle(passed ? .up : .down)
        case .up: passed ? settle(.up) : count(to: .down, unhealthyThreshold)
        case .down: passed ? count(to: .up, healthyThreshold) : settle(.down)
        }
    }

    private mutating func settle(_ standing: CheckStanding) {
        self.standing = standing
        against = 0
    }

    private mutating func count(to other: CheckStanding, _ threshold: Int) {
        against += 1
        if against >= max(threshold, 1) { settle(other) }
    }
}
