import Base
import Routing
import TestSupport
import Testing

/// The checks of a set of routes where many share a path.
@Suite("Many variants of one path")
struct RouteSearchTests {
    static func has(_ name: String, _ test: RouteCondition.Test) -> RouteCondition {
        RouteCondition(name: name, test: test)
    }

    enum Variants: CaseIterable {
        case otherNames, prefixes, exactTwice, levels, presences

        func routes(_ count: Int) throws -> [RouteDefinition] {
            try (0..<count).map { index in
                let half = index / 2
                switch self {
                case .otherNames:
                    return try index.isMultiple(of: 2)
                        ? route("* * /c", headers: [has("x-c", .exact("c\(half)"))])
                        : route("* * /c", headers: [has("x-a", .exact("a\(half)")), has("x-b", .exact("1"))])
                case .prefixes:
                    return try route("* * /c", headers: [has("x-t", .prefix("p\(100_000 + index)-"))])
                case .exactTwice:
                    let one = has("x-t", .exact("p\(half)"))
                    return try route(
                        "* * /c", headers: index.isMultiple(of: 2) ? [one] : [one, has("x-u", .exact("1"))])
                case .levels:
                    let parts = [index / 225, index / 15 % 15, index % 15]
                    return try route(
                        "* * /c",
                        queries: zip(["a", "b", "c"], parts).map { has($0, .prefix("\(Character.letter($1))")) })
                case .presences:
                    return try route(
                        "* * /c",
                        queries: (0..<12).map { has("q\($0)", index >> $0 & 1 == 0 ? .present : .absent) })
                }
            }
        }

        private func has(_ name: String, _ test: RouteCondition.Test) -> RouteCondition {
            RouteSearchTests.has(name, test)
        }
    }

    @Test("three thousand of them are checked with work that grows about linearly", arguments: Variants.allCases)
    func work(variants: Variants) throws {
        let build = RouteTable.build(try variants.routes(3_000))
        #expect(build.problems.isEmpty)
        #expect(build.searchedCount < 60_000, "\(build.searchedCount)")
    }

    @Test("where thousands conflict, each is compared until its first conflict")
    func conflicting() throws {
        var random = RandomSource(seed: 3)
        let routes = try (0..<3_000).map { _ in
            let conditions = Set(
                (0..<Int.random(in: 1...6, using: &random)).map { _ in Int.random(in: 0..<31, using: &random) })
            return try route(
                "* * /c",
                queries: conditions.map { name in
                    let test: RouteCondition.Test =
                        [.exact("1"), .exact("2"), .prefix("a"), .present].randomElement(using: &random) ?? .present
                    return Self.has("x\(name)", test)
                })
        }
        let build = RouteTable.build(routes)
        #expect(build.problems.filter(\.isError).count > 2_900)
        #expect(build.searchedCount < RouteTable.searchLimit + 100_000, "\(build.searchedCount)")
    }

    @Test("names whose presence has to be chosen don't make the search endless; then a route counts as reachable")
    func hard() throws {
        // Clauses of three over forty names: routes that conflict with each other, and one that they may hide.
        var random = RandomSource(seed: 11)
        var routes = [try route("* * /c")]
        for _ in 0..<400 {
            let names = Array(0..<40).shuffled(using: &random).prefix(3)
            let queries = names.map { Self.has("q\($0)", Bool.random(using: &random) ? .present : .absent) }
            routes.append(try route("* * /c", queries: queries))
        }
        #expect(RouteTable.build(routes).searchedCount < RouteTable.searchLimit + 100_000)
    }

    @Test("a route is called unreachable exactly when no combination of values reaches it")
    func unreachable() throws {
        var random = RandomSource(seed: 7)
        let tests: [RouteCondition.Test] = [
            .absent, .absent, .present, .present, .exact("a"), .exact("ab"), .prefix("a"), .prefix("ab"), .prefix(""),
        ]
        let values = [nil, "", "z", "a", "ax", "ab", "abx"]
        var found = 0
        for _ in 0..<max(20, FuzzPlan.iterations(usual: 30_000) / 100) {
            func some() -> RouteCondition.Test { tests.randomElement(using: &random) ?? .present }
            // A name that is there or not, mostly with more to it, and other routes at random.
            let names = ["p", "q", "r"].shuffled(using: &random)
            var sets = [Bool.random(using: &random) ? [] : [Self.has(names[2], some())]]
            for test in [RouteCondition.Test.present, .absent] {
                let more = Int.random(in: 0..<4, using: &random) == 0
                sets.append([Self.has(names[0], test)] + (more ? [Self.has(names[1], some())] : []))
            }
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                sets.append(names.filter { _ in Bool.random(using: &random) }.map { Self.has($0, some()) })
            }
            let routes = try sets.map { try route("* * /c", queries: $0) }
            let build = RouteTable.build(routes)
            guard let table = build.table else { continue }
            var reached = Set<Int>()
            for p in values {
                for q in values {
                    for r in values {
                        let query = zip(["p", "q", "r"], [p, q, r]).compactMap { name, value in
                            value.map { "\(name)=\($0)" }
                        }
                        if case .route(let index) = table.match(
                            Sample(path: "/c", query: query.joined(separator: "&"))
                        ).outcome {
                            reached.insert(index)
                        }
                    }
                }
            }
            let unreachable = Set(build.problems.map(\.route))
            found += unreachable.count
            #expect(unreachable == Set(routes.indices).subtracting(reached))
        }
        #expect(found > 0)
    }
}

extension Character {
    fileprivate static func letter(_ index: Int) -> Character {
        Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(truncatingIfNeeded: index)))
    }
}
