import Base
import Configuration
import Testing

@Suite struct IdentityModelTests {
    @Test("an issuer that says the least has the documented defaults")
    func issuerDefaults() throws {
        let issuer = try #require(try IdentityFolder().configuration().issuers.first)
        #expect(issuer.name == "corporate" && issuer.issuer.value == "https://sso.example.com/realms/bank")
        let url = "https://sso.example.com/realms/bank/.well-known/openid-configuration"
        guard case .discovery(let discovery) = issuer.keys.value else { throw Unexpected() }
        #expect(discovery.text == url && discovery.isSecure && discovery.port == 443)
        #expect(discovery.host == .name("sso.example.com"))
        #expect(discovery.target == "/realms/bank/.well-known/openid-configuration")
        #expect(issuer.algorithms.map(\.value) == [.rs256, .es256] && issuer.types.map(\.value) == ["jwt", "at+jwt"])
        #expect(issuer.audiences.map(\.value) == ["bank-api"] && issuer.authorizedParties.isEmpty)
        #expect(!issuer.allowHTTP.value && !issuer.allowIDTokens.value && !issuer.anyAudience.value)
        #expect(issuer.clockSkew.value == .seconds(60) && issuer.lifetimeMax == nil && issuer.tenant == nil)
        #expect(issuer.claims.subject.value.names == ["sub"] && issuer.claims.client.value.names == ["azp"])
        #expect(issuer.claims.scope.map(\.value.names) == [["scope"], ["scp"]] && issuer.claims.tenant == nil)
        #expect(issuer.refresh.intervalMin.value == .seconds(60))
        #expect(issuer.refresh.intervalMax.value == .seconds(3_600))
        #expect(issuer.refresh.fetchTimeout.value == .seconds(5))
        #expect(issuer.refresh.unknownKeyCooldown.value == .seconds(30))
    }

    @Test("every key of an issuer arrives in the model")
    func issuerKeys() throws {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing(
            "audiences: [bank-api]",
            with: """
                audiences: [a, b]
                    authorized_parties: [mobile-app]
                    jwks_url: "http://127.0.0.1:9000?x=1"
                    allow_http: true
                    algorithms: [PS512, EdDSA]
                    types: [application/AT+JWT]
                    allow_id_tokens: true
                    clock_skew: 0s
                    lifetime_max: 24h
                    claims: {subject: user.id, scope: roles, tenant: "https://example.com/tenant", client: /a.b/c~1d}
                    refresh: {interval_min: 1s, interval_max: 2s, fetch_timeout: 100ms, unknown_key_cooldown: 1s}
                """)
        let issuer = try #require(try folder.configuration().issuers.first)
        guard case .keySet(let url) = issuer.keys.value else { throw Unexpected() }
        #expect(
            !url.isSecure && url.port == 9_000 && url.target == "/?x=1"
                && url.host == .address(.init(text: "127.0.0.1")!))
        #expect(issuer.algorithms.map(\.value) == [.ps512, .edDSA] && issuer.types.map(\.value) == ["at+jwt"])
        #expect(issuer.allowIDTokens.value && issuer.clockSkew.value == .zero)
        #expect(issuer.lifetimeMax?.value == .seconds(86_400))
        #expect(issuer.claims.subject.value.names == ["user", "id"])
        #expect(issuer.claims.scope.map(\.value.names) == [["roles"]])
        #expect(issuer.claims.tenant?.value.names == ["https://example.com/tenant"])
        #expect(issuer.claims.client.value.names == ["a.b", "c/d"])
        #expect(issuer.claims.client.value.description == "/a.b/c~1d")
        #expect(issuer.refresh.fetchTimeout.value == .milliseconds(100))
    }

    @Test("key folders are opened, the oldest name first, without what isn't a key")
    func keyFolder() throws {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing(
            "keys: [{file: keys/2026.pem}]",
            with: """
                keys:
                    - {file: keys/2026.pem, algorithm: ES256, id: "2026", state: published}
                    - {folder: signing}
                  publish: {listeners: [external], jwks_path: /keys}
                """)
        let tokens = try #require(try folder.configuration().internalTokens)
        #expect(
            tokens.keys.map(\.file.value.path) == [
                "gateway.d/keys/2026.pem", "gateway.d/signing/a.jwk", "gateway.d/signing/b.pem",
            ])
        #expect(tokens.keys[0].algorithm?.value == .es256 && tokens.keys[0].id?.value == "2026")
        #expect(tokens.keys[0].state?.value == .published && tokens.keys[1].state == nil)
        #expect(tokens.publishBeforeSigning.value == .seconds(300) && tokens.lifetimeMax.value == .seconds(300))
        #expect(tokens.publication?.listeners.map(\.value.name) == ["external"])
        #expect(tokens.publication?.keySetPath.value == "/keys")
        #expect(tokens.publication?.bundlePath.value == "/.well-known/spiffe-bundle.json")
    }

    @Test("what a route says the least of has the documented defaults")
    func pluginDefaults() throws {
        let plugins = try IdentityFolder().configuration().domains[0].routes[0].plugins
        let jwt = try #require(plugins.jwt)
        #expect(jwt.issuers.map(\.value.name) == ["corporate"] && jwt.required.value && jwt.realm.value == "portcullis")
        #expect(jwt.sources.map(\.value) == [.header("Authorization")] && jwt.scopes.isEmpty && jwt.claims.isEmpty)
        let spiffe = try #require(plugins.spiffe)
        #expect(spiffe.trustDomain == "bank-a" && spiffe.tenant == nil && spiffe.routeTenant == nil)
        #expect(
            spiffe.rules.map(\.id.value.parts) == [
                [.literal("spiffe://bank-a/user/"), .claim(ClaimPath(names: ["user_id"]), isEscaped: false)]
            ])
        let token = try #require(plugins.internalJWT)
        #expect(token.audience.map(\.value.constant) == ["bank-a"] && token.lifetime.value == .seconds(60))
        #expect(token.profile.value == .internal && token.scopeFormat.value == .array && !token.tokenID.value)
        #expect(token.header.value == .authorization && !token.keepAuthorization.value && token.actor == nil)
    }

    @Test("every key of the plugins arrives in the model")
    func pluginKeys() throws {
        var folder = IdentityFolder()
        folder.bank = folder.bank.replacing(
            "jwt: {issuer: corporate}",
            with: """
                jwt:
                    issuers: [corporate]
                    required: false
                    scopes: [read]
                    any_scope: [a, b]
                    audiences: [accounts]
                    claims:
                      realm_access.roles: {contains: teller}
                      level: {one_of: [gold, "${env:LEVEL}"]}
                      active: {equals: true}
                      email: {present: true}
                      locked: {present: false}
                    from: [{header: X-Token}, {query: access_token}, {cookie: session}]
                    realm: bank
                """
        ).replacing(
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            with: """
                spiffe:
                    rules:
                      - {when: {client_type: {equals: service}}, id: "spiffe://{trust_domain}/{tenant}/{claim.azp|escape}"}
                      - {id: "spiffe://bank-a/{issuer.tenant}/{claim.user.id}"}
                    tenant: "t-{claim.tenant}"
                    route_tenant: "{path.id}"
                """
        ).replacing(
            "internal_jwt: {audience: bank-a}",
            with: """
                internal_jwt: {audience: [a, "{tenant}"], ttl: 2m, profile: access_token, scope_format: string,
                    claims: [email], jti: true, actor: "spiffe://bank-a/gateway", header: X-Internal-Token,
                    keep_authorization: true}
                """)
        let plugins = try folder.configuration().domains[0].routes[0].plugins
        let jwt = try #require(plugins.jwt)
        #expect(!jwt.required.value && jwt.anyScope.map(\.value) == ["a", "b"] && jwt.realm.value == "bank")
        #expect(jwt.sources.map(\.value) == [.header("X-Token"), .query("access_token"), .cookie("session")])
        #expect(jwt.claims.first?.path.names == ["realm_access", "roles"])
        #expect(
            jwt.claims.map(\.test) == [
                .contains("teller"), .oneOf(["gold", "platinum-level"]), .equals("true"), .present, .absent,
            ])
        let spiffe = try #require(plugins.spiffe)
        #expect(
            spiffe.rules.map(\.id.value.parts) == [
                [
                    .literal("spiffe://bank-a/"), .tenant, .literal("/"),
                    .claim(ClaimPath(names: ["azp"]), isEscaped: true),
                ],
                [
                    .literal("spiffe://bank-a/"), .issuerTenant, .literal("/"),
                    .claim(ClaimPath(names: ["user", "id"]), isEscaped: false),
                ],
            ])
        #expect(spiffe.rules[0].conditions.map(\.test) == [.equals("service")])
        #expect(spiffe.tenant?.value.description == "t-{claim.tenant}")
        #expect(spiffe.routeTenant?.value == .pathParameter(name: "id", index: 0))
        let token = try #require(plugins.internalJWT)
        #expect(token.audience.map(\.value.parts) == [[.literal("a")], [.tenant]])
        #expect(token.lifetime.value == .seconds(120) && token.profile.value == .accessToken)
        #expect(token.scopeFormat.value == .string && token.claims.map(\.value) == ["email"] && token.tokenID.value)
        #expect(token.actor?.value == "spiffe://bank-a/gateway" && token.header.value == .internalToken)
        #expect(token.keepAuthorization.value)
    }

    @Test("a JWT-SVID isn't signed with EdDSA")
    func algorithmOfSVID() {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing("2026.pem}", with: "2026.pem, algorithm: EdDSA}")
        folder.bank = folder.bank.replacing("audience: bank-a", with: "audience: bank-a, profile: jwt_svid")
        #expect(
            findings(folder.load()) == [
                "gateway.d/bank.yaml:5:45: error: plugins.internal_jwt.profile: a JWT-SVID can't be signed with EdDSA; expected keys for RS, PS or ES algorithms; see gateway.d/gateway.yaml:10:43: a signing key"
            ])
    }

    @Test(
        "claims are reached by dots, by a URL as one name, or by a JSON Pointer",
        arguments: [
            ("sub", ["sub"]), ("realm_access.roles", ["realm_access", "roles"]), ("cognito:groups", ["cognito:groups"]),
            ("https://example.com/claims/roles", ["https://example.com/claims/roles"]),
            ("/https:~1~1example.com/a.b/0", ["https://example.com", "a.b", "0"]), ("/~01", ["~1"]),
            ("a/b", ["a/b"]), ("a.b.c.d.e.f.g.h", ["a", "b", "c", "d", "e", "f", "g", "h"]),
        ])
    func claimPaths(text: String, names: [String]) throws {
        var folder = IdentityFolder()
        folder.bank = folder.bank.replacing("corporate}", with: "corporate, claims: {\"\(text)\": {present: true}}}")
        let path = try #require(try folder.configuration().domains[0].routes[0].plugins.jwt?.claims.first?.path)
        #expect(path.names == names)
        folder.bank = identityBank.replacing(
            "corporate}", with: "corporate, claims: {\"\(path)\": {present: true}}}")
        #expect(try folder.configuration().domains[0].routes[0].plugins.jwt?.claims.first?.path == path)
    }

    private struct Unexpected: Error {}
}

@Suite struct IdentityMergeTests {
    private func plugins(defaults: String, file: String, route: String) throws -> PluginSet {
        var folder = IdentityFolder()
        folder.gateway += "\ndefaults: {plugins: {\(defaults)}}\n"
        folder.bank = """
            domain: bank
            plugins: {\(file)}
            routes:
              read:
                match: {path: /a}
                respond: {status: 204}
                plugins: {\(route)}
            """
        return try folder.configuration().domains[0].routes[0].plugins
    }

    @Test("keys are merged one by one, the nearest wins, and each keeps its place")
    func keyByKey() throws {
        let jwt = try #require(
            try plugins(
                defaults: "jwt: {issuer: corporate, realm: one, scopes: [a]}",
                file: "jwt: {realm: two, required: false}",
                route: "jwt: {scopes: [b], claims: {level: {equals: gold}}}"
            ).jwt)
        #expect(jwt.issuers[0].value.name == "corporate" && jwt.issuers[0].origin.location?.file == 0)
        #expect(jwt.realm.value == "two" && !jwt.required.value && jwt.realm.origin.location?.line == 2)
        #expect(jwt.scopes.map(\.value) == ["b"] && jwt.scopes[0].origin.location?.line == 7)
        #expect(jwt.location.line == 7)
    }

    @Test("conditions of further places stay, unless a nearer one is about the same claim")
    func conditions() throws {
        let jwt = try #require(
            try plugins(
                defaults: "jwt: {issuer: corporate, claims: {a: {equals: x}, b: {equals: x}}}", file: "",
                route: "jwt: {claims: {a: {equals: y}}}"
            ).jwt)
        #expect(jwt.claims.map(\.path.description) == ["b", "a"])
        #expect(jwt.claims.map(\.test) == [.equals("x"), .equals("y")])
    }

    @Test("a nearer place turns a plugin off, and one nearer still on again")
    func enabled() throws {
        let on = "jwt: {issuer: corporate}"
        #expect(try plugins(defaults: on, file: "jwt: {enabled: false}", route: "").jwt == nil)
        #expect(try plugins(defaults: on, file: "", route: "jwt: {enabled: false}").jwt == nil)
        let again = try plugins(defaults: on, file: "jwt: {enabled: false}", route: "jwt: {scopes: [a]}").jwt
        #expect(again?.issuers.map(\.value.name) == ["corporate"])
        #expect(try plugins(defaults: "", file: "", route: "").jwt == nil)
    }

    @Test("rules of a nearer place replace an id of a further one")
    func rules() throws {
        let spiffe = try #require(
            try plugins(
                defaults: "jwt: {issuer: corporate}, spiffe: {id: \"spiffe://{trust_domain}/far\", route_tenant: x}",
                file: "", route: "spiffe: {rules: [{id: \"spiffe://bank-a/near\"}]}"
            ).spiffe)
        #expect(spiffe.rules.map(\.id.value.constant) == ["spiffe://bank-a/near"])
        #expect(spiffe.routeTenant?.value == .fixed("x"))
    }

    @Test("a fault of gateway.yaml's defaults is reported there, once")
    func defaults() {
        var folder = IdentityFolder()
        folder.gateway += "\ndefaults: {plugins: {jwt: {issuer: nobody}}}\n"
        folder.bank = """
            domain: bank
            routes:
              one: {match: {path: /a}, respond: {status: 204}}
              two: {match: {path: /b}, respond: {status: 204}}
              three: {match: {path: /c}, respond: {status: 204}, plugins: {jwt: {issuer: corporate}}}
            """
        #expect(
            findings(folder.load()) == [
                "gateway.d/gateway.yaml:13:36: error: defaults.plugins.jwt.issuer: gateway.yaml declares no issuer `nobody`; expected `corporate`"
            ])
    }
}
