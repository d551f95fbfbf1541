import Base
import HTTP
import Plugins
import Routing
import Testing

private func block(_ text: String) throws -> CIDRBlock { try CIDRBlock(text: text) }
private func client(_ text: String) throws -> IPAddress { try #require(IPAddress(text: text)) }

private func fields(_ lines: [(String, String)]) -> HeaderList {
    var list = HeaderList()
    for (name, value) in lines {
        name.withByteView { name in value.withByteView { list.append(name: name, value: $0) } }
    }
    return list
}

private func text(_ list: borrowing HeaderList) -> [String] {
    var lines: [String] = []
    var index = list.firstIndex
    while index < list.endIndex {
        lines.append("\(list.name(at: index).string): \(list.value(at: index).string)")
        index = list.index(after: index)
    }
    return lines
}

@Suite("ip_restriction")
struct IPRestrictionTests {
    @Test(
        "deny wins, an empty allow lets everybody else in, and a non-empty one nobody else",
        arguments: [
            ([], [], "203.0.113.1", true),
            (["10.0.0.0/8"], [], "10.255.255.255", true),
            (["10.0.0.0/8"], [], "11.0.0.0", false),
            (["10.0.0.0/8"], [], "::1", false),
            ([], ["10.0.0.0/8"], "10.0.0.1", false),
            ([], ["10.0.0.0/8"], "9.255.255.255", true),
            ([], ["10.0.0.0/8"], "2001:db8::1", true),
            (["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.2.3", false),
            (["10.0.0.0/8"], ["10.1.0.0/16"], "10.2.2.3", true),
            (["10.1.2.3"], ["10.1.2.3"], "10.1.2.3", false),
            (["2001:db8::/32"], [], "2001:db8:ffff::1", true),
            (["2001:db8::/32"], [], "2001:db9::1", false),
            // A mapped address is the IPv4 address in it.
            ([], ["10.0.0.0/8"], "::ffff:10.0.0.1", false),
            (["10.0.0.0/8"], [], "::ffff:10.0.0.1", true),
            (["0.0.0.0/0"], [], "8.8.8.8", true),
            (["0.0.0.0/0"], [], "2001:db8::1", false),
            (["::/0"], [], "8.8.8.8", false),
            ([], ["0.0.0.0/0", "::/0"], "8.8.8.8", false),
        ] as [([String], [String], String, Bool)])
    func table(allow: [String], deny: [String], address: String, isLetIn: Bool) throws {
        let rule = IPRestrictionRule(allow: try allow.map(block), deny: try deny.map(block))
        let refusal = rule.refusal(of: try client(address))
        #expect((refusal == nil) == isLetIn)
        if let refusal {
            #expect(refusal.status == 403)
            #expect("\(refusal.code)" == "ip-restricted")
        }
    }
}

@Suite("Header edits")
struct HeaderEditTests {
    private func assignment(_ name: StaticString, _ pieces: [CompiledTemplate.Piece]) -> HeaderEditRule.Assignment {
        HeaderEditRule.Assignment(name: ByteView(name), value: CompiledTemplate(pieces))
    }

    private func response(_ rule: HeaderEditRule, _ lines: [(String, String)]) -> [String] {
        var list = fields(lines)
        PluginChain([.responseHeaders(rule)]).transformResponse(&list)
        return text(list)
    }

    @Test("removes every line of a name, in any case of letters, and keeps the order of the rest")
    func removal() {
        let rule = HeaderEditRule(removals: [ByteView("x-one"), ByteView("X-Absent")], assignments: [])
        let edited = response(rule, [("A", "1"), ("X-One", "2"), ("B", "3"), ("X-ONE", "4"), ("X-One-More", "5")])
        #expect(edited == ["A: 1", "B: 3", "X-One-More: 5"])
    }

    @Test("sets one line in place of all of its name, after the removals")
    func setting() {
        let rule = HeaderEditRule(
            removals: [ByteView("X-A")],
            assignments: [
                assignment("x-a", [.literal(ByteView("new"))]), assignment("X-B", []),
                assignment("X-B", [.literal(ByteView("1")), .literal(ByteView("2"))]),
            ])
        let edited = response(rule, [("X-A", "old"), ("K", "k"), ("X-b", "old"), ("X-B", "older")])
        #expect(edited == ["K: k", "x-a: new", "X-B: 12"])
    }

    @Test("a field that the codec knows is found by its meaning afterwards")
    func knownField() {
        let rule = HeaderEditRule(
            removals: [], assignments: [assignment("CONTENT-TYPE", [.literal(ByteView("text/plain"))])])
        var list = fields([("Content-Type", "text/html")])
        PluginChain([.responseHeaders(rule)]).transformResponse(&list)
        #expect(list.value(of: .contentType)?.string == "text/plain")
        #expect(list.count == 1)
    }

    @Test("captures of the route's path are put in")
    func captures() throws {
        let definition = RouteDefinition(
            id: "r", place: 0, listeners: 1, hosts: [], path: try PathPattern(template: "/a/{id}/{rest...}"),
            methods: [], headers: [], queries: [])
        let table = try #require(RouteTable.build([definition]).table)
        let path = ByteView("/a/seven/x/y")
        let request = RouteRequest(
            listener: 0, host: ByteView("h"), path: path, method: .get, methodToken: ByteView("GET"), query: ByteView())
        var match = RouteMatch()
        var list = fields([("X-Id", "forged")])
        table.match(request, fields: list, into: &match)
        let rule = HeaderEditRule(
            removals: [],
            assignments: [
                assignment("X-Id", [.literal(ByteView("<")), .capture(0), .literal(ByteView(">"))]),
                assignment("X-Rest", [.capture(1), .capture(0)]),
            ])
        PluginChain([.requestHeaders(rule)]).transformRequest(&list, parameters: match, path: path)
        #expect(text(list) == ["X-Id: <seven>", "X-Rest: x/yseven"])
    }

    @Test("each plugin has its phase and its key's name")
    func phases() {
        let edit = HeaderEditRule(removals: [], assignments: [])
        let restriction = IPRestrictionRule(allow: [], deny: [])
        let plugins: [CompiledPlugin] = [.ipRestriction(restriction), .requestHeaders(edit), .responseHeaders(edit)]
        #expect(plugins.map(\.phase) == PluginPhase.allCases)
        #expect(plugins.map { "\($0.name)" } == ["ip_restriction", "request_headers", "response_headers"])
    }

    @Test("every plugin runs in its own phase only, whatever the order in which they are given")
    func chain() throws {
        let request = HeaderEditRule(removals: [], assignments: [assignment("X-Request", [.literal(ByteView("q"))])])
        let response = HeaderEditRule(removals: [], assignments: [assignment("X-Response", [.literal(ByteView("s"))])])
        let restriction = IPRestrictionRule(allow: [], deny: [try block("10.0.0.0/8")])
        let chain = PluginChain([.responseHeaders(response), .requestHeaders(request), .ipRestriction(restriction)])
        var upstream = fields([])
        var downstream = fields([])
        chain.transformRequest(&upstream, parameters: RouteMatch(), path: ByteView("/"))
        chain.transformResponse(&downstream)
        #expect(text(upstream) == ["X-Request: q"])
        #expect(text(downstream) == ["X-Response: s"])
        let head = RequestHead()
        guard case .respond(let refusal) = chain.checkAccess(client: try client("10.0.0.1"), request: head) else {
            Issue.record("a denied client was let in")
            return
        }
        #expect(refusal.status == 403)
        guard case .proceed = chain.checkAccess(client: try client("11.0.0.1"), request: head) else {
            Issue.record("a client that isn't denied was refused")
            return
        }
        guard case .proceed = PluginChain().checkAccess(client: try client("10.0.0.1"), request: head) else {
            Issue.record("an empty chain refused")
            return
        }
    }
}
