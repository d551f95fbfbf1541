import Base
import HTTP
import Identity
import JOSE
import Plugins
import Testing
import TestSupport

private let now = IdentityFixture.now

/// Claims of a good token, some of them replaced; a nil value leaves a claim out.
private func claims(_ changes: [(String, String?)] = []) throws -> Claims {
    var members = [
        ("iss", #""https://sso.test""#), ("sub", #""ada""#), ("aud", #""bank-api""#), ("azp", #""mobile-app""#),
        ("exp", "\(now + 600)"), ("iat", "\(now)"),
    ]
    for (name, value) in changes {
        members.removeAll { $0.0 == name }
        if let value { members.append((name, value)) }
    }
    return try Claims("{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}")
}

private func problem(
    _ policy: TokenPolicy, _ changes: [(String, String?)] = [], type: String = "JWT"
) throws -> TokenProblem? {
    let claims = try claims(changes)
    return type.withByteView { policy.problem(type: $0, claims: claims.value, now: now) }
}

@Suite("jwt: what an issuer's tokens must look like")
struct TokenPolicyTests {
    static let times: [(String, String?, TokenProblem?)] = [
        ("exp", nil, .expiryMissing), ("exp", "null", .malformed), ("exp", #""\#(now + 600)""#, .malformed),
        ("exp", "true", .malformed), ("exp", "[\(now + 600)]", .malformed), ("exp", "1e300", .malformed),
        ("exp", "\(Int64.max)", .malformed), ("exp", "99999999999999999999999", .malformed),
        ("exp", "\(now + 1)", nil), ("exp", "\(now)", nil), ("exp", "\(now - 59)", nil),
        ("exp", "\(now - 60)", .expired),
        ("exp", "\(now - 59).999", nil), ("exp", "\(now - 60).999", .expired), ("exp", "\(now + 600).5", nil),
        ("exp", "-1", .expired),
        ("exp", "0", .expired),
        ("nbf", "\(now + 60)", nil), ("nbf", "\(now + 61)", .notYetValid), ("nbf", #""0""#, .malformed),
        ("nbf", "\(now - 1)", nil), ("iat", "\(now + 60)", nil), ("iat", "\(now + 61)", .issuedInFuture),
        ("iat", "{}", .malformed), ("iat", nil, nil),
    ]

    @Test("times, with 60 s of leeway", arguments: times)
    func time(claim: String, value: String?, expected: TokenProblem?) throws {
        #expect(try problem(IdentityFixture.policy(), [(claim, value)]) == expected)
    }

    @Test("without leeway a token ends with its last second")
    func exact() throws {
        let exact = IdentityFixture.policy { $0.skew = 0 }
        #expect(try problem(exact, [("exp", "\(now + 1)")]) == nil)
        #expect(try problem(exact, [("exp", "\(now)")]) == .expired)
        #expect(try problem(exact, [("nbf", "\(now)")]) == nil)
        #expect(try problem(exact, [("nbf", "\(now + 1)")]) == .notYetValid)
    }

    @Test(
        "the longest life counts from iat, or from now",
        arguments: [(now, 600, true), (now, 601, false), (now - 300, 300, true), (now - 300, 301, false)]
            as [(
                Int64, Int64, Bool
            )])
    func lifetime(issued: Int64, left: Int64, isTaken: Bool) throws {
        let policy = IdentityFixture.policy { $0.lifetimeMax = 600 }
        let found = try problem(policy, [("iat", "\(issued)"), ("exp", "\(now + left)")])
        #expect(found == (isTaken ? nil : .lifetimeTooLong))
        #expect(try problem(policy, [("iat", nil), ("exp", "\(now + 600)")]) == nil)
        #expect(try problem(policy, [("iat", nil), ("exp", "\(now + 601)")]) == .lifetimeTooLong)
    }

    @Test(
        "types: case and application/ don't count, and none is JWT",
        arguments: [
            ("JWT", nil, .typeWrong), ("jwt", nil, .typeWrong), ("at+jwt", nil, nil), ("AT+JWT", nil, nil),
            ("application/at+jwt", nil, nil), ("Application/JWT", nil, .typeWrong), ("", nil, .typeWrong),
            ("dpop+jwt", .typeWrong, .typeWrong), ("application/", .typeWrong, .typeWrong),
            ("J", .typeWrong, .typeWrong),
        ] as [(String, TokenProblem?, TokenProblem?)])
    func type(type: String, byDefault: TokenProblem?, onlyAccessTokens: TokenProblem?) throws {
        #expect(try problem(IdentityFixture.policy(), type: type) == byDefault)
        let strict = IdentityFixture.policy { $0.types = [ByteView("at+jwt")] }
        #expect(try problem(strict, type: type) == onlyAccessTokens)
    }

    @Test(
        "a missing audience is one problem, a wrong one another",
        arguments: [
            (#""bank-api""#, nil), (#"["x","bank-api"]"#, nil), (nil, .audienceMissing), ("[]", .audienceMissing),
            (#""account""#, .audienceWrong), (#"["account"]"#, .audienceWrong), (#"[7,["bank-api"]]"#, .audienceWrong),
            (#""bank-api2""#, .audienceWrong), (#"{"bank-api":1}"#, .malformed), ("7", .malformed),
            ("null", .malformed),
        ] as [(String?, TokenProblem?)])
    func audience(value: String?, expected: TokenProblem?) throws {
        #expect(try problem(IdentityFixture.policy(), [("aud", value)]) == expected)
        #expect(try problem(IdentityFixture.policy { $0.audiences = [] }, [("aud", value)]) == nil)
        #expect(TokenProblem.audienceMissing.detail.description != TokenProblem.audienceWrong.detail.description)
    }

    @Test("the authorized party stands in for the audience, or is checked beside it")
    func party() throws {
        let alone = IdentityFixture.policy {
            $0.audiences = []
            $0.authorizedParties = [ByteView("mobile-app"), ByteView("web")]
        }
        #expect(try problem(alone, [("aud", nil)]) == nil)
        #expect(try problem(alone, [("azp", #""other""#)]) == .partyWrong)
        #expect(try problem(alone, [("azp", nil)]) == .partyWrong)
        #expect(try problem(alone, [("azp", #"["web"]"#)]) == .partyWrong)
        let both = IdentityFixture.policy { $0.authorizedParties = [ByteView("mobile-app")] }
        #expect(try problem(both) == nil)
        #expect(try problem(both, [("aud", #""other""#)]) == .audienceWrong)
        #expect(try problem(both, [("azp", #""other""#)]) == .partyWrong)
    }

    @Test("ID tokens, by each of their marks", arguments: ["nonce", "at_hash", "c_hash", "typ"])
    func idTokens(mark: String) throws {
        #expect(try problem(IdentityFixture.policy(), [(mark, #""ID""#)]) == .idToken)
        #expect(try problem(IdentityFixture.policy { $0.allowsIDTokens = true }, [(mark, #""ID""#)]) == nil)
        #expect(try problem(IdentityFixture.policy(), [("typ", #""Bearer""#)]) == nil)
    }

    @Test("the subject is a text", arguments: [(#""ada""#, true), (#""""#, false), (nil, false), ("7", false)])
    func subject(value: String?, isTaken: Bool) throws {
        #expect(try problem(IdentityFixture.policy(), [("sub", value)]) == (isTaken ? nil : .subjectMissing))
    }

    @Test("each problem has a code of its own")
    func codes() {
        #expect(Set(TokenProblem.allCases.map { "\($0.code)" }).count == TokenProblem.allCases.count)
    }
}

@Suite("jwt: challenges")
struct ChallengeTests {
    static let cases: [(IdentityRefusal, Int, String?)] = [
        (.tokenMissing, 401, #"Bearer realm="the bank""#),
        (
            .tokenInvalid(.expired), 401,
            #"Bearer realm="the bank", error="invalid_token", error_description="The access token has expired.""#
        ),
        (
            .requestMalformed, 400,
            #"Bearer realm="the bank", error="invalid_request", error_description="The request must carry exactly one access token, in one place.""#
        ),
        (
            .scopeMissing, 403,
            #"Bearer realm="the bank", error="insufficient_scope", error_description="The access token lacks a scope that this resource needs.", scope="read transfer""#
        ),
        (
            .claimRefused, 403,
            #"Bearer realm="the bank", error="insufficient_scope", error_description="The access token does not entitle to this resource.""#
        ),
        (.issuerUnavailable, 503, nil), (.tenantRefused(.foreign), 403, nil),
        (.identityUnmapped(SPIFFERefusal(.noCase, caseIndex: nil)), 403, nil), (.mintRefused(.noSigningKey), 503, nil),
    ]

    @Test("as RFC 6750 section 3 has them", arguments: cases)
    func challenge(refusal: IdentityRefusal, status: Int, value: String?) {
        let challenge = Challenge(start: ByteView(#"Bearer realm="the bank""#), scopes: ByteView("read transfer"))
        var fields = HeaderList()
        challenge.append(for: refusal, to: &fields)
        #expect(lines(fields) == (value.map { ["WWW-Authenticate: \($0)"] } ?? []))
        #expect(refusal.status == status)
    }

    @Test("a route without scopes names none")
    func noScopes() {
        var fields = HeaderList()
        Challenge(start: ByteView(#"Bearer realm="x""#), scopes: ByteView()).append(for: .scopeMissing, to: &fields)
        #expect(!lines(fields)[0].contains("scope="))
    }
}
