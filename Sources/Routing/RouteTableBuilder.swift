import Base
import HTTP

extension RouteTable {
    /// What became of a set of routes.
    package struct Build {
        /// Nil when a problem is an error.
        package let table: RouteTable?
        /// Errors and warnings, in the order of the routes that they belong to.
        package let problems: [RouteProblem]
        /// How much the checks of the set looked at: pairs of routes, nodes, conditions. It grows with the set about
        /// linearly, and what isn't exact has `searchLimit`.
        package var searchedCount = 0
    }

    /// Builds the table and finds what is wrong with the set: every problem at once. In time about linear in the number
    /// of routes.
    package static func build(_ definitions: [RouteDefinition]) -> Build {
        var builder = RouteTableBuilder(definitions)
        builder.validate()
        guard builder.problems.isEmpty else { return Build(table: nil, problems: builder.problems) }
        builder.insertAll()
        let conditions = CompactConditions(definitions)
        let comparisonCount = builder.emitCandidates(conditions)
        let layout = builder.finish()
        var reachability = RouteReachability(
            definitions: definitions, conditions: conditions, layout: layout, roots: builder.roots)
        let problems = (builder.problems + reachability.unreachableRoutes()).sorted { $0.route < $1.route }
        let searchedCount = comparisonCount + reachability.workCount
        if problems.contains(where: \.isError) {
            layout.deallocate()
            return Build(table: nil, problems: problems, searchedCount: searchedCount)
        }
        let table = RouteTable(definitions: definitions, layout: layout)
        return Build(table: table, problems: problems, searchedCount: searchedCount)
    }
}

/// Grows the tries of all hosts at once, then writes each node's routes in the order of their rank.
struct RouteTableBuilder {
    private let definitions: [RouteDefinition]
    var problems: [RouteProblem] = []
    /// The root node of each host pattern.
    private(set) var roots: [HostPattern: Int] = [:]

    private var nodes = [RouteLayout.Node()]
    private var edges: [RouteLayout.Edge]
    private var edgeCount = 0
    private var candidates: [RouteLayout.Candidate] = []
    private var conditions: [RouteLayout.Condition] = []
    private var text: [UInt8] = []
    private var extensionMethods: [String] = []
    private var extensionIndexes: [String: Int] = [:]
    private var hostListeners: [HostPattern: UInt64] = [:]
    private var lastHost: (pattern: HostPattern, root: Int, listeners: UInt64)?
    private var placements: [Placement] = []
    /// The last placement at each node, by `terminal`, or -1.
    private var lastPlacement: [Int32] = [-1, -1]
    /// Per route, what is the same at each of its nodes.
    private var prototypes: [RouteLayout.Candidate] = []

    /// A route at a terminal, linked to the one placed before it.
    private struct Placement {
        let route: Int32
        let host: Int32
        let previous: Int32
    }

    init(_ definitions: [RouteDefinition]) {
        self.definitions = definitions
        let literals = definitions.reduce(0) { $0 + $1.hosts.count * $1.path.segments.count }
        edges = Array(repeating: RouteLayout.Edge(), count: Self.tableSize(for: literals))
    }

    /// A power of two that keeps an open-addressing table at most half full.
    private static func tableSize(for count: Int) -> Int {
        var size = 4
        while size < count * 2 { size *= 2 }
        return size
    }

    // MARK: Validation

    mutating func validate() {
        for (index, route) in definitions.enumerated() {
            if !route.headers.isEmpty || !route.queries.isEmpty { checkConditions(of: route, at: index) }
            if !route.methods.isEmpty { internMethods(of: route, at: index) }
        }
    }

    private mutating func checkConditions(of route: RouteDefinition, at index: Int) {
        let all = route.headers + route.queries
        if all.count > RouteTable.conditionLimit { problems.append(.tooManyConditions(route: index)) }
        for list in [route.headers, route.queries] where list.count > 1 {
            var seen = Set<String>()
            for condition in list where !seen.insert(condition.name).inserted {
                problems.append(.repeatedCondition(route: index, name: condition.name))
            }
        }
        for condition in all {
            let longest = max(condition.name.utf8.count, condition.test.text.utf8.count)
            if longest > RouteTable.textLimit {
                problems.append(.conditionTooLong(route: index, name: condition.name))
            }
        }
    }

    private mutating func internMethods(of route: RouteDefinition, at index: Int) {
        for method in route.methods where Method(name: method) == .other && extensionIndexes[method] == nil {
            guard extensionMethods.count < RouteTable.extensionMethodLimit else {
                problems.append(.tooManyMethods(route: index))
                return
            }
            extensionIndexes[method] = extensionMethods.count
            extensionMethods.append(method)
        }
    }

    // MARK: Tries

    mutating func insertAll() {
        prototypes.reserveCapacity(definitions.count)
        placements.reserveCapacity(definitions.count)
        for (index, route) in definitions.enumerated() {
            prototypes.append(prototype(of: route, at: index))
            for (host, pattern) in route.hosts.enumerated() { insert(route, at: index, host: host, pattern) }
        }
    }

    private mutating func insert(_ route: RouteDefinition, at index: Int, host: Int, _ pattern: HostPattern) {
        var node = root(of: pattern, for: route.listeners)
        var isRest = false
        for segment in route.path.segments {
            switch segment {
            case .literal(let bytes):
                node = bytes.withByteView { literalChild(of: node, by: $0) }
            case .parameter:
                if nodes[node].parameterChild == 0 {
                    let child = addNode()
                    nodes[node].parameterChild = UInt32(child)
                }
                node = Int(nodes[node].parameterChild)
            case .rest:
                isRest = true
            }
        }
        let terminal = node * 2 + (isRest ? 1 : 0)
        let placement = Placement(route: Int32(index), host: Int32(host), previous: lastPlacement[terminal])
        lastPlacement[terminal] = Int32(placements.count)
        placements.append(placement)
    }

    private mutating func root(of pattern: HostPattern, for listeners: UInt64) -> Int {
        // Routes of one host mostly stand together.
        if let last = lastHost, last.pattern == pattern, last.listeners & listeners == listeners { return last.root }
        let all = hostListeners[pattern, default: 0] | listeners
        hostListeners[pattern] = all
        let root = roots[pattern] ?? addNode()
        roots[pattern] = root
        lastHost = (pattern, root, all)
        return root
    }

    private mutating func addNode() -> Int {
        nodes.append(RouteLayout.Node())
        lastPlacement.append(-1)
        lastPlacement.append(-1)
        return nodes.count - 1
    }

    private mutating func literalChild(of node: Int, by segment: ByteView) -> Int {
        let mask = edges.count - 1
        var slot = Int(truncatingIfNeeded: SegmentHash.hash(segment, seed: UInt64(node))) & mask
        while edges[slot].child != 0 {
            let edge = edges[slot]
            if Int(edge.parent) == node, isText(edge.text, segment) { return Int(edge.child) }
            slot = (slot + 1) & mask
        }
        let child = addNode()
        edges[slot] = RouteLayout.Edge(parent: UInt32(node), child: UInt32(child), text: store(segment))
        edgeCount += 1
        nodes[node].literalCount += 1
        return child
    }

    private func isText(_ stored: RouteLayout.Text, _ bytes: ByteView) -> Bool {
        guard Int(stored.count) == bytes.count else { return false }
        return text.withUnsafeBytes {
            ByteView($0)[Int(stored.start)..<Int(stored.start) + bytes.count].isSame(as: bytes)
        }
    }

    private mutating func store(_ bytes: ByteView) -> RouteLayout.Text {
        let start = text.count
        text.append(contentsOf: bytes.raw)
        return RouteLayout.Text(start: UInt32(start), count: UInt32(bytes.count))
    }

    private mutating func store(_ string: String) -> RouteLayout.Text { string.withByteView { store($0) } }

    // MARK: Candidates

    private mutating func prototype(of route: RouteDefinition, at index: Int) -> RouteLayout.Candidate {
        var methods: UInt64 = route.methods.isEmpty ? .max : 0
        for method in route.methods { methods |= 1 << methodBit(method) }
        let impliesHead =
            !route.methods.isEmpty && methods & RouteLayout.getBit != 0 && methods & RouteLayout.headBit == 0
        if impliesHead { methods |= RouteLayout.headBit }
        let start = conditions.count
        for list in [route.headers, route.queries] where !list.isEmpty {
            for condition in list {
                conditions.append(
                    RouteLayout.Condition(
                        name: store(condition.name), value: store(condition.test.text), kind: condition.test.kind))
            }
        }
        return RouteLayout.Candidate(
            methods: methods, listeners: route.listeners, route: UInt32(index), conditionStart: UInt32(start),
            headerCount: UInt8(route.headers.count), queryCount: UInt8(route.queries.count),
            namesMethods: !route.methods.isEmpty, impliesHead: impliesHead)
    }

    private func methodBit(_ name: String) -> UInt64 {
        let method = Method(name: name)
        if method != .other { return UInt64(method.rawValue) }
        return extensionIndexes[name].map { UInt64($0) + UInt64(Method.other.rawValue) } ?? RouteLayout.unknownMethodBit
    }

    /// Writes the routes of all terminals and finds the conflicts: only routes at the same terminal can have equal
    /// rank. Returns how many pairs were compared.
    mutating func emitCandidates(_ conditions: CompactConditions) -> Int {
        var conflicts = RouteConflicts(conditions: conditions)
        candidates.reserveCapacity(placements.count)
        var group: [(route: Int, host: Int)] = []
        for node in 1..<max(nodes.count, 1) {
            for isRest in [false, true] {
                group.removeAll(keepingCapacity: true)
                var next = lastPlacement[node * 2 + (isRest ? 1 : 0)]
                while next >= 0 {
                    group.append((Int(placements[Int(next)].route), Int(placements[Int(next)].host)))
                    next = placements[Int(next)].previous
                }
                guard !group.isEmpty else { continue }
                if group.count > 1 {
                    group.sort { outranks($0.route, $1.route) }
                    let host = definitions[group[0].route].hosts[group[0].host]
                    conflicts.search(group.map(\.route), prototypes, host: host)
                }
                let start = UInt32(candidates.count)
                for member in group { candidates.append(prototypes[member.route]) }
                if isRest {
                    nodes[node].restStart = start
                    nodes[node].restCount = UInt32(group.count)
                } else {
                    nodes[node].exactStart = start
                    nodes[node].exactCount = UInt32(group.count)
                }
            }
        }
        problems += conflicts.found
        return conflicts.comparisonCount
    }

    /// The order within a terminal; the definitions' order where rank is equal.
    private func outranks(_ left: Int, _ right: Int) -> Bool {
        let a = prototypes[left]
        let b = prototypes[right]
        if a.namesMethods != b.namesMethods { return a.namesMethods }
        if a.headerCount != b.headerCount { return a.headerCount > b.headerCount }
        if a.queryCount != b.queryCount { return a.queryCount > b.queryCount }
        return left < right
    }

    // MARK: Layout

    mutating func finish() -> RouteLayout {
        var hosts: [RouteLayout.Host] = []
        let named = roots.keys.filter { $0 != .any }
        if !named.isEmpty { hosts = Array(repeating: RouteLayout.Host(), count: Self.tableSize(for: named.count)) }
        var wildcardLabelCounts: UInt64 = 0
        for pattern in named {
            var host = RouteLayout.Host()
            host.listeners = hostListeners[pattern] ?? 0
            host.root = UInt32(roots[pattern] ?? 0)
            switch pattern {
            case .any: continue
            case .exact(let name): host.text = store(name)
            case .wildcard(let suffix):
                host.text = store(suffix)
                host.isWildcard = true
                let labels = 1 + suffix.utf8.count { $0 == ASCII.dot }
                wildcardLabelCounts |= 1 << UInt64(min(labels, 63))
            }
            insert(host, into: &hosts)
        }
        let extensionTexts = extensionMethods.map { store($0) }
        return RouteLayout(
            hosts: FlatArray(hosts), nodes: FlatArray(nodes), edges: FlatArray(rightSizedEdges()),
            candidates: FlatArray(candidates), conditions: FlatArray(conditions), text: FlatArray(text),
            extensionMethods: FlatArray(extensionTexts), anyHostRoot: UInt32(roots[.any] ?? 0),
            wildcardLabelCounts: wildcardLabelCounts)
    }

    private func insert(_ host: RouteLayout.Host, into hosts: inout [RouteLayout.Host]) {
        let mask = hosts.count - 1
        var slot = Int(truncatingIfNeeded: hash(host.text, seed: host.isWildcard ? 1 : 0)) & mask
        while hosts[slot].root != 0 { slot = (slot + 1) & mask }
        hosts[slot] = host
    }

    /// The edges in a table for as many as there are: the one built in is sized for the case that no prefix is shared.
    private func rightSizedEdges() -> [RouteLayout.Edge] {
        let size = Self.tableSize(for: edgeCount)
        guard size < edges.count else { return edges }
        var table = Array(repeating: RouteLayout.Edge(), count: size)
        for edge in edges where edge.child != 0 {
            var slot = Int(truncatingIfNeeded: hash(edge.text, seed: UInt64(edge.parent))) & (size - 1)
            while table[slot].child != 0 { slot = (slot + 1) & (size - 1) }
            table[slot] = edge
        }
        return table
    }

    private func hash(_ stored: RouteLayout.Text, seed: UInt64) -> UInt64 {
        text.withUnsafeBytes { bytes in
            SegmentHash.hash(ByteView(bytes)[Int(stored.start)..<Int(stored.start) + Int(stored.count)], seed: seed)
        }
    }
}

extension Method {
    /// The method of this name; `.other` when it is none of the known ones.
    init(name: String) {
        self = name.withByteView { Method(token: $0) }
    }
}
