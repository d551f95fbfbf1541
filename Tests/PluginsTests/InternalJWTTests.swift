import Base
import Identity
import JOSE
import Plugins
import Testing

@Suite("internal_jwt: what a token says")
struct InternalTokenTests {
    private func mint(
        _ fixture: MintFixture, _ rule: InternalTokenRule, _ identity: TokenIdentity? = nil
    ) throws -> (header: String, claims: String) {
        let identity = identity ?? fixture.identity()
        let reference = try fixture.mint.mint(rule, for: identity, now: fixture.now)
        let found = fixture.mint.token(at: reference, now: fixture.now, outerExpiry: identity.expiry)
        return try fixture.read(try #require(found).token)
    }

    @Test("the seed's token: iss, sub, aud, scope, tenant, iat, exp; signed, with its key's id")
    func seed() throws {
        let fixture = try MintFixture()
        let (header, claims) = try mint(fixture, fixture.rule())
        #expect(header == #"{"alg":"ES256","kid":"k1","typ":"JWT"}"#)
        #expect(
            claims == #"{"iss":"https://gateway.example.com","sub":"spiffe://bank-a/user/12345","aud":"bank-a","#
                + #""scope":["read","transfer"],"tenant":"bank-a","iat":1800000000,"exp":1800000060}"#)
    }

    @Test("chosen claims are copied byte by byte, in the rule's order; what isn't there is left out")
    func chosen() throws {
        let fixture = try MintFixture()
        let rule = fixture.rule(claims: ["department", "absent", "n", "email", "n"], actor: "spiffe://bank-a/gateway")
        let (_, claims) = try mint(fixture, rule)
        #expect(
            claims.hasSuffix(
                #""tenant":"bank-a","act":{"sub":"spiffe://bank-a/gateway"},"department":{"a": [1, 2]},"n":1.50,"#
                    + #""email":"u@example.com","iat":1800000000,"exp":1800000060}"#))
    }

    @Test("claims that the gateway writes itself are not copied, whatever the rule says")
    func reserved() throws {
        let outer = #"{"iss":"evil","sub":"x","aud":"x","exp":9,"tenant":"x","act":{"sub":"x"},"jti":"x","scope":"x"}"#
        let fixture = try MintFixture(claims: outer)
        let names: [StaticString] = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "tenant", "act"]
        let (_, claims) = try mint(fixture, fixture.rule(claims: names))
        #expect(!claims.contains("evil"))
        #expect(!claims.contains(#""x""#))
    }

    @Test("an access token follows RFC 9068: at+jwt, client_id, jti, scopes as a string")
    func accessToken() throws {
        let fixture = try MintFixture(claims: #"{"client_id":"forged"}"#)
        let (header, claims) = try mint(fixture, fixture.rule(profile: .accessToken, claims: ["client_id"]))
        #expect(header == #"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#)
        #expect(
            claims.hasPrefix(
                #"{"iss":"https://gateway.example.com","sub":"spiffe://bank-a/user/12345","aud":"bank-a","#
                    + #""scope":"read transfer","tenant":"bank-a","client_id":"mobile-app","jti":""#))
        #expect(claims.hasSuffix(#"","iat":1800000000,"exp":1800000060}"#))
        #expect(throws: MintRefusal.clientMissing) {
            try mint(fixture, fixture.rule(profile: .accessToken), fixture.identity(client: ""))
        }
    }

    @Test("a JWT-SVID has typ JWT, no header beyond alg, kid and typ, and is never signed with EdDSA")
    func jwtSVID() throws {
        let fixture = try MintFixture()
        let (header, claims) = try mint(fixture, fixture.rule(profile: .jwtSVID))
        #expect(header == #"{"alg":"ES256","kid":"k1","typ":"JWT"}"#)
        #expect(claims.contains(#""sub":"spiffe://bank-a/user/12345","aud":"bank-a","#))
        let edwards = try MintFixture(key: MintFixture.edDSA)
        #expect(throws: MintRefusal.algorithmUnfit) { try mint(edwards, edwards.rule(profile: .jwtSVID)) }
        let identity = edwards.identity()
        let reference = try edwards.mint.mint(edwards.rule(), for: identity, now: edwards.now)
        let token = edwards.mint.token(at: reference, now: edwards.now, outerExpiry: identity.expiry)
        let read = try edwards.read(try #require(token).token, key: MintFixture.edDSA)
        #expect(read.header == #"{"alg":"EdDSA","kid":"ed","typ":"JWT"}"#)
    }

    @Test(
        "scopes as an array or a string, with and without any",
        arguments: [
            (ScopeFormat.array, "read", #""scope":["read"]"#), (.array, "", #""scope":[]"#),
            (.string, "read write", #""scope":"read write""#), (.string, "", nil),
        ] as [(ScopeFormat, StaticString, String?)])
    func scopes(format: ScopeFormat, scopes: StaticString, expected: String?) throws {
        let fixture = try MintFixture()
        let (_, claims) = try mint(fixture, fixture.rule(scopeFormat: format), fixture.identity(scopes: scopes))
        if let expected { #expect(claims.contains(expected + ",")) } else { #expect(!claims.contains("scope")) }
    }

    @Test("one audience is a string, several are an array, and the tenant can be one")
    func audiences() throws {
        let fixture = try MintFixture()
        let tenant = fixture.rule(audiences: [.tenant])
        #expect(try mint(fixture, tenant, fixture.identity(tenant: "bank-b")).claims.contains(#""aud":"bank-b","#))
        let several = fixture.rule(audiences: [.literal(ByteView("a")), .tenant])
        #expect(try mint(fixture, several).claims.contains(#""aud":["a","bank-a"],"#))
        let joined = fixture.rule(audiences: [.joined([.literal(ByteView("svc-")), .tenant, .literal(ByteView("!"))])])
        #expect(try mint(fixture, joined).claims.contains(#""aud":"svc-bank-a!","#))
        #expect(throws: MintRefusal.tenantMissing) { try mint(fixture, tenant, fixture.identity(tenant: "")) }
        let bare = try mint(fixture, fixture.rule(), fixture.identity(tenant: "")).claims
        #expect(!bare.contains("tenant"))
    }

    @Test("texts are escaped: nobody writes claims of their own into a token")
    func escaping() throws {
        let fixture = try MintFixture()
        let (_, claims) = try mint(fixture, fixture.rule(), fixture.identity(tenant: "a\",\"admin\":true,\"b\":\"\\\n"))
        #expect(claims.contains(#""tenant":"a\",\"admin\":true,\"b\":\"\\\u000a","#))
        let document = JSONDocument(seed: 0)
        try claims.withByteView { text in
            let value = try document.read(text, limits: .claims)
            #expect(value.member("admin") == nil)
        }
    }

    @Test("each token has an id of its own and its digest for the audit line")
    func ids() throws {
        let fixture = try MintFixture()
        let identity = fixture.identity()
        var seen: Set<String> = []
        for second in 0..<5 {
            let now = WallTime(seconds: fixture.now.seconds + Int64(second) * 60)
            let reference = try fixture.mint.mint(fixture.rule(hasID: true), for: identity, now: now)
            let token = try #require(fixture.mint.token(at: reference, now: now, outerExpiry: identity.expiry))
            #expect(token.id.count == 32)
            #expect(try fixture.read(token.token).claims.contains(#""jti":"\#(token.id.string)""#))
            #expect(seen.insert(token.id.string).inserted)
            let digest = SHA256Digest(of: token.token).withBytes { Array($0.raw.prefix(16)) }
            let text = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            #expect(token.digest.string == text)
        }
        let plain = try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        let token = try #require(
            fixture.mint.token(at: plain, now: fixture.now, outerExpiry: identity.expiry))
        #expect(token.id.isEmpty)
    }

    @Test("claims over 16 KiB are refused, and without a key nothing is issued")
    func limits() throws {
        let long = String(repeating: "x", count: 16 * 1024)
        let fixture = try MintFixture(claims: #"{"email":"\#(long)"}"#)
        #expect(throws: MintRefusal.tooLarge) { try mint(fixture, fixture.rule(claims: ["email"])) }
        let keyless = try MintFixture(key: nil)
        #expect(throws: MintRefusal.noSigningKey) { try mint(keyless, keyless.rule()) }
    }

    @Test(
        "each refusal has its status",
        arguments: [
            (MintRefusal.outerTokenExpires, 401), (.noSigningKey, 503), (.algorithmUnfit, 503), (.signingFailed, 503),
            (.tenantMissing, 403), (.clientMissing, 403), (.tooLarge, 403),
        ])
    func statuses(refusal: MintRefusal, status: Int) {
        #expect(refusal.refusal.status == status)
        #expect("\(refusal.refusal.code)" == "\(refusal.code)")
    }
}
