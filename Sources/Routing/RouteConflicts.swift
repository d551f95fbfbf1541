/// Finds the routes that can match one request with equal rank.
///
/// Only routes with the same host and the same shape of path can: two different patterns that match one host, or one
/// path, differ in rank. So the search is within one terminal of a trie, among routes with equally many conditions.
struct RouteConflicts {
    private let conditions: CompactConditions
    private(set) var found: [RouteProblem] = []
    /// How many pairs of routes were compared.
    private(set) var comparisonCount = 0

    init(conditions: CompactConditions) { self.conditions = conditions }

    /// Searches the routes of one terminal, which are in the order of their rank.
    mutating func search(_ routes: [Int], _ prototypes: [RouteLayout.Candidate], host: HostPattern) {
        var start = 0
        while start < routes.count {
            let first = prototypes[routes[start]]
            var end = start + 1
            while end < routes.count, first.hasRank(of: prototypes[routes[end]]) { end += 1 }
            if end - start > 1 { searchEqual(Array(routes[start..<end]), prototypes, host) }
            start = end
        }
    }

    private mutating func searchEqual(_ routes: [Int], _ prototypes: [RouteLayout.Candidate], _ host: HostPattern) {
        for group in partition(routes) where group.count > 1 {
            for later in group.indices.dropFirst() {
                let second = group[later]
                for first in group[..<later] {
                    comparisonCount += 1
                    guard prototypes[first].overlaps(prototypes[second]),
                        conditions.canHoldTogether(first, second)
                    else { continue }
                    found.append(.conflict(first: first, second: second, host: host))
                    break
                }
            }
        }
    }

    private typealias Conditioned = (route: Int, condition: CompactConditions.Condition)

    /// Splits routes that all have a condition on some name by its value, then the parts by further names: routes in
    /// different parts exclude each other, so that some thousand variants of a path stay about linear.
    /// - Parameter routes: in the order of the definitions, as each part is.
    private func partition(_ routes: [Int]) -> [[Int]] {
        guard routes.count > 8, let first = routes.first else { return [routes] }
        for key in conditions[first].map(\.key) {
            let own: [Conditioned] = routes.compactMap { route in
                conditions[route].first { $0.key == key }.map { (route: route, condition: $0) }
            }
            guard own.count == routes.count else { continue }
            let parts = split(own)
            if parts.count > 1 { return parts.flatMap(partition) }
        }
        return [routes]
    }

    private func split(_ routes: [Conditioned]) -> [[Int]] {
        let absent = routes.filter { $0.condition.kind == .absent }.map(\.route)
        let there = routes.filter { $0.condition.kind != .absent }
        var parts = absent.isEmpty ? [] : [absent]
        if there.contains(where: { $0.condition.holdsForAnyValue }) { return parts + [there.map(\.route)] }
        // In the order of the texts, whatever begins with a prefix follows it at once.
        let ordered = there.sorted { conditions.precedes($0.condition, $1.condition) }
        var start = 0
        while start < ordered.count {
            var end = start + 1
            while end < ordered.count, conditions.canHold(ordered[start].condition, ordered[end].condition) { end += 1 }
            parts.append(ordered[start..<end].map(\.route).sorted())
            start = end
        }
        return parts
    }
}

extension RouteLayout.Candidate {
    /// Whether no number of conditions sets the two apart, nor that only one of them names methods.
    func hasRank(of other: Self) -> Bool {
        namesMethods == other.namesMethods && headerCount == other.headerCount && queryCount == other.queryCount
    }

    /// Whether the routes share a listener and a method that both name. `HEAD` that comes with `GET` doesn't count: a
    /// route that names it outranks one that doesn't, and two that both have it share `GET`.
    fileprivate func overlaps(_ other: Self) -> Bool {
        listeners & other.listeners != 0 && namedMethods & other.namedMethods != 0
    }

    /// The methods that the route names itself; all for a route for all methods.
    var namedMethods: UInt64 { impliesHead ? methods & ~RouteLayout.headBit : methods }
}
