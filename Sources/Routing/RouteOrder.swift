extension RouteTable {
    /// All definitions by rank, best first: the order in which a reader looks for the route of a request. Hosts of
    /// equal rank stand together. Off the hot path only.
    package var indicesInRankOrder: [Int] {
        let keys = definitions.map(RankKey.init)
        return definitions.indices.sorted { left, right in
            keys[left].isBefore(keys[right]) ?? (left < right)
        }
    }
}

/// What a definition's place among all depends on, whatever the request.
private struct RankKey {
    let hostRank: Int
    let host: String
    let segments: [PathPattern.Segment]
    let namesMethods: Bool
    let headerCount: Int
    let queryCount: Int

    init(_ route: RouteDefinition) {
        let best = route.hosts.max { $0.rank < $1.rank } ?? .any
        hostRank = best.rank
        switch best {
        case .exact(let name), .wildcard(suffix: let name): host = name
        case .any: host = ""
        }
        segments = route.path.segments
        namesMethods = !route.methods.isEmpty
        headerCount = route.headers.count
        queryCount = route.queries.count
    }

    /// Nil when nothing tells them apart.
    func isBefore(_ other: RankKey) -> Bool? {
        if hostRank != other.hostRank { return hostRank > other.hostRank }
        if host != other.host { return host < other.host }
        for (own, others) in zip(segments, other.segments) {
            if own.rank != others.rank { return own.rank < others.rank }
            if case .literal(let text) = own, case .literal(let otherText) = others, text != otherText {
                return text < otherText
            }
        }
        // One pattern is the other's beginning: the path's end comes before whatever may follow.
        if segments.count != other.segments.count { return segments.count < other.segments.count }
        if namesMethods != other.namesMethods { return namesMethods }
        if headerCount != other.headerCount { return headerCount > other.headerCount }
        if queryCount != other.queryCount { return queryCount > other.queryCount }
        return nil
    }
}
