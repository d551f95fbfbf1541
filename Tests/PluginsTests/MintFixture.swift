import Base
import Identity
import JOSE
import Plugins
import TestSupport

/// A mint with a key, and an identity to issue tokens about.
struct MintFixture {
    static let es256 = key("k1", .es256)
    static let other = key("k2", .es256)
    static let edDSA = key("ed", .edDSA)

    let mint: TokenMint
    let claims: Claims
    let now = WallTime(seconds: 1_800_000_000)

    init(
        key: SigningKey? = es256, limits: MintedCacheLimits = MintedCacheLimits(),
        claims: String = #"{"sub":"user@bank-a","email":"u@example.com","n":1.50,"department":{"a": [1, 2]}}"#
    ) throws {
        mint = TokenMint(limits: limits, seed: 7)
        self.claims = try Claims(claims)
        if let key { try mint.adopt(try Self.state(key)) }
    }

    static func state(_ key: SigningKey) throws -> SigningState {
        var ring = SigningKeyRing()
        let entry = SigningKeyEntry(key: key, state: nil, fileTime: nil, group: 0)
        let policy = SigningPolicy(publishBeforeSigning: 300, tokenLifetimeMaximum: 300)
        do throws(SigningKeyProblem) {
            try ring.update([entry], policy: policy, now: 1_800_000_000)
        } catch {
            preconditionFailure("one key is a set")
        }
        guard let state = ring.state else { preconditionFailure("an update makes a state") }
        return state
    }

    private static func key(_ id: String, _ algorithm: SignatureAlgorithm) -> SigningKey {
        do {
            return try SigningKey.generate(algorithm, keyID: id)
        } catch {
            preconditionFailure("OpenSSL makes keys: \(error)")
        }
    }

    /// The seed's user, whose outer token lives another hour unless told otherwise.
    func identity(
        subject: StaticString = "spiffe://bank-a/user/12345", tenant: StaticString = "bank-a",
        scopes: StaticString = "read transfer", client: StaticString = "mobile-app", outerLife: Int64 = 3600
    ) -> TokenIdentity {
        TokenIdentity(
            subject: ByteView(subject), tenant: ByteView(tenant), scopes: ScopeList(ByteView(scopes)),
            claims: claims.value, client: ByteView(client), expiry: now.seconds + outerLife)
    }

    func rule(
        audiences: [InternalTokenRule.Audience] = [.literal(ByteView("bank-a"))], lifetime: Int64 = 60,
        profile: InternalTokenProfile = .internal, scopeFormat: ScopeFormat = .array, claims: [StaticString] = [],
        hasID: Bool = false, actor: StaticString = ""
    ) -> InternalTokenRule {
        InternalTokenRule(
            issuer: ByteView("https://gateway.example.com"), audiences: audiences, lifetime: lifetime,
            profile: profile, scopeFormat: scopeFormat, claims: claims.map { ByteView($0) }, hasID: hasID,
            actor: ByteView(actor))
    }

    /// Header and claims of a token, whose signature is checked.
    func read(_ token: ByteView, key: SigningKey = es256) throws -> (header: String, claims: String) {
        let compact = CompactToken()
        try compact.read(token, maximumCount: 100_000)
        let verifier = TokenVerifier(KeySet(keys: [key.verificationKey]), algorithms: .asymmetric)
        _ = try verifier.verify(compact)
        return (compact.header.string, compact.payload.string)
    }
}
