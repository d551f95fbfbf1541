import Base
import Configuration
import Foundation
import Testing

@Suite struct IdentityRenderingTests {
    private static var secretFolder: IdentityFolder {
        var folder = IdentityFolder()
        folder.bank = folder.bank.replacing(
            "jwt: {issuer: corporate}",
            with:
                "jwt: {issuer: corporate, shared_secret: {issuer: legacy, secret: \"${env:SECRET}\", audiences: [x]}, claims: {level: {one_of: [\"${env:LEVEL}\"]}}}"
        )
        return folder
    }

    @Test("the effective configuration shows each value with its place, but no secret and no key")
    func effective() throws {
        var folder = Self.secretFolder
        folder.files["keys/2026.pem"] = "-----BEGIN PRIVATE KEY-----"
        let configuration = try folder.configuration()
        let text = EffectiveConfiguration.json(configuration)
        let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        func dig(_ path: String...) -> [String: Any]? {
            path.reduce(value as [String: Any]?) { $0?[$1] as? [String: Any] }
        }
        #expect(dig("issuers", "corporate", "issuer")?["from"] as? String == "gateway.d/gateway.yaml:6:13")
        #expect(dig("issuers", "corporate", "clock_skew")?["from"] as? String == "built in")
        #expect(dig("internal_tokens", "ttl_max")?["value"] as? String == "5m")
        let route = try #require(dig("domains", "bank", "routes", "read", "plugins"))
        let token = route["internal_jwt"] as? [String: Any]
        #expect((token?["ttl"] as? [String: Any])?["from"] as? String == "built in")
        let spiffe = (route["spiffe"] as? [String: Any])?["rules"] as? [[String: Any]]
        let id = spiffe?.first?["id"] as? [String: Any]
        #expect(id?["value"] as? String == "spiffe://bank-a/user/{claim.user_id}")
        #expect(id?["from"] as? String == "gateway.d/bank.yaml:4:16")
        let secret = ((route["jwt"] as? [String: Any])?["shared_secret"] as? [String: Any])?["secret"]
        #expect((secret as? [String: Any])?["value"] as? String == EffectiveConfiguration.mask)
        for hidden in ["0123456789abcdef", "platinum-level", "PRIVATE KEY"] { #expect(!text.contains(hidden)) }
    }

    @Test("a secret that is printed by accident isn't shown")
    func accident() throws {
        let secret = try #require(
            try Self.secretFolder.configuration().domains[0].routes[0].plugins.jwt?.sharedSecret?.secret)
        #expect(secret.value.bytes.count == 32)
        #expect(!"\(secret)".contains("0123") && !String(reflecting: secret.value).contains("0123"))
    }

    @Test(
        "what the files hold counts in the digest, and the change is told by name",
        arguments: [
            ("keys/2026.pem", ["gateway.d/keys/2026.pem"], []), ("keys/set.json", [], ["corporate"]),
            ("keys/ca.pem", [], ["partner"]), ("signing/a.jwk", ["gateway.d/signing/a.jwk"], []),
            ("keys/unused.pem", [], []),
        ])
    func contents(name: String, keys: [String], issuers: [String]) throws {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing(
            "audiences: [bank-api]",
            with:
                "audiences: [bank-api]\n    jwks_file: keys/set.json\n  partner: {issuer: \"https://p.example.com\", any_audience: true, ca_file: keys/ca.pem}"
        ).replacing("[{file: keys/2026.pem}]", with: "[{file: keys/2026.pem}, {folder: signing}]")
        let before = try folder.configuration()
        folder.files[name] = "something else"
        let after = try folder.configuration()
        let changes = ConfigurationChanges.between(before, after)
        #expect((before.digest == after.digest) == (keys.isEmpty && issuers.isEmpty))
        #expect(changes.signingKeys.changed == keys && changes.issuers.changed == issuers)
        #expect(changes.isEmpty == (before.digest == after.digest) && changes.settings.isEmpty)
    }

    @Test("a key dropped into a folder is told as added, and its place among the others counts")
    func rotation() throws {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing("[{file: keys/2026.pem}]", with: "[{folder: signing}]")
        let before = try folder.configuration()
        folder.files["signing/c.pem"] = "c"
        let after = try folder.configuration()
        let changes = ConfigurationChanges.between(before, after)
        #expect(before.digest != after.digest && changes.signingKeys.added == ["gateway.d/signing/c.pem"])
        #expect(changes.signingKeys.keptCount == 2 && changes.settings.isEmpty && changes.routes.keptCount == 1)
        folder.gateway = identityGateway.replacing(
            "[{file: keys/2026.pem}]", with: "[{file: signing/a.jwk}, {file: signing/c.pem}, {file: signing/b.pem}]")
        let swapped = try folder.configuration()
        #expect(ConfigurationChanges.between(after, swapped).settings == ["internal_tokens"])
        #expect(after.digest != swapped.digest)
    }

    @Test(
        "every effective value counts in the digest",
        arguments: [
            ("audiences: [bank-api]", "audiences: [other]"), ("audiences", "authorized_parties"),
            ("audiences: [bank-api]", "any_audience: true"), ("realms/bank", "realms/shop"),
            ("[bank-api]", "[bank-api]\n    clock_skew: 59s"), ("[bank-api]", "[bank-api]\n    lifetime_max: 1h"),
            ("[bank-api]", "[bank-api]\n    tenant: a"), ("[bank-api]", "[bank-api]\n    claims: {tenant: a}"),
            ("[bank-api]", "[bank-api]\n    types: [JWT]"), ("[bank-api]", "[bank-api]\n    allow_id_tokens: true"),
            ("[bank-api]", "[bank-api]\n    algorithms: [RS256]"), ("[bank-api]", "[bank-api]\n    allow_http: true"),
            ("[bank-api]", "[bank-api]\n    refresh: {interval_max: 2h}"), ("2026.pem", "2026.pem, id: a"),
            ("2026.pem", "2026.pem, state: signing"), ("2026.pem", "2026.pem, algorithm: ES256"),
            ("gateway.example.com", "g.example.com"), ("2026.pem}]", "2026.pem}]\n  ttl_max: 2m"),
            ("2026.pem}]", "2026.pem}]\n  publish_before_signing: 1m"), ("2026.pem}]", "2026.pem}]\n  publish: {}"),
            ("domains:", "audit_log: {decisions: refused}\ndomains:"), ("domains:", "audit_log: {file: a}\ndomains:"),
            ("corporate}", "corporate, required: false}"), ("corporate}", "corporate, scopes: [a]}"),
            ("corporate}", "corporate, any_scope: [a]}"), ("corporate}", "corporate, audiences: [a]}"),
            ("corporate}", "corporate, claims: {a: {equals: b}}}"), ("corporate}", "corporate, realm: a}"),
            ("corporate}", "corporate, from: [{cookie: Authorization}]}"), ("claim.user_id", "claim.sub"),
            ("user_id}\"}", "user_id}\", tenant: a}"), ("user_id}\"}", "user_id}\", route_tenant: a}"),
            ("claim.user_id", "claim.user_id|escape"), ("audience: bank-a", "audience: a"),
            ("audience: bank-a", "audience: bank-a, ttl: 59s"), ("audience: bank-a", "audience: bank-a, jti: true"),
            ("audience: bank-a", "audience: bank-a, profile: jwt_svid"),
            ("audience: bank-a", "audience: bank-a, scope_format: string"),
            ("audience: bank-a", "audience: bank-a, claims: [a]"),
            ("audience: bank-a", "audience: bank-a, actor: \"spiffe://a/b\""),
            ("audience: bank-a", "audience: bank-a, header: X-Internal-JWT"),
        ])
    func values(old: String, new: String) throws {
        var folder = IdentityFolder()
        let before = try folder.configuration()
        folder.gateway = folder.gateway.replacing(old, with: new)
        folder.bank = folder.bank.replacing(old, with: new)
        let after = try folder.configuration()
        #expect(before.digest != after.digest)
        #expect(!ConfigurationChanges.between(before, after).isEmpty)
    }

    @Test("spelt-out defaults change nothing")
    func defaults() throws {
        var folder = IdentityFolder()
        let before = try folder.configuration()
        folder.gateway = folder.gateway.replacing(
            "[bank-api]",
            with: "[bank-api]\n    clock_skew: 1m\n    types: [jwt, AT+JWT]\n    algorithms: [RS256, ES256]")
        folder.bank = folder.bank.replacing("corporate}", with: "corporate, from: [{header: Authorization}]}")
            .replacing("audience: bank-a", with: "audience: [bank-a], ttl: 60s, header: Authorization")
        #expect(try folder.configuration().digest == before.digest)
    }

    @Test("what is wrong with a secret doesn't show it", arguments: ["SHORT", "SECRET"])
    func findingsHideSecrets(variable: String) {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing(
            "[bank-api]", with: "[bank-api]\n    jwks_file: \"${env:\(variable)}\"")
        folder.bank = folder.bank.replacing(
            "issuer: corporate", with: "shared_secret: {issuer: a, secret: \"${env:\(variable)}\", audiences: []}")
        let result = folder.load()
        let text =
            DiagnosticRenderer(result).text(result.findings) + DiagnosticRenderer(result).json(result.findings)
        #expect(result.hasErrors && !text.contains("0123456789"))
    }
}
