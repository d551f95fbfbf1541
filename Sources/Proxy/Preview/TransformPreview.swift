import Base
import Configuration
import HTTP
import Plugins
import Routing

/// What the values of a route's transforms are for a sample request: rendered by the very code that serves.
package struct TransformPreview {
    /// What became of an operation's value.
    package enum Value: Equatable, Sendable {
        /// The operation has none that depends on the request.
        case constant
        case text(String)
        /// There is no text, and no default.
        case missing
        /// It holds what no value may hold.
        case unusable
        /// It may hold a token.
        case withheld
    }

    /// One for each of `RequestTransform.operations`.
    package let request: [Value]
    /// One for each of `ResponseTransform.operations`.
    package let response: [Value]
    /// Why the request is refused; nil when it isn't.
    let refusal: PluginRefusal?
    /// Nil when it stays.
    let path: String?
    let query: String?

    /// - Parameter claims: those of the chain that has decided about `identity`.
    init(
        _ request: borrowing RequestHead, parameters: Routing.RouteMatch, route: ConfiguredRoute,
        rule: RequestTransformRule?, claims: ClaimSlots, client: IPAddress?, identity: RouteIdentity?
    ) {
        let texts = TextArena()
        let compiler = TransformCompiler(texts: texts, claims: claims, domain: route.domain, routeName: route.name)
        var facts = RequestFacts()
        facts.path = request.path
        facts.query = request.query
        facts.host = request.host
        facts.authority = request.authority
        facts.method = request.methodToken
        facts.requestID = texts.keep("00000000-0000-0000-0000-000000000000")
        facts.client = client
        facts.identity = identity
        let sources = route.plugins.jwt?.sources.map(\.value) ?? []
        self.request = Self.values(
            route.plugins.requestTransform?.operations ?? [], compiler, facts, request, parameters, sources)
        self.response = Self.values(
            route.plugins.responseTransform?.operations ?? [], compiler, facts, request, parameters, sources)
        var problem: TransformProblem?
        var path: String?
        var query: String?
        if let rule {
            var bodyValues = RenderedTexts()
            problem = rule.render(facts, fields: request.fields, parameters: parameters, bodyValues: &bodyValues)
            if problem == nil, rule.changesPath {
                var buffer = IOBuffer()
                problem = rule.appendPath(parameters: parameters, original: request.path, to: &buffer)
                path = buffer.readable.string
            }
            if problem == nil, rule.changesQuery { query = rule.editedQuery(request.query).string }
        }
        refusal = problem?.refusal
        self.path = path
        self.query = query
        withExtendedLifetime(texts) {}
    }

    private static func values(
        _ operations: [TransformOperation], _ compiler: TransformCompiler, _ facts: borrowing RequestFacts,
        _ request: borrowing RequestHead, _ parameters: Routing.RouteMatch,
        _ sources: [ConfiguredTokenSource]
    ) -> [Value] {
        var values: [Value] = []
        for operation in operations {
            guard let template = operation.template else {
                values.append(.constant)
                continue
            }
            if template.parts.contains(where: { mayHoldToken($0, sources) }) {
                values.append(.withheld)
                continue
            }
            var rendered = RenderedTexts()
            let problem = compiler.table([template]).render(
                facts, fields: request.fields, parameters: parameters, into: &rendered)
            values.append(problem != nil ? .unusable : rendered[0].map { .text($0.string) } ?? .missing)
        }
        return values
    }

    private static func mayHoldToken(_ part: TextPart, _ sources: [ConfiguredTokenSource]) -> Bool {
        guard case .value(let value) = part else { return false }
        switch value.attribute {
        case .header(let name):
            let folded = name.lowercased()
            if folded == "authorization" || folded == "cookie" { return true }
            return sources.contains {
                if case .header(let source) = $0 { source.lowercased() == folded } else { false }
            }
        case .query(let name): return sources.contains(.query(name))
        case .cookie(let name): return sources.contains(.cookie(name))
        default: return false
        }
    }
}
