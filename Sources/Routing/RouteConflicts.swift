/// Finds the routes that can match one request with equal rank.
///
/// Only routes with the same host and the same shape of path can: two different patterns that match one host, or one
/// path, differ in rank. So the search is within one terminal of a trie, among routes with equally many conditions.
struct RouteConflicts {
    private let definitions: [RouteDefinition]
    private(set) var found: [RouteProblem] = []

    init(definitions: [RouteDefinition]) { self.definitions = definitions }

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
            for later in 1..<group.count {
                let second = group[later]
                let first = group[..<later].first { first in
                    prototypes[first].overlaps(prototypes[second])
                        && definitions[first].conditionsCanHold(with: definitions[second])
                }
                if let first { found.append(.conflict(first: first, second: second, host: host)) }
            }
        }
    }

    /// Splits routes that all want an exact value of the same field by that value: a thousand variants of one path stay
    /// linear. Routes in different groups exclude each other.
    private func partition(_ routes: [Int]) -> [[Int]] {
        guard routes.count > 8 else { return [routes] }
        let route = definitions[routes[0]]
        for isHeader in [true, false] {
            for condition in isHeader ? route.headers : route.queries {
                var groups: [String: [Int]] = [:]
                let isCommon = routes.allSatisfy { index in
                    let conditions = isHeader ? definitions[index].headers : definitions[index].queries
                    let same = conditions.first { $0.name == condition.name }
                    guard case .exact(let value)? = same?.test else { return false }
                    groups[value, default: []].append(index)
                    return true
                }
                if isCommon, groups.count > 1 { return Array(groups.values) }
            }
        }
        return [routes]
    }
}

extension RouteLayout.Candidate {
    fileprivate func hasRank(of other: Self) -> Bool {
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
