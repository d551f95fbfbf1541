import Base

/// Finds routes that no request ever reaches, because others outrank them wherever they match.
///
/// For each route it looks for a request that the route wins. It is enough to try requests with labels and segments
/// that no route names ("fresh" ones): whatever matches those also matches any other value in their place, so they meet
/// the fewest rivals. What remains is whether the rivals' conditions can all be avoided at once (`PresenceChoice`).
///
/// All of it has one allowance, since a single file can hold thousands of variants of one path: where it ends, the
/// routes that are left count as reachable.
struct RouteReachability {
    private let definitions: [RouteDefinition]
    private let layout: RouteLayout
    private let roots: [HostPattern: Int]
    private let conditions: CompactConditions
    /// The number of segments of the longest pattern.
    private let depthLimit: Int
    /// What is left of the allowance.
    private var allowance = RouteTable.searchLimit
    /// By the first candidate of the terminal.
    private var rivals: [Int: TerminalRivals] = [:]

    /// How many routes a warning names.
    private static let shadowLimit = 8

    init(
        definitions: [RouteDefinition], conditions: CompactConditions, layout: RouteLayout, roots: [HostPattern: Int]
    ) {
        self.definitions = definitions
        self.conditions = conditions
        self.layout = layout
        self.roots = roots
        depthLimit = definitions.reduce(0) { max($0, $1.path.segments.count) }
    }

    /// How much work was done: nodes, rivals and conditions looked at.
    var workCount: Int { RouteTable.searchLimit - max(0, allowance) }

    mutating func unreachableRoutes() -> [RouteProblem] {
        var found: [RouteProblem] = []
        for index in definitions.indices {
            var shadows: [Int] = []
            if isReachable(index, &shadows) { continue }
            if allowance <= 0 { break }
            found.append(.unreachable(route: index, shadowedBy: shadows))
        }
        return found
    }

    private mutating func isReachable(_ index: Int, _ shadows: inout [Int]) -> Bool {
        let route = definitions[index]
        if hasOwnTerminal(route) { return true }
        for host in route.hosts {
            guard let root = roots[host] else { continue }
            var previous: [Range<Int>]?
            for path in Witnesses(route.path, depthLimit: depthLimit) {
                var way = Way(route: UInt32(index))
                collect(at: root, path, 0, &way)
                guard allowance > 0 else { return true }
                guard let own = way.own else { continue }
                if way.terminals.count == 1, way.terminals[0].count == 1 { return true }
                if way.terminals == previous { continue }
                previous = way.terminals
                if wins(own, at: way.terminals, &shadows) { return true }
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

    /// One segment of a request's path.
    private enum Witness {
        case literal(String)
        /// Not empty, and no route's literal.
        case fresh
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

    /// The terminals that a witness comes by, up to the route's own, which is the last.
    private struct Way {
        let route: UInt32
        var own: TerminalRivals.Position?
        /// Ranges of candidates.
        var terminals: [Range<Int>] = []
    }

    private mutating func collect(at index: Int, _ path: [Witness], _ position: Int, _ way: inout Way) {
        allowance -= 1
        guard allowance > 0 else { return }
        let node = layout.nodes[index]
        if position == path.count {
            add(node.exactStart, node.exactCount, &way)
        } else {
            switch path[position] {
            case .literal(let bytes):
                if let child = bytes.withByteView({ layout.child(of: index, by: $0) }) {
                    collect(at: child, path, position + 1, &way)
                }
                if way.own == nil, !bytes.isEmpty, node.parameterChild != 0 {
                    collect(at: Int(node.parameterChild), path, position + 1, &way)
                }
            case .fresh:
                if node.parameterChild != 0 { collect(at: Int(node.parameterChild), path, position + 1, &way) }
            }
        }
        if way.own == nil { add(node.restStart, node.restCount, &way) }
    }

    private mutating func add(_ start: UInt32, _ count: UInt32, _ way: inout Way) {
        guard count > 0 else { return }
        let range = Int(start)..<Int(start + count)
        way.terminals.append(range)
        if rivals[range.lowerBound] == nil {
            rivals[range.lowerBound] = TerminalRivals(range, layout, conditions)
        }
        way.own = rivals[range.lowerBound]?.positions[way.route]
    }

    /// Whether on some listener, with some method, some fields and parameters make the route win.
    private mutating func wins(
        _ position: TerminalRivals.Position, at terminals: [Range<Int>], _ shadows: inout [Int]
    ) -> Bool {
        let own = layout.candidates[position.index]
        // For a route for all methods, one that nobody names is the best witness.
        let methods = own.namesMethods ? own.namedMethods : 1 << RouteLayout.unknownMethodBit
        if wins(own, methods, at: terminals, before: position.rankStart, &shadows) { return true }
        // `HEAD` that comes with `GET` is outranked by whoever names it, at the end of the order too.
        return own.impliesHead && wins(own, RouteLayout.headBit, at: terminals, before: .max, &shadows)
    }

    /// - Parameter end: those at the route's own terminal that stand before this index may outrank it.
    private mutating func wins(
        _ own: RouteLayout.Candidate, _ methods: UInt64, at terminals: [Range<Int>], before end: Int,
        _ shadows: inout [Int]
    ) -> Bool {
        let met = terminals.enumerated().flatMap { position, range in
            let isOwn = position == terminals.count - 1
            return unavoidableAtOnce(by: own, in: range, before: isOwn ? end : .max, sharesTerminal: isOwn)
        }
        var listeners = own.listeners
        while listeners != 0 {
            let listener = listeners & (~listeners &+ 1)
            listeners ^= listener
            var left = methods
            while left != 0 {
                let method = left & (~left &+ 1)
                left ^= method
                allowance -= 1 + met.count
                guard allowance > 0 else { return true }
                let blocking = met.filter {
                    $0.candidate.serves(listener, method)
                        && (!$0.sharesTerminal || $0.candidate.outranks(own, for: method))
                }
                var choice = PresenceChoice(blocking.map(\.presences))
                if choice.canAvoidAll(&allowance) { return true }
                for rival in blocking where shadows.count < Self.shadowLimit {
                    let route = Int(rival.candidate.route)
                    if !shadows.contains(route) { shadows.append(route) }
                }
            }
        }
        return false
    }

    /// A route that comes before another, as far as its conditions matter.
    private struct Rival {
        let candidate: RouteLayout.Candidate
        let sharesTerminal: Bool
        /// A request that meets the other route meets this one exactly if all of these hold.
        let presences: [PresenceChoice.Presence]
    }

    /// The candidates that a request with the conditions of `own` doesn't avoid anyhow.
    ///
    /// A name that `own` has a condition on takes a value that satisfies this condition and no other that can be
    /// avoided: either all requests satisfy a rival's condition too, or the right value avoids all such rivals at once.
    /// On any other name a value that no route names avoids whatever asks for a value; only whether the name is there
    /// at all is a choice. Exact as long as fewer prefixes are to be avoided than there are byte values.
    private mutating func unavoidableAtOnce(
        by own: RouteLayout.Candidate, in range: Range<Int>, before end: Int, sharesTerminal: Bool
    ) -> [Rival] {
        guard let terminal = rivals[range.lowerBound] else { return [] }
        let ownConditions = conditions[Int(own.route)]
        return terminal.candidates(implied: ownConditions, before: end, conditions, &allowance).compactMap { index in
            let candidate = layout.candidates[index]
            guard candidate.route != own.route, allowance > 0 else { return nil }
            var presences: [PresenceChoice.Presence] = []
            var position = ownConditions.startIndex
            for condition in conditions[Int(candidate.route)] {
                allowance -= 1
                while position < ownConditions.endIndex, ownConditions[position].key < condition.key { position += 1 }
                if position < ownConditions.endIndex, ownConditions[position].key == condition.key {
                    guard conditions.implies(ownConditions[position], condition) else { return nil }
                } else {
                    guard condition.isAboutPresence else { return nil }
                    presences.append(.init(key: condition.key, isThere: condition.kind != .absent))
                }
            }
            return Rival(candidate: candidate, sharesTerminal: sharesTerminal, presences: presences)
        }
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
