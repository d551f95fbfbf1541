/// The candidates of one terminal, found by their conditions: of thousands of variants of a path, the few that a
/// request with certain conditions must meet.
struct TerminalRivals {
    /// Where a route stands among the candidates, and where those of its rank begin: before that is what outranks it,
    /// for all methods that it names itself.
    struct Position {
        let index: Int
        let rankStart: Int
    }

    private(set) var positions: [UInt32: Position] = [:]
    /// Those whose conditions are all about a name's being there or not.
    private var open: [Int] = []
    /// The others, by the first condition that asks for a value.
    private var anchored: [Anchor: [Int]] = [:]
    /// How long the prefixes are that anchors on a name ask for.
    private var prefixLengths: [Int32: Set<Int>] = [:]

    private struct Anchor: Hashable {
        let key: Int32
        let isPrefix: Bool
        let text: [UInt8]
    }

    init(_ range: Range<Int>, _ layout: RouteLayout, _ conditions: CompactConditions) {
        positions.reserveCapacity(range.count)
        var rankStart = range.lowerBound
        for index in range {
            let candidate = layout.candidates[index]
            if !candidate.hasRank(of: layout.candidates[rankStart]) { rankStart = index }
            let route = candidate.route
            positions[route] = Position(index: index, rankStart: rankStart)
            guard let anchor = conditions[Int(route)].first(where: { !$0.isAboutPresence }) else {
                open.append(index)
                continue
            }
            let isPrefix = anchor.kind == .prefix
            let text = Array(conditions.text(of: anchor).utf8)
            if isPrefix { prefixLengths[anchor.key, default: []].insert(text.count) }
            anchored[Anchor(key: anchor.key, isPrefix: isPrefix, text: text), default: []].append(index)
        }
    }

    /// The candidates that may be met whenever `own` holds, in the order of their rank: all that are, and few others.
    /// - Parameter end: only those before this index.
    func candidates(
        implied own: ArraySlice<CompactConditions.Condition>, before end: Int, _ conditions: CompactConditions,
        _ allowance: inout Int
    ) -> [Int] {
        func early(_ list: [Int]?) -> ArraySlice<Int> { list?.prefix { $0 < end } ?? [] }
        var found = Array(early(open))
        for condition in own where !condition.isAboutPresence {
            let text = Array(conditions.text(of: condition).utf8)
            if condition.kind == .exact {
                found += early(anchored[Anchor(key: condition.key, isPrefix: false, text: text)])
            }
            for length in prefixLengths[condition.key] ?? [] where length <= text.count {
                allowance -= 1
                found += early(
                    anchored[Anchor(key: condition.key, isPrefix: true, text: Array(text.prefix(length)))])
            }
        }
        allowance -= 1 + found.count
        return found.sorted()
    }
}
