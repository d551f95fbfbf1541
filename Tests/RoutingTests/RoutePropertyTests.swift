import Base
import Routing
import TestSupport
import Testing

/// A hundred requests, or a set of routes looked at from all sides, a round.
private let propertyRounds = max(1, FuzzPlan.iterations(usual: 30_000) / 100)

@Suite("Routing against its rules written plainly")
struct RoutePropertyTests {
    @Test("the table answers as the reference does")
    func matching() {
        var generator = RouteGenerator(seed: 20_261_121)
        var answers = Set<String>()
        for _ in 0..<propertyRounds {
            let routes = generator.routes()
            guard let table = RouteTable.build(routes).table else { continue }
            let reference = ReferenceMatcher(routes: routes)
            for _ in 0..<100 {
                let sample = generator.sample()
                var answer = table.answer(sample)
                if answer.hasPrefix("405 ") {
                    answer = "405 " + answer.dropFirst(4).split(separator: ", ").sorted().joined(separator: ", ")
                }
                answers.insert(String(answer.prefix(3)))
                let expected = reference.answer(sample)
                #expect(answer == expected, "\(sample) among \(describe(routes))")
                if answer != expected { return }
                explain(table, sample, expected)
            }
        }
        #expect(answers.isSuperset(of: ["404", "405", "421", "r0", "r1", "r2"]) || propertyRounds < 300)
    }

    /// The explanation agrees with the reference on who matches.
    private func explain(_ table: RouteTable, _ sample: Sample, _ expected: String) {
        let explanation = sample.with { table.explain($0, fields: $1) }
        for verdict in explanation.verdicts {
            let route = table.definitions[verdict.route]
            let matches =
                ReferenceMatcher.matches(route, sample)
                && ReferenceMatcher.methodRank(route, sample.method) != nil
            switch verdict.reason {
            case .chosen: #expect(route.id == expected)
            case .outranked: #expect(matches && route.id != expected)
            default: #expect(!matches)
            }
        }
        #expect(explanation.verdicts.count == table.definitions.count)
    }

    @Test("conflicts are found exactly where two routes can tie")
    func conflicts() {
        var generator = RouteGenerator(seed: 5)
        var tied = 0
        for _ in 0..<propertyRounds {
            let routes = generator.routes(hosts: ["a.x", "*.x", "*"], countLimit: 16, depthLimit: 2)
            let problems = RouteTable.build(routes).problems
            var reported: [Int: [Int]] = [:]
            for case .conflict(let first, let second, _) in problems { reported[second, default: []].append(first) }
            for second in routes.indices {
                let rivals = (0..<second).filter { canTie(routes[$0], routes[second]) }
                tied += rivals.count
                #expect(reported[second, default: []].allSatisfy(rivals.contains), "\(describe(routes))")
                #expect(
                    reported[second, default: []].isEmpty == rivals.isEmpty,
                    "\(second) \(rivals) in \(describe(routes))")
            }
        }
        #expect(tied > propertyRounds / 5 || propertyRounds < 300)
    }

    /// Host, path, method and conditions are independent of each other, so each can be tried alone.
    private func canTie(_ left: RouteDefinition, _ right: RouteDefinition) -> Bool {
        guard left.listeners & right.listeners != 0, left.headers.count == right.headers.count,
            left.queries.count == right.queries.count
        else { return false }
        let hosts = RouteGenerator.hosts + ["d.x", "d.b.x", "elsewhere"]
        guard hosts.contains(where: { tie(ReferenceMatcher.hostRank(left, $0), ReferenceMatcher.hostRank(right, $0)) }),
            Self.paths.contains(where: {
                tie(ReferenceMatcher.pathRank(left, $0), ReferenceMatcher.pathRank(right, $0))
            }),
            RouteGenerator.methods.contains(where: {
                tie(ReferenceMatcher.methodRank(left, $0), ReferenceMatcher.methodRank(right, $0))
            })
        else { return false }
        return Self.conditionSamples.contains {
            ReferenceMatcher.conditionsHold(left, $0) && ReferenceMatcher.conditionsHold(right, $0)
        }
    }

    private func tie<Rank: Equatable>(_ left: Rank?, _ right: Rank?) -> Bool { left != nil && left == right }

    static let paths: [String] = {
        var levels = [[""]]
        for _ in 0..<5 {
            levels.append(levels[levels.count - 1].flatMap { path in ["a", "b", "f"].map { "\(path)/\($0)" } })
        }
        return levels.flatMap { $0 }.flatMap { [$0, $0 + "/"] }.filter { !$0.isEmpty }
    }()

    static let conditionSamples: [Sample] = {
        var samples: [Sample] = []
        for one in RouteGenerator.values {
            for two in RouteGenerator.values {
                for query in RouteGenerator.values {
                    var sample = Sample(query: query.map { "q=\($0)" } ?? "")
                    if let one { sample.headers.append(("X-One", one)) }
                    if let two { sample.headers.append(("X-Two", two)) }
                    samples.append(sample)
                }
            }
        }
        return samples
    }()

    @Test("a route is called unreachable exactly when no request reaches it")
    func reachability() {
        var generator = RouteGenerator(seed: 9)
        var unreachable = 0
        var rounds = 0
        while rounds < max(1, propertyRounds / 10) {
            var routes = crowd(&generator)
            // Conflicting routes go: a table needs to be.
            while true {
                let seconds = RouteTable.build(routes).problems.filter(\.isError).map(\.route)
                if seconds.isEmpty { break }
                for index in Set(seconds).sorted(by: >) { routes.remove(at: index) }
            }
            rounds += 1
            let build = RouteTable.build(routes)
            guard let table = build.table else { continue }
            var reached = Set<Int>()
            for sample in Self.requests {
                if case .route(let index) = table.match(sample).outcome { reached.insert(index) }
            }
            let reported = Set(build.problems.map(\.route))
            unreachable += reported.count
            #expect(reported == Set(routes.indices).subtracting(reached), "\(describe(routes))")
        }
        #expect(unreachable > 3 || propertyRounds < 300)
    }

    /// Many routes on few paths, with few conditions: some cover others.
    private func crowd(_ generator: inout RouteGenerator) -> [RouteDefinition] {
        let tests: [RouteCondition.Test] = [.present, .absent, .prefix("1"), .exact("1"), .exact("12"), .prefix("")]
        return (0..<24).compactMap { index in
            let path = generator.pick(["/{p}", "/...", "/", "/a", "/{p}/...", "/a/..."])
            let method = generator.pick(["*", "*", "GET", "HEAD"])
            let names = generator.pick([[], ["X-One"], ["X-One"], ["X-One", "X-Two"]])
            let headers = names.map { RouteCondition(name: $0, test: generator.pick(tests)) }
            return try? route("\(method) * \(path)", headers: headers)
        }
    }

    private func describe(_ routes: [RouteDefinition]) -> String {
        routes.enumerated().map { index, route in
            let conditions = (route.headers + route.queries).map { "\($0.name) \($0.test)" }
            return "\(index): \(route.methods) \(route.hosts) \(route.path) \(conditions) on \(route.listeners)"
        }.joined(separator: "\n")
    }

    static let requests: [Sample] = {
        let paths = ["/", "/a", "/f", "/a/", "/f/", "/a/f", "/f/f", "/a/f/", "/f/f/", "/f/f/f", "/a/f/f"]
        var requests: [Sample] = []
        for path in paths {
            for method in ["GET", "HEAD", "ODD"] {
                for var sample in conditionSamples where sample.query.isEmpty {
                    sample.path = path
                    sample.method = method
                    requests.append(sample)
                }
            }
        }
        return requests
    }()

    @Test("any bytes as host, path, method and query are answered")
    func fuzz() throws {
        var generator = RouteGenerator(seed: 3)
        let table = try #require(
            RouteTable.build([
                try route("* *.x /{a}/b/{rest...}"),
                try route("BREW a.x /a", queries: [.init(name: "q", test: .prefix("a"))]),
            ]).table)
        let alphabet = Array("abx./%=&q+*\u{0}é".utf8)
        for _ in 0..<propertyRounds * 10 {
            func text() -> [UInt8] { (0..<generator.below(20)).map { _ in generator.pick(alphabet) } }
            let sample = Sample(
                method: String(decoding: text(), as: UTF8.self), host: String(decoding: text(), as: UTF8.self),
                path: String(decoding: text(), as: UTF8.self), query: String(decoding: text(), as: UTF8.self))
            _ = table.match(sample)
            _ = sample.with { table.explain($0, fields: $1) }
        }
    }
}
