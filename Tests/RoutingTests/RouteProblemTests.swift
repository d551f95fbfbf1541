import Routing
import Testing

@Suite("Problems in a set of routes")
struct RouteProblemTests {
    static func has(_ name: String, _ test: RouteCondition.Test = .present) -> RouteCondition {
        RouteCondition(name: name, test: test)
    }

    @Test(
        "routes that can match one request with equal rank are a conflict",
        arguments: [
            ("* * /a", "* * /a", true), ("* * /a/{x}", "* * /a/{y}", true), ("* * /a/...", "* * /a/{rest...}", true),
            ("GET * /a", "POST * /a", false), ("GET * /a", "GET,POST * /a", true), ("GET * /a", "* * /a", false),
            ("GET * /a", "HEAD * /a", false), ("GET,HEAD * /a", "HEAD * /a", true), ("* h.x /a", "* * /a", false),
            ("* h.x,i.x /a", "* j.x,i.x /a", true), ("* *.x /a", "* h.x /a", false), ("* *.x /a", "* *.x /a", true),
            ("* * /a/{x}", "* * /a/b", false), ("* * /a", "* * /a/", false), ("* * /a/{x}", "* * /a/...", false),
            ("BREW * /a", "BREW * /a", true), ("BREW * /a", "MOVE * /a", false), ("* H.x. /a", "* h.X /a", true),
        ])
    func conflicts(first: String, second: String, expected: Bool) throws {
        let build = RouteTable.build([try route(first), try route("* * /other"), try route(second)])
        #expect((build.table == nil) == expected)
        if expected {
            guard case .conflict(first: 0, second: 2, _)? = build.problems.first else {
                Issue.record("\(build.problems)")
                return
            }
            #expect(build.problems.count == 1)
        } else {
            #expect(build.problems.isEmpty)
        }
    }

    @Test("routes on different listeners don't conflict")
    func listeners() throws {
        #expect(
            RouteTable.build([try route("* * /a", listeners: 1), try route("* * /a", listeners: 2)]).problems.isEmpty)
        #expect(RouteTable.build([try route("* * /a", listeners: 3), try route("* * /a", listeners: 6)]).table == nil)
    }

    @Test(
        "conditions that exclude each other don't conflict",
        arguments: [
            (.exact("1"), .exact("2"), false), (.exact("1"), .exact("1"), true), (.exact("12"), .prefix("1"), true),
            (.exact("2"), .prefix("1"), false), (.prefix("1"), .prefix("12"), true),
            (.prefix("1"), .prefix("2"), false),
            (.present, .absent, false), (.present, .exact("1"), true), (.absent, .absent, true),
            (.absent, .prefix(""), false),
        ] as [(RouteCondition.Test, RouteCondition.Test, Bool)])
    func exclusive(left: RouteCondition.Test, right: RouteCondition.Test, expected: Bool) throws {
        let headers = [
            try route("* * /", headers: [Self.has("X-V", left)]), try route("* * /", headers: [Self.has("x-v", right)]),
        ]
        #expect((RouteTable.build(headers).table == nil) == expected)
        let queries = [
            try route("* * /", queries: [Self.has("v", left)]), try route("* * /", queries: [Self.has("v", right)]),
        ]
        #expect((RouteTable.build(queries).table == nil) == expected)
    }

    @Test("conditions on different names can hold together; different numbers of them differ in rank")
    func numbers() throws {
        let a = Self.has("a"), b = Self.has("b"), c = Self.has("c")
        #expect(RouteTable.build([try route("* * /", headers: [a]), try route("* * /", headers: [b])]).table == nil)
        #expect(
            RouteTable.build([try route("* * /", headers: [a]), try route("* * /", headers: [b, c])]).problems.isEmpty)
        #expect(
            RouteTable.build([try route("* * /", headers: [a]), try route("* * /", queries: [a])]).problems.isEmpty)
    }

    @Test("all conflicts at once, each later route with the first that it meets")
    func several() throws {
        let build = RouteTable.build(try ["* * /a", "* * /b", "* * /a", "* * /b", "* * /a"].map { try route($0) })
        #expect(
            build.problems == [
                .conflict(first: 0, second: 2, host: .any), .conflict(first: 1, second: 3, host: .any),
                .conflict(first: 0, second: 4, host: .any),
            ])
    }

    @Test("a route whose every request is served by better ones can't be reached")
    func unreachable() throws {
        func problems(_ routes: [RouteDefinition]) -> [RouteProblem] { RouteTable.build(routes).problems }
        // Present or absent: one of the two always holds.
        #expect(
            problems([
                try route("* * /a"), try route("* * /a", headers: [Self.has("x")]),
                try route("* * /a", headers: [Self.has("x", .absent)]),
            ]) == [.unreachable(route: 0, shadowedBy: [1, 2])])
        #expect(
            problems([
                try route("GET * /a"), try route("GET * /a", headers: [Self.has("x")]),
                try route("POST * /a", headers: [Self.has("x", .absent)]),
            ]) == [])
        // Everything below /x, one part each.
        let parts = try ["* * /x", "* * /x/", "* * /x/{p}/..."].map { try route($0) }
        #expect(problems([try route("* * /x/...")] + parts) == [.unreachable(route: 0, shadowedBy: [3, 2, 1])])
        for missing in parts.indices {
            var some = parts
            some.remove(at: missing)
            #expect(problems([try route("* * /x/...")] + some) == [])
        }
        // A literal leaves other values, a method other methods, a prefix other values.
        #expect(problems(try ["* * /x/{p}", "* * /x/a", "GET * /x/{p}"].map { try route($0) }) == [])
        #expect(
            problems([try route("* * /", headers: []), try route("* * /", headers: [Self.has("x", .prefix("a"))])])
                == [])
        // The narrower condition is always within the wider ones.
        #expect(
            problems([
                try route("* * /", headers: [Self.has("x", .exact("ab"))]),
                try route("* * /", headers: [Self.has("x", .prefix("a")), Self.has("y")]),
                try route("* * /", headers: [Self.has("x"), Self.has("y", .absent)]),
            ]) == [.unreachable(route: 0, shadowedBy: [1, 2])])
        // Shadowed on one listener only.
        #expect(
            problems([
                try route("* * /a", listeners: 3), try route("* * /a", headers: [Self.has("x")], listeners: 1),
                try route("* * /a", headers: [Self.has("x", .absent)], listeners: 1),
            ]) == [])
        #expect(
            problems([
                try route("HEAD * /a/{x}"), try route("HEAD * /a/{x}", queries: [Self.has("x")]),
                try route("HEAD * /a/{x}", queries: [Self.has("x", .absent)]),
            ]) == [.unreachable(route: 0, shadowedBy: [1, 2])])
    }

    @Test("limits")
    func limits() throws {
        let conditions = (0..<33).map { Self.has("h\($0)") }
        #expect(RouteTable.build([try route("* * /", headers: conditions)]).problems == [.tooManyConditions(route: 0)])
        #expect(
            RouteTable.build([try route("* * /", headers: [Self.has("X"), Self.has("x")])]).problems
                == [.repeatedCondition(route: 0, name: "x")])
        let long = String(repeating: "v", count: 4097)
        #expect(
            RouteTable.build([try route("* * /", queries: [Self.has("v", .exact(long))])]).problems
                == [.conditionTooLong(route: 0, name: "v")])
        let methods = (0..<55).map { "M\($0)" }
        #expect(
            RouteTable.build([try route("* * /"), try route("\(methods.joined(separator: ",")) * /")]).problems
                == [.tooManyMethods(route: 1)])
        let table = try #require(
            RouteTable.build([try route("\(methods.dropLast().joined(separator: ",")) * /")]).table)
        #expect(table.match(Sample(method: "M53")).outcome == .route(0))
        #expect(table.answer(Sample(method: "M54")).hasPrefix("405 M0, M1"))
    }
}

@Suite("Explaining a match")
struct RouteExplanationTests {
    @Test("every route says why, the closest first")
    func explain() throws {
        let routes = [
            try route("* h.x /a/b", listeners: 2), try route("* other.x /a/b"), try route("* h.x /z"),
            try route("* h.x /a/z"),
            try route("POST h.x /a/b"),
            try route("GET h.x /a/b", headers: [RouteCondition(name: "X", test: .exact("1"))]),
            try route("GET h.x /a/b", queries: [RouteCondition(name: "q", test: .present)]), try route("GET h.x /a/b"),
            try route("* h.x /a/b"), try route("GET h.x /a/{x}"), try route("GET h.x /a/..."),
            try route("GET *.x /a/b"), try route("* h.x /a/b/c"),
        ]
        let table = try #require(RouteTable.build(routes).table)
        let explanation = Sample(host: "h.x", path: "/a/b").with { table.explain($0, fields: $1) }
        #expect(explanation.outcome == .route(7))
        let expected: [(Int, RouteExplanation.Reason)] = [
            (7, .chosen), (8, .outranked(by: 7, criterion: .method)),
            (9, .outranked(by: 7, criterion: .path(segment: 1))),
            (10, .outranked(by: 7, criterion: .path(segment: 1))), (11, .outranked(by: 7, criterion: .host)),
            (6, .query(0)),
            (5, .header(0)), (4, .method), (12, .path(segment: 2)), (3, .path(segment: 1)), (2, .path(segment: 0)),
            (1, .host),
            (0, .listener),
        ]
        #expect(explanation.verdicts.map(\.route) == expected.map(\.0))
        #expect(explanation.verdicts.map(\.reason) == expected.map(\.1))
    }

    @Test("what decides between routes that match")
    func criteria() throws {
        let x = RouteCondition(name: "x", test: .present)
        func criterion(_ winner: RouteDefinition, _ loser: RouteDefinition, _ method: String = "GET") throws
            -> RouteExplanation.Reason?
        {
            let table = try #require(RouteTable.build([loser, winner]).table)
            let sample = Sample(method: method, path: "/a", query: "x", headers: [("X", "1")])
            return sample.with { table.explain($0, fields: $1) }.verdicts.last?.reason
        }
        #expect(
            try criterion(route("* * /a", headers: [x]), route("* * /a")) == .outranked(by: 1, criterion: .headerCount))
        #expect(
            try criterion(route("* * /a", queries: [x]), route("* * /a")) == .outranked(by: 1, criterion: .queryCount))
        #expect(try criterion(route("HEAD * /a"), route("GET * /a"), "HEAD") == .outranked(by: 1, criterion: .method))
        #expect(try criterion(route("* * /a"), route("* * /a/...")) == .outranked(by: 1, criterion: .path(segment: 1)))
    }
}
