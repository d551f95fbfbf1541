import Configuration
import Testing

@Suite struct IssuerGoldenTests {
    @Test("issuers, internal_tokens and audit_log: what is wrong, where, and what was expected", arguments: cases)
    func golden(golden: IdentityCase) {
        #expect(golden.actual == golden.findings)
    }

    static let cases: [IdentityCase] = [
        IdentityCase(
            "an issuer without name of its own", .gateway, "issuer: \"https://sso.example.com/realms/bank\"",
            "algorithms: [RS256]",
            "gateway.d/gateway.yaml:6:5: error: issuers.corporate.issuer: the key `issuer` is missing; expected an issuer such as `https://sso.example.com/realms/bank`"
        ),
        IdentityCase(
            "a misspelt key of an issuer", .gateway, "audiences: [bank-api]",
            "audience: [bank-api]",
            "gateway.d/gateway.yaml:7:5: error: issuers.corporate.audience: unknown key `audience`; expected `issuer`, `discovery_url`, `jwks_url`, `jwks_file`, `allow_http`, `ca_file`, `algorithms`, `audiences`, `authorized_parties`, `any_audience`, `types`, `allow_id_tokens`, `clock_skew`, `lifetime_max`, `tenant`, `claims` or `refresh`; did you mean `audiences`?"
        ),
        IdentityCase(
            "no audience", .gateway, "audiences: [bank-api]",
            "types: [JWT]",
            "gateway.d/gateway.yaml:5:3: error: issuers.corporate: tokens that were issued for somebody else would be accepted; expected `audiences` or `authorized_parties`; or say `any_audience: true`"
        ),
        IdentityCase(
            "no audience, in words", .gateway, "audiences: [bank-api]",
            "any_audience: true"),
        IdentityCase(
            "any audience and an audience", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    any_audience: true",
            "gateway.d/gateway.yaml:8:19: error: issuers.corporate.any_audience: `any_audience` contradicts `audiences` and `authorized_parties`; expected either the one or the others"
        ),
        IdentityCase(
            "authorized parties alone", .gateway, "audiences: [bank-api]",
            "authorized_parties: [mobile-app]"),
        IdentityCase(
            "audiences as a text", .gateway, "audiences: [bank-api]",
            "audiences: bank-api",
            "gateway.d/gateway.yaml:7:16: error: issuers.corporate.audiences: `bank-api` does not fit here; expected a list; each element: an audience; write `[bank-api]`"
        ),
        IdentityCase(
            "an issuer that is no URL", .gateway, "issuer: \"https://sso.example.com/realms/bank\"",
            "issuer: bank-sso",
            "gateway.d/gateway.yaml:6:13: error: issuers.corporate.issuer: the issuer is no URL that leads to its keys; expected a URL, or one of `discovery_url`, `jwks_url` and `jwks_file`"
        ),
        IdentityCase(
            "an issuer that is no URL, with a file", .gateway, "issuer: \"https://sso.example.com/realms/bank\"",
            "issuer: bank-sso\n    jwks_file: keys/set.json"),
        IdentityCase(
            "an http issuer", .gateway, "issuer: \"https://sso.example.com/realms/bank\"",
            "issuer: \"http://sso.example.com\"",
            "gateway.d/gateway.yaml:6:13: error: issuers.corporate.issuer: the issuer's keys would be fetched without protection; expected an `https://` URL; or add `allow_http: true`"
        ),
        IdentityCase(
            "an http issuer, in words", .gateway, "issuer: \"https://sso.example.com/realms/bank\"",
            "issuer: \"http://sso.example.com\"\n    allow_http: true"),
        IdentityCase(
            "two sources of keys", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_url: \"https://a.example.com/keys\"\n    jwks_file: keys/set.json",
            "gateway.d/gateway.yaml:9:5: error: issuers.corporate.jwks_file: the issuer has more than one source of keys; expected at most one of `discovery_url`, `jwks_url` and `jwks_file`"
        ),
        IdentityCase(
            "a discovery URL over http", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    discovery_url: \"http://sso.example.com/d\"",
            "gateway.d/gateway.yaml:8:20: error: issuers.corporate.discovery_url: the issuer's keys would be fetched without protection; expected an `https://` URL; or add `allow_http: true`"
        ),
        IdentityCase(
            "a URL with a user", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_url: \"https://me@sso.example.com/keys\"",
            "gateway.d/gateway.yaml:8:15: error: issuers.corporate.jwks_url: `https://me@sso.example.com/keys` does not fit here; expected a URL such as `https://sso.example.com/keys`, without user and fragment"
        ),
        IdentityCase(
            "a URL without scheme", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_url: sso.example.com/keys",
            "gateway.d/gateway.yaml:8:15: error: issuers.corporate.jwks_url: `sso.example.com/keys` does not fit here; expected a URL such as `https://sso.example.com/keys`, without user and fragment; did you mean `https://sso.example.com/keys`?"
        ),
        IdentityCase(
            "a key set that is not there", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_file: keys/absent.json",
            "gateway.d/gateway.yaml:8:16: error: issuers.corporate.jwks_file: the file `keys/absent.json` does not exist"
        ),
        IdentityCase(
            "a key set that may not be read", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_file: keys/secret.pem",
            "gateway.d/gateway.yaml:8:16: error: issuers.corporate.jwks_file: the file `keys/secret.pem` may not be read"
        ),
        IdentityCase(
            "an empty key set", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_file: keys/empty.pem",
            "gateway.d/gateway.yaml:8:16: error: issuers.corporate.jwks_file: the file `keys/empty.pem` is empty"),
        IdentityCase(
            "a key set outside the folder", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_file: ../set.json",
            "gateway.d/gateway.yaml:8:16: error: issuers.corporate.jwks_file: `../set.json` does not fit here; expected a path below the configuration folder without `..`, or an absolute one"
        ),
        IdentityCase(
            "authorities for a file", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    jwks_file: keys/set.json\n    ca_file: keys/ca.pem",
            "gateway.d/gateway.yaml:9:14: warning: issuers.corporate.ca_file: `ca_file` has no effect: the keys come from a file"
        ),
        IdentityCase(
            "authorities that are not there", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    ca_file: keys/absent.pem",
            "gateway.d/gateway.yaml:8:14: error: issuers.corporate.ca_file: the file `keys/absent.pem` does not exist"),
        IdentityCase(
            "allow_http as a word", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    allow_http: yes",
            "gateway.d/gateway.yaml:8:17: error: issuers.corporate.allow_http: `yes` does not fit here; expected `true` or `false`; write `true`"
        ),
        IdentityCase(
            "a shared-secret algorithm", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    algorithms: [HS256]",
            "gateway.d/gateway.yaml:8:18: error: issuers.corporate.algorithms[0]: `HS256` does not fit here; expected an algorithm with a public key: `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512` or `EdDSA`; HS256 is for a route's `jwt: {shared_secret: …}` only"
        ),
        IdentityCase(
            "the algorithm none", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    algorithms: [none]",
            "gateway.d/gateway.yaml:8:18: error: issuers.corporate.algorithms[0]: `none` does not fit here; expected `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512` or `EdDSA`; tokens without a signature are never accepted"
        ),
        IdentityCase(
            "an algorithm in lower case", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    algorithms: [rs256]",
            "gateway.d/gateway.yaml:8:18: error: issuers.corporate.algorithms[0]: `rs256` does not fit here; expected `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512` or `EdDSA`; did you mean `RS256`?"
        ),
        IdentityCase(
            "no algorithms", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    algorithms: []",
            "gateway.d/gateway.yaml:8:17: error: issuers.corporate.algorithms: the list is empty; expected at least one element, or no such key"
        ),
        IdentityCase(
            "a type with a space", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    types: [\"at jwt\"]",
            "gateway.d/gateway.yaml:8:13: error: issuers.corporate.types[0]: `at jwt` does not fit here; expected a token's `typ` such as `JWT` or `at+jwt`"
        ),
        IdentityCase(
            "a type twice", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    types: [JWT, application/jwt]",
            "gateway.d/gateway.yaml:8:18: error: issuers.corporate.types[1]: `application/jwt` is listed twice; see gateway.d/gateway.yaml:8:13: first listed here"
        ),
        IdentityCase(
            "allow_id_tokens as a number", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    allow_id_tokens: 1",
            "gateway.d/gateway.yaml:8:22: error: issuers.corporate.allow_id_tokens: `1` does not fit here; expected `true` or `false`"
        ),
        IdentityCase(
            "too much skew", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    clock_skew: 6m",
            "gateway.d/gateway.yaml:8:17: error: issuers.corporate.clock_skew: `6m` does not fit here; expected a duration from 0s to 5m"
        ),
        IdentityCase(
            "a skew of less than a second", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    clock_skew: 500ms",
            "gateway.d/gateway.yaml:8:17: error: issuers.corporate.clock_skew: `500ms` does not fit here; expected a duration from 0s to 5m, in whole seconds"
        ),
        IdentityCase(
            "a lifetime without unit", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    lifetime_max: 3600",
            "gateway.d/gateway.yaml:8:19: error: issuers.corporate.lifetime_max: `3600` does not fit here; expected a duration from 1s to 8760h: a whole number with `us`, `ms`, `s`, `m` or `h`; did you mean `3600s`?"
        ),
        IdentityCase(
            "an empty tenant", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    tenant: \"\"",
            "gateway.d/gateway.yaml:8:13: error: issuers.corporate.tenant: `` does not fit here; expected a tenant, 1 to 256 bytes without control characters"
        ),
        IdentityCase(
            "two tenants", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    tenant: a\n    claims: {tenant: tenant}",
            "gateway.d/gateway.yaml:9:22: warning: issuers.corporate.claims.tenant: the claim has no effect: the issuer's `tenant` is fixed"
        ),
        IdentityCase(
            "a claim with an empty name", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    claims: {subject: realm..sub}",
            "gateway.d/gateway.yaml:8:23: error: issuers.corporate.claims.subject: `realm..sub` does not fit here; expected a claim such as `department` or `realm_access.roles`; with `://` in it, it is one name, and after a leading `/` a JSON Pointer"
        ),
        IdentityCase(
            "a claim too deep", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    claims: {client: a.b.c.d.e.f.g.h.i}",
            "gateway.d/gateway.yaml:8:22: error: issuers.corporate.claims.client: `a.b.c.d.e.f.g.h.i` does not fit here; expected a claim such as `department` or `realm_access.roles`; with `://` in it, it is one name, and after a leading `/` a JSON Pointer"
        ),
        IdentityCase(
            "a claim with a space", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    claims: {scope: [scope, \"my scope\"]}",
            "gateway.d/gateway.yaml:8:29: error: issuers.corporate.claims.scope[1]: `my scope` does not fit here; expected a claim such as `department` or `realm_access.roles`; with `://` in it, it is one name, and after a leading `/` a JSON Pointer"
        ),
        IdentityCase(
            "a misspelt claim", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    claims: {subjects: sub}",
            "gateway.d/gateway.yaml:8:14: error: issuers.corporate.claims.subjects: unknown key `subjects`; expected `subject`, `scope`, `tenant` or `client`; did you mean `subject`?"
        ),
        IdentityCase(
            "intervals in the wrong order", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    refresh: {interval_min: 2h}",
            "gateway.d/gateway.yaml:8:29: error: issuers.corporate.refresh.interval_min: `interval_max` (1h) is below `interval_min` (2h)"
        ),
        IdentityCase(
            "no time for a fetch", .gateway, "audiences: [bank-api]",
            "audiences: [bank-api]\n    refresh: {fetch_timeout: 0s, unknown_key_cooldown: 0s}",
            "gateway.d/gateway.yaml:8:30: error: issuers.corporate.refresh.fetch_timeout: `0s` does not fit here; expected a duration from 100ms to 1m",
            "gateway.d/gateway.yaml:8:56: error: issuers.corporate.refresh.unknown_key_cooldown: `0s` does not fit here; expected a duration from 1s to 1h"
        ),
        IdentityCase(
            "internal tokens without issuer", .gateway, "issuer: \"https://gateway.example.com\"\n",
            "ttl_max: 1m\n",
            "gateway.d/gateway.yaml:9:3: error: internal_tokens.issuer: the key `issuer` is missing; expected an issuer such as `https://gateway.example.com`"
        ),
        IdentityCase(
            "internal tokens without keys", .gateway, "keys: [{file: keys/2026.pem}]",
            "ttl_max: 2m",
            "gateway.d/gateway.yaml:9:3: error: internal_tokens.keys: the key `keys` is missing; expected a list; each element: a mapping"
        ),
        IdentityCase(
            "an empty list of keys", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: []",
            "gateway.d/gateway.yaml:10:9: error: internal_tokens.keys: the list is empty; expected at least one element, or no such key"
        ),
        IdentityCase(
            "a key that is a text", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [keys/2026.pem]",
            "gateway.d/gateway.yaml:10:10: error: internal_tokens.keys[0]: `keys/2026.pem` does not fit here; expected a mapping with `file`, `folder`, `algorithm`, `id` or `state`"
        ),
        IdentityCase(
            "a key without file", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{id: a}]",
            "gateway.d/gateway.yaml:10:10: error: internal_tokens.keys[0]: the key has no file; expected exactly one of `file` and `folder`"
        ),
        IdentityCase(
            "a file and a folder", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem, folder: signing}]",
            "gateway.d/gateway.yaml:10:10: error: internal_tokens.keys[0]: `file` and `folder` exclude each other; expected exactly one of `file` and `folder`"
        ),
        IdentityCase(
            "a folder with an id", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{folder: signing, id: a}]",
            "gateway.d/gateway.yaml:10:32: error: internal_tokens.keys[0].id: `id` belongs to one key, not to a folder; list the key by `file`"
        ),
        IdentityCase(
            "a key that is not there", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2027.pem}]",
            "gateway.d/gateway.yaml:10:17: error: internal_tokens.keys[0].file: the file `keys/2027.pem` does not exist"
        ),
        IdentityCase(
            "a folder that is not there", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{folder: absent}]",
            "gateway.d/gateway.yaml:10:19: error: internal_tokens.keys[0].folder: the folder `absent` does not exist"),
        IdentityCase(
            "a folder without keys", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{folder: notes}]",
            "gateway.d/gateway.yaml:10:19: error: internal_tokens.keys[0].folder: the folder `notes` holds no key; expected a file `*.pem`, `*.jwk` or `*.json`"
        ),
        IdentityCase(
            "a key twice", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: signing/b.pem}, {folder: signing}]",
            "gateway.d/gateway.yaml:10:42: error: internal_tokens.keys[1].folder: the key is listed twice; see gateway.d/gateway.yaml:10:17: the first one"
        ),
        IdentityCase(
            "an id twice", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: signing/b.pem, id: x}, {file: keys/2026.pem, id: x}]",
            "gateway.d/gateway.yaml:10:66: error: internal_tokens.keys[1].id: another key has the same `id`; see gateway.d/gateway.yaml:10:36: the first one"
        ),
        IdentityCase(
            "two keys that sign", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: signing/b.pem, state: signing}, {file: keys/2026.pem, state: signing}]",
            "gateway.d/gateway.yaml:10:78: error: internal_tokens.keys[1].state: another key is the one that signs; see gateway.d/gateway.yaml:10:39: the first one"
        ),
        IdentityCase(
            "no key that signs", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem, state: retired}]",
            "gateway.d/gateway.yaml:10:39: error: internal_tokens.keys[0].state: no key signs; expected a key with `state: signing`, or without `state`"
        ),
        IdentityCase(
            "a misspelt state", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem, state: sign}]",
            "gateway.d/gateway.yaml:10:39: error: internal_tokens.keys[0].state: `sign` does not fit here; expected `published`, `signing` or `retired`; did you mean `signing`?"
        ),
        IdentityCase(
            "a bad id", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem, id: \"a b\"}]",
            "gateway.d/gateway.yaml:10:36: error: internal_tokens.keys[0].id: `a b` does not fit here; expected 1 to 128 letters, digits, `.`, `_`, `~` and `-`"
        ),
        IdentityCase(
            "a bad algorithm of a key", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem, algorithm: HS256}]",
            "gateway.d/gateway.yaml:10:43: error: internal_tokens.keys[0].algorithm: `HS256` does not fit here; expected an algorithm with a public key: `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512` or `EdDSA`; HS256 is for a route's `jwt: {shared_secret: …}` only"
        ),
        IdentityCase(
            "too long a time before signing", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem}]\n  publish_before_signing: 8d",
            "gateway.d/gateway.yaml:11:27: error: internal_tokens.publish_before_signing: `8d` does not fit here; expected a duration from 0s to 168h: a whole number with `us`, `ms`, `s`, `m` or `h`"
        ),
        IdentityCase(
            "too high a ttl_max", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem}]\n  ttl_max: 2h",
            "gateway.d/gateway.yaml:11:12: error: internal_tokens.ttl_max: `2h` does not fit here; expected a duration from 1s to 1h"
        ),
        IdentityCase(
            "an unknown listener of the keys", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem}]\n  publish: {listeners: [extern]}",
            "gateway.d/gateway.yaml:11:25: error: internal_tokens.publish.listeners[0]: gateway.yaml declares no listener `extern`; expected `external` or `internal`; did you mean `external`?"
        ),
        IdentityCase(
            "one path for both", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem}]\n  publish: {jwks_path: /keys, bundle_path: /keys}",
            "gateway.d/gateway.yaml:11:44: error: internal_tokens.publish.bundle_path: `jwks_path` and `bundle_path` are the same; expected two different paths"
        ),
        IdentityCase(
            "a public path with a parameter", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem}]\n  publish: {jwks_path: \"/{id}\"}",
            "gateway.d/gateway.yaml:11:24: error: internal_tokens.publish.jwks_path: `/{id}` does not fit here; expected a path without parameters"
        ),
        IdentityCase(
            "a misspelt key of publish", .gateway, "keys: [{file: keys/2026.pem}]",
            "keys: [{file: keys/2026.pem}]\n  publish: {path: /keys}",
            "gateway.d/gateway.yaml:11:13: error: internal_tokens.publish.path: unknown key `path`; expected `listeners`, `jwks_path` or `bundle_path`"
        ),
        IdentityCase(
            "an audit log of refusals", .gateway, "domains:",
            "audit_log: {file: stderr, decisions: refused}\ndomains:"),
        IdentityCase(
            "a bad audit log", .gateway, "domains:",
            "audit_log: {enabled: 1, decisions: denied}\ndomains:",
            "gateway.d/gateway.yaml:11:22: error: audit_log.enabled: `1` does not fit here; expected `true` or `false`",
            "gateway.d/gateway.yaml:11:36: error: audit_log.decisions: `denied` does not fit here; expected `all` or `refused`"
        ),
        IdentityCase(
            "no trust domain", .gateway, "trust_domain: bank-a",
            "owner: me",
            "gateway.d/bank.yaml:4:11: error: plugins.spiffe: the domain `bank` has no `trust_domain`; expected `trust_domain` in its entry in gateway.yaml; see gateway.d/gateway.yaml:12:3: the domain's entry"
        ),
        IdentityCase(
            "no internal tokens", .gateway,
            "internal_tokens:\n  issuer: \"https://gateway.example.com\"\n  keys: [{file: keys/2026.pem}]\n",
            "",
            "gateway.d/bank.yaml:5:17: error: plugins.internal_jwt: gateway.yaml has no `internal_tokens`; expected `internal_tokens: {issuer: …, keys: …}` there"
        ),
    ]
}
