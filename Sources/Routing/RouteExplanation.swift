import Base
import HTTP

/// Why each route did or didn't get a request: for people, off the hot path.
package struct RouteExplanation: Sendable {
    /// What the table says.
    package let outcome: RouteMatch.Outcome
    /// All routes, the chosen one first, then by how close they came.
    package let verdicts: [Verdict]

    package struct Verdict: Sendable, Equatable {
        /// The index among the definitions.
        package let route: Int
        package let reason: Reason
    }

    /// The first criterion, in this order reversed, by which a route lost.
    package enum Reason: Sendable, Equatable {
        case chosen
        /// It matches, but `by` has the better rank, because of `criterion`.
        case outranked(by: Int, criterion: RankCriterion)
        /// The query condition of this index fails; all else holds.
        case query(Int)
        /// The header condition of this index fails; listener, host, path and method hold.
        case header(Int)
        case method
        /// The path differs from the pattern at this segment, counted from 0.
        case path(segment: Int)
        case host
        case listener
    }

    /// What decides between two routes that match, in this order.
    package enum RankCriterion: Sendable, Equatable {
        case host
        /// The patterns differ at this segment, counted from 0.
        case path(segment: Int)
        /// The winner names the method.
        case method
        case headerCount
        case queryCount
    }
}

extension RouteTable {
    /// Explains what `match` does with a request. Takes time in proportion to the number of routes.
    package func explain(_ request: RouteRequest, fields: borrowing HeaderList) -> RouteExplanation {
        let match = RouteMatch()
        self.match(request, fields: fields, into: match)
        var verdicts: [RouteExplanation.Verdict] = []
        verdicts.reserveCapacity(definitions.count)
        let segments = PathSegments(request.path)
        for index in definitions.indices {
            let route = definitions[index]
            var reason = route.mismatch(with: request, segments, fields: fields)
            if reason == nil, case .route(let winner) = match.outcome {
                let criterion = definitions[winner].advantage(over: route, for: request)
                reason = winner == index ? .chosen : .outranked(by: winner, criterion: criterion)
            }
            if let reason { verdicts.append(RouteExplanation.Verdict(route: index, reason: reason)) }
        }
        verdicts.sort { ($0.reason.distance, $0.route) < ($1.reason.distance, $1.route) }
        return RouteExplanation(outcome: match.outcome, verdicts: verdicts)
    }
}

extension RouteExplanation.Reason {
    /// How far from being chosen: sorts verdicts.
    fileprivate var distance: Int {
        switch self {
        case .chosen: 0
        case .outranked: 1
        case .query: 2
        case .header: 3
        case .method: 4
        case .path(let segment): 100 - min(segment, 90)
        case .host: 101
        case .listener: 102
        }
    }
}

/// The segments of a canonical path as text. Nil for `*`.
private struct PathSegments {
    let texts: [String]?

    init(_ path: ByteView) {
        guard path.count > 0, path[0] == ASCII.slash else {
            texts = nil
            return
        }
        texts = path.from(1).string.utf8.split(separator: ASCII.slash, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}

extension RouteDefinition {
    /// The first criterion that fails; nil when the route matches.
    fileprivate func mismatch(
        with request: RouteRequest, _ path: PathSegments, fields: borrowing HeaderList
    ) -> RouteExplanation.Reason? {
        guard listeners & (1 << UInt64(request.listener & 63)) != 0 else { return .listener }
        guard hosts.contains(where: { $0.matches(request.host) }) else { return .host }
        if let segment = mismatch(with: path) { return .path(segment: segment) }
        guard methods.isEmpty || namesMethod(of: request) || impliesHead(for: request) else { return .method }
        for (index, condition) in headers.enumerated() {
            let kind = condition.test.kind
            let holds = condition.name.withByteView { name in
                condition.test.text.withByteView { kind.holds(forField: name, value: $0, in: fields) }
            }
            if !holds { return .header(index) }
        }
        for (index, condition) in queries.enumerated() {
            let kind = condition.test.kind
            let holds = condition.name.withByteView { name in
                condition.test.text.withByteView { kind.holds(forParameter: name, value: $0, in: request.query) }
            }
            if !holds { return .query(index) }
        }
        return nil
    }

    private func mismatch(with request: PathSegments) -> Int? {
        guard let texts = request.texts else { return 0 }
        for (index, segment) in path.segments.enumerated() {
            if case .rest = segment { return nil }
            guard index < texts.count else { return index }
            switch segment {
            case .literal(let bytes): if bytes != texts[index] { return index }
            case .parameter: if texts[index].isEmpty { return index }
            case .rest: return nil
            }
        }
        return texts.count == path.segments.count ? nil : path.segments.count
    }

    fileprivate func namesMethod(of request: RouteRequest) -> Bool {
        let name = request.method == .other ? request.methodToken : ByteView(request.method.name)
        return methods.contains { method in method.withByteView { $0 == name } }
    }

    private func impliesHead(for request: RouteRequest) -> Bool {
        request.method == .head && methods.contains("GET")
    }

    /// By what this route, the winner, outranks another one that matches too.
    fileprivate func advantage(over other: RouteDefinition, for request: RouteRequest) -> RouteExplanation.RankCriterion
    {
        if hostRank(for: request.host) != other.hostRank(for: request.host) { return .host }
        let count = max(path.segments.count, other.path.segments.count)
        for index in 0..<count {
            let own = index < path.segments.count ? path.segments[index].rank : -1
            let others = index < other.path.segments.count ? other.path.segments[index].rank : -1
            if own != others { return .path(segment: index) }
        }
        if methodRank(for: request) != other.methodRank(for: request) { return .method }
        return headers.count != other.headers.count ? .headerCount : .queryCount
    }

    private func hostRank(for host: ByteView) -> Int {
        hosts.reduce(-1) { max($0, $1.matches(host) ? $1.rank : -1) }
    }

    private func methodRank(for request: RouteRequest) -> Int {
        methods.isEmpty ? 0 : namesMethod(of: request) ? 2 : 1
    }
}
