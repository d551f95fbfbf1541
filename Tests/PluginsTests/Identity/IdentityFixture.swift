import Base
import HTTP
import Identity
import JOSE
import Plugins
import Routing

/// One loop's identity plugins, an issuer whose keys it has, and a clock that stands.
final class IdentityFixture {
    static let now: Int64 = 1_800_000_000
    static let name = "https://sso.test"
    static let key = MintFixture.es256
    static let other = MintFixture.other

    let texts = TextArena()
    let issuer: IssuerKeys
    /// Issuers beside it, from index 1 on.
    var others: [IssuerKeys] = []
    let identity: LoopIdentity
    var now = IdentityFixture.now
    private(set) var caller = Caller()

    init(limits: TokenCacheLimits = TokenCacheLimits(), tenant: StaticString = "", isLoaded: Bool = true) throws {
        issuer = IssuerKeys(
            name: "corporate", policy: Self.policy { $0.tenant = ByteView(tenant) }, algorithms: .asymmetric)
        if isLoaded { issuer.adopt(KeySet(keys: [Self.key.verificationKey])) }
        var random = RandomSource(seed: 7)
        identity = LoopIdentity(limits: limits, random: &random)
        try identity.mint.adopt(try MintFixture.state(Self.key))
    }

    /// The issuer's rules, with some changes.
    static func policy(_ change: (inout TokenPolicy.Parts) -> Void = { _ in }) -> TokenPolicy {
        let texts = TextArena()
        var parts = TokenPolicy.Parts(
            subjectPath: ClaimPath(names: ["sub"]),
            scopePaths: [ClaimPath(names: ["scope"]), ClaimPath(names: ["scp"])],
            clientPath: ClaimPath(names: ["azp"]))
        parts.issuer = texts.keep(name)
        parts.audiences = [texts.keep("bank-api")]
        change(&parts)
        return TokenPolicy(parts, texts: texts)
    }

    /// A token that lives an hour unless told otherwise.
    static func token(
        _ more: String = "", audience: String = #""bank-api""#, life: Int64 = 3600, key: SigningKey = key
    ) throws -> String {
        let signer = try TokenSigner(key)
        let claims =
            #"{"iss":"\#(name)","sub":"ada","aud":\#(audience),"exp":\#(now + life),"user_id":12345"#
            + (more.isEmpty ? "" : "," + more) + "}"
        var output = IOBuffer()
        try claims.withByteView { (view) throws(TokenError) in try signer.sign(view, to: &output) }
        return output.readable.string
    }

    /// A chain for `jwt` and, with an ID, `spiffe`.
    func chain(
        number: UInt64 = 1, issuers: [Int] = [0], isRequired: Bool = true,
        sources: [TokenSource] = [.field(name: ByteView("Authorization"), known: .authorization)],
        scopes: [StaticString] = [], id: [SPIFFETemplate.Piece] = [],
        tenant: TenantRule = .issuer(isRequired: false), routeTenant: RouteTenantRule? = nil,
        internalToken: InternalTokenPlugin? = nil, claims: [ClaimPath] = []
    ) throws -> IdentityChain {
        var spiffe: SPIFFEPlugin?
        if !id.isEmpty {
            let template = try SPIFFETemplate(id, trustDomain: ByteView("bank-a"))
            spiffe = SPIFFEPlugin(
                rule: SPIFFERule([.init(when: [], template: template)]), tenant: tenant, routeTenant: routeTenant)
        }
        return IdentityChain(
            number: number,
            jwt: JWTRule(
                issuers: issuers, isRequired: isRequired, sources: sources, scopes: scopes.map { ByteView($0) },
                anyScope: [], audiences: [], conditions: [],
                challenge: Challenge(start: ByteView("Bearer realm=\"portcullis\""), scopes: ByteView())),
            spiffe: spiffe, internalToken: internalToken, claims: claims)
    }

    /// What becomes of a request with this token: `proceed`, `wait`, or the refusal's code.
    func check(_ token: String?, by chain: IdentityChain) throws -> String {
        try check(fields: token.map { [("Authorization", "Bearer \($0)")] } ?? [], by: chain)
    }

    func check(fields: [(String, String)], target: String = "/", by chain: IdentityChain) throws -> String {
        let request = try requestHead(fields, target: target)
        caller.reset()
        let verdict = identity.check(
            request, by: chain, issuers: [issuer] + others, parameters: RouteMatch(), now: WallTime(seconds: now),
            caller: &caller)
        return switch verdict {
        case .proceed: "proceed"
        case .wait: "wait"
        case .refuse(let refusal): "\(refusal.code)"
        }
    }

    /// The request's fields as the upstream sees them, after `check` has let it in.
    func stated(fields: [(String, String)], by chain: IdentityChain) throws -> [String] {
        var request = try requestHead(fields)
        chain.withholdTokens(in: &request.fields)
        let refusal = identity.state(caller, by: chain, now: WallTime(seconds: now), in: &request.fields)
        if let refusal { return ["refused: \(refusal.code)"] }
        return lines(request.fields)
    }
}

/// A request's head as the decoder gives it, without what `Connection` takes out.
func requestHead(_ fields: [(String, String)], target: String = "/") throws -> RequestHead {
    var buffer = IOBuffer()
    buffer.append(string: "GET \(target) HTTP/1.1\r\nHost: app.test\r\n")
    for (name, value) in fields { buffer.append(string: "\(name): \(value)\r\n") }
    buffer.append("\r\n")
    var decoder = RequestDecoder(limits: MessageLimits())
    var head = RequestHead()
    _ = try decoder.decodeHead(buffer.readable, into: &head)
    head.fields.removeHopByHop()
    return head
}

/// A list's fields, `Host` left out.
func lines(_ fields: borrowing HeaderList) -> [String] {
    var lines: [String] = []
    var index = fields.firstIndex
    while index < fields.endIndex {
        if fields.field(at: index).known != .host {
            lines.append("\(fields.name(at: index).string): \(fields.value(at: index).string)")
        }
        index = fields.index(after: index)
    }
    return lines
}
