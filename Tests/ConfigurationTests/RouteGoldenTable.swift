import Testing

@Suite struct RouteGoldenTests {
    @Test(
        "what a domain's file says wrongly is reported with its place, its field, what was expected and a remedy",
        arguments: cases)
    func golden(golden: GoldenCase) {
        #expect(findings(bank: golden.yaml) == golden.findings)
    }

    static let cases: [GoldenCase] = [
        GoldenCase(
            "an unknown parameter in a rewrite",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/{id}"}
                upstream: accounts
                rewrite: {path: "/v2/{idd}"}

            """,
            "gateway.d/bank.yaml:9:21: error: routes.read.rewrite.path: the path of the route `bank/read` has no parameter `idd`; expected `id`; did you mean `{id}`?; see gateway.d/bank.yaml:7:12: what the route matches"
        ),
        GoldenCase(
            "a prefix to strip that isn't there",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                rewrite: {strip_prefix: /v2}

            """,
            "gateway.d/bank.yaml:9:29: error: routes.read.rewrite.strip_prefix: the route's path does not begin with `/v2`; expected a prefix of `/v1/a`; see gateway.d/bank.yaml:7:12: what the route matches"
        ),
        GoldenCase(
            "a rewrite without upstream",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                respond: {status: 200}
                rewrite: {path: /x}

            """,
            "gateway.d/bank.yaml:3:3: warning: upstreams.accounts: no route uses the upstream `accounts`",
            "gateway.d/bank.yaml:9:5: error: routes.read.rewrite: `rewrite` has no effect without an upstream; expected no such key"
        ),
        GoldenCase(
            "a parameter in a redirect's host",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/{id}"}
                redirect: {location: "https://{id}/"}

            """,
            "gateway.d/bank.yaml:3:3: warning: upstreams.accounts: no route uses the upstream `accounts`",
            "gateway.d/bank.yaml:8:26: error: routes.read.redirect.location: `https://{id}/` does not fit here; expected a URL whose host is written out, so that no client can choose it"
        ),
        GoldenCase(
            "a redirect to nowhere",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                redirect: {status: 302}

            """,
            "gateway.d/bank.yaml:3:3: warning: upstreams.accounts: no route uses the upstream `accounts`",
            "gateway.d/bank.yaml:8:15: error: routes.read.redirect: the redirect leads nowhere; expected `location`, or some of `scheme`, `host`, `port` and `path`"
        ),
        GoldenCase(
            "a redirect with another status",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                redirect: {location: /v1/b, status: 300}

            """,
            "gateway.d/bank.yaml:3:3: warning: upstreams.accounts: no route uses the upstream `accounts`",
            "gateway.d/bank.yaml:8:41: error: routes.read.redirect.status: `300` does not fit here; expected `301`, `302`, `303`, `307` or `308`"
        ),
        GoldenCase(
            "a body where none can be",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                respond: {status: 204, body: x}

            """,
            "gateway.d/bank.yaml:3:3: warning: upstreams.accounts: no route uses the upstream `accounts`",
            "gateway.d/bank.yaml:8:34: error: routes.read.respond.body: a response with status 204 has no body; expected no `body`"
        ),
        GoldenCase(
            "framing headers",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {request_transform: {headers: {set: {Content-Length: "1"}, remove: [connection]}}}

            """,
            "gateway.d/bank.yaml:9:51: error: routes.read.plugins.request_transform.headers.set.Content-Length: `Content-Length` can't be a name here; expected a header that may be changed; it frames the message",
            "gateway.d/bank.yaml:9:82: error: routes.read.plugins.request_transform.headers.remove[0]: `connection` does not fit here; expected a header that may be changed; it belongs to one connection only"
        ),
        GoldenCase(
            "identity headers",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {request_transform: {headers: {set: {X_Spiffe_ID: "a"}}}}

            """,
            "gateway.d/bank.yaml:9:51: error: routes.read.plugins.request_transform.headers.set.X_Spiffe_ID: `X_Spiffe_ID` can't be a name here; expected a header that may be changed; it carries an identity"
        ),
        GoldenCase(
            "Host",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {request_transform: {headers: {set: {Host: a}}}}

            """,
            "gateway.d/bank.yaml:9:51: error: routes.read.plugins.request_transform.headers.set.Host: `Host` can't be a name here; expected a header that may be changed; the host is set with `rewrite: {host: …}` or `host_header`"
        ),
        GoldenCase(
            "a header name with a space",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {response_transform: {headers: {set: {"X Y": a}}}}

            """,
            "gateway.d/bank.yaml:9:52: error: routes.read.plugins.response_transform.headers.set.X Y: `X Y` can't be a name here; expected a header name"
        ),
        GoldenCase(
            "a line feed in a header",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {request_transform: {headers: {set: {X-A: "a\\r\\nX-B: b"}}}}

            """,
            "gateway.d/bank.yaml:9:56: error: routes.read.plugins.request_transform.headers.set.X-A: `a\\r\\nX-B: b` does not fit here; expected a header value without control characters; `{path.id}`, `{claim.sub}` and the like stand for what is known about the request"
        ),
        GoldenCase(
            "an unknown parameter in a header",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {request_transform: {headers: {set: {X-A: "{path.id}"}}}}

            """,
            "gateway.d/bank.yaml:9:56: error: routes.read.plugins.request_transform.headers.set.X-A: the path of the route `bank/read` has no parameter `id`; expected a path with `{id}`; see gateway.d/bank.yaml:7:12: what the route matches"
        ),
        GoldenCase(
            "a bare parameter in a header",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/{id}"}
                upstream: accounts
                plugins: {request_transform: {headers: {set: {X-A: "{id}"}}}}

            """,
            "gateway.d/bank.yaml:9:56: error: routes.read.plugins.request_transform.headers.set.X-A: `{id}` does not fit here; expected `{path.NAME}`, `{query.NAME}`, `{header.NAME}`, `{cookie.NAME}`, `{claim.NAME}`, `{spiffe_id}`, `{tenant}`, `{request_id}`, `{client_address}`, `{route}`, `{domain}`, `{method}` or `{host}` at character 1, not `{id}`; did you mean `{path.id}`?"
        ),
        GoldenCase(
            "a network with host bits",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                plugins: {ip_restriction: {allow: [10.1.2.3/8]}}

            """,
            "gateway.d/bank.yaml:9:40: error: routes.read.plugins.ip_restriction.allow[0]: `10.1.2.3/8` does not fit here; expected an IP address or a network such as `10.0.0.0/8` or `2001:db8::/32`; the network of this address is `10.0.0.0/8`"
        ),
        GoldenCase(
            "a name in upper case",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              Read_Account:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:6:3: error: routes.Read_Account: `Read_Account` can't be a name here; expected a name of 1 to 63 lower-case letters, digits and hyphens; did you mean `read-account`?"
        ),
        GoldenCase(
            "https targets",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["https://10.1.0.11"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:4:15: error: upstreams.accounts.targets[0]: `https://10.1.0.11` does not fit here; expected an `http://` URL; `https` is not supported by this version"
        ),
        GoldenCase(
            "a target without scheme",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:4:15: error: upstreams.accounts.targets[0]: `10.1.0.11:8080` does not fit here; expected a URL such as `http://10.1.0.11:8080` or `http://accounts.internal`; did you mean `http://10.1.0.11:8080`?"
        ),
        GoldenCase(
            "a target with a path",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11/api"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:4:15: error: upstreams.accounts.targets[0]: `http://10.1.0.11/api` does not fit here; expected a URL of scheme, host and port alone, without user, path or query; change paths with the route's `rewrite`"
        ),
        GoldenCase(
            "weights of nothing",
            """
            domain: bank
            upstreams:
              accounts:
                targets: [{url: "http://10.1.0.11:8080", weight: 0}]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:4:15: error: upstreams.accounts.targets[0]: all targets have weight 0; expected a target with a weight above 0"
        ),
        GoldenCase(
            "a misspelt balancer",
            """
            domain: bank
            upstreams:
              accounts:
                balancer: round-robin
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:4:15: error: upstreams.accounts.balancer: `round-robin` does not fit here; expected `round_robin`, `least_requests` or `consistent_hash`; did you mean `round_robin`?"
        ),
        GoldenCase(
            "hashing without a key",
            """
            domain: bank
            upstreams:
              accounts:
                balancer: consistent_hash
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:4:15: error: upstreams.accounts.balancer: `consistent_hash` needs `hash_on`; expected `hash_on: client_address`, `hash_on: {header: NAME}` or `hash_on: {cookie: NAME}`"
        ),
        GoldenCase(
            "a key without hashing",
            """
            domain: bank
            upstreams:
              accounts:
                hash_on: {header: X-User}
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:4:14: error: upstreams.accounts.hash_on: `hash_on` has no effect with this balancer; add `balancer: consistent_hash`"
        ),
        GoldenCase(
            "an unused upstream",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
              spare:
                targets: ["http://a.internal"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:5:3: warning: upstreams.spare: no route uses the upstream `spare`"),
        GoldenCase(
            "a domain with a typing error",
            """
            domain: bnak
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:1:9: error: domain: gateway.yaml declares no domain `bnak`; expected `bank`; did you mean `bank`?; see gateway.d/gateway.yaml:5:3: where domains are declared"
        ),
        GoldenCase(
            "a method that is never served",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a, methods: [GET, TRACE]}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:41: error: routes.read.match.methods[1]: `TRACE` does not fit here; expected a method other than `TRACE`"
        ),
        GoldenCase(
            "two mistakes at once",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: v1, methods: [get]}
                upstream: acounts
                timeouts: {request: 5}

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `v1` does not fit here; expected a path that begins with `/`, at most 4096 bytes; did you mean `/v1`?",
            "gateway.d/bank.yaml:7:33: error: routes.read.match.methods[0]: `get` does not fit here; expected a method such as `GET`; did you mean `GET`?",
            "gateway.d/bank.yaml:8:15: error: routes.read.upstream: the file declares no upstream `acounts`; expected `accounts`; did you mean `accounts`?",
            "gateway.d/bank.yaml:9:25: error: routes.read.timeouts.request: `5` does not fit here; expected a duration from 1ms to 24h: a whole number with `us`, `ms`, `s`, `m` or `h`; did you mean `5s`?"
        ),
        GoldenCase(
            "a duplicate key",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                upstream: accounts

            """,
            "gateway.d/bank.yaml:9:5: error: routes.read.upstream: the key `upstream` is written twice; see gateway.d/bank.yaml:8:5: first written here"
        ),
        GoldenCase(
            "a duplicate route",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
              read:
                match: {path: /v1/b}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:9:3: error: routes.read: the key `read` is written twice; see gateway.d/bank.yaml:6:3: first written here"
        ),
        GoldenCase(
            "a second document",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
            ---
            domain: other

            """,
            "gateway.d/bank.yaml:9:1: error: a second YAML document begins here; expected one document in each file"),
        GoldenCase(
            "a tag",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: !!str /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: the tag `!!str` is not allowed; expected a value without a tag"
        ),
        GoldenCase(
            "a number as key",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              12:
                match: {path: /v1/a}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:6:3: error: routes: a key must be text, and YAML reads this one as a number; expected a quoted key"
        ),
        GoldenCase(
            "a list as key",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
            ? [a]
            : b

            """,
            "gateway.d/bank.yaml:9:3: error: routes: a key must be text; expected a plain key"),
        GoldenCase(
            "a merge key",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
                <<: {tier: 1}

            """,
            "gateway.d/bank.yaml:9:5: error: routes.read.<<: merge keys are not supported; expected an alias as a value, or the keys themselves"
        ),
        GoldenCase(
            "an unknown alias",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: *x}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: no anchor `&x` comes before this alias"),
        GoldenCase(
            "a broken mapping",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a
                upstream: accounts

            """,
            "gateway.d/bank.yaml:8:13: error: routes.read.match.path: not valid YAML: did not find expected ',' or '}'; see gateway.d/bank.yaml:7:12: while parsing a flow mapping"
        ),
        GoldenCase(
            "a tab as indentation",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match:
                \tpath: /v1/a
                upstream: accounts

            """,
            "gateway.d/bank.yaml:8:5: error: routes.read.match: not valid YAML: found character that cannot start any token; indent with spaces: YAML takes no tabs there; see gateway.d/bank.yaml:8:5: while scanning for the next token"
        ),
        GoldenCase(
            "a control character",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: /v1/a}
                upstream: accounts
            # \u{7}

            """,
            "gateway.d/bank.yaml:9:3: error: not valid YAML: control characters are not allowed"),
        GoldenCase(
            "nothing but a comment",
            """
            # nothing

            """,
            "gateway.d/bank.yaml:1:1: error: the file is empty; expected a mapping"),
        GoldenCase(
            "a list at the root",
            """
            - a

            """,
            "gateway.d/bank.yaml:1:1: error: a list does not fit here; expected a mapping with `domain`, `upstreams`, `routes`, `timeouts`, `limits`, `retries`, `plugins` or `rate_limits`"
        ),
        GoldenCase(
            "an unset variable",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/${env:MISSING}"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: the environment variable `MISSING` is not set"),
        GoldenCase(
            "a missing file",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/${file:nowhere.txt}"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: the file `nowhere.txt` does not exist"),
        GoldenCase(
            "a path that leaves the folder",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/${file:../x}"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `../x` is not in the configuration folder; expected a path below the configuration folder: only gateway.yaml may take text from elsewhere"
        ),
        GoldenCase(
            "an unknown reference",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/${vault:x}"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `${vault:x}` is not a reference; expected `${env:NAME}` or `${file:path}`; `$${` stands for a plain `${`"
        ),
        GoldenCase(
            "an open reference",
            """
            domain: bank
            upstreams:
              accounts:
                targets: ["http://10.1.0.11:8080"]
            routes:
              read:
                match: {path: "/v1/${env:X"}
                upstream: accounts

            """,
            "gateway.d/bank.yaml:7:19: error: routes.read.match.path: `${` has no closing `}`; expected `${env:NAME}` or `${file:path}`; `$${` stands for a plain `${`"
        ),
    ]
}
