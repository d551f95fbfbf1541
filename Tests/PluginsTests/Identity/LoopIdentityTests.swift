import Base
import HTTP
import Identity
import JOSE
import Plugins
import Routing
import Testing

private let user: [SPIFFETemplate.Piece] = [
    .literal(ByteView("spiffe://bank-a/user/")), .claim(ClaimPath(names: ["user_id"]), .verbatim),
]

@Suite("The identity chain on one loop")
struct LoopIdentityTests {
    @Test("without a token: refused where one is required, anonymous where not")
    func missing() throws {
        let fixture = try IdentityFixture()
        #expect(try fixture.check(nil, by: fixture.chain()) == "token-missing")
        #expect(try fixture.check(nil, by: fixture.chain(isRequired: false)) == "proceed")
        #expect(fixture.caller.token == nil)
    }

    @Test("a bad token is refused where none would do")
    func bad() throws {
        let fixture = try IdentityFixture()
        let optional = try fixture.chain(isRequired: false)
        #expect(try fixture.check("x", by: optional) == "token-malformed")
        let forged = try IdentityFixture.token(key: SigningKey.generate(.es256, keyID: "k1"))
        #expect(try fixture.check(forged, by: optional) == "token-signature-wrong")
        #expect(
            try fixture.check(fields: [("Authorization", "Bearer x"), ("Connection", "Authorization")], by: optional)
                == "token-missing")
        #expect(fixture.identity.tokenCount == 0)
    }

    @Test("what routes make of tokens counts as memory, and is bounded with it")
    func memory() throws {
        let scopes = (0..<1_000).map { "s\($0)" }.joined(separator: " ")
        let fixture = try IdentityFixture()
        let token = try IdentityFixture.token("\"scope\":\"\(scopes)\"")
        var before = token.utf8.count
        for number in 1...6 {
            #expect(try fixture.check(token, by: fixture.chain(number: UInt64(number), id: user)) == "proceed")
            let bytes = fixture.identity.tokenBytes
            // Four are kept; a further one takes the place of the first.
            #expect(number > 4 ? bytes == before : bytes >= before + scopes.utf8.count)
            #expect(bytes < token.utf8.count + 1_024 + 4 * (scopes.utf8.count + 1_024))
            before = bytes
        }
        let limit = 3 * before
        let small = try IdentityFixture(limits: TokenCacheLimits(bytesMax: limit))
        for number in 0..<20 {
            let token = try IdentityFixture.token("\"scope\":\"\(scopes)\",\"jti\":\"\(number)\"")
            for chain in 1...4 {
                #expect(try small.check(token, by: small.chain(number: UInt64(chain), id: user)) == "proceed")
                #expect(small.identity.tokenBytes <= limit)
            }
        }
        #expect(small.identity.tokenCount >= 2)
    }

    @Test("a token that is larger than all memory for them is checked each time, and not kept")
    func tooLarge() throws {
        let fixture = try IdentityFixture(limits: TokenCacheLimits(bytesMax: 2_000))
        let token = try IdentityFixture.token("\"scope\":\"\(String(repeating: "s", count: 900))\"")
        for _ in 0..<3 {
            #expect(try fixture.check(token, by: fixture.chain(id: user)) == "proceed")
            #expect(fixture.identity.tokenBytes <= 2_000)
        }
    }

    @Test("a good token gets through, and is remembered with what the route made of it")
    func good() throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(scopes: ["read"], id: user)
        let token = try IdentityFixture.token(#""scope":"read write""#)
        #expect(try fixture.check(token, by: chain) == "proceed")
        #expect(fixture.caller.identity?.spiffeID.string == "spiffe://bank-a/user/12345")
        #expect(fixture.caller.identity?.scopes.string == "read write")
        let first = try #require(fixture.caller.token)
        let decision = try #require(fixture.caller.identity)
        #expect(first.subject.string == "ada")
        #expect(try fixture.check(token, by: chain) == "proceed")
        #expect(fixture.caller.token === first)
        #expect(fixture.caller.identity === decision)
        #expect(fixture.identity.tokenCount == 1)
    }

    @Test("each route decides for itself, more of them than are remembered too")
    func routes() throws {
        let fixture = try IdentityFixture()
        let token = try IdentityFixture.token(#""scope":["read"]"#)
        let chains = try (0..<6).map {
            try fixture.chain(number: UInt64($0), scopes: $0 % 2 == 0 ? ["read"] : ["write"])
        }
        for _ in 0..<3 {
            for (index, chain) in chains.enumerated() {
                #expect(try fixture.check(token, by: chain) == (index % 2 == 0 ? "proceed" : "scope-missing"))
            }
        }
        #expect(fixture.identity.tokenCount == 1)
    }

    @Test("a remembered token ends with its exp and the leeway")
    func expiry() throws {
        let fixture = try IdentityFixture()
        let token = try IdentityFixture.token(life: 100)
        let chain = try fixture.chain()
        #expect(try fixture.check(token, by: chain) == "proceed")
        fixture.now += 159
        #expect(try fixture.check(token, by: chain) == "proceed")
        fixture.now += 1
        #expect(try fixture.check(token, by: chain) == "token-expired")
        #expect(fixture.identity.tokenCount == 0)
        #expect(try fixture.check(token, by: chain) == "token-expired")
    }

    @Test("a remembered token ends with its key, and lives on when others come and go")
    func keys() throws {
        let fixture = try IdentityFixture()
        let token = try IdentityFixture.token()
        let chain = try fixture.chain()
        #expect(try fixture.check(token, by: chain) == "proceed")
        let both = [IdentityFixture.key.verificationKey, IdentityFixture.other.verificationKey]
        fixture.issuer.adopt(KeySet(keys: both))
        #expect(try fixture.check(token, by: chain) == "proceed")
        fixture.issuer.adopt(KeySet(keys: [both[0]]))
        #expect(try fixture.check(token, by: chain) == "proceed")
        fixture.issuer.adopt(KeySet(keys: [both[1]]))
        #expect(try fixture.check(token, by: chain) == "wait")
        #expect(fixture.identity.missingKeyID.string == "k1")
        #expect(fixture.identity.tokenCount == 0)
        fixture.issuer.adopt(KeySet(keys: both))
        #expect(try fixture.check(token, by: chain) == "proceed")
    }

    @Test("another key under the same id is another key")
    func sameID() throws {
        let fixture = try IdentityFixture()
        let token = try IdentityFixture.token()
        let chain = try fixture.chain()
        #expect(try fixture.check(token, by: chain) == "proceed")
        let imposter = try SigningKey.generate(.es256, keyID: "k1")
        fixture.issuer.adopt(KeySet(keys: [imposter.verificationKey]))
        #expect(try fixture.check(token, by: chain) == "token-signature-wrong")
        fixture.issuer.adopt(KeySet(keys: [imposter.verificationKey, IdentityFixture.key.verificationKey]))
        #expect(try fixture.check(token, by: chain) == "proceed")
    }

    @Test("an issuer without keys, and one that the route doesn't believe")
    func issuers() throws {
        let fixture = try IdentityFixture(isLoaded: false)
        #expect(try fixture.check(try IdentityFixture.token(), by: fixture.chain()) == "wait")
        let strange = try IdentityFixture.token().split(separator: ".")
        let signer = try TokenSigner(IdentityFixture.key)
        var output = IOBuffer()
        try signer.sign(ByteView(#"{"iss":"https://other.test","exp":1}"#), to: &output)
        #expect(try fixture.check(output.readable.string, by: fixture.chain()) == "token-issuer-unknown")
        #expect(strange.count == 3)
    }

    @Test("two issuers of one name have rules of their own, whichever route saw the token first")
    func namesakes() throws {
        let fixture = try IdentityFixture()
        let policy = IdentityFixture.policy { $0.audiences = [ByteView("cards-api")] }
        let namesake = IssuerKeys(name: "cards", policy: policy, algorithms: .asymmetric)
        namesake.adopt(KeySet(keys: [IdentityFixture.key.verificationKey]))
        fixture.others = [namesake]
        let bank = try fixture.chain(number: 1)
        let cards = try fixture.chain(number: 2, issuers: [1])
        let either = try fixture.chain(number: 3, issuers: [0, 1])
        let both = try IdentityFixture.token(audience: #"["bank-api","cards-api"]"#)
        for chain in [bank, cards, either, bank, cards] { #expect(try fixture.check(both, by: chain) == "proceed") }
        #expect(fixture.identity.tokenCount == 1)
        let one = try IdentityFixture.token(audience: #""cards-api""#)
        #expect(try fixture.check(one, by: either) == "proceed")
        #expect(try fixture.check(one, by: bank) == "token-audience-wrong")
        #expect(try fixture.check(one, by: cards) == "proceed")
        #expect(try fixture.check(try IdentityFixture.token(audience: #""x""#), by: either) == "token-audience-wrong")
    }

    @Test("floods: invalid tokens leave nothing behind, valid ones no more than the limit")
    func floods() throws {
        let fixture = try IdentityFixture(limits: .init(entriesMax: 16))
        let chain = try fixture.chain()
        let good = try IdentityFixture.token()
        let parts = good.split(separator: ".").map(String.init)
        for number in 0..<200 {
            let bad = "\(parts[0]).\(parts[1]).\(Base64URL.encode([UInt8](repeating: UInt8(number), count: 64)))"
            #expect(try fixture.check(bad, by: chain) == "token-signature-wrong")
        }
        #expect(fixture.identity.tokenCount == 0)
        for number in 0..<40 {
            #expect(try fixture.check(try IdentityFixture.token(#""n":\#(number)"#), by: chain) == "proceed")
        }
        #expect(fixture.identity.tokenCount == 16)
    }

    private static var tenants: [(rule: TenantRule, outcome: String, tenant: String)] {
        [
            (.fixed(ByteView("t")), "proceed", "t"), (.claim(ClaimPath(names: ["org"])), "proceed", "cards"),
            (.claim(ClaimPath(names: ["no"])), "tenant-missing", ""), (.issuer(isRequired: true), "proceed", "bank-a"),
            (
                .between(before: ByteView("x-"), .claim(ClaimPath(names: ["org"])), after: ByteView(".y")), "proceed",
                "x-cards.y"
            ),
            (
                .between(before: ByteView("x-"), .claim(ClaimPath(names: ["no"])), after: ByteView()), "tenant-missing",
                ""
            ),
        ]
    }

    @Test("the tenant comes first, and may stand in the ID")
    func tenantInID() throws {
        for (rule, outcome, tenant) in Self.tenants {
            let fixture = try IdentityFixture(tenant: "bank-a")
            let chain = try fixture.chain(
                id: [
                    .literal(ByteView("spiffe://bank-a/")), .tenant, .literal(ByteView("/")), .issuerTenant,
                    .literal(ByteView("/")), .claim(ClaimPath(names: ["user_id"]), .verbatim),
                ], tenant: rule)
            #expect(try fixture.check(try IdentityFixture.token(#""org":"cards""#), by: chain) == outcome)
            guard outcome == "proceed" else { continue }
            #expect(fixture.caller.identity?.spiffeID.string == "spiffe://bank-a/\(tenant)/bank-a/12345")
            #expect(fixture.caller.identity?.tenant.string == tenant)
        }
    }

    @Test("however long the scopes are, the tenant in the ID is the token's", arguments: [10, 4_000, 4_090, 6_000])
    func longScopes(length: Int) throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(
            id: [.literal(ByteView("spiffe://bank-a/")), .tenant, .literal(ByteView("/user"))],
            tenant: .claim(ClaimPath(names: ["org"])))
        let tenant = String(repeating: "t", count: 120)
        let scope = String(repeating: "s", count: length)
        #expect(
            try fixture.check(try IdentityFixture.token(#""org":"\#(tenant)","scope":"\#(scope)""#), by: chain)
                == "proceed")
        #expect(fixture.caller.identity?.spiffeID.string == "spiffe://bank-a/\(tenant)/user")
        #expect(fixture.caller.identity?.tenant.string == tenant)
        #expect(fixture.caller.identity?.scopes.string == scope)
    }

    @Test(
        "a token of another tenant, or of none, is refused each time",
        arguments: [("bank-b", "proceed"), ("", "tenant-mismatch"), ("bank-a", "tenant-mismatch")])
    func boundary(tenant: String, outcome: String) throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(
            id: user, tenant: tenant.isEmpty ? .issuer(isRequired: false) : .claim(ClaimPath(names: ["org"])),
            routeTenant: .fixed(ByteView("bank-b")))
        let token = try IdentityFixture.token(#""org":"\#(tenant)""#)
        for _ in 0..<2 { #expect(try fixture.check(token, by: chain) == outcome) }
    }
}

@Suite("What upstreams see of a caller")
struct CallerStatementTests {
    private static let everywhere: [TokenSource] = [
        .field(name: ByteView("Authorization"), known: .authorization),
        .field(name: ByteView("X-Token"), known: .other), .cookie(ByteView("session")),
    ]

    private func plugin(
        _ placement: InternalTokenPlacement, audiences: [InternalTokenRule.Audience] = [.literal(ByteView("bank-a"))]
    ) throws -> InternalTokenPlugin {
        InternalTokenPlugin(rule: try MintFixture().rule(audiences: audiences), placement: placement)
    }

    /// Names of the fields, and whether a value holds the client's token.
    private func seen(
        _ fields: [(String, String)], _ plugin: InternalTokenPlugin?, token: String
    ) throws -> (names: [String], leaks: Bool) {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(isRequired: false, sources: Self.everywhere, id: user, internalToken: plugin)
        #expect(try fixture.check(fields: fields, by: chain) == "proceed")
        let stated = try fixture.stated(fields: fields, by: chain)
        return (stated.map { String($0.prefix { $0 != ":" }) }, stated.contains { $0.contains(token) })
    }

    @Test(
        "the internal token takes the client's place, wherever that was",
        arguments: ["Authorization", "X-Token", "Cookie"])
    func replaced(place: String) throws {
        let token = try IdentityFixture.token()
        let value = ["Authorization": "Bearer \(token)", "X-Token": token, "Cookie": "a=b; session=\(token); c=d"]
        let fields = [(place, try #require(value[place])), ("Accept", "*/*")]
        let replaced = try seen(fields, plugin(.authorization), token: token)
        #expect(!replaced.leaks)
        let rest = place == "Cookie" ? ["Accept", "Cookie"] : ["Accept"]
        #expect(replaced.names == rest + ["Authorization", "X-Spiffe-ID"])
        let beside = try seen(fields, plugin(.field(.xInternalJWT, keepsAuthorization: false)), token: token)
        #expect(!beside.leaks)
        #expect(beside.names == rest + ["X-Internal-JWT", "X-Spiffe-ID"])
        let kept = try seen(fields, plugin(.field(.xInternalJWT, keepsAuthorization: true)), token: token)
        #expect(kept.leaks == (place == "Authorization"))
        let plain = try seen(fields, nil, token: token)
        #expect(plain.leaks)
    }

    @Test("an anonymous caller can't put anything in the gateway's places")
    func anonymous() throws {
        let fields = [("Authorization", "Basic dXNlcjpwYXNz"), ("Accept", "*/*")]
        #expect(try seen(fields, plugin(.authorization), token: "-").names == ["Accept"])
        let kept = try seen(fields, plugin(.field(.xInternalJWT, keepsAuthorization: true)), token: "-")
        #expect(kept.names == ["Authorization", "Accept"])
        #expect(try seen(fields, nil, token: "-").names == ["Authorization", "Accept"])
    }

    @Test("a token's last second is no time for another one")
    func lastSecond() throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(id: user, internalToken: plugin(.authorization))
        let fields = [("Authorization", "Bearer \(try IdentityFixture.token(life: 0))")]
        #expect(try fixture.check(fields: fields, by: chain) == "proceed")
        #expect(try fixture.stated(fields: fields, by: chain) == ["refused: token-expired"])
    }

    @Test("the same caller gets the same internal token, and a rotated key another one")
    func minted() throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain(id: user, internalToken: plugin(.authorization))
        let fields = [("Authorization", "Bearer \(try IdentityFixture.token())")]
        var seen: [[String]] = []
        for _ in 0..<3 {
            #expect(try fixture.check(fields: fields, by: chain) == "proceed")
            seen.append(try fixture.stated(fields: fields, by: chain))
        }
        #expect(Set(seen).count == 1)
        #expect(fixture.identity.mint.signedCount == 1)
        try fixture.identity.mint.adopt(try MintFixture.state(IdentityFixture.other))
        #expect(try fixture.check(fields: fields, by: chain) == "proceed")
        #expect(try fixture.stated(fields: fields, by: chain) != seen[0])
        #expect(fixture.identity.mint.signedCount == 2)
    }
}
