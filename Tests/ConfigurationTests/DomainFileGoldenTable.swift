import Testing

@Suite struct DomainFileGoldenTests {
    @Test(
        "what a route says wrongly is reported with its place, its field, what was expected and a remedy",
        arguments: cases)
    func golden(golden: GoldenCase) {
        #expect(findings(bank: golden.yaml) == golden.findings)
    }

    @Test(
        "no target is the gateway's own admin listener, however it is written",
        arguments: [
            ("127.0.0.1:9901", "127.0.0.1:9901", true), ("127.0.0.1:9901", "localhost:9901", true),
            ("127.0.0.1:9901", "[::ffff:127.0.0.1]:9901", true), ("127.0.0.1:9901", "0.0.0.0:9901", true),
            ("[::]:9901", "127.0.0.1:9901", true), ("[::]:9901", "[::1]:9901", true),
            ("127.0.0.1:9901", "127.0.0.1:9902", false), ("127.0.0.1:9901", "10.0.0.1:9901", false),
            ("127.0.0.1:9901", "admin.test:9901", false),
        ])
    func ownAdminListener(admin: String, target: String, isRefused: Bool) {
        let bank = """
            domain: bank
            upstreams:
              accounts: {targets: ["http://\(target)"]}
            routes:
              read: {match: {path: /v1/a}, upstream: accounts}
            """
        let gateway = plainGateway + "\nadmin: {address: \"\(admin)\", allow_public: true}"
        #expect(
            findings(bank: bank, gateway: gateway)
                == (isRefused
                    ? [
                        "gateway.d/bank.yaml:3:24: error: upstreams.accounts.targets[0]: the target is the gateway's own "
                            + "admin listener; expected a service's address; see gateway.d/gateway.yaml:6:18: the "
                            + "admin listener"
                    ] : []))
    }

    static let cases: [GoldenCase] = [
        GoldenCase(
            "a misspelt key",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {pth: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:13: error: routes.read.match.pth: unknown key `pth`; expected `hosts`, `listeners`, `methods`, `path`, `prefix`, `headers` or `query`; did you mean `path`?"
        ),
        GoldenCase(
            "separators left out",
            """
            domain: bank
            retires: {connectFailuresMax: 1}
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:2:1: error: retires: unknown key `retires`; expected `domain`, `upstreams`, `routes`, `timeouts`, `limits`, `retries`, `plugins` or `rate_limits`; did you mean `retries`?"
        ),
        GoldenCase(
            "ratelimit",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {ratelimit: {}}

            """,
            "gateway.d/bank.yaml:9:15: error: routes.read.plugins.ratelimit: unknown key `ratelimit`; expected `request_transform`, `response_transform`, `ip_restriction`, `jwt`, `spiffe`, `internal_jwt` or `rate_limit`; did you mean `rate_limit`?"
        ),
        GoldenCase(
            "an unknown key without neighbours",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                zzz: 1

            """,
            "gateway.d/bank.yaml:9:5: error: routes.read.zzz: unknown key `zzz`; expected `match`, `upstream`, `split`, `redirect`, `respond`, `rewrite`, `timeouts`, `limits`, `retries`, `concurrency`, `plugins`, `allow_encoded_slash` or `tier`"
        ),
        GoldenCase(
            "a key of another place",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                path: /v1/a
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:5: error: routes.read.path: `path` does not belong here; put `path` under `match`"),
        GoldenCase(
            "tests are not supported yet",
            """
            tests: []
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:1:1: error: tests: `tests` is not supported by this version"),
        GoldenCase(
            "a missing required key",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:5: error: routes.read.match: the key `match` is missing; expected a mapping"),
        GoldenCase(
            "no domain",
            """
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:1:1: error: domain: the key `domain` is missing; expected a name of 1 to 63 lower-case letters, digits and hyphens"
        ),
        GoldenCase(
            "no action",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}

            """,
            "gateway.d/bank.yaml:3:3: warning: upstreams.accounts: no route uses the upstream `accounts`",
            "gateway.d/bank.yaml:6:3: error: routes.read: the route does nothing with a request; expected exactly one of `upstream`, `split`, `redirect` and `respond`"
        ),
        GoldenCase(
            "two actions",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                respond: {status: 200}

            """,
            "gateway.d/bank.yaml:9:5: error: routes.read.respond: the route has more than one action; expected exactly one of `upstream`, `split`, `redirect` and `respond`"
        ),
        GoldenCase(
            "a misspelt upstream",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: acounts

            """,
            "gateway.d/bank.yaml:8:15: error: routes.read.upstream: the file declares no upstream `acounts`; expected `accounts`; did you mean `accounts`?"
        ),
        GoldenCase(
            "an unknown upstream",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: payments

            """,
            "gateway.d/bank.yaml:8:15: error: routes.read.upstream: the file declares no upstream `payments`; expected `accounts`"
        ),
        GoldenCase(
            "a duration without unit",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                timeouts: {request: 30}

            """,
            "gateway.d/bank.yaml:9:25: error: routes.read.timeouts.request: `30` does not fit here; expected a duration from 1ms to 24h: a whole number with `us`, `ms`, `s`, `m` or `h`; did you mean `30s`?"
        ),
        GoldenCase(
            "a duration out of range",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                timeouts: {request: 0ms}

            """,
            "gateway.d/bank.yaml:9:25: error: routes.read.timeouts.request: `0ms` does not fit here; expected a duration from 1ms to 24h"
        ),
        GoldenCase(
            "a size in decimal units",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                limits: {body_bytes_max: 10MB}

            """,
            "gateway.d/bank.yaml:9:30: error: routes.read.limits.body_bytes_max: `10MB` does not fit here; expected a size from 0B to 1TiB: a whole number with `B`, `KiB`, `MiB`, `GiB` or `TiB`; did you mean `10MiB`?"
        ),
        GoldenCase(
            "a truth value of YAML 1.1",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                allow_encoded_slash: yes

            """,
            "gateway.d/bank.yaml:9:26: error: routes.read.allow_encoded_slash: `yes` does not fit here; expected `true` or `false`; write `true`"
        ),
        GoldenCase(
            "a key without value",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: }
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: the key has no value; expected a path such as `/accounts/{id}` or `/files/{rest...}`"
        ),
        GoldenCase(
            "a list where a word must be",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: [/v1/a]}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: a list does not fit here; expected a path such as `/accounts/{id}` or `/files/{rest...}`"
        ),
        GoldenCase(
            "a word where a list must be",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a, methods: GET}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:35: error: routes.read.match.methods: `GET` does not fit here; expected a list; each element: a method such as `GET`; write `[GET]`"
        ),
        GoldenCase(
            "a method in lower case",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a, methods: [get]}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:36: error: routes.read.match.methods[0]: `get` does not fit here; expected a method such as `GET`; did you mean `GET`?"
        ),
        GoldenCase(
            "a method twice",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a, methods: [GET, GET]}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:41: error: routes.read.match.methods[1]: `GET` is listed twice; see gateway.d/bank.yaml:7:36: first listed here"
        ),
        GoldenCase(
            "an empty list",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a, methods: []}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:35: error: routes.read.match.methods: the list is empty; expected at least one element, or no such key"
        ),
        GoldenCase(
            "a path without slash",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `v1/a` does not fit here; expected a path that begins with `/`, at most 4096 bytes; did you mean `/v1/a`?"
        ),
        GoldenCase(
            "a glob",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/*}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/*` does not fit here; expected a path such as `/accounts/{id}` or `/files/{rest...}`; write `{name}` for one segment, `{name...}` or `prefix:` for everything below"
        ),
        GoldenCase(
            "a colon parameter",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/:id"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/:id` does not fit here; expected a path such as `/accounts/{id}` or `/files/{rest...}`; did you mean `{id}`?"
        ),
        GoldenCase(
            "rest in the middle",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/{rest...}/x"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/{rest...}/x` does not fit here; expected `{name...}` as the last segment"
        ),
        GoldenCase(
            "a parameter twice",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/{id}/{id}"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/{id}/{id}` does not fit here; expected each parameter's name once; `id` comes twice"
        ),
        GoldenCase(
            "a parameter of half a segment",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/{id}.json"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/{id}.json` does not fit here; expected segments that are a parameter as a whole, such as `/{name}/`, or not at all"
        ),
        GoldenCase(
            "dot segments",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/../a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/../a` does not fit here; expected a path without `.` and `..`"
        ),
        GoldenCase(
            "empty segments",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1//a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1//a` does not fit here; expected a path without empty segments"
        ),
        GoldenCase(
            "a query in the path",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/a?b=c"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/a?b=c` does not fit here; expected a path without `?` and `#`; match parameters under `query`"
        ),
        GoldenCase(
            "an invalid escape",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/%zz"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `/v1/%zz` does not fit here; expected `%` followed by two hexadecimal digits"
        ),
        GoldenCase(
            "path and prefix",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a, prefix: /v1}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:34: error: routes.read.match.prefix: `path` and `prefix` exclude each other; expected one of them"
        ),
        GoldenCase(
            "a host of another domain",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {hosts: [api.other.example.com], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:21: error: routes.read.match.hosts[0]: the domain `bank` may not claim the host `api.other.example.com`; expected what gateway.yaml gives the domain: `api.bank.example.com` or `*.shop.example.com`; see gateway.d/gateway.yaml:5:36: the domain's hosts"
        ),
        GoldenCase(
            "a host with a typing error",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {hosts: [api.bank.exmaple.com], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:21: error: routes.read.match.hosts[0]: the domain `bank` may not claim the host `api.bank.exmaple.com`; expected what gateway.yaml gives the domain: `api.bank.example.com` or `*.shop.example.com`; did you mean `api.bank.example.com`?; see gateway.d/gateway.yaml:5:36: the domain's hosts"
        ),
        GoldenCase(
            "any host",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {hosts: ["*"], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:21: error: routes.read.match.hosts[0]: the domain `bank` may not claim the host `*`; expected what gateway.yaml gives the domain: `api.bank.example.com` or `*.shop.example.com`; see gateway.d/gateway.yaml:5:36: the domain's hosts"
        ),
        GoldenCase(
            "the parent of a wildcard",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {hosts: [shop.example.com], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:21: error: routes.read.match.hosts[0]: the domain `bank` may not claim the host `shop.example.com`; expected what gateway.yaml gives the domain: `api.bank.example.com` or `*.shop.example.com`; did you mean `*.shop.example.com`?; see gateway.d/gateway.yaml:5:36: the domain's hosts"
        ),
        GoldenCase(
            "a host with a port",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {hosts: ["api.bank.example.com:8080"], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:21: error: routes.read.match.hosts[0]: `api.bank.example.com:8080` does not fit here; expected a host such as `api.example.com`, `*.example.com` or `*`; did you mean `api.bank.example.com`? The port belongs to the listener"
        ),
        GoldenCase(
            "a URL as host",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {hosts: ["https://api.bank.example.com"], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:21: error: routes.read.match.hosts[0]: `https://api.bank.example.com` does not fit here; expected a host such as `api.example.com`, `*.example.com` or `*`; write the host alone, without scheme and path"
        ),
        GoldenCase(
            "a listener of another domain",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {listeners: [internal], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:25: error: routes.read.match.listeners[0]: the domain `bank` may not claim the listener `internal`; expected what gateway.yaml gives the domain: `external`; see gateway.d/gateway.yaml:5:116: the domain's listeners"
        ),
        GoldenCase(
            "an unknown listener",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {listeners: [extrenal], path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:25: error: routes.read.match.listeners[0]: gateway.yaml declares no listener `extrenal`; expected `external` or `internal`; did you mean `external`?"
        ),
        GoldenCase(
            "a path of another domain",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v10/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: the domain `bank` may not claim the path `/v10/a`; expected a path under what gateway.yaml gives the domain: `/v1` or `/public`; see gateway.d/gateway.yaml:5:89: the domain's paths"
        ),
        GoldenCase(
            "a parameter where the prefix is",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/{version}/a"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: the domain `bank` may not claim the path `/{version}/a`; expected a path under what gateway.yaml gives the domain: `/v1` or `/public`; see gateway.d/gateway.yaml:5:89: the domain's paths"
        ),
        GoldenCase(
            "every path",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {methods: [GET]}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:12: error: routes.read.match.path: the domain `bank` may not claim every path; expected a path under what gateway.yaml gives the domain: `/v1` or `/public`; see gateway.d/gateway.yaml:5:89: the domain's paths"
        ),
    ]
}
