import Base
import HTTP
import Plugins
import Routing
import TestSupport
import Testing

@Suite("Operations on headers and queries")
struct FieldOperationTests {
    /// A rule with these operations on the headers.
    private func makeRule(
        _ headers: [FieldOperation], query: [FieldOperation] = [], texts: [[TextTable.Piece]] = [],
        refusesMissing: Bool = false
    ) -> RequestTransformRule {
        var parts = RequestTransformRule.Parts()
        parts.headers = headers
        parts.query = query
        parts.texts = TextTable(texts)
        parts.refusesMissing = refusesMissing
        return RequestTransformRule(parts)
    }

    private func constant(_ text: StaticString) -> OperationValue { .constant(ByteView(text)) }

    private static let name = ByteView("X-A")

    @Test("each operation on headers does its own")
    func headers() throws {
        let cases: [([(String, String)], FieldOperation, [String])] = [
            ([("x-a", "1"), ("B", "2"), ("X-A", "3"), ("X-AB", "4")], .init(Self.name, .remove), ["B: 2", "X-AB: 4"]),
            ([("B", "2")], .init(Self.name, .remove), ["B: 2"]),
            (
                [("x-a", "1"), ("B", "2"), ("X-A", "3")], .init(Self.name, .rename(to: ByteView("X-B"))),
                ["B: 2", "X-B: 1", "X-B: 3"]
            ),
            ([("X-A", "1"), ("X-B", "2")], .init(Self.name, .rename(to: ByteView("X-B"))), ["X-B: 1"]),
            ([("X-B", "2")], .init(Self.name, .rename(to: ByteView("X-B"))), ["X-B: 2"]),
            ([("x-a", "2")], .init(Self.name, .rename(to: ByteView("X-A"))), ["X-A: 2"]),
            ([("X-A", "1"), ("x-a", "2")], .init(Self.name, .replace(constant("n"))), ["X-A: n"]),
            ([("B", "1")], .init(Self.name, .replace(constant("n"))), ["B: 1"]),
            ([("X-A", "1"), ("x-a", "2")], .init(Self.name, .set(constant("n"))), ["X-A: n"]),
            ([("B", "1")], .init(Self.name, .set(constant("n"))), ["B: 1", "X-A: n"]),
            ([("X-A", "1")], .init(Self.name, .append(constant("n"))), ["X-A: 1", "X-A: n"]),
            ([], .init(Self.name, .append(constant(""))), ["X-A: "]),
            ([("Content-Type", "a")], .init(ByteView("content-type"), .set(constant("b"))), ["content-type: b"]),
        ]
        for (given, operation, expected) in cases {
            let fixture = try TransformFixture(given)
            defer { withExtendedLifetime(fixture) {} }
            let rule = makeRule([operation])
            #expect(rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match) == nil)
            rule.apply(to: &fixture.fields)
            #expect(lines(of: fixture.fields) == expected)
        }
    }

    @Test("a name that is set, replaced or removed goes in all spellings with `_`, and nothing else does")
    func spellings() throws {
        let given = [("x_user-id", "1"), ("X-User_Id", "2"), ("X_USER_ID", "3"), ("X_User", "4"), ("XUserId", "5")]
        let kept = ["X_User: 4", "XUserId: 5"]
        let all = given.map { "\($0.0): \($0.1)" }
        let name = ByteView("X-User-Id")
        let cases: [(FieldOperation, [String])] = [
            (.init(name, .set(constant("n"))), kept + ["X-User-Id: n"]), (.init(name, .replace(constant("n"))), kept),
            (.init(name, .remove), kept), (.init(name, .append(constant("n"))), all + ["X-User-Id: n"]),
            (.init(ByteView("XUserId"), .remove), Array(all.dropLast())),
        ]
        for (operation, expected) in cases {
            let fixture = try TransformFixture(given)
            defer { withExtendedLifetime(fixture) {} }
            let rule = makeRule([operation])
            _ = rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match)
            rule.apply(to: &fixture.fields)
            #expect(lines(of: fixture.fields) == expected)
        }
    }

    @Test("a field that the codec knows is found by its meaning afterwards")
    func known() throws {
        let fixture = try TransformFixture([("X-Type", "text/html")])
        defer { withExtendedLifetime(fixture) {} }
        let rule = makeRule([FieldOperation(ByteView("X-Type"), .rename(to: ByteView("CONTENT-TYPE")))])
        _ = rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match)
        rule.apply(to: &fixture.fields)
        #expect(fixture.fields.value(of: .contentType)?.string == "text/html")
    }

    @Test("what one operation has added or renamed, a later one finds")
    func successors() throws {
        let fixture = try TransformFixture([("A", "1")])
        defer { withExtendedLifetime(fixture) {} }
        let rule = makeRule([
            FieldOperation(ByteView("a"), .rename(to: ByteView("X-New"))),
            FieldOperation(ByteView("x-new"), .replace(.constant(ByteView("2")))),
            FieldOperation(ByteView("X-Set"), .set(.constant(ByteView("3")))),
            FieldOperation(ByteView("X-SET"), .set(.constant(ByteView("4")))),
            FieldOperation(ByteView("X-Seen"), .append(.constant(ByteView("5")))),
        ])
        _ = rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match)
        rule.apply(to: &fixture.fields)
        #expect(lines(of: fixture.fields) == ["x-new: 2", "X-SET: 4", "X-Seen: 5"])
    }

    @Test("renames mean the fields as they were before the first of them, in whatever order they are written")
    func renames() throws {
        let abc = [("A", "1"), ("B", "2"), ("C", "3")]
        let cases: [([(String, String)], [(StaticString, StaticString)], Set<String>)] = [
            (abc, [("A", "B"), ("B", "C")], ["B: 1", "C: 2"]), (abc, [("b", "C"), ("A", "B")], ["B: 1", "C: 2"]),
            (abc, [("A", "B"), ("B", "a")], ["B: 1", "a: 2", "C: 3"]),
            (abc, [("A", "B"), ("B", "C"), ("C", "A")], ["B: 1", "C: 2", "A: 3"]),
            (abc, [("A", "B"), ("B", "A"), ("C", "D")], ["B: 1", "A: 2", "D: 3"]),
            ([("B", "2")], [("A", "B"), ("B", "A")], ["A: 2"]), ([("A", "1")], [("A", "B"), ("B", "A")], ["B: 1"]),
            (
                abc + [("D", "4")], [("A", "B"), ("B", "A"), ("C", "D"), ("D", "C")],
                ["B: 1", "A: 2", "D: 3", "C: 4"]
            ),
            ([("A", "1"), ("C", "3")], [("A", "B"), ("B", "C")], ["B: 1", "C: 3"]),
            (abc, [("A", "a"), ("B", "b")], ["a: 1", "b: 2", "C: 3"]),
        ]
        for (given, renames, expected) in cases {
            let fixture = try TransformFixture(given)
            defer { withExtendedLifetime(fixture) {} }
            let rule = makeRule(
                renames.map { FieldOperation(ByteView($0.0), .rename(to: ByteView($0.1))) }
                    + [FieldOperation(ByteView("E"), .set(constant("5")))])
            _ = rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match)
            rule.apply(to: &fixture.fields)
            #expect(Set(lines(of: fixture.fields)) == expected.union(["E: 5"]), "\(renames)")
        }
    }

    @Test("all values are read before the first change")
    func snapshot() throws {
        let fixture = try TransformFixture([("A", "1"), ("B", "2")])
        defer { withExtendedLifetime(fixture) {} }
        let rule = makeRule(
            [
                FieldOperation(ByteView("C"), .remove), FieldOperation(ByteView("A"), .rename(to: ByteView("D"))),
                FieldOperation(ByteView("A"), .set(.rendered(0))), FieldOperation(ByteView("B"), .set(.rendered(1))),
            ], texts: [[.value(.field(ByteView("B")), [])], [.value(.field(ByteView("A")), [])]])
        #expect(rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match) == nil)
        rule.apply(to: &fixture.fields)
        #expect(lines(of: fixture.fields) == ["D: 1", "A: 2", "B: 1"])
    }

    @Test("a missing value takes away what the client sent, or refuses the request")
    func missing() throws {
        let operations = [
            FieldOperation(ByteView("R"), .replace(.rendered(0))), FieldOperation(ByteView("S"), .set(.rendered(0))),
            FieldOperation(ByteView("A"), .append(.rendered(0))),
        ]
        let fixture = try TransformFixture([("S", "forged"), ("R", "forged"), ("A", "own")])
        defer { withExtendedLifetime(fixture) {} }
        let texts: [[TextTable.Piece]] = [[.value(.claim(0), [])]]
        let lenient = makeRule(operations, texts: texts)
        #expect(lenient.render(fixture.facts, fields: fixture.fields, parameters: fixture.match) == nil)
        let strict = makeRule(operations, texts: texts, refusesMissing: true)
        #expect(strict.render(fixture.facts, fields: fixture.fields, parameters: fixture.match) == .missing)
        lenient.apply(to: &fixture.fields)
        #expect(lines(of: fixture.fields) == ["A: own"])
    }

    @Test("white space at a value's ends is dropped, as every reader would")
    func space() throws {
        let fixture = try TransformFixture(query: "q=%20a%20")
        defer { withExtendedLifetime(fixture) {} }
        let rule = makeRule(
            [FieldOperation(Self.name, .set(.rendered(0)))], texts: [[.value(.query(ByteView("q")), [])]])
        _ = rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match)
        rule.apply(to: &fixture.fields)
        #expect(lines(of: fixture.fields) == ["X-A: a"])
    }

    @Test("each operation on queries does its own, and what none names stays byte for byte")
    func queries() throws {
        let a = ByteView("a")
        let cases: [(String, [FieldOperation], String)] = [
            ("a=1&b=%zz&&a&c", [.init(a, .remove)], "b=%zz&c"), ("%61=1&b", [.init(a, .remove)], "b"),
            ("a=1&b=2&a", [.init(a, .rename(to: ByteView("x y")))], "x%20y=1&b=2&x%20y"),
            ("a=1&b=2", [.init(a, .rename(to: ByteView("b")))], "b=1"),
            ("b=2", [.init(a, .rename(to: ByteView("b")))], "b=2"),
            (
                "a=1&b=2", [.init(a, .rename(to: ByteView("b"))), .init(ByteView("b"), .rename(to: a))], "b=1&a=2"
            ),
            ("x=1&a=2&a=3", [.init(a, .replace(constant("n&=+ é")))], "x=1&a=n%26%3D%2B%20%C3%A9"),
            ("x=1", [.init(a, .replace(constant("n")))], "x=1"),
            ("x=1&a=2&y", [.init(a, .set(constant("n")))], "x=1&y&a=n"), ("", [.init(a, .set(constant("n")))], "a=n"),
            ("a=1", [.init(a, .append(constant("n")))], "a=1&a=n"), ("a=1", [.init(a, .remove)], ""),
            (
                "a=1&b=2", [.init(a, .remove), .init(a, .rename(to: ByteView("b"))), .init(a, .set(constant("n")))],
                "b=2&a=n"
            ),
            (
                "a=1", [.init(a, .rename(to: ByteView("b"))), .init(ByteView("b"), .replace(constant("n")))], "b=n"
            ),
            ("a=1", [.init(a, .set(.rendered(0)))], ""), ("a=1&b", [.init(a, .replace(.rendered(0)))], "b"),
        ]
        for (query, operations, expected) in cases {
            let fixture = try TransformFixture(query: query)
            defer { withExtendedLifetime(fixture) {} }
            let rule = makeRule([], query: operations, texts: [[.value(.claim(0), [])]])
            #expect(rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match) == nil)
            #expect(rule.editedQuery(fixture.facts.query).string == expected)
        }
    }

    @Test(
        "the path for the upstream is canonical, or the request is refused",
        arguments: [
            ("q=b", "/v2/seven/b"), ("q=b%20c%C3%A9%25%3F", "/v2/seven/b%20c%C3%A9%25%3F"), ("q=..", nil), ("q=.", nil),
            ("q=a/b", nil), ("q=%5C", nil), ("q=", nil), ("", nil), ("q=a%00", nil), ("q=a.b", "/v2/seven/a.b"),
        ] as [(String, String?)])
    func path(query: String, expected: String?) throws {
        let fixture = try TransformFixture(query: query)
        defer { withExtendedLifetime(fixture) {} }
        var parts = RequestTransformRule.Parts()
        parts.texts = TextTable([[.value(.query(ByteView("q")), [])]])
        parts.path = [.literal(ByteView("/v2/")), .capture(0), .literal(ByteView("/")), .rendered(0)]
        let rule = RequestTransformRule(parts)
        var buffer = IOBuffer()
        var problem = rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match)
        if problem == nil {
            problem = rule.appendPath(parameters: fixture.match, original: fixture.facts.path, to: &buffer)
        }
        #expect((problem == nil) == (expected != nil))
        if let expected { #expect(buffer.readable.string == expected) }
    }

    @Test("random queries and operations never lose a pair that none names")
    func noise() throws {
        var random = FuzzPlan.random(seed: 5)
        let names: [StaticString] = ["a", "b", "c"]
        for _ in 0..<FuzzPlan.iterations(usual: 3_000) {
            let length = Int.random(in: 0..<12, using: &random)
            let query = String((0..<length).map { _ in "ab=&%6z+".randomElement(using: &random) ?? "a" })
            var operations: [FieldOperation] = []
            for name in names where Bool.random(using: &random) {
                let name = ByteView(name)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: operations.insert(.init(name, .remove), at: 0)
                case 1: operations.append(.init(name, .replace(constant("v"))))
                case 2: operations.append(.init(name, .set(constant("v"))))
                default: operations.append(.init(name, .append(constant("v"))))
                }
            }
            let fixture = try TransformFixture(query: query + "&zz=1")
            defer { withExtendedLifetime(fixture) {} }
            let rule = makeRule([], query: operations)
            let edited = rule.editedQuery(fixture.facts.query).string
            withExtendedLifetime((rule, fixture)) {}
            #expect(edited.contains("zz=1") && (operations.isEmpty || !edited.contains("&&")))
        }
    }
}
