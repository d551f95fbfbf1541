/// What conditions on one name say about each other.
extension RouteCondition.Test {
    /// Whether one value, or its absence, can satisfy both.
    func canHold(with other: RouteCondition.Test) -> Bool {
        switch (self, other) {
        case (.absent, .absent): true
        case (.absent, _), (_, .absent): false
        case (.present, _), (_, .present): true
        case (.exact(let left), .exact(let right)): left.utf8.elementsEqual(right.utf8)
        case (.exact(let value), .prefix(let prefix)), (.prefix(let prefix), .exact(let value)):
            value.utf8.starts(with: prefix.utf8)
        case (.prefix(let left), .prefix(let right)):
            left.utf8.starts(with: right.utf8) || right.utf8.starts(with: left.utf8)
        }
    }
}

extension RouteDefinition {
    /// Whether one request can satisfy the header and query conditions of both routes. Conditions on different names
    /// never exclude each other.
    func conditionsCanHold(with other: RouteDefinition) -> Bool {
        Self.canHold(headers, other.headers) && Self.canHold(queries, other.queries)
    }

    private static func canHold(_ left: [RouteCondition], _ right: [RouteCondition]) -> Bool {
        for condition in left {
            for other in right where other.name == condition.name && !condition.test.canHold(with: other.test) {
                return false
            }
        }
        return true
    }
}

/// What is known about the value of one name: it satisfies all of `required` and none of `excluded`.
struct ValueConstraint {
    var required: [RouteCondition.Test] = []
    var excluded: [RouteCondition.Test] = []

    /// Whether some value, or absence, does. Exact as long as fewer prefixes are excluded than there are byte values.
    var isSatisfiable: Bool { allows(absent: true) || allowsSomeValue }

    private func allows(absent: Bool) -> Bool {
        required.allSatisfy { $0 == .absent } && !excluded.contains(.absent)
    }

    private var allowsSomeValue: Bool {
        var longest = ""
        for test in required {
            switch test {
            case .absent: return false
            case .present: continue
            case .exact(let value):
                return required.allSatisfy { $0.holds(for: value) } && !excluded.contains { $0.holds(for: value) }
            case .prefix(let prefix):
                if prefix.utf8.count > longest.utf8.count { longest = prefix }
            }
        }
        guard required.allSatisfy({ $0.holds(for: longest) }) else { return false }
        // An excluded text that goes on where the required prefix ends can be avoided by another next byte.
        return !excluded.contains { test in
            switch test {
            case .present: true
            case .absent, .exact: false
            case .prefix(let prefix): longest.utf8.starts(with: prefix.utf8)
            }
        }
    }
}

extension RouteCondition.Test {
    /// Whether a value that is there satisfies the test.
    func holds(for value: String) -> Bool {
        switch self {
        case .absent: false
        case .present: true
        case .exact(let text): text.utf8.elementsEqual(value.utf8)
        case .prefix(let text): value.utf8.starts(with: text.utf8)
        }
    }
}
