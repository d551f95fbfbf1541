import Base

/// Finds routes that no request ever reaches, because others outrank them wherever they match.
///
/// For each route it looks for a request that the route wins. It is enough to try requests with labels and segments
/// that no route names ("fresh" ones): whatever matches those also matches any other value in their place, so they meet
/// the fewest rivals. What remains is whether the rivals' conditions can all be avoided at once; that search is
/// bounded, and a route counts as reachable when it ends without an answer.
struct RouteReachability {
    private let definitions: [RouteDefinition]
    private let layout: RouteLayout
    private let roots: [HostPattern: Int]
    /// The number of segments of the longest pattern.
    private let depthLimit: Int

    /// Steps of the search for values, per route.
    private static let stepLimit = 2_000
    /// How many routes a warning names.
    private static let shadowLimit = 8

    init(definitions: [RouteDefinition], layout: RouteLayout, roots: [HostPattern: Int]) {
        self.definitions = definitions
        self.layout = layout
        self.roots = roots
        depthLimit = definitions.reduce(0) { max($0, $1.path.segments.count) }
    }

    func unreachableRoutes() -> [RouteProblem] {
        definitions.indices.compactMap { index in
            var shadows: [Int] = []
            if isReachable(index, &shadows) { return nil }
            return .unreachable(route: index, shadowedBy: Array(shadows.prefix(Self.shadowLimit)))
        }
    }

    /// One segment of a request's path.
    private enum Witness {
        case literal(String)
        /// Not empty, and no route's literal.
        case fresh
    }

    private func isReachable(_ index: Int, _ shadows: inout [Int]) -> Bool {
        let route = definitions[index]
        if hasOwnTerminal(route) { return true }
        var steps = Self.stepLimit
        for host in route.hosts {
            guard let root = roots[host] else { continue }
            var previous: [UInt32]?
            for path in Witnesses(route.path, depthLimit: depthLimit) {
                var rivals = Rivals(route: UInt32(index))
                collect(at: root, path, 0, &rivals)
                guard let own = rivals.own else { continue }
                if rivals.better.isEmpty, rivals.same.isEmpty { return true }
                let met = rivals.better.map(\.route)
                if met == previous { continue }
                previous = met
                if wins(own, over: rivals, &steps, &shadows) { return true }
            }
        }
        return false
    }

    /// The short answer for most routes: on some host nothing else ends where the route does, and nothing reaches
    /// farther than its rest. Then its first witness meets no rival.
    private func hasOwnTerminal(_ route: RouteDefinition) -> Bool {
        route.hosts.contains { host in
            guard var node = roots[host] else { return false }
            for segment in route.path.segments {
                switch segment {
                case .literal(let bytes):
                    guard let child = bytes.withByteView({ layout.child(of: node, by: $0) }) else { return false }
                    node = child
                case .parameter: node = Int(layout.nodes[node].parameterChild)
                case .rest: return layout.nodes[node].restCount == 1 && layout.nodes[node].parameterChild == 0
                }
            }
            return layout.nodes[node].exactCount == 1
        }
    }

    /// The paths worth trying for a pattern: one, or for a rest all lengths from the longest on.
    private struct Witnesses: Sequence, IteratorProtocol {
        private let base: [Witness]
        private var depth: Int
        private var hasTrailingSlash = false
        private let isPrefix: Bool

        /// - Parameter depthLimit: paths longer than the longest pattern are all alike.
        init(_ pattern: PathPattern, depthLimit: Int) {
            base = pattern.segments.compactMap { segment in
                switch segment {
                case .literal(let bytes): .literal(bytes)
                case .parameter: .fresh
                case .rest: nil
                }
            }
            isPrefix = pattern.isPrefix
            depth = isPrefix ? depthLimit + 1 - base.count : 0
        }

        mutating func next() -> [Witness]? {
            // Even `/` has a segment, the empty one.
            guard depth >= 0, !base.isEmpty || depth > 0 else { return nil }
            let fresh = Array(repeating: Witness.fresh, count: hasTrailingSlash ? depth - 1 : depth)
            let path = base + fresh + (hasTrailingSlash ? [.literal("")] : [])
            if isPrefix, !hasTrailingSlash, depth > 0 {
                hasTrailingSlash = true
            } else {
                hasTrailingSlash = false
                depth -= 1
            }
            return path
        }
    }

    /// The candidates on the way of a witness, up to the route's own.
    private struct Rivals {
        let route: UInt32
        var own: RouteLayout.Candidate?
        /// At terminals that come before the route's.
        var better: [RouteLayout.Candidate] = []
        /// At the route's terminal.
        var same: [RouteLayout.Candidate] = []
    }

    private func collect(at index: Int, _ path: [Witness], _ position: Int, _ rivals: inout Rivals) {
        let node = layout.nodes[index]
        if position == path.count {
            add(node.exactStart, node.exactCount, &rivals)
        } else {
            switch path[position] {
            case .literal(let bytes):
                if let child = bytes.withByteView({ layout.child(of: index, by: $0) }) {
                    collect(at: child, path, position + 1, &rivals)
                }
                if rivals.own == nil, !bytes.isEmpty, node.parameterChild != 0 {
                    collect(at: Int(node.parameterChild), path, position + 1, &rivals)
                }
            case .fresh:
                if node.parameterChild != 0 { collect(at: Int(node.parameterChild), path, position + 1, &rivals) }
            }
        }
        if rivals.own == nil { add(node.restStart, node.restCount, &rivals) }
    }

    private func add(_ start: UInt32, _ count: UInt32, _ rivals: inout Rivals) {
        let range = Int(start)..<Int(start + count)
        if let own = range.first(where: { layout.candidates[$0].route == rivals.route }) {
            rivals.own = layout.candidates[own]
            rivals.same = range.filter { $0 != own }.map { layout.candidates[$0] }
        } else {
            rivals.better += range.map { layout.candidates[$0] }
        }
    }

    /// Whether on some listener, with some method, some fields and parameters make the route win.
    private func wins(
        _ own: RouteLayout.Candidate, over rivals: Rivals, _ steps: inout Int, _ shadows: inout [Int]
    ) -> Bool {
        var listeners = own.listeners
        while listeners != 0 {
            let listener = listeners & (~listeners &+ 1)
            listeners ^= listener
            // For a route for all methods, one that nobody names is the best witness.
            var methods = own.namesMethods ? own.methods : 1 << RouteLayout.unknownMethodBit
            while methods != 0 {
                let method = methods & (~methods &+ 1)
                methods ^= method
                let blocking =
                    rivals.better.filter { $0.serves(listener, method) }
                    + rivals.same.filter { $0.serves(listener, method) && $0.outranks(own, for: method) }
                if canAvoid(blocking.map { Int($0.route) }, own: Int(own.route), &steps) { return true }
                for rival in blocking where !shadows.contains(Int(rival.route)) { shadows.append(Int(rival.route)) }
            }
        }
        return false
    }

    /// Whether a request can satisfy the conditions of `own` and fail at least one of each rival's.
    private func canAvoid(_ rivals: [Int], own: Int, _ steps: inout Int) -> Bool {
        let met = rivals.filter { definitions[$0].conditionsCanHold(with: definitions[own]) }
        if met.isEmpty { return true }
        // The fewest ways out first: dead ends show early.
        let ordered = met.sorted { definitions[$0].conditionCount < definitions[$1].conditionCount }
        if definitions[ordered[0]].conditionCount == 0 { return false }
        var constraints = Constraints()
        for (key, test) in definitions[own].keyedConditions { constraints[key, default: .init()].required.append(test) }
        return avoid(ordered[...], constraints, &steps)
    }

    private typealias Constraints = [RouteDefinition.ConditionKey: ValueConstraint]

    private func avoid(_ rivals: ArraySlice<Int>, _ constraints: Constraints, _ steps: inout Int) -> Bool {
        guard let rival = rivals.first else { return true }
        for (key, test) in definitions[rival].keyedConditions {
            steps -= 1
            guard steps > 0 else { return true }
            var constraint = constraints[key] ?? ValueConstraint()
            constraint.excluded.append(test)
            guard constraint.isSatisfiable else { continue }
            var tightened = constraints
            tightened[key] = constraint
            if avoid(rivals.dropFirst(), tightened, &steps) { return true }
        }
        return false
    }
}

extension RouteDefinition {
    struct ConditionKey: Hashable {
        let isHeader: Bool
        let name: String
    }

    fileprivate var conditionCount: Int { headers.count + queries.count }

    fileprivate var keyedConditions: [(ConditionKey, RouteCondition.Test)] {
        headers.map { (ConditionKey(isHeader: true, name: $0.name), $0.test) }
            + queries.map { (ConditionKey(isHeader: false, name: $0.name), $0.test) }
    }
}

extension RouteLayout.Candidate {
    fileprivate func serves(_ listener: UInt64, _ method: UInt64) -> Bool {
        listeners & listener != 0 && methods & method != 0
    }

    /// Whether this one is preferred at their common terminal. Equal rank isn't: that is a conflict.
    fileprivate func outranks(_ other: Self, for method: UInt64) -> Bool {
        let own = methodRank(method)
        let others = other.methodRank(method)
        if own != others { return own > others }
        if headerCount != other.headerCount { return headerCount > other.headerCount }
        return queryCount > other.queryCount
    }

    private func methodRank(_ method: UInt64) -> Int {
        if !namesMethods { return 0 }
        return namedMethods & method != 0 ? 2 : 1
    }
}
