import Configuration
import Testing

@Suite struct IdentityPluginGoldenTests {
    @Test("jwt, spiffe and internal_jwt: what is wrong, where, and what was expected", arguments: cases)
    func golden(golden: IdentityCase) {
        #expect(golden.actual == golden.findings)
    }

    /// The end of the file, and one whose route has an upstream.
    private static let tail = """
        internal_jwt: {audience: bank-a}
        routes:
          read:
            match: {path: "/accounts/{id}"}
            respond: {status: 204}
        """
    private static let proxied = """
        upstreams:
          accounts: {targets: ["http://10.1.0.11:8080"]}
        routes:
          read:
            match: {path: "/accounts/{id}"}
            upstream: accounts
        """

    static let cases: [IdentityCase] = [
        IdentityCase(
            "an unknown issuer", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporat}",
            "gateway.d/bank.yaml:3:17: error: plugins.jwt.issuer: gateway.yaml declares no issuer `corporat`; expected `corporate`; did you mean `corporate`?"
        ),
        IdentityCase(
            "no issuer", .bank, "jwt: {issuer: corporate}",
            "jwt: {scopes: [read]}",
            "gateway.d/bank.yaml:3:8: error: plugins.jwt: no issuer is named whose tokens are accepted; expected `issuer`, `issuers` or `shared_secret`; or turn it off with `enabled: false`"
        ),
        IdentityCase(
            "issuer and issuers", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, issuers: [corporate]}",
            "gateway.d/bank.yaml:3:28: error: plugins.jwt.issuers: `issuer` and `issuers` exclude each other; expected one of them"
        ),
        IdentityCase(
            "issuers twice", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuers: [corporate, corporate]}",
            "gateway.d/bank.yaml:3:30: error: plugins.jwt.issuers[1]: `corporate` is listed twice; see gateway.d/bank.yaml:3:19: first listed here"
        ),
        IdentityCase(
            "scopes in one text", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, scopes: [\"read write\"]}",
            "gateway.d/bank.yaml:3:37: error: plugins.jwt.scopes[0]: `read write` does not fit here; expected a scope: printable ASCII without spaces, `\"` and `\\`; write each scope as an element of its own"
        ),
        IdentityCase(
            "scopes as a text", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, scopes: read}",
            "gateway.d/bank.yaml:3:36: error: plugins.jwt.scopes: `read` does not fit here; expected a list; each element: a scope: printable ASCII without spaces, `\"` and `\\`; write `[read]`"
        ),
        IdentityCase(
            "a scope with a quote", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, any_scope: [\"a\\\"b\"]}",
            "gateway.d/bank.yaml:3:40: error: plugins.jwt.any_scope[0]: `a\"b` does not fit here; expected a scope: printable ASCII without spaces, `\"` and `\\`"
        ),
        IdentityCase(
            "an empty audience", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, audiences: [\"\"]}",
            "gateway.d/bank.yaml:3:40: error: plugins.jwt.audiences[0]: `` does not fit here; expected an audience, 1 to 512 bytes without control characters"
        ),
        IdentityCase(
            "required as a word", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, required: optional}",
            "gateway.d/bank.yaml:3:38: error: plugins.jwt.required: `optional` does not fit here; expected `true` or `false`"
        ),
        IdentityCase(
            "a condition without test", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, claims: {level: {}}}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.claims.level: a mapping does not fit here; expected exactly one of `equals`, `one_of`, `contains` and `present`"
        ),
        IdentityCase(
            "a condition with two tests", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, claims: {level: {equals: a, present: true}}}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.claims.level: a mapping does not fit here; expected exactly one of `equals`, `one_of`, `contains` and `present`"
        ),
        IdentityCase(
            "a condition that is a text", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, claims: {level: gold}}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.claims.level: `gold` does not fit here; expected a mapping with `equals`, `one_of`, `contains` or `present`"
        ),
        IdentityCase(
            "a misspelt test", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, claims: {level: {equal: gold}}}",
            "gateway.d/bank.yaml:3:45: error: plugins.jwt.claims.level.equal: unknown key `equal`; expected `equals`, `one_of`, `contains` or `present`; did you mean `equals`?"
        ),
        IdentityCase(
            "a condition on a bad claim", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, claims: {\"a b\": {equals: c}}}",
            "gateway.d/bank.yaml:3:37: error: plugins.jwt.claims.a b: `a b` can't be a name here; expected a claim such as `department` or `realm_access.roles`; with `://` in it, it is one name, and after a leading `/` a JSON Pointer"
        ),
        IdentityCase(
            "a source of two places", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [{header: X-Token, query: token}]}",
            "gateway.d/bank.yaml:3:35: error: plugins.jwt.from[0]: a mapping does not fit here; expected exactly one of `header`, `query` and `cookie`"
        ),
        IdentityCase(
            "a source that an outsider may not have", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [{header: X-Spiffe-ID}]}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.from[0].header: `X-Spiffe-ID` does not fit here; expected a header in which clients may send a token; of this one, it carries an identity"
        ),
        IdentityCase(
            "a source that the gateway writes", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [{header: X-Request-ID}]}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.from[0].header: `X-Request-ID` does not fit here; expected a header in which clients may send a token; of this one, the gateway writes it itself"
        ),
        IdentityCase(
            "a source of a proxy", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [{header: x-forwarded-for}]}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.from[0].header: `x-forwarded-for` does not fit here; expected a header in which clients may send a token; of this one, the gateway writes it itself"
        ),
        IdentityCase(
            "a source that is logged", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [{header: Referer}]}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.from[0].header: `Referer` does not fit here; expected a header in which clients may send a token; of this one, it is written to the access log"
        ),
        IdentityCase(
            "a source twice", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [{header: X-T}, {cookie: x-t}, {header: x-t}]}",
            "gateway.d/bank.yaml:3:65: error: plugins.jwt.from[2]: the place stands in `from` twice; expected each place once"
        ),
        IdentityCase(
            "a source that is a text", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [Authorization]}",
            "gateway.d/bank.yaml:3:35: error: plugins.jwt.from[0]: `Authorization` does not fit here; expected a mapping with `header`, `query` or `cookie`"
        ),
        IdentityCase(
            "a cookie with a space", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: [{cookie: \"a b\"}]}",
            "gateway.d/bank.yaml:3:44: error: plugins.jwt.from[0].cookie: `a b` does not fit here; expected a header name"
        ),
        IdentityCase(
            "no source", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, from: []}",
            "gateway.d/bank.yaml:3:34: error: plugins.jwt.from: the list is empty; expected at least one element, or no such key"
        ),
        IdentityCase(
            "a realm with a quote", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, realm: 'a\"b'}",
            "gateway.d/bank.yaml:3:35: error: plugins.jwt.realm: `a\"b` does not fit here; expected printable ASCII without `\"` and `\\`, at most 128 bytes"
        ),
        IdentityCase(
            "a secret in the file", .bank, "jwt: {issuer: corporate}",
            "jwt: {shared_secret: {issuer: legacy, secret: 0123456789abcdef0123456789abcdef, audiences: [x]}}",
            "gateway.d/bank.yaml:3:49: error: plugins.jwt.shared_secret.secret: a secret must not be written into the file; expected `${env:NAME}` or `${file:path}`"
        ),
        IdentityCase(
            "a short secret", .bank, "jwt: {issuer: corporate}",
            "jwt: {shared_secret: {issuer: legacy, secret: \"${env:SHORT}\", audiences: [x]}}",
            "gateway.d/bank.yaml:3:49: error: plugins.jwt.shared_secret.secret: the secret is too short; expected 32 to 4096 bytes (RFC 7518 section 3.2)"
        ),
        IdentityCase(
            "a good secret", .bank, "jwt: {issuer: corporate}",
            "jwt: {shared_secret: {issuer: legacy, secret: \"${env:SECRET}\", audiences: [x]}}"),
        IdentityCase(
            "a secret without audiences", .bank, "jwt: {issuer: corporate}",
            "jwt: {shared_secret: {issuer: legacy, secret: \"${env:SECRET}\"}}",
            "gateway.d/bank.yaml:3:24: error: plugins.jwt.shared_secret.audiences: the key `audiences` is missing; expected a list; each element: an audience"
        ),
        IdentityCase(
            "a secret for the issuer of another entry", .bank, "jwt: {issuer: corporate}",
            "jwt: {issuer: corporate, shared_secret: {issuer: \"https://sso.example.com/realms/bank\", secret: \"${env:SECRET}\", audiences: [x]}}",
            "gateway.d/bank.yaml:3:52: error: plugins.jwt.shared_secret.issuer: `corporate` has the same `issuer`; expected issuers that a token's `iss` tells apart"
        ),
        IdentityCase(
            "spiffe without jwt", .bank, "jwt: {issuer: corporate}",
            "jwt: {enabled: false}",
            "gateway.d/bank.yaml:4:11: error: plugins.spiffe: `spiffe` without `jwt`: nobody is known to give an ID to; expected `jwt` beside it, or for the whole file; or add `spiffe: {enabled: false}`"
        ),
        IdentityCase(
            "internal_jwt without spiffe", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {enabled: false}",
            "gateway.d/bank.yaml:5:17: error: plugins.internal_jwt: `internal_jwt` without `spiffe`: the token would have no subject; expected `spiffe` beside it, or for the whole file; or add `internal_jwt: {enabled: false}`"
        ),
        IdentityCase(
            "no id", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {tenant: \"{claim.tenant}\"}",
            "gateway.d/bank.yaml:4:11: error: plugins.spiffe: nothing says what the SPIFFE ID is; expected `id` or `rules`"
        ),
        IdentityCase(
            "id and rules", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/a\", rules: [{id: \"spiffe://bank-a/b\"}]}",
            "gateway.d/bank.yaml:4:37: error: plugins.spiffe.rules: `id` and `rules` exclude each other; expected one of them"
        ),
        IdentityCase(
            "another trust domain", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-b/user/{claim.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: the domain `bank` may not give IDs of the trust domain `bank-b`; expected `spiffe://bank-a/…` or `spiffe://{trust_domain}/…`; see gateway.d/gateway.yaml:12:55: the domain's trust domain"
        ),
        IdentityCase(
            "its own trust domain by name", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://{trust_domain}/user/{claim.sub|escape}\"}"),
        IdentityCase(
            "a trust domain from a claim", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://{claim.tenant}/user/{claim.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://{claim.tenant}/user/{claim.sub}` does not fit here; expected a trust domain that is written out, or `{trust_domain}`: no token may choose it"
        ),
        IdentityCase(
            "half a trust domain from a claim", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-{claim.tenant}/user/{claim.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-{claim.tenant}/user/{claim.sub}` does not fit here; expected a trust domain that is written out, or `{trust_domain}`: no token may choose it"
        ),
        IdentityCase(
            "another scheme", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"https://bank-a/user/{claim.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `https://bank-a/user/{claim.sub}` does not fit here; expected a SPIFFE ID such as `spiffe://bank-a/user/{claim.user_id}`, which begins with `spiffe://`"
        ),
        IdentityCase(
            "a scheme in upper case", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"SPIFFE://bank-a/user/{claim.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `SPIFFE://bank-a/user/{claim.sub}` does not fit here; expected a SPIFFE ID such as `spiffe://bank-a/user/{claim.user_id}`, which begins with `spiffe://`"
        ),
        IdentityCase(
            "a trust domain in upper case", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://Bank-A/user/{claim.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://Bank-A/user/{claim.sub}` does not fit here; expected a trust domain of 1 to 255 lower-case letters, digits, `.`, `_` and `-` after `spiffe://`"
        ),
        IdentityCase(
            "a trust domain with a port", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a:8080/user\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a:8080/user` does not fit here; expected a trust domain of 1 to 255 lower-case letters, digits, `.`, `_` and `-` after `spiffe://`"
        ),
        IdentityCase(
            "no path", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a` does not fit here; expected a path after the trust domain, such as `/user/{claim.sub}`"
        ),
        IdentityCase(
            "an empty path", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/` does not fit here; expected a path after the trust domain, such as `/user/{claim.sub}`"
        ),
        IdentityCase(
            "a slash at the end", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user/` does not fit here; expected a path without empty segments and without a `/` at its end"
        ),
        IdentityCase(
            "an empty segment", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a//user\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a//user` does not fit here; expected a path without empty segments and without a `/` at its end"
        ),
        IdentityCase(
            "a dot segment", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/../user\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/../user` does not fit here; expected a path without `.` and `..`"
        ),
        IdentityCase(
            "a percent escape", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/us%65r\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/us%65r` does not fit here; expected path segments of letters, digits, `.`, `_` and `-`, without `%` at character 19"
        ),
        IdentityCase(
            "a query", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user?a=b\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user?a=b` does not fit here; expected path segments of letters, digits, `.`, `_` and `-`, without `?` at character 21"
        ),
        IdentityCase(
            "a letter beyond ASCII", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/müller\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/müller` does not fit here; expected path segments of letters, digits, `.`, `_` and `-`, without the letter at character 18"
        ),
        IdentityCase(
            "an at sign between places", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/{claim.a}@{claim.b}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/{claim.a}@{claim.b}` does not fit here; expected path segments of letters, digits, `.`, `_` and `-`, without `@` at character 26"
        ),
        IdentityCase(
            "two places in a segment", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/u/{claim.a}-{tenant}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/u/{claim.a}-{tenant}` does not fit here; expected a `/` before the place at character 29: with two places in one path segment, different callers could get the same ID"
        ),
        IdentityCase(
            "two places in a tenant", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", tenant: \"{claim.a}-{claim.b}\"}",
            "gateway.d/bank.yaml:4:64: error: plugins.spiffe.tenant: `{claim.a}-{claim.b}` does not fit here; expected one place at most: with two, different tenants could become one"
        ),
        IdentityCase(
            "an unknown place", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{user_id}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user/{user_id}` does not fit here; expected `{claim.NAME}`, `{claim.NAME|escape}`, `{tenant}`, `{issuer.tenant}` or `{trust_domain}` at character 22, not `{user_id}`; did you mean `{claim.user_id}`?"
        ),
        IdentityCase(
            "claims instead of claim", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claims.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user/{claims.sub}` does not fit here; expected `{claim.NAME}`, `{claim.NAME|escape}`, `{tenant}`, `{issuer.tenant}` or `{trust_domain}` at character 22, not `{claims.sub}`; did you mean `{claim.sub}`?"
        ),
        IdentityCase(
            "an unknown filter", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.sub|lower}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user/{claim.sub|lower}` does not fit here; expected `{claim.NAME}`, `{claim.NAME|escape}`, `{tenant}`, `{issuer.tenant}` or `{trust_domain}` at character 22, not `{claim.sub|lower}`"
        ),
        IdentityCase(
            "an open brace", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.sub\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user/{claim.sub` does not fit here; expected a `}` for the `{` at character 22"
        ),
        IdentityCase(
            "a closing brace", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/claim.sub}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user/claim.sub}` does not fit here; expected a `{` before the `}` at character 31"
        ),
        IdentityCase(
            "a path parameter in an ID", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{path.id}\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/user/{path.id}` does not fit here; expected `{claim.NAME}`, `{claim.NAME|escape}`, `{tenant}`, `{issuer.tenant}` or `{trust_domain}` at character 22, not `{path.id}`"
        ),
        IdentityCase(
            "the trust domain within the path", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/{trust_domain}/user\"}",
            "gateway.d/bank.yaml:4:16: error: plugins.spiffe.id: `spiffe://bank-a/{trust_domain}/user` does not fit here; expected `{trust_domain}` only directly after `spiffe://`"
        ),
        IdentityCase(
            "a rule after the last", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {rules: [{id: \"spiffe://bank-a/a\"}, {id: \"spiffe://bank-a/b\"}]}",
            "gateway.d/bank.yaml:4:52: error: plugins.spiffe.rules[1].id: the rule never counts: one before it matches every token; expected a `when` there; see gateway.d/bank.yaml:4:25: the rule that always matches"
        ),
        IdentityCase(
            "a rule without id", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {rules: [{when: {a: {equals: b}}}]}",
            "gateway.d/bank.yaml:4:20: error: plugins.spiffe.rules[0].id: the key `id` is missing; expected a SPIFFE ID such as `spiffe://bank-a/user/{claim.user_id}`"
        ),
        IdentityCase(
            "no rules", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {rules: []}",
            "gateway.d/bank.yaml:4:19: error: plugins.spiffe.rules: the list is empty; expected at least one element, or no such key"
        ),
        IdentityCase(
            "an unknown place in a tenant", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", tenant: \"{tenant}\"}",
            "gateway.d/bank.yaml:4:64: error: plugins.spiffe.tenant: `{tenant}` does not fit here; expected `{claim.NAME}` or `{issuer.tenant}` at character 1, not `{tenant}`; did you mean `{claim.tenant}`?"
        ),
        IdentityCase(
            "an escaped tenant", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", tenant: \"{claim.tenant|escape}\"}",
            "gateway.d/bank.yaml:4:64: error: plugins.spiffe.tenant: `{claim.tenant|escape}` does not fit here; expected `{claim.NAME}` or `{issuer.tenant}` at character 1, not `{claim.tenant|escape}`"
        ),
        IdentityCase(
            "a tenant of the path", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", route_tenant: \"{path.tenant}\"}",
            "gateway.d/bank.yaml:4:70: error: plugins.spiffe.route_tenant: the path of the route `bank/read` has no parameter `tenant`; expected `id`; see gateway.d/bank.yaml:8:12: what the route matches"
        ),
        IdentityCase(
            "a tenant of a label", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", route_tenant: \"{host.1}\"}"),
        IdentityCase(
            "a tenant of label 0", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", route_tenant: \"{host.0}\"}",
            "gateway.d/bank.yaml:4:70: error: plugins.spiffe.route_tenant: `{host.0}` does not fit here; expected `{path.NAME}` or `{host.NUMBER}` at character 1, not `{host.0}`"
        ),
        IdentityCase(
            "half a tenant of the path", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", route_tenant: \"t-{path.id}\"}",
            "gateway.d/bank.yaml:4:70: error: plugins.spiffe.route_tenant: `t-{path.id}` does not fit here; expected a tenant as a whole: fixed, `{path.NAME}`, or `{host.NUMBER}`"
        ),
        IdentityCase(
            "a parameter without path", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", route_tenant: \"{id}\"}",
            "gateway.d/bank.yaml:4:70: error: plugins.spiffe.route_tenant: `{id}` does not fit here; expected `{path.NAME}` or `{host.NUMBER}` at character 1, not `{id}`; did you mean `{path.id}`?"
        ),
        IdentityCase(
            "another header", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", header: X-User}",
            "gateway.d/bank.yaml:4:64: error: plugins.spiffe.header: `X-User` does not fit here; expected `X-Spiffe-ID`"
        ),
        IdentityCase(
            "the header", .bank, "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\"}",
            "spiffe: {id: \"spiffe://bank-a/user/{claim.user_id}\", header: X-Spiffe-ID}"),
        IdentityCase(
            "a header that holds the internal token", .bank, tail,
            "internal_jwt: {audience: bank-a}\n  request_transform: {headers: {set: {authorization: \"Basic x\"}}}\n\(proxied)",
            "gateway.d/bank.yaml:6:54: error: plugins.request_transform.headers.set.authorization: `authorization` holds the token of `internal_jwt`; expected another header, or `internal_jwt` with `header: X-Internal-JWT`"
        ),
        IdentityCase(
            "the caller's token put back", .bank, tail,
            "internal_jwt: {audience: bank-a, header: X-Internal-JWT}\n  request_transform: {headers: {set: {Authorization: \"x {header.authorization}\"}}}\n\(proxied)",
            "gateway.d/bank.yaml:6:54: error: plugins.request_transform.headers.set.Authorization: `{header.authorization}` may be the caller's token, which `internal_jwt` keeps back; expected another value"
        ),
        IdentityCase(
            "an Authorization of the route's own", .bank, tail,
            "internal_jwt: {audience: bank-a, header: X-Internal-JWT}\n  request_transform: {headers: {set: {Authorization: \"Basic {header.x-team}\"}}}\n\(proxied)"
        ),
        IdentityCase(
            "no audience of the token", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {ttl: 30s}",
            "gateway.d/bank.yaml:5:17: error: plugins.internal_jwt: nothing says who the token is for; expected `audience`"
        ),
        IdentityCase(
            "an empty list of audiences", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: []}",
            "gateway.d/bank.yaml:5:28: error: plugins.internal_jwt.audience: the list is empty; expected at least one element, or no such key"
        ),
        IdentityCase(
            "the tenant as audience", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: [\"{tenant}\", accounts]}"),
        IdentityCase(
            "a claim as audience", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: \"{claim.aud}\"}",
            "gateway.d/bank.yaml:5:28: error: plugins.internal_jwt.audience: `{claim.aud}` does not fit here; expected `{tenant}` at character 1, not `{claim.aud}`"
        ),
        IdentityCase(
            "a ttl above ttl_max", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, ttl: 6m}",
            "gateway.d/bank.yaml:5:41: error: plugins.internal_jwt.ttl: the `ttl` is above `ttl_max`; expected at most 5m"
        ),
        IdentityCase(
            "a ttl with a part of a second", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, ttl: 1999ms}",
            "gateway.d/bank.yaml:5:41: error: plugins.internal_jwt.ttl: `1999ms` does not fit here; expected a duration from 1s to 1h, in whole seconds"
        ),
        IdentityCase(
            "a ttl of nothing", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, ttl: 0s}",
            "gateway.d/bank.yaml:5:41: error: plugins.internal_jwt.ttl: `0s` does not fit here; expected a duration from 1s to 1h"
        ),
        IdentityCase(
            "a misspelt profile", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, profile: jwt-svid}",
            "gateway.d/bank.yaml:5:45: error: plugins.internal_jwt.profile: `jwt-svid` does not fit here; expected `internal`, `jwt_svid` or `access_token`; did you mean `jwt_svid`?"
        ),
        IdentityCase(
            "a bad scope format", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, scope_format: list}",
            "gateway.d/bank.yaml:5:50: error: plugins.internal_jwt.scope_format: `list` does not fit here; expected `array` or `string`"
        ),
        IdentityCase(
            "a reserved claim", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, claims: [email, sub]}",
            "gateway.d/bank.yaml:5:52: error: plugins.internal_jwt.claims[1]: the gateway itself writes the claim `sub`; expected a claim other than `iss`, `sub`, `aud`, `exp`, `iat`, `nbf`, `jti`, `scope`, `tenant` or `act`"
        ),
        IdentityCase(
            "client_id in an access token", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, profile: access_token, claims: [client_id]}",
            "gateway.d/bank.yaml:5:68: error: plugins.internal_jwt.claims[0]: the gateway itself writes the claim `client_id`; expected a claim other than `iss`, `sub`, `aud`, `exp`, `iat`, `nbf`, `jti`, `scope`, `tenant`, `act` or `client_id`"
        ),
        IdentityCase(
            "a claim with a space in its name", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, claims: [\"a b\"]}",
            "gateway.d/bank.yaml:5:45: error: plugins.internal_jwt.claims[0]: `a b` does not fit here; expected a claim's name of letters, digits and `_:/.-`"
        ),
        IdentityCase(
            "jti as a text", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, jti: always}",
            "gateway.d/bank.yaml:5:41: error: plugins.internal_jwt.jti: `always` does not fit here; expected `true` or `false`"
        ),
        IdentityCase(
            "an actor that is a template", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, actor: \"spiffe://bank-a/{claim.sub}\"}",
            "gateway.d/bank.yaml:5:43: error: plugins.internal_jwt.actor: `spiffe://bank-a/{claim.sub}` does not fit here; expected a SPIFFE ID such as `spiffe://bank-a/gateway`"
        ),
        IdentityCase(
            "an actor that is no ID", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, actor: gateway}",
            "gateway.d/bank.yaml:5:43: error: plugins.internal_jwt.actor: `gateway` does not fit here; expected a SPIFFE ID such as `spiffe://bank-a/user/{claim.user_id}`, which begins with `spiffe://`"
        ),
        IdentityCase(
            "another header for the token", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, header: X-Token}",
            "gateway.d/bank.yaml:5:44: error: plugins.internal_jwt.header: `X-Token` does not fit here; expected `Authorization`, `X-Internal-JWT` or `X-Internal-Token`"
        ),
        IdentityCase(
            "two tokens in one header", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, keep_authorization: true}",
            "gateway.d/bank.yaml:5:56: error: plugins.internal_jwt.keep_authorization: `Authorization` can't hold both tokens; expected `header: X-Internal-JWT` or `header: X-Internal-Token`"
        ),
        IdentityCase(
            "two tokens in two headers", .bank, "internal_jwt: {audience: bank-a}",
            "internal_jwt: {audience: bank-a, header: X-Internal-JWT, keep_authorization: true}"),
    ]
}
