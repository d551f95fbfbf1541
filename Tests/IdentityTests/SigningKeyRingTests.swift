import Base
import Identity
import JOSE
import Testing

/// Keys are dear to make: one of each for the whole suite.
enum TestKeys {
    static let a = make("a")
    static let b = make("b")
    static let c = make("c")
    static let otherA = make("a")
    static let edwards = make("ed", .edDSA)
    static let rsa = make("rsa", .rs256)

    private static func make(_ id: String, _ algorithm: SignatureAlgorithm = .es256) -> SigningKey {
        do {
            return try SigningKey.generate(algorithm, keyID: id)
        } catch {
            preconditionFailure("OpenSSL makes keys: \(error)")
        }
    }
}

/// A ring and a clock in hand: keys are published 300 s before they sign, tokens live 120 s.
private struct Story {
    var ring = SigningKeyRing()
    var policy = SigningPolicy(publishBeforeSigning: 300, tokenLifetimeMaximum: 120)

    static func entry(
        _ key: SigningKey, _ state: SigningKeyState? = nil, fileTime: Int64? = nil, group: Int = 0
    ) -> SigningKeyEntry { SigningKeyEntry(key: key, state: state, fileTime: fileTime, group: group) }

    /// `a` signing, `b` published: `"a* b"`; a retired one: `"a-"`.
    var picture: String {
        guard let state = ring.state else { return "nothing" }
        return state.keys.map { $0.key.id + mark($0.state) }.joined(separator: " ")
    }

    private func mark(_ state: SigningKeyState) -> String {
        switch state {
        case .published: ""
        case .signing: "*"
        case .retired: "-"
        }
    }

    mutating func load(_ entries: [SigningKeyEntry], at now: Int64) throws -> String {
        try ring.update(entries, policy: policy, now: now)
        return picture
    }

    mutating func wait(until now: Int64) -> String {
        _ = ring.advance(now: now)
        return picture
    }
}

@Suite("Signing keys over time")
struct SigningKeyRingTests {
    private let start: Int64 = 1_800_000_000

    @Test("keys that the configuration has no more are remembered until their last token has expired")
    func retirement() throws {
        var story = Story()
        #expect(try story.load([Story.entry(TestKeys.a)], at: start) == "a*")
        story.ring.retire(now: start + 10)
        #expect(story.picture == "nothing")
        #expect(story.ring.nextChange(now: start + 10) == start + 10 + 120 + 60)
        // Verifiers may still have it under this id.
        #expect(throws: SigningKeyProblem.takenID("a")) { try story.ring.check([Story.entry(TestKeys.otherA)]) }
        #expect(story.wait(until: start + 189) == "nothing")
        // Back in time, it is published, though another one signs.
        var back = story
        #expect(try back.load([Story.entry(TestKeys.c)], at: start + 189) == "c* a-")
        back = story
        #expect(try back.load([Story.entry(TestKeys.a)], at: start + 189) == "a*")
        #expect(story.wait(until: start + 190) == "nothing")
        #expect(story.ring.nextChange(now: start + 190) == nil)
        #expect(try story.load([Story.entry(TestKeys.otherA)], at: start + 190) == "a*")
    }

    @Test("a rotation: publish, sign, retire, leave; each step at its second")
    func rotation() throws {
        var story = Story()
        #expect(try story.load([Story.entry(TestKeys.a)], at: start) == "a*")
        #expect(story.ring.nextChange(now: start) == nil)
        // A new file, found a thousand seconds later.
        let dropped = start + 1000
        let both = [Story.entry(TestKeys.a), Story.entry(TestKeys.b)]
        #expect(try story.load(both, at: dropped) == "a* b")
        #expect(story.ring.nextChange(now: dropped) == dropped + 300)
        #expect(story.wait(until: dropped + 299) == "a* b")
        #expect(story.wait(until: dropped + 300) == "a- b*")
        // The last token of `a` was signed at that second at the latest: 120 s of life, 60 s of grace.
        #expect(story.ring.nextChange(now: dropped + 300) == dropped + 480)
        #expect(story.wait(until: dropped + 479) == "a- b*")
        #expect(story.wait(until: dropped + 480) == "b*")
        #expect(story.ring.nextChange(now: dropped + 480) == nil)
        // Its file being there still, another reload changes nothing of that.
        #expect(try story.load(both, at: dropped + 500) == "b*")
        #expect(try story.load([Story.entry(TestKeys.b)], at: dropped + 600) == "b*")
    }

    @Test("a key whose file is removed while its tokens live stays published, and doesn't sign")
    func removed() throws {
        var story = Story()
        #expect(try story.load([Story.entry(TestKeys.a)], at: start) == "a*")
        #expect(try story.load([Story.entry(TestKeys.b)], at: start + 50) == "b* a-")
        #expect(story.ring.nextChange(now: start + 50) == start + 50 + 180)
        #expect(story.wait(until: start + 229) == "b* a-")
        #expect(story.wait(until: start + 230) == "b*")
    }

    @Test("a key that is removed before it signed leaves at once, unless it may have signed before this process")
    func neverSigned() throws {
        var story = Story()
        _ = try story.load([Story.entry(TestKeys.a)], at: start)
        _ = try story.load([Story.entry(TestKeys.a), Story.entry(TestKeys.b)], at: start + 10)
        #expect(try story.load([Story.entry(TestKeys.a)], at: start + 20) == "a*")
        var other = Story()
        _ = try other.load([Story.entry(TestKeys.a), Story.entry(TestKeys.b)], at: start)
        #expect(try other.load([Story.entry(TestKeys.a)], at: start + 20) == "a* b-")
        #expect(other.wait(until: start + 180) == "a*")
    }

    @Test("at the start, the files' ages say how long keys have been published")
    func restart() throws {
        var story = Story()
        let old = Story.entry(TestKeys.a, fileTime: start - 100_000)
        #expect(try story.load([old, Story.entry(TestKeys.b, fileTime: start - 100)], at: start) == "a* b")
        #expect(story.ring.nextChange(now: start) == start + 200)
        #expect(story.wait(until: start + 200) == "a- b*")
        var later = Story()
        #expect(try later.load([old, Story.entry(TestKeys.b, fileTime: start - 300)], at: start) == "a- b*")
        // A time that is still to come is no age.
        var wrong = Story()
        #expect(try wrong.load([old, Story.entry(TestKeys.b, fileTime: start + 999)], at: start) == "a* b")
    }

    @Test("a file that comes to a running process counts as published from then on, however old it is")
    func preserved() throws {
        var story = Story()
        let a = Story.entry(TestKeys.a, fileTime: start - 100_000)
        _ = try story.load([a], at: start)
        #expect(try story.load([a, Story.entry(TestKeys.b, fileTime: start - 90_000)], at: start + 10) == "a* b")
        #expect(story.wait(until: start + 310) == "a- b*")
    }

    @Test("keys of one folder are ordered by age before name, those of the list as they are listed")
    func order() throws {
        var story = Story()
        let b = Story.entry(TestKeys.b)
        _ = try story.load([b], at: start)
        // `a` sorts before `b`, but came later.
        #expect(try story.load([Story.entry(TestKeys.a), b], at: start + 1000) == "b* a")
        #expect(story.wait(until: start + 1300) == "b- a*")
        var listed = Story()
        let first = Story.entry(TestKeys.a, fileTime: start - 500, group: 0)
        #expect(
            try listed.load([first, Story.entry(TestKeys.b, fileTime: start - 900, group: 1)], at: start) == "a- b*")
    }

    @Test("if no key is old enough the oldest signs, and goes on until a newer one may")
    func noneOldEnough() throws {
        var story = Story()
        let keys = [Story.entry(TestKeys.a), Story.entry(TestKeys.b), Story.entry(TestKeys.c)]
        #expect(try story.load(keys, at: start) == "a* b c")
        // `b` can't have signed since the start, so it has no tokens to stay for.
        #expect(story.wait(until: start + 300) == "a- c*")
    }

    @Test("a clock that is set back takes the signer's place from nobody")
    func clock() throws {
        var story = Story()
        _ = try story.load([Story.entry(TestKeys.a), Story.entry(TestKeys.b)], at: start)
        #expect(story.wait(until: start + 300) == "a- b*")
        #expect(story.wait(until: start - 5_000) == "a- b*")
        #expect(story.wait(until: start + 480) == "b*")
    }

    @Test("a key that had left and has to sign again is published anew; one that verifiers know comes first")
    func back() throws {
        var story = Story()
        let a = Story.entry(TestKeys.a)
        let b = Story.entry(TestKeys.b)
        _ = try story.load([a, b], at: start)
        #expect(story.wait(until: start + 300) == "a- b*")
        #expect(story.wait(until: start + 480) == "b*")
        let c = Story.entry(TestKeys.c)
        #expect(try story.load([a, b, c], at: start + 500) == "b* c")
        #expect(try story.load([a, c], at: start + 510) == "c* b-")
        #expect(try story.load([a], at: start + 520) == "a* c- b-")
    }

    @Test("states in the configuration are followed to the letter")
    func explicit() throws {
        var story = Story()
        let entries = [
            Story.entry(TestKeys.a, .retired), Story.entry(TestKeys.b, .signing), Story.entry(TestKeys.c, .published),
        ]
        #expect(try story.load(entries, at: start) == "a- b* c")
        #expect(story.ring.nextChange(now: start) == start + 180)
        #expect(story.wait(until: start + 180) == "b* c")
        #expect(story.ring.nextChange(now: start + 180) == nil)
        let turned = [
            Story.entry(TestKeys.b, .retired), Story.entry(TestKeys.c, .signing), Story.entry(TestKeys.a),
        ]
        #expect(try story.load(turned, at: start + 200) == "b- c* a")
        #expect(story.wait(until: start + 100_000) == "c* a")
    }

    @Test("tokens of a longer life that were issued before a reload are waited for")
    func lifetime() throws {
        var story = Story()
        story.policy = SigningPolicy(publishBeforeSigning: 0, tokenLifetimeMaximum: 3600)
        #expect(try story.load([Story.entry(TestKeys.a)], at: start) == "a*")
        story.policy = SigningPolicy(publishBeforeSigning: 0, tokenLifetimeMaximum: 60)
        #expect(try story.load([Story.entry(TestKeys.a), Story.entry(TestKeys.b)], at: start + 10) == "a- b*")
        #expect(story.wait(until: start + 10 + 3659) == "a- b*")
        #expect(story.wait(until: start + 10 + 3660) == "b*")
    }

    @Test("sets that can't be used are refused, and change nothing")
    func refused() throws {
        var ring = SigningKeyRing()
        let policy = SigningPolicy(publishBeforeSigning: 300, tokenLifetimeMaximum: 120)
        #expect(throws: SigningKeyProblem.noKeys) { try ring.update([], policy: policy, now: start) }
        #expect(throws: SigningKeyProblem.noneSigns) {
            try ring.update([Story.entry(TestKeys.a, .published)], policy: policy, now: start)
        }
        #expect(throws: SigningKeyProblem.repeatedID("a")) {
            try ring.check([Story.entry(TestKeys.a), Story.entry(TestKeys.otherA)])
        }
        #expect(throws: SigningKeyProblem.tooMany) {
            try ring.check(Array(repeating: Story.entry(TestKeys.a), count: 65))
        }
        #expect(ring.state == nil)
        try ring.update([Story.entry(TestKeys.a)], policy: policy, now: start)
        #expect(throws: SigningKeyProblem.takenID("a")) {
            try ring.update([Story.entry(TestKeys.otherA)], policy: policy, now: start + 5)
        }
        // The present key with another algorithm is another key to verifiers.
        let rs = TestKeys.rsa
        let ps = try rs.pem().withByteView { text throws(KeyError) in
            try SigningKeyFile.read(text, id: "rsa", algorithm: .ps256)
        }
        var other = SigningKeyRing()
        try other.update([Story.entry(rs)], policy: policy, now: start)
        #expect(throws: SigningKeyProblem.takenID("rsa")) {
            try other.update([Story.entry(ps)], policy: policy, now: start + 5)
        }
        #expect(ring.state?.generation == 1)
        // Once its last token is dead, its name is free.
        try ring.update([Story.entry(TestKeys.b)], policy: policy, now: start + 10)
        _ = ring.advance(now: start + 500)
        try ring.update([Story.entry(TestKeys.b), Story.entry(TestKeys.otherA)], policy: policy, now: start + 501)
        #expect(ring.state?.keys.map(\.key.id) == ["b", "a"])
    }

    @Test("the documents: plain JWKs for everybody, JWT-SVID keys with a growing sequence for SPIFFE")
    func documents() throws {
        var ring = SigningKeyRing()
        let policy = SigningPolicy(publishBeforeSigning: 300, tokenLifetimeMaximum: 120)
        try ring.update(
            [Story.entry(TestKeys.a), Story.entry(TestKeys.edwards)], policy: policy, now: start)
        let state = try #require(ring.state)
        #expect(state.maxAge == 150)
        let document = JSONDocument(seed: 0)
        try state.keySetText.withByteView { text in
            let keys = try #require(try document.read(text, limits: .keySet).member("keys"))
            #expect(keys.elements.compactMap { $0.member("kid")?.text?.string } == ["a", "ed"])
            #expect(keys.elements.compactMap { $0.member("alg")?.text?.string } == ["ES256", "EdDSA"])
            #expect(keys.elements.compactMap { $0.member("use")?.text?.string } == ["sig", "sig"])
            #expect(keys.elements.allSatisfy { $0.member("d") == nil })
        }
        try state.bundleText.withByteView { text in
            let bundle = try document.read(text, limits: .keySet)
            let keys = try #require(bundle.member("keys"))
            #expect(keys.elements.compactMap { $0.member("kid")?.text?.string } == ["a"])
            #expect(keys.elements.compactMap { $0.member("use")?.text?.string } == ["jwt-svid"])
            #expect(bundle.member("spiffe_sequence")?.integer == start)
            #expect(bundle.member("spiffe_refresh_hint")?.integer == 150)
        }
        // Two changes within a second.
        try ring.update([Story.entry(TestKeys.a)], policy: policy, now: start)
        #expect(ring.state?.bundleText.contains(#""spiffe_sequence":\#(start + 1),"#) == true)
        #expect(ring.state?.generation == 2)
    }

    @Test(
        "verifiers keep the set for half the time that a key is published before it signs, 5 minutes at most",
        arguments: [(0, 0), (1, 0), (10, 5), (300, 150), (604_800, 300)] as [(Int64, Int64)])
    func maxAge(publishBeforeSigning: Int64, expected: Int64) {
        let policy = SigningPolicy(publishBeforeSigning: publishBeforeSigning, tokenLifetimeMaximum: 60)
        #expect(policy.maxAge == expected)
    }

    @Test("entity tags follow the texts: two rings with the same keys have the same ones")
    func tags() throws {
        var one = Story()
        var two = Story()
        _ = try one.load([Story.entry(TestKeys.a)], at: start)
        _ = try two.load([Story.entry(TestKeys.a)], at: start)
        let first = try #require(one.ring.state)
        let second = try #require(two.ring.state)
        #expect(first.keySetTag == second.keySetTag && first.bundleTag == second.bundleTag)
        #expect(first.keySetTag != first.bundleTag)
        #expect(first.keySetTag.utf8.count == 24 && first.keySetTag.hasPrefix("\"") && first.keySetTag.hasSuffix("\""))
        _ = try one.load([Story.entry(TestKeys.a), Story.entry(TestKeys.b)], at: start + 1)
        let third = try #require(one.ring.state)
        #expect(third.keySetTag != first.keySetTag && third.bundleTag != first.bundleTag)
    }
}

@Suite("Signing keys' files")
struct SigningKeyFileTests {
    private func read(_ text: String, id: String? = nil, algorithm: SignatureAlgorithm? = nil) throws -> SigningKey {
        try text.withByteView { text throws(KeyError) in try SigningKeyFile.read(text, id: id, algorithm: algorithm) }
    }

    @Test("PEM: the id is the thumbprint and the algorithm the usual one, unless said otherwise")
    func pem() throws {
        let pem = try TestKeys.a.pem()
        let plain = try read(pem)
        #expect(plain.id == TestKeys.a.verificationKey.thumbprint.base64URL)
        #expect(plain.algorithm == .es256)
        #expect(try read(pem, id: "2026-11").id == "2026-11")
        let rsa = try TestKeys.rsa.pem()
        #expect(try read(rsa).algorithm == .rs256)
        #expect(try read(rsa, algorithm: .ps256).algorithm == .ps256)
        #expect(try read(TestKeys.edwards.pem()).algorithm == .edDSA)
        #expect(throws: KeyError.algorithmMismatch) { try read(pem, algorithm: .rs256) }
    }

    @Test("a JWK: its own id and algorithm, unless said otherwise")
    func jwk() throws {
        // RFC 7515 appendix A.3.1, with an id.
        let jwk = """
            {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
             "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
             "kid":"own"}
            """
        #expect(try read("\n " + jwk).id == "own")
        #expect(try read(jwk, id: "given").id == "given")
        #expect(try read(jwk).algorithm == .es256)
    }

    @Test("what is no private key", arguments: ["", "rubbish", "{}", "[]", "{\"keys\":[]}", "{"])
    func refused(text: String) {
        #expect(throws: KeyError.self) { try read(text) }
    }

    @Test("a public key can't sign")
    func publicKey() throws {
        #expect(throws: KeyError.self) { try read(TestKeys.a.verificationKey.pem()) }
        #expect(throws: KeyError.self) { try read(TestKeys.a.verificationKey.jwk()) }
        #expect(throws: KeyError.tooLarge) { try read(String(repeating: " ", count: 65 * 1024)) }
    }
}
