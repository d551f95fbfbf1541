/// What is wrong with a set of routes. Routes are named by their index among the definitions.
package enum RouteProblem: Sendable, Hashable {
    /// Both can match one request on `host` with equal rank. `second` comes later; of several conflicts that it has
    /// on a host the first is reported.
    case conflict(first: Int, second: Int, host: HostPattern)
    /// Every request that the route matches is served by these, which outrank it. A warning.
    case unreachable(route: Int, shadowedBy: [Int])
    /// Two header conditions, or two query conditions, for one name.
    case repeatedCondition(route: Int, name: String)
    /// More than `RouteTable.conditionLimit` conditions.
    case tooManyConditions(route: Int)
    /// A name or value of more than `RouteTable.textLimit` bytes.
    case conditionTooLong(route: Int, name: String)
    /// The route names a method that is one more than `RouteTable.extensionMethodLimit` in the set.
    case tooManyMethods(route: Int)

    /// Whether no table can be made; otherwise a warning.
    package var isError: Bool {
        if case .unreachable = self { false } else { true }
    }

    /// The route to which the problem belongs: the later one of two.
    package var route: Int {
        switch self {
        case .conflict(_, let second, _): second
        case .unreachable(let route, _), .repeatedCondition(let route, _), .tooManyConditions(let route),
            .conditionTooLong(let route, _), .tooManyMethods(let route):
            route
        }
    }
}
