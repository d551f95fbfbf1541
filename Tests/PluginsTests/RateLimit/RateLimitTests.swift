import Base
import HTTP
import Observability
import Plugins
import Testing

@Suite("rate_limit")
struct RateLimitTests {
    @Test("a bucket gives its burst at once, and then one token in the time that it takes to come")
    func bucket() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(rate: 2, burst: 3)])
        for _ in 0..<3 { #expect(try fixture.send(chain) == .proceed) }
        #expect(try fixture.send(chain) == .refuse)
        fixture.now = fixture.now + .milliseconds(499)
        #expect(try fixture.send(chain) == .refuse)
        fixture.now = fixture.now + .milliseconds(1)
        #expect(try fixture.send(chain) == .proceed)
        #expect(try fixture.send(chain) == .refuse)
        #expect(fixture.counts("default") == [.allowed: 4, .refused: 3])
    }

    @Test("IPv6 clients count by network, IPv4 ones by address, mapped ones as IPv4")
    func clients() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(burst: 1, key: [.client(ipv6Prefix: 56)])])
        let table: [(String, RateLimitVerdict)] = [
            ("192.0.2.1", .proceed), ("192.0.2.2", .proceed), ("::ffff:192.0.2.1", .refuse),
            ("2001:db8:0:100::1", .proceed), ("2001:db8:0:1ff::2", .refuse), ("2001:db8:0:200::1", .proceed),
        ]
        for (client, verdict) in table { #expect(try fixture.send(chain, client: client) == verdict, "\(client)") }
    }

    @Test("a client whom nobody knows lacks the key, and has no bucket of a network's")
    func unknownClients() throws {
        let fixture = RateLimitFixture()
        let verdicts: [(RateLimitKey.Missing, [RateLimitVerdict])] = [
            (.refuse, [.keyMissing, .keyMissing]), (.skip, [.proceed, .proceed]), (.shared, [.proceed, .refuse]),
        ]
        for (missing, expected) in verdicts {
            let chain = fixture.chain([
                try fixture.rule("\(missing)", burst: 1, key: [.client(ipv6Prefix: 56)], missing: missing)
            ])
            for verdict in expected { #expect(try fixture.send(chain, client: nil) == verdict, "\(missing)") }
            #expect(try fixture.send(chain, client: "0.0.0.0") == .proceed)
        }
    }

    @Test("a key of several parts has a bucket for each combination, in their order")
    func combinations() throws {
        let fixture = RateLimitFixture()
        let key = [fixture.field("x-a"), fixture.field("x-b"), .fixed(fixture.view("app/route"))]
        let chain = fixture.chain([try fixture.rule(burst: 1, key: key)])
        let pairs = [("1", "2"), ("2", "1"), ("1", "1"), ("12", "1"), ("1", "21")]
        for verdict in [RateLimitVerdict.proceed, .refuse] {
            for (a, b) in pairs { #expect(try fixture.send(chain, headers: [("X-A", a), ("x-b", b)]) == verdict) }
        }
    }

    @Test("every line of a header counts, and an empty one is none")
    func headerLines() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(burst: 1, key: [fixture.field("authorization")])])
        #expect(try fixture.send(chain, headers: [("Authorization", "a")]) == .proceed)
        #expect(try fixture.send(chain, headers: [("authorization", "a")]) == .refuse)
        #expect(try fixture.send(chain, headers: [("Authorization", "a"), ("Authorization", "b")]) == .proceed)
        #expect(try fixture.send(chain, headers: [("Authorization", "a"), ("Authorization", "b")]) == .refuse)
        #expect(try fixture.send(chain, headers: [("Authorization", "")]) == .keyMissing)
        #expect(try fixture.send(chain) == .keyMissing)
    }

    @Test("a host is one in any spelling and with any port, and what an absolute target says counts")
    func hosts() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(burst: 1, key: [.host, .fixed(fixture.view("app/route"))])])
        #expect(try fixture.send(chain) == .proceed)
        for host in ["app.test", "APP.test", "app.test.", "app.test:1", "App.Test.:65535", "app.test:"] {
            #expect(try fixture.send(chain, host: host) == .refuse, "\(host)")
        }
        #expect(try fixture.send(chain, target: "http://app.test:7/a", host: "b.test") == .refuse)
        #expect(try fixture.send(chain, host: "b.test") == .proceed)
        #expect(try fixture.send(chain, target: "http://b.test/a") == .refuse)
        let exempt = fixture.chain([
            try fixture.rule("exempt", burst: 1, exemption: fixture.exemption(header: "host", "app.test"))
        ])
        for host in ["app.test", "APP.test", "app.test.:80"] {
            #expect(try fixture.send(exempt, host: host) == .proceed)
        }
        #expect(fixture.counts("exempt") == [.exempt: 3])
        #expect(try fixture.send(exempt, target: "http://b.test/a") == .proceed)
        #expect(fixture.counts("exempt") == [.exempt: 3, .allowed: 1])
    }

    @Test("a missing key is refused, passed over, or counted together, as configured")
    func missing() throws {
        let fixture = RateLimitFixture()
        let expected: [(RateLimitKey.Missing, [RateLimitVerdict])] = [
            (.refuse, [.keyMissing, .keyMissing]), (.skip, [.proceed, .proceed]), (.shared, [.proceed, .refuse]),
        ]
        for (missing, verdicts) in expected {
            for part in [fixture.field("x-key"), .spiffeID, .tenant, .claim(0), .capture(0), .nothing] {
                let chain = fixture.chain([try fixture.rule(burst: 1, key: [part], missing: missing)])
                for verdict in verdicts { #expect(try fixture.send(chain) == verdict, "\(part)") }
            }
        }
        #expect(fixture.counts("default")[.keyMissing] == 24)
    }

    @Test("a request that one limit refuses gets back what it took of the others, whatever their order and phase")
    func givingBack() throws {
        for isFirst in [true, false] {
            let fixture = RateLimitFixture()
            let tight = try fixture.rule("tight", burst: 1)
            let wide = try fixture.rule("wide", burst: 5)
            let late = try fixture.rule("late", burst: 2, needsIdentity: true)
            let chain = fixture.chain((isFirst ? [tight, wide] : [wide, tight]) + [late])
            #expect(try fixture.send(chain, [.anonymous, .identified]) == .proceed)
            for _ in 0..<10 { #expect(try fixture.send(chain, [.anonymous, .identified]) == .refuse) }
            fixture.now = fixture.now + .seconds(1)
            // The one limit has a token again, the others never lost more than one.
            #expect(try fixture.send(chain, [.anonymous, .identified]) == .proceed)
            #expect(fixture.fields(chain)["RateLimit"]?.contains("\"wide\";r=4") == true)
        }
        let fixture = RateLimitFixture()
        let late = try fixture.rule("late", burst: 1, needsIdentity: true)
        let chain = fixture.chain([try fixture.rule("wide", rate: 1, burst: 3), late])
        #expect(try fixture.send(chain, [.anonymous, .identified]) == .proceed)
        for _ in 0..<5 { #expect(try fixture.send(chain, [.anonymous, .identified]) == .refuse) }
        #expect(fixture.fields(chain)["RateLimit"] == "\"wide\";r=2;t=1, \"late\";r=0;t=1")
    }

    @Test(
        "what is given back makes a bucket as full as it is said to be, and a full one has no time", arguments: [1, 2])
    func givenBack(cost: Int) throws {
        let fixture = RateLimitFixture()
        let wide = try fixture.rule(
            "wide", burst: 4, key: [fixture.field("x-wide")], cost: RateLimitCost(usual: cost))
        let chain = fixture.chain([wide, try fixture.rule("tight", burst: 1)], .both)
        #expect(try fixture.send(chain, headers: [("X-Wide", "1")]) == .proceed)
        #expect(try fixture.send(chain, headers: [("X-Wide", "1")]) == .refuse)
        #expect(fixture.fields(chain)["RateLimit"] == "\"wide\";r=\(4 - cost);t=1, \"tight\";r=0;t=1")
        #expect(try fixture.send(chain, headers: [("X-Wide", "2")]) == .refuse)
        #expect(fixture.fields(chain)["RateLimit"] == "\"wide\";r=4, \"tight\";r=0;t=1")
    }

    @Test("a request costs what its method says; what costs nothing isn't counted; what costs too much is refused")
    func costs() throws {
        let fixture = RateLimitFixture()
        let cost = RateLimitCost(
            usual: 1, byMethod: [(fixture.view("POST"), 3), (fixture.view("OPTIONS"), 0), (fixture.view("PUT"), 9)])
        let chain = fixture.chain([try fixture.rule(burst: 4, cost: cost)])
        #expect(try fixture.send(chain, method: "OPTIONS") == .proceed)
        #expect(try fixture.send(chain, method: "PUT") == .refuse)
        #expect(try fixture.send(chain, method: "POST") == .proceed)
        #expect(try fixture.send(chain, method: "POST") == .refuse)
        #expect(fixture.state.retryAfter == 2)
        #expect(try fixture.send(chain) == .proceed)
        #expect(try fixture.send(chain) == .refuse)
        #expect(fixture.state.retryAfter == 1)
    }

    @Test("an exempt client, or a request with an exempt header in one line, isn't counted")
    func exemptions() throws {
        let fixture = RateLimitFixture()
        let networks = RateLimitExemptions(networks: [try CIDRBlock(text: "192.0.2.0/24")])
        let byNetwork = fixture.chain([try fixture.rule("network", burst: 1, exemption: networks)])
        for _ in 0..<3 { #expect(try fixture.send(byNetwork) == .proceed) }
        #expect(try fixture.send(byNetwork, client: "198.51.100.1") == .proceed)
        #expect(try fixture.send(byNetwork, client: "198.51.100.1") == .refuse)
        #expect(fixture.counts("network") == [.exempt: 3, .allowed: 1, .refused: 1])
        let byHeader = fixture.chain(
            [try fixture.rule(burst: 1, exemption: fixture.exemption(header: "X-Probe", "yes"))])
        for _ in 0..<3 { #expect(try fixture.send(byHeader, headers: [("x-probe", "yes")]) == .proceed) }
        #expect(try fixture.send(byHeader, headers: [("X-Probe", "YES")]) == .proceed)
        #expect(try fixture.send(byHeader, headers: [("X-Probe", "yes"), ("X-Probe", "no")]) == .refuse)
    }

    @Test("a limit in shadow mode counts what it would refuse, refuses nothing, and is told to nobody")
    func shadow() throws {
        let fixture = RateLimitFixture()
        let shadow = try fixture.rule("shadow", burst: 1, isShadow: true)
        let missing = try fixture.rule("missing", key: [fixture.field("x-key")], isShadow: true)
        let chain = fixture.chain([shadow, missing, try fixture.rule("real", burst: 9)], .both)
        for _ in 0..<4 { #expect(try fixture.send(chain) == .proceed) }
        #expect(fixture.counts("shadow") == [.allowed: 1, .shadowRefused: 3])
        #expect(fixture.counts("missing") == [.keyMissing: 4])
        #expect(fixture.fields(chain)["RateLimit"] == "\"real\";r=5;t=1")
    }

    @Test("the fields say what RFC 9651 lists are made of, on successes and refusals")
    func fields() throws {
        let fixture = RateLimitFixture()
        let rules = [try fixture.rule("burst", rate: 100, burst: 200), try fixture.rule("slow", rate: 2, burst: 3)]
        let chain = fixture.chain(rules, .both)
        let policy = "\"burst\";q=200;w=2, \"slow\";q=3;w=2"
        #expect(try fixture.send(chain) == .proceed)
        #expect(
            fixture.fields(chain) == [
                "RateLimit-Policy": policy, "RateLimit": "\"burst\";r=199;t=1, \"slow\";r=2;t=1",
                "X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "1",
            ])
        for _ in 0..<2 { #expect(try fixture.send(chain) == .proceed) }
        #expect(try fixture.send(chain) == .refuse)
        let told = fixture.fields(chain)
        #expect(told["RateLimit"] == "\"burst\";r=197;t=1, \"slow\";r=0;t=1")
        #expect(told["X-RateLimit-Remaining"] == "0" && told["X-RateLimit-Reset"] == "2")
        var body = IOBuffer()
        chain.appendViolations(fixture.state, to: &body)
        #expect(body.readable.string == #","violated-policies":["slow"]"#)
        #expect(chain.refuser(fixture.state) == "app/slow")
        #expect(fixture.fields(fixture.chain(rules, .none)) == [:])
        #expect(fixture.fields(fixture.chain(rules, .legacy)).keys.allSatisfy { $0.hasPrefix("X-") })
    }

    @Test("after Retry-After a request passes, at any rate", arguments: [1, 3, 7, 60, 1_000, 1_000_000])
    func retryAfter(rate: Int) throws {
        let fixture = RateLimitFixture()
        let cost = RateLimitCost(usual: 5)
        let chain = fixture.chain([try fixture.rule(rate: rate, burst: 11, cost: cost)])
        var random = RandomSource(seed: UInt64(rate))
        for _ in 0..<300 {
            fixture.now = fixture.now + .microseconds(Int64(random.next() % 700_000))
            guard try fixture.send(chain) == .refuse else { continue }
            let told = fixture.state.retryAfter
            #expect(fixture.fields(chain)["RateLimit"]?.hasSuffix(";t=\(told)") == true)
            fixture.now = fixture.now + .seconds(Int64(told))
            #expect(try fixture.send(chain) == .proceed)
        }
    }

    @Test("a key as people write it is the one that requests have")
    func writtenKeys() throws {
        let fixture = RateLimitFixture()
        let key = RateLimitKey(
            [.client(ipv6Prefix: 64), fixture.field("x-key")], missing: .refuse, hash: fixture.hash)
        #expect(key.hash(of: ["192.0.2.1", "a"]) == key.hash(of: ["::ffff:192.0.2.1", "a"]))
        #expect(key.hash(of: ["192.0.2.1", "a"]) != key.hash(of: ["192.0.2.1", "b"]))
        #expect(key.hash(of: ["2001:db8::1", "a"]) == key.hash(of: ["2001:db8::2", "a"]))
        #expect(key.hash(of: ["192.0.2.1"]) == nil)
        #expect(key.hash(of: ["nobody", "a"]) == nil)
    }
}
