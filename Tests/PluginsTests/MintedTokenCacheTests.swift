import Base
import Identity
import JOSE
import Plugins
import TestSupport
import Testing

@Suite("internal_jwt: tokens that are used again")
struct MintedTokenCacheTests {
    private func later(_ fixture: MintFixture, _ milliseconds: Int64) -> WallTime {
        WallTime(nanoseconds: fixture.now.nanoseconds + milliseconds * 1_000_000)
    }

    @Test(
        "a token is used until a tenth of its life before its end, at least 1 s and at most 5",
        arguments: [(1, 0), (2, 1000), (5, 4000), (20, 18_000), (60, 55_000), (300, 295_000)] as [(Int64, Int64)])
    func margin(lifetime: Int64, usableFor: Int64) throws {
        let fixture = try MintFixture()
        let identity = fixture.identity()
        let rule = fixture.rule(lifetime: lifetime)
        let reference = try fixture.mint.mint(rule, for: identity, now: fixture.now)
        let last = later(fixture, usableFor)
        #expect(fixture.mint.token(at: reference, now: last, outerExpiry: identity.expiry) != nil)
        #expect(try fixture.mint.mint(rule, for: identity, now: last) == reference)
        #expect(fixture.mint.signedCount == 1)
        let after = later(fixture, usableFor + 1)
        #expect(fixture.mint.token(at: reference, now: after, outerExpiry: identity.expiry) == nil)
        #expect(try fixture.mint.mint(rule, for: identity, now: after) != reference)
        #expect(fixture.mint.signedCount == 2)
        #expect(fixture.mint.cachedCount == 1)
    }

    @Test(
        "no token outlives the one that it was made from",
        arguments: [
            (3600, 60), (61, 60), (60, 60), (59, 59), (10, 10), (1, 1), (0, nil), (-30, nil), (-1_800_000_001, nil),
        ] as [(Int64, Int64?)])
    func outerExpiry(outerLife: Int64, life: Int64?) throws {
        let fixture = try MintFixture()
        let identity = fixture.identity(outerLife: outerLife)
        guard let life else {
            #expect(throws: MintRefusal.outerTokenExpires) {
                try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
            }
            return
        }
        let reference = try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        let token = try #require(
            fixture.mint.token(at: reference, now: fixture.now, outerExpiry: identity.expiry))
        #expect(token.expiry == fixture.now.seconds + life)
        #expect(token.issuedAt == fixture.now.seconds)
    }

    @Test("a new token is given out however short its life is", arguments: [1, 2, 60] as [Int64])
    func fresh(lifetime: Int64) throws {
        let fixture = try MintFixture()
        let late = WallTime(nanoseconds: fixture.now.nanoseconds + 999_999_999)
        let reference = try fixture.mint.mint(fixture.rule(lifetime: lifetime), for: fixture.identity(), now: late)
        let token = try #require(fixture.mint.token(justMinted: reference))
        #expect(token.issuedAt == fixture.now.seconds && token.expiry == fixture.now.seconds + lifetime)
    }

    @Test("with less than a second left nothing is issued", arguments: [(0, true), (1, false), (999, false)])
    func lastSecond(milliseconds: Int64, isIssued: Bool) throws {
        let fixture = try MintFixture()
        let identity = fixture.identity(outerLife: 1)
        let reference = try? fixture.mint.mint(fixture.rule(), for: identity, now: later(fixture, milliseconds))
        #expect((reference != nil) == isIssued)
    }

    @Test("expiries at the ends of the range stop nobody", arguments: [Int64.max, Int64.min])
    func extremes(expiry: Int64) throws {
        let fixture = try MintFixture()
        var identity = fixture.identity()
        identity.expiry = expiry
        let reference = try? fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        #expect((reference != nil) == (expiry > 0))
    }

    @Test("a kept token that would outlive the present one is not used; the shorter one is shared by its like")
    func shorter() throws {
        let fixture = try MintFixture()
        let long = try fixture.mint.mint(fixture.rule(), for: fixture.identity(), now: fixture.now)
        let brief = fixture.identity(outerLife: 30)
        #expect(fixture.mint.token(at: long, now: fixture.now, outerExpiry: brief.expiry) == nil)
        let short = try fixture.mint.mint(fixture.rule(), for: brief, now: fixture.now)
        #expect(short != long)
        // Up to its last second: a new one could not live longer.
        let late = later(fixture, 29_000)
        #expect(try fixture.mint.mint(fixture.rule(), for: brief, now: late) == short)
        #expect(try fixture.mint.mint(fixture.rule(), for: fixture.identity(), now: late) == long)
        #expect(fixture.mint.signedCount == 2)
    }

    @Test("every difference in what is said, or for how long, makes another token")
    func keys() throws {
        let fixture = try MintFixture()
        let base = fixture.identity()
        var references: [MintedReference] = []
        func add(_ rule: InternalTokenRule, _ identity: TokenIdentity) throws {
            let reference = try fixture.mint.mint(rule, for: identity, now: fixture.now)
            #expect(!references.contains(reference))
            #expect(try fixture.mint.mint(rule, for: identity, now: fixture.now) == reference)
            references.append(reference)
        }
        try add(fixture.rule(), base)
        try add(fixture.rule(), fixture.identity(subject: "spiffe://bank-a/user/12346"))
        try add(fixture.rule(), fixture.identity(tenant: "bank-b"))
        try add(fixture.rule(), fixture.identity(scopes: "read"))
        try add(fixture.rule(audiences: [.literal(ByteView("ledger"))]), base)
        try add(fixture.rule(lifetime: 30), base)
        try add(fixture.rule(profile: .jwtSVID), base)
        try add(fixture.rule(profile: .accessToken), base)
        try add(fixture.rule(scopeFormat: .string), base)
        try add(fixture.rule(claims: ["email"]), base)
        try add(fixture.rule(hasID: true), base)
        try add(fixture.rule(actor: "spiffe://bank-a/gateway"), base)
        #expect(fixture.mint.signedCount == references.count)
    }

    @Test("a new signing key ends the use of the former's tokens; the same key again changes nothing")
    func rotation() throws {
        let fixture = try MintFixture()
        let identity = fixture.identity()
        let old = try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        try fixture.mint.adopt(try MintFixture.state(MintFixture.es256))
        #expect(fixture.mint.token(at: old, now: fixture.now, outerExpiry: identity.expiry) != nil)
        try fixture.mint.adopt(try MintFixture.state(MintFixture.other))
        #expect(fixture.mint.token(at: old, now: fixture.now, outerExpiry: identity.expiry) == nil)
        let new = try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        let token = try #require(fixture.mint.token(at: new, now: fixture.now, outerExpiry: identity.expiry))
        #expect(try fixture.read(token.token, key: MintFixture.other).header.contains(#""kid":"k2""#))
        fixture.mint.retire()
        #expect(fixture.mint.token(at: new, now: fixture.now, outerExpiry: identity.expiry) == nil)
        #expect(throws: MintRefusal.noSigningKey) {
            try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        }
    }

    @Test("a clock that is set back gives out no token from the future")
    func clock() throws {
        let fixture = try MintFixture()
        let identity = fixture.identity()
        let reference = try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        #expect(fixture.mint.token(at: reference, now: later(fixture, -1000), outerExpiry: identity.expiry) == nil)
    }

    /// Subjects that live as long as the process.
    private func subject(_ number: Int) -> ByteView {
        let text = Array("spiffe://bank-a/user/\(number)".utf8)
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
        _ = bytes.initialize(from: text)
        return ByteView(UnsafeRawBufferPointer(bytes))
    }

    @Test("count and bytes are bounded, whatever comes")
    func bounds() throws {
        let limits = MintedCacheLimits(count: 50, bytes: 128 * 1024)
        let long = String(repeating: "x", count: 8_000)
        let fixture = try MintFixture(key: MintFixture.edDSA, limits: limits, claims: #"{"email":"\#(long)"}"#)
        for number in 0..<300 {
            var identity = fixture.identity()
            identity.subject = subject(number)
            let rule = fixture.rule(claims: number % 3 == 0 ? ["email"] : [])
            let reference = try fixture.mint.mint(rule, for: identity, now: fixture.now)
            #expect(fixture.mint.token(at: reference, now: fixture.now, outerExpiry: identity.expiry) != nil)
            #expect(fixture.mint.cachedCount <= 50)
            #expect(fixture.mint.cachedByteCount <= 128 * 1024)
        }
    }

    @Test("a flood of tokens that are used once doesn't drive out those in use")
    func flood() throws {
        let fixture = try MintFixture(key: MintFixture.edDSA, limits: MintedCacheLimits(count: 64, bytes: 1 << 20))
        var kept: [MintedReference] = []
        for number in 0..<16 {
            var identity = fixture.identity()
            identity.subject = subject(number)
            kept.append(try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now))
        }
        let expiry = fixture.identity().expiry
        for number in 0..<600 {
            for reference in kept {
                #expect(fixture.mint.token(at: reference, now: fixture.now, outerExpiry: expiry) != nil)
            }
            var identity = fixture.identity()
            identity.subject = subject(1_000 + number)
            _ = try fixture.mint.mint(fixture.rule(), for: identity, now: fixture.now)
        }
        #expect(fixture.mint.signedCount == 616)
        #expect(fixture.mint.cachedCount <= 64)
    }

    @Test("expired tokens make room before memory grows")
    func expired() throws {
        let fixture = try MintFixture(key: MintFixture.edDSA)
        for number in 0..<2_000 {
            var identity = fixture.identity(outerLife: 1_000_000)
            identity.subject = subject(number)
            let now = later(fixture, Int64(number) * 1_000)
            _ = try fixture.mint.mint(fixture.rule(lifetime: 10), for: identity, now: now)
            #expect(fixture.mint.cachedCount <= 40)
        }
    }

    @Test("against a plain model: a reference leads to its own token or to none, and tokens say what was asked for")
    func model() throws {
        let fixture = try MintFixture(key: MintFixture.edDSA, limits: MintedCacheLimits(count: 20, bytes: 1 << 20))
        var random = FuzzPlan.random(seed: 0xcac4e)
        var tokens: [(reference: MintedReference, token: String)] = []
        let subjects = (0..<60).map(subject)
        var second = fixture.now.seconds
        for _ in 0..<FuzzPlan.iterations(usual: 1_500) {
            second += Int64.random(in: 0...3, using: &random)
            let now = WallTime(seconds: second)
            var identity = fixture.identity()
            identity.subject = subjects.randomElement(using: &random) ?? ByteView()
            identity.expiry = second + Int64.random(in: 1...120, using: &random)
            let reference = try fixture.mint.mint(fixture.rule(), for: identity, now: now)
            let minted = try #require(fixture.mint.token(at: reference, now: now, outerExpiry: identity.expiry))
            #expect(minted.expiry <= identity.expiry && minted.expiry > second && minted.expiry <= second + 60)
            let claims = try fixture.read(minted.token, key: MintFixture.edDSA).claims
            #expect(claims.contains("\"sub\":\"\(identity.subject.string)\""))
            tokens.append((reference, minted.token.string))
            if let old = tokens.randomElement(using: &random),
                let found = fixture.mint.token(at: old.reference, now: now, outerExpiry: .max)
            {
                #expect(found.token.string == old.token)
            }
        }
    }
}
