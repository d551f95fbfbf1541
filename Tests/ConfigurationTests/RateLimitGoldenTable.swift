import Configuration
import Testing

@Suite struct RateLimitGoldenTests {
    @Test("rate_limit: what is wrong, where, and what was expected", arguments: cases)
    func golden(golden: IdentityCase) {
        #expect(golden.actual == golden.findings)
    }

    private static let route = "match: {path: \"/accounts/{id}\"}"

    /// A case with limits at the route.
    private static func atRoute(_ name: String, _ plugin: String, _ findings: String...) -> IdentityCase {
        var found = IdentityCase(
            name, .bank, route, "\(route)\n    plugins: {rate_limit: \(plugin)}")
        found.findings = findings
        return found
    }

    static let cases: [IdentityCase] = [
        atRoute("nothing wrong", "{rate: 100/s, burst: 200, key: [spiffe_id, path.id]}"),
        atRoute(
            "no rate", "{burst: 5}",
            "gateway.d/bank.yaml:9:27: error: routes.read.plugins.rate_limit: nothing says how many requests are let through; expected `rate`"
        ),
        atRoute(
            "no limit at all", "{headers: both}",
            "gateway.d/bank.yaml:9:27: error: routes.read.plugins.rate_limit: there is no limit; expected `rate`, `shared` or `limits`; or turn it off with `enabled: false`"
        ),
        atRoute(
            "a rate without unit", "{rate: 100}",
            "gateway.d/bank.yaml:9:34: error: routes.read.plugins.rate_limit.rate: `100` does not fit here; expected a rate such as `100/s`, `600/min`, `1000/h` or `50000/d`, at most 1000000/s; did you mean `100/s`?"
        ),
        atRoute(
            "a rate with another unit", "{rate: 100/m}",
            "gateway.d/bank.yaml:9:34: error: routes.read.plugins.rate_limit.rate: `100/m` does not fit here; expected a rate per `s`, `min`, `h` or `d`; did you mean `100/min`?"
        ),
        atRoute(
            "a rate of nothing", "{rate: 0/s}",
            "gateway.d/bank.yaml:9:34: error: routes.read.plugins.rate_limit.rate: `0/s` does not fit here; expected a rate such as `100/s`, `600/min`, `1000/h` or `50000/d`, at most 1000000/s"
        ),
        atRoute(
            "a rate that is too high", "{rate: 1000001/s}",
            "gateway.d/bank.yaml:9:34: error: routes.read.plugins.rate_limit.rate: `1000001/s` does not fit here; expected at most 1000000/s"
        ),
        atRoute(
            "a bucket that never fills", "{rate: 1/d, burst: 366}",
            "gateway.d/bank.yaml:9:46: error: routes.read.plugins.rate_limit.burst: the bucket would take more than a year to fill; expected a `burst` of at most 365 days' worth of the `rate`"
        ),
        atRoute(
            "a key by another name", "{rate: 1/s, key: ip}",
            "gateway.d/bank.yaml:9:44: error: routes.read.plugins.rate_limit.key: `ip` does not fit here; expected `client_address`, `spiffe_id`, `tenant`, `claim.NAME`, `header.NAME`, `path.NAME`, `route`, `domain` or `gateway`; did you mean `client_address`?"
        ),
        atRoute(
            "a host that no request has", "{rate: 1/s, exempt: {headers: {Host: \"APP.test:80\"}}}",
            "gateway.d/bank.yaml:9:64: error: routes.read.plugins.rate_limit.exempt.headers.Host: no request's host is written like this; expected a host in small letters, without port"
        ),
        atRoute("the same as it is compared", "{rate: 1/s, exempt: {headers: {Host: app.test}}}"),
        atRoute(
            "a parameter that the path doesn't have", "{rate: 1/s, key: path.user}",
            "gateway.d/bank.yaml:9:44: error: routes.read.plugins.rate_limit.key: every request of the route `bank/read` lacks `path.user`: its path has no such parameter; expected another `key`, or `missing_key: skip` or `shared`; see gateway.d/bank.yaml:7:3: the route"
        ),
        atRoute("the same, passed over", "{rate: 1/s, key: path.user, missing_key: skip}"),
        atRoute(
            "a cost above the burst", "{rate: 1/s, burst: 3, cost: {default: 1, POST: 4}}",
            "gateway.d/bank.yaml:9:55: error: routes.read.plugins.rate_limit.cost: a request would take more than the bucket ever holds; expected a `cost` of at most 3, the `burst`; see gateway.d/bank.yaml:9:46: the limit's `burst`"
        ),
        atRoute(
            "a shared limit that nobody declares", "{shared: partner}",
            "gateway.d/bank.yaml:9:36: error: routes.read.plugins.rate_limit.shared: there is no shared rate limit `partner`; expected a limit under `rate_limits`"
        ),
        atRoute(
            "both forms", "{rate: 1/s, limits: {a: {rate: 2/s}}}",
            "gateway.d/bank.yaml:9:39: error: routes.read.plugins.rate_limit.limits: `limits` beside the keys of one limit; expected one of them; move the keys to a limit of their own under `limits`"
        ),
        IdentityCase(
            "an identity that the route turns off", .bank, route,
            """
            \(route)
                plugins: {rate_limit: {rate: 1/s, key: [tenant, claim.sub]}, spiffe: {enabled: false}, internal_jwt: {enabled: false}}
            """,
            "gateway.d/bank.yaml:9:44: error: routes.read.plugins.rate_limit.key: every request of the route `bank/read` lacks `tenant`: the route has no `spiffe`; expected another `key`, or `missing_key: skip` or `shared`; see gateway.d/bank.yaml:7:3: the route"
        ),
    ]

    @Test("shared limits: a file's own come before gateway.yaml's; what gateway.yaml names is gateway.yaml's")
    func shared() throws {
        var folder = IdentityFolder()
        folder.gateway += """

            rate_limits:
              partner: {rate: 10/s}
              all: {rate: 20/s, key: gateway}
            defaults:
              plugins: {rate_limit: {limits: {platform: {shared: partner}, total: {shared: all, cost: 2}}}}
            """
        folder.bank = folder.bank.replacing(
            "routes:", with: "rate_limits: {partner: {rate: 1/s}, unused: {rate: 1/s}}\nroutes:"
        ).replacing(
            Self.route, with: "\(Self.route)\n    plugins: {rate_limit: {limits: {own: {shared: partner}}}}")
        let result = folder.load()
        #expect(
            findings(result) == [
                "gateway.d/bank.yaml:6:37: warning: rate_limits.unused: no route uses the rate limit `unused`"
            ])
        let limits = try #require(result.configuration?.domains[0].routes[0].plugins.rateLimit?.limits)
        #expect(limits.map(\.name) == ["platform", "total", "own"])
        #expect(
            limits.map(\.definition.identity) == [
                "rate_limits/partner", "rate_limits/all", "bank/rate_limits/partner",
            ])
        #expect(limits[1].cost.value.usual == 2 && limits[1].definition.burst.value == 20)
    }

    @Test("a limit belongs to the place that says what it counts, and its keys are merged")
    func places() throws {
        let platform = "{rate: 10/s, burst: 30, shadow: true}"
        let cases: [(String?, String?, String, Int, Bool)] = [
            (nil, nil, "rate_limit/default", 30, true),
            ("{shadow: false}", nil, "rate_limit/default", 30, false),
            ("{rate: 5/s}", nil, "bank/rate_limit/default", 30, true),
            ("{burst: 4}", "{cost: 2}", "bank/rate_limit/default", 4, true),
            (nil, "{burst: 4}", "bank/read/rate_limit/default", 4, true),
            ("{enabled: false}", "{burst: 7}", "bank/read/rate_limit/default", 7, true),
            ("{limits: {default: {enabled: false}, b: {rate: 1/min}}}", nil, "bank/rate_limit/b", 1, false),
        ]
        for (file, route, identity, burst, isShadow) in cases {
            var folder = IdentityFolder()
            folder.gateway += "\ndefaults: {plugins: {rate_limit: \(platform)}}"
            if let file {
                folder.bank = folder.bank.replacing("plugins:", with: "plugins:\n  rate_limit: \(file)")
            }
            if let route {
                folder.bank = folder.bank.replacing(
                    Self.route, with: "\(Self.route)\n    plugins: {rate_limit: \(route)}")
            }
            let limits = try folder.configuration().domains[0].routes[0].plugins.rateLimit?.limits ?? []
            #expect(limits.map(\.definition.identity) == [identity])
            #expect(limits.map(\.definition.burst.value) == [burst])
            #expect(limits.map(\.isShadow.value) == [isShadow])
        }
    }

    @Test("the effective configuration shows each limit with its buckets, and no secret; each key counts in the digest")
    func effective() throws {
        func folder(_ limit: String) -> IdentityFolder {
            var folder = IdentityFolder()
            folder.bank = folder.bank.replacing(
                Self.route, with: "\(Self.route)\n    plugins: {rate_limit: \(limit)}")
            return folder
        }
        let limit = "{rate: 10/s, exempt: {headers: {X-Probe: \"${env:LEVEL}\"}, networks: [10.0.0.0/8]}}"
        let text = EffectiveConfiguration.json(try folder(limit).configuration())
        #expect(text.contains("bank/read/rate_limit/default") && text.contains("10/s") && text.contains("X-Probe"))
        #expect(!text.contains("platinum-level"))
        var digests = Set<String>()
        let variants = [
            "{rate: 10/s}", "{rate: 10/min}", "{rate: 10/s, burst: 9}", "{rate: 10/s, key: route}",
            "{rate: 10/s, ipv6_prefix: 48}", "{rate: 10/s, missing_key: skip}", "{rate: 10/s, keys_max: 5}",
            "{rate: 10/s, cost: 2}", "{rate: 10/s, cost: {POST: 2}}", "{rate: 10/s, shadow: true}",
            "{rate: 10/s, headers: none}", "{limits: {other: {rate: 10/s}}}",
            "{rate: 10/s, exempt: {networks: [10.0.0.0/8]}}", "{rate: 10/s, exempt: {claims: {a: b}}}",
            "{rate: 10/s, exempt: {headers: {a: b}}}",
        ]
        for variant in variants { digests.insert(try folder(variant).configuration().digest) }
        #expect(digests.count == variants.count)
    }

    @Test("`enabled: false` turns all limits off, for a file or a route")
    func off() throws {
        for old in ["plugins:", Self.route] {
            var folder = IdentityFolder()
            folder.gateway += "\ndefaults: {plugins: {rate_limit: {rate: 1/s}}}"
            let new =
                old == "plugins:"
                ? "plugins:\n  rate_limit: {enabled: false}"
                : "\(old)\n    plugins: {rate_limit: {enabled: false}}"
            folder.bank = folder.bank.replacing(old, with: new)
            #expect(try folder.configuration().domains[0].routes[0].plugins.rateLimit == nil)
        }
    }
}
