import Testing

@Suite struct GatewayFileGoldenTests {
    @Test(
        "what gateway.yaml says wrongly is reported with its place, its field, what was expected and a remedy",
        arguments: cases)
    func golden(golden: GoldenCase) {
        #expect(findings(gateway: golden.yaml) == golden.findings)
    }

    static let cases: [GoldenCase] = [
        GoldenCase(
            "no listeners",
            """
            workers: auto

            """,
            "gateway.d/gateway.yaml:1:1: error: listeners: the key `listeners` is missing; expected a mapping from a name of 1 to 63 lower-case letters, digits and hyphens to a mapping"
        ),
        GoldenCase(
            "an empty mapping of listeners",
            """
            listeners: {}

            """,
            "gateway.d/gateway.yaml:1:12: error: listeners: there is no listener; expected at least one"),
        GoldenCase(
            "a port alone",
            """
            listeners:
              external: {address: "8080"}

            """,
            "gateway.d/gateway.yaml:2:23: error: listeners.external.address: `8080` does not fit here; expected an IP address and a port such as `0.0.0.0:8080` or `[::]:8080`; did you mean `0.0.0.0:8080`?"
        ),
        GoldenCase(
            "localhost",
            """
            listeners:
              external: {address: "localhost:8080"}

            """,
            "gateway.d/gateway.yaml:2:23: error: listeners.external.address: `localhost:8080` does not fit here; expected an IP address and a port such as `0.0.0.0:8080` or `[::]:8080`; did you mean `127.0.0.1:8080`?"
        ),
        GoldenCase(
            "one address twice",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
              second: {address: "127.0.0.1:8080"}
            admin: {address: "127.0.0.1:8080"}

            """,
            "gateway.d/gateway.yaml:3:21: error: listeners.second.address: the listener `external` has the same address; expected a different address; see gateway.d/gateway.yaml:2:23: first used here",
            "gateway.d/gateway.yaml:4:18: error: admin.address: the listener `external` has the same address; expected a different address; see gateway.d/gateway.yaml:2:23: first used here"
        ),
        GoldenCase(
            "addresses that overlap",
            """
            listeners:
              all: {address: "0.0.0.0:8080"}
              one: {address: "127.0.0.1:8080"}
              mapped: {address: "[::ffff:127.0.0.1]:8080"}
              other: {address: "[::1]:8080"}
            admin: {address: "127.0.0.1:8080"}

            """,
            "gateway.d/gateway.yaml:3:18: error: listeners.one.address: the listener `all` has `0.0.0.0:8080`, which overlaps with this address; expected another port, or addresses of which none takes in the other; see gateway.d/gateway.yaml:2:18: the other address",
            "gateway.d/gateway.yaml:4:21: error: listeners.mapped.address: the listener `all` has `0.0.0.0:8080`, which overlaps with this address; expected another port, or addresses of which none takes in the other; see gateway.d/gateway.yaml:2:18: the other address",
            "gateway.d/gateway.yaml:6:18: error: admin.address: the listener `all` has `0.0.0.0:8080`, which overlaps with this address; expected another port, or addresses of which none takes in the other; see gateway.d/gateway.yaml:2:18: the other address"
        ),
        GoldenCase(
            "a public admin listener",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            admin: {address: "0.0.0.0:9901"}

            """,
            "gateway.d/gateway.yaml:3:18: error: admin.address: the admin listener would be reachable from outside; expected a loopback address; write `127.0.0.1:9901`, or add `allow_public: true`"
        ),
        GoldenCase(
            "workers",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            workers: many

            """,
            "gateway.d/gateway.yaml:3:10: error: workers: `many` does not fit here; expected `auto`, or a whole number from 1 to 256"
        ),
        GoldenCase(
            "a limit in words",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            limits: {connections_max: lots}

            """,
            "gateway.d/gateway.yaml:3:27: error: limits.connections_max: `lots` does not fit here; expected a whole number from 1 to 10000000"
        ),
        GoldenCase(
            "a limit of another place",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            limits: {body_bytes_max: 1MiB}

            """,
            "gateway.d/gateway.yaml:3:10: error: limits.body_bytes_max: `body_bytes_max` does not belong here; put `body_bytes_max` under `defaults: {limits: …}`, a domain's or a route's `limits`"
        ),
        GoldenCase(
            "reserved keys",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            tls: {}

            """,
            "gateway.d/gateway.yaml:3:1: error: tls: `tls` is not supported by this version"),
        GoldenCase(
            "everybody is trusted",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            trusted_proxies: [0.0.0.0/0]

            """,
            "gateway.d/gateway.yaml:3:19: warning: trusted_proxies[0]: every client is trusted to say who it is; name the proxies' networks"
        ),
        GoldenCase(
            "an unfinished network",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            trusted_proxies: [10.0.0/8, 10.0.0.0/33]

            """,
            "gateway.d/gateway.yaml:3:19: error: trusted_proxies[0]: `10.0.0/8` does not fit here; expected an IP address or a network such as `10.0.0.0/8` or `2001:db8::/32`",
            "gateway.d/gateway.yaml:3:29: error: trusted_proxies[1]: `10.0.0.0/33` does not fit here; expected an IP address or a network such as `10.0.0.0/8` or `2001:db8::/32`"
        ),
        GoldenCase(
            "a level",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            error_log: {level: warn}

            """,
            "gateway.d/gateway.yaml:3:20: error: error_log.level: `warn` does not fit here; expected `debug`, `info`, `warning` or `error`; did you mean `warning`?"
        ),
        GoldenCase(
            "a domain's unknown listener",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            domains:
              bank: {hosts: [a.example], listeners: [extern]}

            """,
            "gateway.d/gateway.yaml:4:42: error: domains.bank.listeners[0]: gateway.yaml declares no listener `extern`; expected `external`; did you mean `external`?"
        ),
        GoldenCase(
            "a domain's name",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            domains:
              Bank: {hosts: [a.example]}

            """,
            "gateway.d/gateway.yaml:4:3: error: domains.Bank: `Bank` can't be a name here; expected a name of 1 to 63 lower-case letters, digits and hyphens; did you mean `bank`?"
        ),
        GoldenCase(
            "a host that is no host",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            domains:
              bank: {hosts: ["a..b", "-a.example", 300.1.1.1, .example.com]}

            """,
            "gateway.d/gateway.yaml:4:18: error: domains.bank.hosts[0]: `a..b` does not fit here; expected a host such as `api.example.com`, `*.example.com` or `*`",
            "gateway.d/gateway.yaml:4:26: error: domains.bank.hosts[1]: `-a.example` does not fit here; expected a host such as `api.example.com`, `*.example.com` or `*`",
            "gateway.d/gateway.yaml:4:40: error: domains.bank.hosts[2]: `300.1.1.1` does not fit here; expected a host such as `api.example.com`, `*.example.com` or `*`",
            "gateway.d/gateway.yaml:4:51: error: domains.bank.hosts[3]: `.example.com` does not fit here; expected a host such as `api.example.com`, `*.example.com` or `*`; did you mean `*.example.com`?"
        ),
        GoldenCase(
            "routes in gateway.yaml",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            routes: {}

            """,
            "gateway.d/gateway.yaml:3:1: error: routes: `routes` does not belong here; declare routes in a domain's own file"
        ),
        GoldenCase(
            "a domain's path with a parameter",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            domains:
              bank: {hosts: [a.example], paths: ["/{id}"]}

            """,
            "gateway.d/gateway.yaml:4:38: error: domains.bank.paths[0]: `/{id}` does not fit here; expected a prefix without parameters"
        ),
        GoldenCase(
            "a trust domain",
            """
            listeners:
              external: {address: "127.0.0.1:8080"}
            domains:
              bank: {hosts: [a.example], trust_domain: Bank/x}

            """,
            "gateway.d/gateway.yaml:4:44: error: domains.bank.trust_domain: `Bank/x` does not fit here; expected a trust domain: lower-case letters, digits, `.`, `_` and `-`, at most 255"
        ),
    ]
}
