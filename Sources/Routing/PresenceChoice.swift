/// Whether names can be there or not in such a way that none of some routes matches: each route needs some names to be
/// there and others not to be.
///
/// In general that takes trying (it is the satisfiability of clauses); so the search has an allowance. In practice most
/// names are wanted in one way alone, which is avoided by the other.
struct PresenceChoice {
    struct Presence: Hashable {
        let key: Int32
        let isThere: Bool
    }

    private var routes: [[Presence]]
    private var decided: [Int32: Bool] = [:]

    /// How many names are decided one upon the other.
    private static let depthLimit = 200

    /// - Parameter routes: what each needs, on different names; nothing for one that always matches.
    init(_ routes: [[Presence]]) { self.routes = routes }

    /// Whether there is a choice with which no route matches; true as well when `allowance` ends before it is known.
    mutating func canAvoidAll(_ allowance: inout Int) -> Bool {
        if routes.contains(where: \.isEmpty) { return false }
        avoidWhatOneWayAvoids(&allowance)
        // The fewest ways out first: dead ends show early.
        routes.sort { $0.count < $1.count }
        return avoid(from: 0, depth: 0, &allowance)
    }

    /// Drops the routes that need a name in the way in which all need it.
    private mutating func avoidWhatOneWayAvoids(_ allowance: inout Int) {
        while !routes.isEmpty, allowance > 0 {
            allowance -= routes.reduce(0) { $0 + $1.count }
            let wanted = Set(routes.joined())
            let left = routes.filter { needs in
                needs.allSatisfy { wanted.contains(Presence(key: $0.key, isThere: !$0.isThere)) }
            }
            if left.count == routes.count { return }
            routes = left
        }
    }

    private mutating func avoid(from start: Int, depth: Int, _ allowance: inout Int) -> Bool {
        var next = start
        while next < routes.count, routes[next].contains(where: { decided[$0.key] == !$0.isThere }) {
            allowance -= 1
            next += 1
        }
        guard next < routes.count else { return true }
        guard allowance > 0, depth < Self.depthLimit else { return true }
        for need in routes[next] where decided[need.key] == nil {
            allowance -= 1
            decided[need.key] = !need.isThere
            if avoid(from: next + 1, depth: depth + 1, &allowance) { return true }
            decided[need.key] = nil
        }
        return false
    }
}
