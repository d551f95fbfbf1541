import Foundation
import Testing
import portcullis

@Suite("token")
struct TokenCommandTests {
    static let folder = CheckTests.repository + "/gateway.d"
    private static let accounts = "http://bank-a.localhost:8080/accounts/7"

    /// A token of the demo's issuer.
    static func make(_ words: String...) -> String {
        Outcome(["token", folder] + words).output.trimmingCharacters(in: .newlines)
    }

    private func claims(_ words: String...) throws -> [String: Any] {
        let outcome = Outcome(["token", Self.folder, "--format", "json"] + words)
        #expect(outcome.status == 0, "\(outcome.complaint)")
        let document = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        return try #require(document?["claims"] as? [String: Any])
    }

    @Test("a token has what the issuer's tokens have, and what the options say")
    func content() throws {
        let claims = try claims("--sub", "ann", "--tenant", "bank-a", "--scope", "read write", "--client", "app")
        #expect(claims["iss"] as? String == "https://demo-issuer.example.com")
        #expect(claims["sub"] as? String == "ann")
        #expect(claims["aud"] as? String == "bank-api")
        #expect(claims["azp"] as? String == "app")
        #expect(claims["scope"] as? String == "read write")
        #expect(claims["tenant"] as? String == "bank-a")
        let issued = try #require(claims["iat"] as? Int)
        #expect(claims["exp"] as? Int == issued + 600)
        #expect(abs(Date().timeIntervalSince1970 - Double(issued)) < 60)
    }

    @Test("claims in words are texts, or JSON behind `:=`, and win over everything else")
    func claimWords() throws {
        let claims = try claims(
            "--sub", "ann", "--ttl", "1h", "--claim", "a=1", "--claim", "b:=1", "--claim", "c:=[\"x\",{\"y\":null}]",
            "--claim", "d=x=y", "--claim", "exp:=5", "--claim", "sub=bob", "--audience", "u", "--audience", "v")
        #expect(claims["a"] as? String == "1")
        #expect(claims["b"] as? Int == 1)
        #expect((claims["c"] as? [Any])?.count == 2)
        #expect(claims["d"] as? String == "x=y")
        #expect(claims["exp"] as? Int == 5)
        #expect(claims["sub"] as? String == "bob")
        #expect(claims["aud"] as? [String] == ["u", "v"])
    }

    @Test("it is good for the routes that it is made for")
    func isGood() {
        let token = Self.make("--sub", "u", "--claim", "user_id=1", "--tenant", "bank-a", "--scope", "read")
        #expect(token.split(separator: ".").count == 3)
        #expect(Outcome(["explain", Self.folder, "GET", Self.accounts, "--token", token]).status == 0)
    }

    @Test("it signs with no key that is not the issuer's, and with none of the gateway's own")
    func keys() throws {
        let folder = try TemporaryFolder([:])
        #expect(Outcome(["keygen", "\(folder.path)/other.pem"]).status == 0)
        #expect(Outcome(["keygen", "\(folder.path)/rsa.pem", "--algorithm", "RS256"]).status == 0)
        let cases = [
            ("\(folder.path)/other.pem", "is not among the issuer's keys"),
            ("\(folder.path)/rsa.pem", "may not be signed with RS256"),
            ("\(Self.folder)/demo-keys/gateway.pem", "is a key of internal_tokens"),
            ("\(Self.folder)/demo-keys/demo.jwks.json", "a member that such a key needs is missing"),
            ("\(folder.path)/none.pem", "No such file"),
        ]
        for (path, expected) in cases {
            let outcome = Outcome(["token", Self.folder, "--sub", "x", "--key", path])
            #expect(outcome.status == 1)
            #expect(outcome.output.isEmpty)
            #expect(outcome.complaint.contains(expected), "\(outcome.complaint)")
        }
        let given = Outcome(["token", Self.folder, "--sub", "x", "--key", "\(Self.folder)/demo-keys/demo.pem"])
        #expect(given.status == 0)
    }

    @Test("an issuer that isn't there, or isn't clear, is wrong usage")
    func issuers() throws {
        let unknown = Outcome(["token", Self.folder, "--issuer", "corporate"])
        #expect(unknown.status == 2)
        #expect(unknown.complaint.contains("`demo`"))
        let none = Outcome(["token", "DIR"], in: try Sample.folder())
        #expect(none.status == 2)
        #expect(none.complaint.contains("--issuer"))
    }
}
