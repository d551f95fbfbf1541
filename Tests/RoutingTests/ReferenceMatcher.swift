import Base
import Routing
import TestSupport

/// The rules of matching written down as plainly as possible, route by route: what the table is compared with.
struct ReferenceMatcher {
    let routes: [RouteDefinition]

    /// Host, path segment by segment, method, header conditions, query conditions: higher is better.
    struct Rank: Comparable {
        var keys: [Int]
        static func < (left: Rank, right: Rank) -> Bool { left.keys.lexicographicallyPrecedes(right.keys) }
    }

    func answer(_ sample: Sample) -> String {
        let matching = routes.filter { Self.matches($0, sample) && Self.methodRank($0, sample.method) != nil }
        if let best = matching.max(by: { Self.rank($0, sample) < Self.rank($1, sample) }) { return best.id }
        let others = routes.filter { Self.matches($0, sample) }
        if !others.isEmpty {
            var names = Set(others.flatMap(\.methods))
            if names.contains("GET") { names.insert("HEAD") }
            return "405 " + names.sorted().joined(separator: ", ")
        }
        let naming = routes.filter { $0.hosts.contains { $0 != .any && Self.hostRank($0, sample.host) != nil } }
        let isHere = naming.contains { $0.listeners & (1 << UInt64(sample.listener)) != 0 }
        return !naming.isEmpty && !isHere ? "421" : "404"
    }

    /// Everything but the method.
    static func matches(_ route: RouteDefinition, _ sample: Sample) -> Bool {
        route.listeners & (1 << UInt64(sample.listener)) != 0 && hostRank(route, sample.host) != nil
            && pathRank(route, sample.path) != nil && conditionsHold(route, sample)
    }

    static func rank(_ route: RouteDefinition, _ sample: Sample) -> Rank {
        Rank(
            keys: [hostRank(route, sample.host) ?? -1] + (pathRank(route, sample.path) ?? [])
                + [methodRank(route, sample.method) ?? -1, route.headers.count, route.queries.count])
    }

    static func hostRank(_ route: RouteDefinition, _ host: String) -> Int? {
        route.hosts.compactMap { hostRank($0, host) }.max()
    }

    static func hostRank(_ pattern: HostPattern, _ host: String) -> Int? {
        switch pattern {
        case .any: 0
        case .wildcard(let suffix): host.hasSuffix("." + suffix) && host.count > suffix.count + 1 ? suffix.count : nil
        case .exact(let name): name == host ? 1000 : nil
        }
    }

    /// Per segment 3 for a literal, 2 for a parameter, 1 for a rest; the end of the path counts 4.
    static func pathRank(_ route: RouteDefinition, _ path: String) -> [Int]? {
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        var rank: [Int] = []
        var position = 0
        for segment in route.path.segments {
            switch segment {
            case .rest:
                return pad(rank + [1])
            case .literal(let text):
                guard position < parts.count, parts[position] == text else { return nil }
                rank.append(3)
            case .parameter:
                guard position < parts.count, !parts[position].isEmpty else { return nil }
                rank.append(2)
            }
            position += 1
        }
        return position == parts.count ? pad(rank + [4]) : nil
    }

    private static func pad(_ rank: [Int]) -> [Int] { rank + Array(repeating: 0, count: 10 - rank.count) }

    static func methodRank(_ route: RouteDefinition, _ method: String) -> Int? {
        if route.methods.isEmpty { return 0 }
        if route.methods.contains(method) { return 2 }
        return method == "HEAD" && route.methods.contains("GET") ? 1 : nil
    }

    static func conditionsHold(_ route: RouteDefinition, _ sample: Sample) -> Bool {
        let pairs = sample.query.split(separator: "&").map {
            $0.split(separator: "=", omittingEmptySubsequences: false)
        }
        return route.headers.allSatisfy { condition in
            let values = sample.headers.filter { $0.0.lowercased() == condition.name }.map(\.1)
            return holds(condition.test, values.isEmpty ? nil : values.joined(separator: ", "))
        }
            && route.queries.allSatisfy { condition in
                let pair = pairs.first { $0[0] == condition.name }
                return holds(condition.test, pair.map { $0.count > 1 ? String($0[1]) : "" })
            }
    }

    static func holds(_ test: RouteCondition.Test, _ value: String?) -> Bool {
        switch test {
        case .exact(let text): value == text
        case .prefix(let text): value?.hasPrefix(text) ?? false
        case .present: value != nil
        case .absent: value == nil
        }
    }
}

/// Random routes and requests over a small alphabet, so that they meet often.
struct RouteGenerator {
    var random: RandomSource

    init(seed: UInt64) { random = FuzzPlan.random(seed: seed) }

    static let hosts = ["a.x", "b.x", "c.b.x", "x", "y", "a.c.b.x"]
    static let methods = ["GET", "HEAD", "POST", "BREW", "ODD"]
    static let values: [String?] = [nil, "1", "12", "13", "9", ""]

    mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
    mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }

    mutating func condition(_ name: String) -> RouteCondition {
        RouteCondition(
            name: name,
            test: pick([.exact("1"), .exact("12"), .prefix("1"), .prefix(""), .present, .absent, .prefix("12")]))
    }

    /// - Parameter depthLimit: the fewer segments, the more routes share a path.
    mutating func route(
        _ index: Int, hosts hostTexts: [String], listeners: UInt64, depthLimit: Int
    ) -> RouteDefinition {
        var path = ""
        let depth = below(depthLimit)
        for level in 0..<depth { path += "/" + pick(["a", "b", "{p\(level)}"]) }
        switch below(4) {
        case 0: path += "/"
        case 1: path += "/{rest...}"
        default: if path.isEmpty { path = "/" }
        }
        let methods = [[], ["GET"], ["HEAD"], ["POST", "BREW"], ["GET", "POST"], ["GET", "HEAD"]]
        var headers: [RouteCondition] = []
        var queries: [RouteCondition] = []
        if below(3) == 0 { headers.append(condition("X-One")) }
        if below(4) == 0 { headers.append(condition("X-Two")) }
        if below(4) == 0 { queries.append(condition("q")) }
        guard let pattern = try? PathPattern(template: path) else { preconditionFailure("\(path) is a template") }
        let hosts = (0..<1 + below(2)).compactMap { _ in try? HostPattern(text: pick(hostTexts)) }
        return RouteDefinition(
            id: "r\(index)", place: index, listeners: listeners, hosts: hosts, path: pattern, methods: pick(methods),
            headers: headers, queries: queries)
    }

    mutating func routes(
        hosts: [String] = ["a.x", "b.x", "*.x", "*.b.x", "*", "y"], countLimit: Int = 12, depthLimit: Int = 4
    ) -> [RouteDefinition] {
        (0..<1 + below(countLimit)).map { index in
            let listeners = UInt64(1 + below(3))
            return route(index, hosts: hosts, listeners: listeners, depthLimit: depthLimit)
        }
    }

    mutating func sample() -> Sample {
        var path = ""
        for _ in 0..<below(5) { path += "/" + pick(["a", "b", "f"]) }
        if below(3) == 0 || path.isEmpty { path += "/" }
        var sample = Sample(method: pick(Self.methods), host: pick(Self.hosts), path: path, listener: below(3))
        for name in ["x-one", "X-TWO"] {
            for _ in 0..<1 + below(5) / 4 { if let value = pick(Self.values) { sample.headers.append((name, value)) } }
        }
        if let value = pick(Self.values) { sample.query = "q=\(value)" + (below(3) == 0 ? "&q=1" : "") }
        return sample
    }
}
