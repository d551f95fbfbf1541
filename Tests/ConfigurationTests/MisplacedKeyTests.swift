import Base
import Configuration
import Testing

@Suite struct MisplacedKeyTests {
    private func said(gateway: String = plainGateway, bank: String = plainBank) -> [String] {
        findings(MemoryFolder(["gateway.yaml": gateway, "bank.yaml": bank]).load()).map { finding in
            finding.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? finding
        }
    }

    @Test(
        "a key that another place has is told where that is: in a route",
        arguments: [
            ("rate_limit: {rate: 1/s}", "rate_limit", "put `rate_limit` under `plugins`"),
            ("jwt: {issuer: a}", "jwt", "put `jwt` under `plugins`"),
            ("ip_restriction: {deny: []}", "ip_restriction", "put `ip_restriction` under `plugins`"),
            ("circuit_breaker: {}", "circuit_breaker", "put `circuit_breaker` under the upstream, in `upstreams`"),
            ("health_check: {}", "health_check", "put `health_check` under the upstream, in `upstreams`"),
            ("balancer: random", "balancer", "put `balancer` under the upstream, in `upstreams`"),
            (
                "headers: {a: b}", "headers",
                "put `headers` under `match` for a condition, under `plugins: {request_transform: …}` for a change"
            ),
            ("path: /a", "path", "put `path` under `match`"), ("prefix: /a", "prefix", "put `prefix` under `match`"),
            ("strip_prefix: /a", "strip_prefix", "put `strip_prefix` under `rewrite`"),
        ])
    func route(line: String, key: String, place: String) {
        #expect(
            said(bank: plainBank + "\n    \(line)\n") == [
                "error: routes.read-account.\(key): `\(key)` does not belong here; \(place)"
            ])
    }

    @Test("among a route's limits and time-outs: what is about clients")
    func limits() {
        #expect(
            said(bank: plainBank + "\n    limits: {header_bytes_max: 8KiB}\n    timeouts: {header_read: 1s}\n") == [
                "error: routes.read-account.limits.header_bytes_max: `header_bytes_max` does not belong here; put `header_bytes_max` under gateway.yaml's `limits`: it is about clients, whatever route they want",
                "error: routes.read-account.timeouts.header_read: `header_read` does not belong here; put `header_read` under gateway.yaml's `timeouts`: it is about clients, whatever route they want",
            ])
    }

    @Test(
        "at the top of a domain's file",
        arguments: [
            ("rate_limit: {rate: 1/s}", "rate_limit", "put `rate_limit` under `plugins`"),
            ("admin: {address: \"127.0.0.1:9901\"}", "admin", "`admin` belongs in gateway.yaml"),
            ("health_check: {}", "health_check", "put `health_check` under an upstream, in `upstreams`"),
            ("match: {path: /}", "match", "put `match` under a route, in `routes`"),
        ])
    func domain(line: String, key: String, place: String) {
        #expect(said(bank: plainBank + "\n\(line)\n") == ["error: \(key): `\(key)` does not belong here; \(place)"])
    }

    @Test("in gateway.yaml and its `defaults`")
    func gateway() {
        #expect(
            said(gateway: plainGateway + "\ndefaults: {rate_limit: {rate: 1/s}}\n") == [
                "error: defaults.rate_limit: `rate_limit` does not belong here; put `rate_limit` under `plugins`"
            ])
        #expect(
            said(gateway: plainGateway + "\njwt: {issuer: a}\n") == [
                "error: jwt: `jwt` does not belong here; put `jwt` under `defaults: {plugins: …}`, or into a domain's file"
            ])
    }

    @Test("a misspelt key that another place has is told the place")
    func misspelt() {
        #expect(
            said(bank: plainBank + "\n    circuit_braker: {}\n").allSatisfy {
                $0.hasSuffix("; put `circuit_breaker` under the upstream, in `upstreams`")
            })
    }
}
