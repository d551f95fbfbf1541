import Foundation
import Testing
import portcullis

@Suite("explain with a caller")
struct ExplainIdentityTests {
    private static let accounts = "http://bank-a.localhost:8080/accounts/7"
    private static let user = ["--sub", "user@bank-a", "--claim", "user_id=12345"]

    private func explain(_ words: [String], method: String = "GET", url: String = accounts) -> Outcome {
        Outcome(["explain", TokenCommandTests.folder, method, url] + words)
    }

    private func document(_ outcome: Outcome) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }

    private func token(_ words: [String]) -> String {
        Outcome(["token", TokenCommandTests.folder] + words).output.trimmingCharacters(in: .newlines)
    }

    @Test("a good token is followed to the internal token, each decision with its place")
    func good() throws {
        let token = token(Self.user + ["--tenant", "bank-a", "--scope", "read transfer"])
        let outcome = explain(["--token", token])
        #expect(outcome.status == 0)
        for part in token.split(separator: ".") { #expect(!outcome.output.contains(part)) }
        for text in [
            "signature", "spiffe://bank-a/user/12345", "gateway.d/bank-a.yaml:24:5",
            "\"sub\": \"spiffe://bank-a/user/12345\"",
            "Authorization: Bearer (the internal token)", "X-Spiffe-ID: spiffe://bank-a/user/12345",
        ] { #expect(outcome.output.contains(text), "\(outcome.output)") }
        let identity = try #require(
            try document(explain(["--token", token, "--format", "json"]))["identity"] as? [String: Any])
        #expect(identity["verdict"] as? String == "proceed")
        #expect(identity["signature_checked"] as? Bool == true)
        #expect(identity["tenant"] as? String == "bank-a")
        #expect(identity["scopes"] as? [String] == ["read", "transfer"])
        let minted = try #require(identity["internal_token"] as? [String: [String: Any]])
        #expect(minted["claims"]?["aud"] as? String == "bank-a")
        #expect(minted["header"]?["kid"] as? String == "demo-gateway")
    }

    @Test("`Bearer` and white space around a token don't matter, nor where it stands")
    func pasted() throws {
        let token = token(Self.user + ["--tenant", "bank-a", "--scope", "read"])
        let folder = try TemporaryFolder(["token": "Bearer \(token)\n"])
        #expect(explain(["--token", "@\(folder.path)/token"]).status == 0)
        #expect(explain(["--header", "Authorization: Bearer \(token)"]).status == 0)
        // In two places, nobody knows which is meant.
        let both = explain(["--token", token, "--header", "Authorization: Bearer \(token)"])
        #expect(both.status == 1)
        #expect(both.output.contains("400 token-ambiguous"))
    }

    /// Options of `token`, the status and code of the refusal, and the decision that refuses.
    private static let refusals: [([String], String, String)] = [
        (["--claim", "exp:=5"], "401 token-expired", "exp"),
        (["--claim", "exp=soon"], "401 token-malformed", "exp"),
        (["--claim", "nbf:=99999999999"], "401 token-not-yet-valid", "nbf"),
        (["--claim", "iat:=99999999999"], "401 token-issued-in-future", "iat"),
        (["--claim", "nonce=n"], "401 token-is-id-token", "allow_id_tokens"),
        (["--audience", "other"], "401 token-audience-wrong", "audiences"),
        (["--claim", "aud:=[]"], "401 token-audience-missing", "audiences"),
        (["--claim", "iss=https://evil.test"], "401 token-issuer-unknown", "issuer"),
        (["--claim", "sub:=7"], "401 token-subject-missing", "claims.subject"),
        (["--claim", "scope=write"], "403 scope-missing", "scopes"),
        (["--claim", "tenant=bank-b"], "403 tenant-mismatch", "route_tenant"),
        (["--claim", "tenant:=true"], "403 tenant-invalid", "tenant"),
        (["--claim", "user_id=a/b"], "403 spiffe-claim-not-segment", "id"),
        (["--claim", "user_id:=null"], "403 spiffe-claim-null", "id"),
    ]

    @Test("what refuses is named, and it is the server's verdict", arguments: refusals)
    func refused(options: [String], answer: String, decision: String) throws {
        var words = ["--sub", "user@bank-a"]
        if !options.contains(where: { $0.hasPrefix("user_id") }) { words += ["--claim", "user_id=12345"] }
        if !options.contains(where: { $0.hasPrefix("tenant") }) { words += ["--tenant", "bank-a"] }
        if !options.contains(where: { $0.hasPrefix("scope") }) { words += ["--scope", "read"] }
        let token = token(words + options)
        let text = explain(["--token", token])
        #expect(text.status == 1)
        #expect(text.output.contains(answer), "\(text.output)")
        let document = try document(explain(["--token", token, "--format", "json"]))
        let identity = try #require(document["identity"] as? [String: Any])
        let decisions = try #require(identity["decisions"] as? [[String: String]])
        #expect(decisions.first { $0["outcome"] == "bad" }?["name"] == decision, "\(decisions)")
        #expect(answer.hasSuffix(identity["code"] as? String ?? "none"))
        #expect(identity["internal_token"] is NSNull)
    }

    @Test("claims alone are explained as if a good token held them; what every good token has is added")
    func claims() throws {
        let outcome = explain([
            "--claims", #"{"sub":"ann","user_id":7,"tenant":"bank-a","scope":["read"]}"#, "--format", "json",
        ])
        #expect(outcome.status == 0)
        let identity = try #require(try document(outcome)["identity"] as? [String: Any])
        #expect(identity["spiffe_id"] as? String == "spiffe://bank-a/user/7")
        #expect(identity["signature_checked"] as? Bool == false)
        #expect((identity["remarks"] as? [String])?.contains { $0.hasSuffix("iss, aud, iat, exp") } == true)
        let expired = explain(["--claims", #"{"sub":"ann","exp":5}"#])
        #expect(expired.output.contains("401 token-expired"))
    }

    @Test(
        "without a token the challenge is told; an open route asks nobody; a place that another refuses isn't reached")
    func without() throws {
        let none = explain([])
        #expect(none.status == 1)
        #expect(none.output.contains("401 token-missing"))
        #expect(none.output.contains(#"Bearer realm="portcullis""#))
        let open = explain([], url: "http://bank-a.localhost:8080/reports/1")
        #expect(open.status == 0)
        #expect(!open.output.contains("\nidentity\n"))
        let large = explain(
            ["--header", "Content-Length: 5000"], method: "POST", url: Self.accounts + "/transfers")
        #expect(large.output.contains("413 content-too-large"))
        #expect(!large.output.contains("\nidentity\n"))
    }

    @Test("an issuer whose keys have to be fetched: unchecked, unless a file with them is given")
    func fetched() throws {
        let gateway = try String(contentsOfFile: TokenCommandTests.folder + "/gateway.yaml", encoding: .utf8)
            .replacingOccurrences(of: "jwks_file: demo-keys/demo.jwks.json", with: "jwks_url: https://sso.test/keys")
            .replacingOccurrences(of: "demo-keys/", with: TokenCommandTests.folder + "/demo-keys/")
        let bank = try String(contentsOfFile: TokenCommandTests.folder + "/bank-a.yaml", encoding: .utf8)
        let shop = "domain: shop\nroutes: {a: {match: {path: /}, respond: {status: 204}}}\n"
        let ops = "domain: ops\nroutes: {a: {match: {path: /}, respond: {status: 204}}}\n"
        let folder = try TemporaryFolder([
            "gateway.yaml": gateway, "bank-a.yaml": bank, "shop.yaml": shop, "ops.yaml": ops,
        ])
        let token = token(Self.user + ["--tenant", "bank-a", "--scope", "read"])
        let forged = token.dropLast(8) + "AAAAAAAA"
        let words = ["explain", "DIR", "GET", Self.accounts, "--token"]
        let unchecked = Outcome(words + [String(forged)], in: folder)
        #expect(unchecked.status == 0, "\(unchecked.output)\(unchecked.complaint)")
        #expect(unchecked.output.contains("note: the signature was not checked"))
        #expect(unchecked.output.contains("--jwks FILE"))
        let keys = ["--jwks", TokenCommandTests.folder + "/demo-keys/demo.jwks.json"]
        #expect(Outcome(words + [token] + keys, in: folder).status == 0)
        let checked = Outcome(words + [String(forged)] + keys, in: folder)
        #expect(checked.status == 1)
        #expect(checked.output.contains("401 token-signature-wrong"))
    }

    // MARK: Other settings than the demo's

    /// Routes with every kind of decision.
    private static let varied = """
        domain: app
        plugins:
          jwt: {issuer: demo}
        routes:
          any:
            match: {path: /any}
            respond: {status: 204}
            plugins: {jwt: {any_scope: [a, b], audiences: [x], claims: {level: {one_of: [gold, platinum]}}}}
          roles:
            match: {path: /roles}
            respond: {status: 204}
            plugins:
              jwt: {claims: {realm_access.roles: {contains: teller}, banned: {present: false}}}
              spiffe:
                rules:
                  - {when: {kind: {equals: service}}, id: "spiffe://app/service/{claim.azp}"}
                  - {when: {kind: {equals: user}}, id: "spiffe://app/user/{claim.sub|escape}"}
          open:
            match: {path: /open}
            respond: {status: 204}
            plugins: {jwt: {required: false}}
          query:
            match: {path: /query}
            respond: {status: 204}
            plugins: {jwt: {from: [{query: access_token}]}}
          secret:
            match: {path: /secret}
            respond: {status: 204}
            plugins:
              jwt:
                shared_secret: {issuer: "https://legacy.test", secret: "${file:secret}", audiences: [legacy]}
        """

    private static func variedFolder() throws -> TemporaryFolder {
        let gateway = """
            listeners: {outer: {address: "127.0.0.1:8080"}}
            issuers:
              demo:
                issuer: "https://demo-issuer.example.com"
                jwks_file: \(TokenCommandTests.folder)/demo-keys/demo.jwks.json
                algorithms: [ES256]
                authorized_parties: [mobile]
                lifetime_max: 1h
            domains: {app: {hosts: [app.test], trust_domain: app}}
            """
        return try TemporaryFolder([
            "gateway.yaml": gateway, "app.yaml": varied, "secret": "a secret that is long enough for HS256",
        ])
    }

    private static let cases: [(path: String, claims: String, expected: [String])] = [
        ("/any", #"{"sub":"u","azp":"mobile","scope":"b","level":"gold"}"#, ["any_scope", "ok", "the token has b"]),
        ("/any", #"{"sub":"u","azp":"mobile","scope":"c","level":"gold"}"#, ["403 scope-missing", "wanted a or b"]),
        ("/any", #"{"sub":"u","azp":"mobile","scope":"a","aud":"y"}"#, ["401 token-audience-wrong"]),
        ("/any", #"{"sub":"u","azp":"mobile","scope":"a","level":"tin"}"#, ["403 claim-refused", "claims.level"]),
        ("/any", #"{"sub":"u","azp":"web","scope":"a"}"#, ["401 token-party-wrong", "azp is \"web\", wanted mobile"]),
        ("/any", #"{"sub":"u","azp":"mobile","exp":99999999999}"#, ["401 token-lifetime-too-long", "lifetime_max"]),
        (
            "/roles", #"{"sub":"a@b","azp":"mobile","kind":"user","realm_access":{"roles":["teller"]}}"#,
            ["rules[0]", "kind is \"user\", wanted \"service\"", "spiffe://app/user/a_40b"]
        ),
        (
            "/roles", #"{"sub":"u","azp":"mobile","realm_access":{"roles":["teller"]}}"#,
            ["403 spiffe-no-rule", "no rule's conditions hold"]
        ),
        (
            "/roles", #"{"sub":"u","azp":"mobile","realm_access":{"roles":"boss"}}"#,
            ["403 claim-refused", "wanted \"teller\""]
        ),
        ("/open", #"{"sub":"u","azp":"mobile","exp":5}"#, ["401 token-expired"]),
        (
            "/secret", #"{"iss":"https://legacy.test","sub":"u"}"#,
            ["shared-secret#1: iss is", "aud is [\"legacy\"]", "204, a fixed response"]
        ),
    ]

    @Test("each setting has its say", arguments: cases)
    func varied(path: String, claims: String, expected: [String]) throws {
        let folder = try Self.variedFolder()
        let outcome = Outcome(["explain", "DIR", "GET", "http://app.test\(path)", "--claims", claims], in: folder)
        for text in expected { #expect(outcome.output.contains(text), "\(outcome.output)\(outcome.complaint)") }
        let isRefused = expected[0].first?.isNumber == true
        #expect(outcome.status == (isRefused ? 1 : 0))
        #expect(!outcome.output.contains("long enough"))
    }

    @Test(
        "a route that needs no token says so; a token in the query is masked; who names Authorization in Connection has none"
    )
    func places() throws {
        let folder = try Self.variedFolder()
        let anonymous = Outcome(["explain", "DIR", "GET", "http://app.test/open"], in: folder)
        #expect(anonymous.status == 0)
        #expect(anonymous.output.contains("nobody is known"))
        let token = token(["--sub", "u", "--client", "mobile"])
        let query = Outcome(["explain", "DIR", "GET", "http://app.test/query?a=1&access_token=\(token)"], in: folder)
        #expect(query.status == 0, "\(query.output)")
        #expect(query.output.contains("access_token=********"))
        #expect(!query.output.contains(token.suffix(40)))
        // The gateway finds the token by the decoded name; and a short one must not be masked wherever its text stands.
        for spelling in ["access%5Ftoken=\(token)", "a=1&%61ccess_token=\(token)#part", "access_token=e"] {
            let words = ["explain", "DIR", "GET", "http://app.test/query?\(spelling)"]
            let text = Outcome(words, in: folder).output
            #expect(text.contains("token=********") && !text.contains(token.suffix(40)), "\(text)")
            let json = try document(Outcome(words + ["--format", "json"], in: folder))
            let request = try #require(json["request"] as? [String: String])
            #expect(request["url"]?.hasSuffix("token=********") == true && request["host"] == "app.test")
        }
        let withheld = Outcome(
            [
                "explain", "DIR", "GET", "http://app.test/open", "--header", "Authorization: Bearer \(token)",
                "--header",
                "Connection: authorization",
            ], in: folder)
        #expect(withheld.output.contains("401 token-missing"))
    }

    @Test("JSON tells the same as the text")
    func same() throws {
        let folder = try Self.variedFolder()
        for (path, claims, _) in Self.cases {
            let words = ["explain", "DIR", "GET", "http://app.test\(path)", "--claims", claims]
            let text = Outcome(words, in: folder)
            let json = Outcome(words + ["--format", "json"], in: folder)
            #expect(text.status == json.status)
            let identity = try #require(try document(json)["identity"] as? [String: Any])
            let decisions = try #require(identity["decisions"] as? [[String: String]])
            // Something bad refuses, and nothing else does.
            #expect(decisions.contains { $0["outcome"] == "bad" } == (identity["verdict"] as? String == "refuse"))
            // The clock goes on between the two.
            for decision in decisions where !["exp", "iat", "lifetime_max"].contains(decision["name"]) {
                #expect(text.output.contains(decision["reason"] ?? "none"))
            }
        }
    }
}
