import Base
import HTTP
import Routing
import Testing

@Suite("Route table")
struct RouteTableTests {
    func table(_ routes: [RouteDefinition]) throws -> RouteTable {
        let build = RouteTable.build(routes)
        #expect(build.problems.isEmpty, "\(build.problems)")
        return try #require(build.table)
    }

    static let paths = [
        "/", "/a", "/a/", "/a/b", "/a/{x}", "/a/{x}/c", "/{x}/b/c", "/p/...", "/p/q", "/p/q/...", "/p/{x}/z",
        "/r/{x}/{rest...}", "/files/{name...}", "/s/", "/t/{x}/", "/%2F",
    ]

    @Test(
        "the most specific path wins, segment by segment",
        arguments: [
            ("/", "/", []), ("/a", "/a", []), ("/a/", "/a/", []), ("/a/b", "/a/b", []), ("/a/bb", "/a/{x}", ["bb"]),
            ("/a/b/", nil, []), ("/a/b/c", "/a/{x}/c", ["b"]), ("/z/b/c", "/{x}/b/c", ["z"]), ("/z/b", nil, []),
            ("/p", "/p/...", [""]), ("/p/", "/p/...", [""]), ("/p/x", "/p/...", ["x"]), ("/p/x/", "/p/...", ["x/"]),
            ("/px", nil, []), ("/p/q", "/p/q", []), ("/p/q/", "/p/q/...", [""]), ("/p/q/z", "/p/q/...", ["z"]),
            ("/p/w/z", "/p/{x}/z", ["w"]), ("/p/w/zz", "/p/...", ["w/zz"]), ("/p/b/c", "/p/...", ["b/c"]),
            ("/r/1", "/r/{x}/{rest...}", ["1", ""]), ("/r/1/2/3", "/r/{x}/{rest...}", ["1", "2/3"]), ("/r", nil, []),
            ("/r/", nil, []), ("/files", "/files/{name...}", [""]), ("/files/a/b", "/files/{name...}", ["a/b"]),
            ("/s", nil, []), ("/s/", "/s/", []), ("/t/1", nil, []), ("/t/1/", "/t/{x}/", ["1"]), ("/t//", nil, []),
            ("/%2F", "/%2F", []), ("*", nil, []), ("", nil, []), ("a", nil, []), ("/A", nil, []),
        ] as [(String, String?, [String])])
    func paths(path: String, expected: String?, captures: [String]) throws {
        let table = try table(Self.paths.map { try route("* * \($0)") })
        #expect(table.answer(Sample(path: path)) == (expected.map { "* * \($0)" } ?? "404"))
        #expect(table.match(Sample(path: path)).captures == captures)
        #expect(table.copy().match(Sample(path: path)).captures == captures)
    }

    @Test(
        "an exact host, then the longest wildcard, then any host",
        arguments: [
            ("a.example.com", "a.example.com"), ("b.example.com", "*.example.com"),
            ("x.b.example.com", "*.example.com"),
            ("a.dev.example.com", "*.dev.example.com"), ("dev.example.com", "*.example.com"), ("example.com", "*"),
            ("xexample.com", "*"), ("", "*"), (".example.com", "*"), ("[::1]", "[::1]"), ("10.0.0.1", "10.0.0.1"),
            ("com", "*"), ("..", "*"),
        ])
    func hosts(host: String, expected: String) throws {
        let patterns = ["a.example.com", "*.example.com", "*.dev.example.com", "*", "[::1]", "10.0.0.1"]
        let table = try table(patterns.map { try route("* \($0) /x") })
        #expect(table.answer(Sample(host: host, path: "/x")) == "* \(expected) /x")
    }

    @Test(
        "a less specific route serves what the more specific one doesn't match",
        arguments: [
            ("GET", "a.example.com", "/a/b", "GET a.example.com /a/b"),
            ("POST", "a.example.com", "/a/b", "POST a.example.com /a/{x}"),
            ("PUT", "a.example.com", "/a/b", "PUT *.example.com /a/b"),
            ("PATCH", "a.example.com", "/a/b", "PATCH * /..."),
            ("DELETE", "a.example.com", "/a/b", "405 GET, HEAD, POST, PUT, PATCH"),
            ("DELETE", "other.org", "/", "405 PATCH"),
        ])
    func fallback(method: String, host: String, path: String, expected: String) throws {
        let table = try table([
            route("GET a.example.com /a/b"), route("POST a.example.com /a/{x}"), route("PUT *.example.com /a/b"),
            route("PATCH * /..."),
        ])
        #expect(table.answer(Sample(method: method, host: host, path: path)) == expected)
    }

    @Test(
        "methods: named before all, HEAD with GET, extension methods, Allow",
        arguments: [
            ("GET", "/a", "GET * /a"), ("HEAD", "/a", "GET * /a"), ("POST", "/a", "* * /a"), ("BREW", "/a", "* * /a"),
            ("HEAD", "/b", "HEAD * /b"), ("GET", "/b", "GET * /b"), ("POST", "/b", "405 GET, HEAD"),
            ("PROPFIND", "/c", "PROPFIND,POST * /c"), ("propfind", "/c", "405 POST, PROPFIND"),
            ("HEAD", "/c", "405 POST, PROPFIND"),
            ("GET", "/none", "404"), ("MOVE", "/c", "405 POST, PROPFIND"), ("get", "/b", "405 GET, HEAD"),
        ])
    func methods(method: String, path: String, expected: String) throws {
        let table = try table([
            route("GET * /a"), route("* * /a"), route("HEAD * /b"), route("GET * /b"), route("PROPFIND,POST * /c"),
            route("MOVE * /d"),
        ])
        #expect(table.answer(Sample(method: method, path: path)) == expected)
    }

    @Test("HEAD goes to the route that names it even when a GET route has more conditions")
    func headFirst() throws {
        let table = try table([
            route("GET * /a", headers: [.init(name: "X", test: .present)]), route("HEAD * /a"),
        ])
        #expect(table.answer(Sample(method: "HEAD", path: "/a", headers: [("X", "1")])) == "HEAD * /a")
        #expect(table.answer(Sample(method: "GET", path: "/a", headers: [("X", "1")])) == "GET * /a")
        #expect(table.answer(Sample(method: "GET", path: "/a")) == "405 HEAD")
    }

    @Test(
        "listeners: each has its own routes; a host of another listener is misdirected",
        arguments: [
            (0, "a.example.com", "/x", "* a.example.com /x"), (1, "a.example.com", "/x", "421"),
            (1, "b.example.com", "/x", "* b.example.com /x"), (0, "b.example.com", "/x", "421"),
            (0, "b.example.com", "/any", "* * /any"), (1, "b.example.com", "/any", "404"),
            (0, "c.example.com", "/x", "404"),
            (0, "a.example.com", "/y", "404"), (1, "a.example.com", "/y", "421"), (2, "a.example.com", "/x", "421"),
            (0, "x.wild.org", "/x", "421"), (1, "x.wild.org", "/x", "* *.wild.org /x"),
        ])
    func listeners(listener: Int, host: String, path: String, expected: String) throws {
        let table = try table([
            route("* a.example.com /x", listeners: 1), route("* b.example.com /x", listeners: 2),
            route("* * /any", listeners: 1), route("* *.wild.org /x", listeners: 2),
        ])
        #expect(table.answer(Sample(host: host, path: path, listener: listener)) == expected)
    }

    static let conditions: [(RouteCondition.Test, [(String, String)], Bool)] = [
        (.exact("1"), [("X-V", "1")], true), (.exact("1"), [("x-v", "1")], true), (.exact("1"), [("X-V", "12")], false),
        (.exact("1"), [], false), (.exact("a, b"), [("X-V", "a"), ("X-V", "b")], true),
        (.exact("a"), [("X-V", "a"), ("X-V", "b")], false), (.exact(""), [("X-V", "")], true),
        (.exact("A"), [("X-V", "a")], false),
        (.exact("a, "), [("X-V", "a"), ("X-V", "")], true), (.exact("a,b"), [("X-V", "a"), ("X-V", "b")], false),
        (.prefix("ab"), [("X-V", "abc")], true), (.prefix("ab"), [("X-V", "ab")], true),
        (.prefix("ab"), [("X-V", "a")], false),
        (.prefix("a, b"), [("X-V", "a"), ("X-V", "bc")], true), (.prefix("a,"), [("X-V", "a"), ("X-V", "c")], true),
        (.prefix("a, b"), [("X-V", "a"), ("X-V", "c")], false), (.prefix(""), [("X-V", "q")], true),
        (.prefix(""), [], false),
        (.present, [("X-V", "")], true), (.present, [("X-W", "")], false), (.absent, [], true),
        (.absent, [("X-V", "")], false),
    ]

    @Test("header conditions", arguments: conditions.indices)
    func headers(index: Int) throws {
        let (test, headers, expected) = Self.conditions[index]
        let table = try table([route("* * /", headers: [.init(name: "X-V", test: test)])])
        #expect((table.answer(Sample(headers: [("A", "b")] + headers)) != "404") == expected, "\(test) \(headers)")
    }

    @Test(
        "query conditions",
        arguments: [
            (.exact("1"), "v=1", true), (.exact("1"), "v=12", false), (.exact("1"), "", false),
            (.exact("1"), "w=1", false),
            (.exact("1"), "v=1&v=2", true), (.exact("2"), "v=1&v=2", false), (.exact("a b"), "v=a%20b", true),
            (.exact("a b"), "%76=a+b", true), (.exact(""), "v", true), (.exact(""), "v=", true),
            (.prefix("a b"), "v=a%20bc", true),
            (.prefix("a b"), "v=a%20", false), (.prefix("é"), "v=%C3%A9t%C3%A9", true), (.prefix("1"), "x&&v=12", true),
            (.present, "v", true), (.present, "vv", false), (.absent, "w=v", true), (.absent, "v=", false),
            (.prefix("%"), "v=%zz", true),
        ] as [(RouteCondition.Test, String, Bool)])
    func queries(test: RouteCondition.Test, query: String, expected: Bool) throws {
        let table = try table([route("* * /", queries: [.init(name: "v", test: test)])])
        #expect((table.answer(Sample(query: query)) != "404") == expected)
    }

    @Test("more header conditions win, then more query conditions")
    func conditionRank() throws {
        let a = RouteCondition(name: "a", test: .present)
        let b = RouteCondition(name: "b", test: .present)
        let table = try table([
            route("* * /"), route("* * /", headers: [a]), route("* * /", headers: [a, b]),
            route("* * /", queries: [a, b]),
            route("* * /", headers: [a], queries: [b]), route("PUT * /"),
        ])
        func index(_ headers: [String], _ query: String, _ method: String = "GET") -> RouteMatch.Outcome {
            table.match(Sample(method: method, query: query, headers: headers.map { ($0, "1") })).outcome
        }
        #expect(index([], "") == .route(0))
        #expect(index(["a"], "a") == .route(1))
        #expect(index(["a", "b"], "a&b") == .route(2))
        #expect(index(["b"], "a&b") == .route(3))
        #expect(index(["a"], "a&b") == .route(4))
        #expect(index(["a", "b"], "a&b", "PUT") == .route(5))
    }

    @Test("all sixteen captures, and long requests")
    func bounds() throws {
        let deep = "/" + (0..<16).map { "{p\($0)}" }.joined(separator: "/")
        let table = try table([route("* * \(deep)"), route("* *.x.org /deep/...")])
        let values = (0..<16).map { "v\($0)" }
        #expect(table.match(Sample(path: "/" + values.joined(separator: "/"))).captures == values)
        let many = String(repeating: "/s", count: 30_000)
        #expect(table.answer(Sample(path: many)) == "404")
        #expect(table.match(Sample(host: "a.x.org", path: "/deep" + many)).captures == [String(many.dropFirst())])
        #expect(table.answer(Sample(host: String(repeating: "x.", count: 60_000), path: "/")) == "404")
        #expect(
            table.answer(Sample(host: String(repeating: "a.", count: 120) + "x.org", path: "/deep"))
                == "* *.x.org /deep/...")
    }

    @Test("the empty table finds nothing")
    func empty() throws {
        #expect(try table([]).answer(Sample()) == "404")
    }
}
