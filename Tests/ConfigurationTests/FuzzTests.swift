import Base
import Configuration
import TestSupport
import Testing

@Suite struct FuzzTests {
    private static let pieces: [[UInt8]] = [
        "{", "}", "[", "]", ": ", "- ", "\n", "\n  ", "&a ", "*a", "!!str ", "---\n", "? ", "| \n", "> \n", "\"", "'",
        "${env:X}", "${file:y}", "$${", "${", "{id}", "{rest...}", "%2F", "..", "//", "null", "~", "true", "-1",
        "99999999999999999999", "1s", "10MiB", "*", "<<: *a\n", "\t", "\u{0}", "\u{feff}", "é", "\r\n", "#", ",",
        "{claim.", "|escape}", "{tenant}", "{trust_domain}", "spiffe://", "{host.1}", "{path.id}",
        "enabled: false", "rate: 1/d", "10/min", "shared: together", "keys/2026.pem", "HS256", "https://", "http://",
        "a.b.c", "/a~1b",
        "{query.a|lower|default:'x'}", "{header.", "|hash}", "default:'", "''", "}}", "on_missing: refuse", "/a/0/-",
        "5xx",
    ].map { Array($0.utf8) }

    private static func mutate(_ bytes: [UInt8], _ random: inout RandomSource) -> [UInt8] {
        var result = bytes
        for _ in 0...Int.random(in: 0..<4, using: &random) {
            guard !result.isEmpty else { return result }
            let index = Int.random(in: 0..<result.count, using: &random)
            let end = min(result.count, index + Int.random(in: 0..<20, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: result[index] = UInt8.random(in: 0...255, using: &random)
            case 1: result.removeSubrange(index..<end)
            case 2: result.insert(contentsOf: result[index..<end], at: Int.random(in: 0...result.count, using: &random))
            case 3: result.insert(contentsOf: pieces[Int.random(in: 0..<pieces.count, using: &random)], at: index)
            default: result.replaceSubrange(index..<end, with: pieces[Int.random(in: 0..<pieces.count, using: &random)])
            }
        }
        return result
    }

    private static let gateway =
        plainGateway.replacing("listeners: [external]}", with: "listeners: [external], trust_domain: bank-a}") + """

            admin: {address: "127.0.0.1:9901"}
            trusted_proxies: [10.0.0.0/8, "::1"]
            limits: {connections_max: 100, header_bytes_max: 16KiB}
            timeouts: {header_read: 5s, drain: 1m}
            issuers:
              corporate: {issuer: "https://sso.example.com", audiences: [a], jwks_file: keys/set.json, ca_file: keys/ca.pem}
              partner: {issuer: "https://p.example.com", any_audience: true, claims: {tenant: a.b, scope: [scp]}, algorithms: [ES256]}
            internal_tokens: {issuer: g, keys: [{file: keys/2026.pem, id: a}, {folder: signing}], publish: {listeners: [external]}}
            audit_log: {file: stderr}
            rate_limits: {together: {rate: 5/min, burst: 5, exempt: {networks: [10.0.0.0/8], headers: {X-A: b}, claims: {a.b: c}}}}
            defaults: {timeouts: {request: 10s}, plugins: {response_transform: {headers: {set: {X-Served-By: gateway}}}}}
            """
    private static let bank =
        plainBank + """

              files:
                match: {hosts: ["a.shop.example.com"], prefix: /public, headers: {X-A: {prefix: b}}, query: {q: {present: true}}}
                upstream: accounts
                rewrite: {strip_prefix: /public, host: files.internal}
                plugins: {request_transform: {headers: {set: {X-Key: "${env:X}"}, remove: [Cookie], rename: {A: B}, append: {C: ["{claim.sub|default:'-'}", "{cookie.a|hash}"]}}, query: {replace: {a: "{host}"}}, method: PUT, body: {json: {remove: [/a/0], rename: {/b: c}, set: {/d/e: 1.5, /f: "{method}"}, append: {/g: x}}, bytes_max: 1KiB, on_unfit: pass}, on_missing: refuse}, response_transform: {statuses: [5xx], status: {"500": 502}, body: {text: no}}, ip_restriction: {deny: [10.0.0.0/8]}}
              identity:
                match: {path: "/v1/identity/{id}"}
                upstream: accounts
                plugins:
                  jwt: {issuers: [corporate, partner], scopes: [a], claims: {a.b: {one_of: [c]}}, from: [{cookie: a}]}
                  spiffe: {rules: [{when: {a: {present: true}}, id: "spiffe://bank-a/{claim.sub|escape}"}], route_tenant: "{path.id}"}
                  rate_limit: {headers: both, limits: {a: {rate: 10/s, burst: 20, key: [tenant, path.id, header.X-A], missing_key: skip}, b: {shared: together, cost: {POST: 2}}}}
                  internal_jwt: {audience: ["{tenant}"], ttl: 30s, actor: "spiffe://bank-a/g"}
              old: {match: {path: "/v1/old/{id}"}, redirect: {location: "https://example.com/{id}", status: 301}}
              pong: {match: {path: /v1/ping}, respond: {status: 200, body: pong}}
            """

    @Test("mutated files give a model or errors with a place, and never stop the process")
    func mutations() {
        let count = FuzzPlan.iterations(usual: 2_000)
        var random = FuzzPlan.random(seed: 20_260_101)
        var loaded = 0
        for _ in 0..<count {
            var files = ["gateway.yaml": Array(Self.gateway.utf8), "bank.yaml": Array(Self.bank.utf8)]
            for name in ["keys/set.json", "keys/ca.pem", "keys/2026.pem", "signing/a.pem"] { files[name] = [0x61] }
            let name = Int.random(in: 0..<3, using: &random) == 0 ? "gateway.yaml" : "bank.yaml"
            files[name] = files[name].map { Self.mutate($0, &random) }
            let source = MemoryFolder.source(files, environment: ["X": "secret"])
            let result = ConfigurationLoader(source: source).load()
            #expect((result.configuration == nil) == result.hasErrors)
            for finding in result.diagnostics {
                let isPlaced = finding.location.line >= 1 && finding.location.column >= 1
                #expect(isPlaced && Int(finding.location.file) < result.files.names.count && !finding.message.isEmpty)
            }
            let renderer = DiagnosticRenderer(result)
            _ = renderer.text(result.findings) + renderer.json(result.findings)
            if let configuration = result.configuration {
                loaded += 1
                #expect(configuration.digest.utf8.count == 64)
                _ = EffectiveConfiguration.json(configuration)
            }
        }
        // The mutations must neither all fail nor all pass.
        #expect(loaded > count / 100 && loaded < count)
    }
}
