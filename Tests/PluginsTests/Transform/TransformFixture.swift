import Base
import HTTP
import Identity
import JOSE
import Plugins
import Routing
import Testing

/// A request to `/a/{id}/{rest...}`, and what templates may read of it.
final class TransformFixture {
    var fields = HeaderList()
    var facts = RequestFacts()
    let match = RouteMatch()
    private let texts = TextArena()
    private var identity: IdentityFixture?

    /// - Parameter claims: members of a token's claims; nil for nobody. `sub` and `list` are claims 0 and 1.
    init(
        _ lines: [(String, String)] = [], path: String = "/a/seven/x/y", query: String = "", claims: String? = nil
    ) throws {
        let definition = RouteDefinition(
            id: "r", place: 0, listeners: 1, hosts: [], path: try PathPattern(template: "/a/{id}/{rest...}"),
            methods: [], headers: [], queries: [])
        let table = try #require(RouteTable.build([definition]).table)
        for (name, value) in lines {
            name.withByteView { name in value.withByteView { fields.append(name: name, value: $0) } }
        }
        facts.path = texts.keep(path)
        facts.query = texts.keep(query)
        facts.host = texts.keep("app.test")
        facts.method = texts.keep("POST")
        facts.requestID = texts.keep("id-1")
        facts.client = "10.1.2.3".withByteView { IPAddress(text: $0) }
        table.match(
            RouteRequest(
                listener: 0, host: facts.host, path: facts.path, method: .post, methodToken: facts.method,
                query: facts.query), fields: fields, into: match)
        guard let claims else { return }
        let identity = try IdentityFixture()
        let chain = try identity.chain(
            id: [.literal(ByteView("spiffe://bank-a/user/ann"))], tenant: .fixed(ByteView("t1")),
            claims: [ClaimPath(names: ["name"]), ClaimPath(names: ["list"])])
        #expect(try identity.check(IdentityFixture.token(claims), by: chain) == "proceed")
        facts.identity = identity.caller.identity
        self.identity = identity
    }

    /// What a template of one place gives; nil when it is missing.
    func render(_ attribute: TextAttribute, _ functions: [TextFunction] = []) throws -> String? {
        try render([.value(attribute, functions)]).get()
    }

    func render(_ pieces: [TextTable.Piece]) -> Result<String?, RenderingProblem> {
        var texts = RenderedTexts()
        let problem = TextTable([pieces]).render(facts, fields: fields, parameters: match, into: &texts)
        if let problem { return .failure(RenderingProblem(problem: problem)) }
        return .success(texts[0]?.string)
    }
}

struct RenderingProblem: Error, Equatable {
    let problem: TextProblem
}

/// The lines of a list, in order.
func lines(of list: borrowing HeaderList) -> [String] {
    var lines: [String] = []
    var index = list.firstIndex
    while index < list.endIndex {
        lines.append("\(list.name(at: index).string): \(list.value(at: index).string)")
        index = list.index(after: index)
    }
    return lines
}
