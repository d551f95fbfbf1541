import Base
import HTTP
import Identity
import JOSE
import Plugins
import Routing
import Testing

/// What the audit log can say of a request, by the end that the identity chain has brought it to.
@Suite("What is known of callers and of tokens that were refused")
struct RefusedTokenTests {
    private static let user: [SPIFFETemplate.Piece] = [
        .literal(ByteView("spiffe://bank-a/user/")), .claim(ClaimPath(names: ["user_id"]), .verbatim),
    ]

    /// `issuer signed subject kid`, or `nothing`.
    private func known(_ fixture: IdentityFixture) -> String {
        guard let refused = fixture.caller.refused else { return "nothing" }
        let sign = refused.isSigned ? "signed" : "claimed"
        return "\(refused.issuer.name.string) \(sign) \(refused.subject.string) \(refused.keyID.string)"
    }

    @Test("a forged token has claims, one that the issuer signed has a subject, another's has nothing")
    func refused() throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain()
        let forged = try IdentityFixture.token(key: SigningKey.generate(.es256, keyID: "k1"))
        #expect(try fixture.check(forged, by: chain) == "token-signature-wrong")
        #expect(known(fixture) == "corporate claimed  k1")
        #expect(try fixture.check(IdentityFixture.token(life: -3_600), by: chain) == "token-expired")
        #expect(known(fixture) == "corporate signed ada k1")
        // Nothing of the one before is left.
        #expect(try fixture.check("garbage", by: chain) == "token-malformed")
        #expect(known(fixture) == "nothing")
        let stranger = try IdentityFixture.token(key: IdentityFixture.other)
        #expect(try fixture.check(stranger, by: chain) == "wait")
        #expect(known(fixture) == "corporate claimed  k2")
        #expect(try fixture.check(nil, by: chain) == "token-missing")
        #expect(known(fixture) == "nothing")
    }

    @Test("a token that was good until it expired is still the caller's")
    func expired() throws {
        let fixture = try IdentityFixture()
        let chain = try fixture.chain()
        let token = try IdentityFixture.token(life: 10)
        #expect(try fixture.check(token, by: chain) == "proceed")
        #expect(known(fixture) == "nothing")
        fixture.now += 3_600
        #expect(try fixture.check(token, by: chain) == "token-expired")
        #expect(fixture.identity.tokenCount == 0)
        #expect(known(fixture) == "corporate signed ada k1")
    }

    @Test("what was worked out before the refusal is kept")
    func partly() throws {
        let fixture = try IdentityFixture(tenant: "bank-b")
        let token = try IdentityFixture.token(#""scope":"read write""#)
        func outcome(_ chain: IdentityChain) throws -> [String] {
            let code = try fixture.check(token, by: chain)
            guard let identity = fixture.caller.identity else { return [code] }
            return [code, identity.scopes.string, identity.spiffeID.string, identity.tenant.string]
        }
        let id = "spiffe://bank-a/user/12345"
        #expect(
            try outcome(fixture.chain(number: 1, scopes: ["other"], id: Self.user)) == [
                "scope-missing", "read write", "", "",
            ])
        let missing: [SPIFFETemplate.Piece] = [
            .literal(ByteView("spiffe://bank-a/user/")), .claim(ClaimPath(names: ["nothing"]), .verbatim),
        ]
        #expect(
            try outcome(fixture.chain(number: 2, id: missing)) == ["spiffe-claim-missing", "read write", "", "bank-b"])
        #expect(
            try outcome(fixture.chain(number: 3, id: Self.user, tenant: .claim(ClaimPath(names: ["nothing"])))) == [
                "tenant-missing", "read write", "", "",
            ])
        let foreign = try fixture.chain(number: 4, id: Self.user, routeTenant: .fixed(ByteView("bank-a")))
        #expect(try outcome(foreign) == ["tenant-mismatch", "read write", id, "bank-b"])
        let request = try requestHead([])
        var wanted = IOBuffer()
        foreign.appendRouteTenant(of: request, parameters: RouteMatch(), to: &wanted)
        try fixture.chain().appendRouteTenant(of: request, parameters: RouteMatch(), to: &wanted)
        #expect(wanted.readable.string == "bank-a")
    }

    @Test("the internal token that a request got is at hand until the next one")
    func issued() throws {
        let fixture = try IdentityFixture()
        let rule = try MintFixture().rule(hasID: true)
        let plugin = InternalTokenPlugin(rule: rule, placement: .authorization)
        let chain = try fixture.chain(id: Self.user, internalToken: plugin)
        let token = try IdentityFixture.token()
        #expect(try fixture.check(token, by: chain) == "proceed")
        let fields = try fixture.stated(fields: [("Authorization", "Bearer \(token)")], by: chain)
        let minted = try #require(fixture.identity.issued)
        #expect(fields.contains("Authorization: Bearer \(minted.token.string)"))
        #expect(minted.id.count == 32)
        let digest = SHA256Digest(of: minted.token).withBytes { bytes in
            bytes.prefix(16).raw.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
        }
        #expect(minted.digest.string == digest)
        let optional = try fixture.chain(isRequired: false, id: Self.user, internalToken: plugin)
        #expect(try fixture.check(nil, by: optional) == "proceed")
        _ = try fixture.stated(fields: [], by: optional)
        #expect(fixture.identity.issued == nil)
    }
}
