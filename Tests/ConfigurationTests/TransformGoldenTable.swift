import Configuration
import Testing

/// What is said about a plugin's line in a route that matches `/v1/{id}`.
struct TransformCase: Sendable, CustomTestStringConvertible {
    let name: String
    let plugins: String
    let finding: String

    init(_ name: String, _ plugins: String, _ finding: String) {
        self.name = name
        self.plugins = plugins
        self.finding = finding
    }

    var testDescription: String { name }

    var actual: [String] {
        let bank = """
            domain: bank
            upstreams:
              accounts: {targets: ["http://10.1.0.11:8080"]}
            routes:
              read:
                match: {path: "/v1/{id}"}
                upstream: accounts
                plugins: {\(plugins)}
            """
        return findings(MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank]).load())
    }
}

@Suite struct TransformGoldenTests {
    @Test("transforms: what is wrong, where, and what was expected", arguments: cases)
    func golden(golden: TransformCase) {
        #expect(golden.actual == [golden.finding])
    }

    private static let request = "gateway.d/bank.yaml:8:"
    private static let places =
        "`{path.NAME}`, `{query.NAME}`, `{header.NAME}`, `{cookie.NAME}`, `{claim.NAME}`, `{spiffe_id}`, `{tenant}`, `{request_id}`, `{client_address}`, `{route}`, `{domain}`, `{method}` or `{host}`"
    private static let functions = "`lower`, `base64`, `hash`, `url_escape` or `default:'TEXT'`"

    static let cases: [TransformCase] = [
        TransformCase(
            "a misspelt attribute", #"request_transform: {headers: {set: {A: "{headers.x}"}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.set.A: `{headers.x}` does not fit here; expected \(places) at character 1, not `{headers.x}`; did you mean `{header.x}`?"
        ),
        TransformCase(
            "no member to change", "request_transform: {body: {json: {}}}",
            "\(request)48: error: routes.read.plugins.request_transform.body.json: no member is changed; expected `remove`, `rename`, `replace`, `set` or `append`"
        ),
        TransformCase(
            "a misspelt single attribute", #"request_transform: {query: {set: {a: "x{tennant}"}}}"#,
            "\(request)52: error: routes.read.plugins.request_transform.query.set.a: `x{tennant}` does not fit here; expected \(places) at character 2, not `{tennant}`; did you mean `{tenant}`?"
        ),
        TransformCase(
            "a misspelt function", #"request_transform: {headers: {append: {A: "{host|lowr}"}}}"#,
            "\(request)57: error: routes.read.plugins.request_transform.headers.append.A: `{host|lowr}` does not fit here; expected \(functions) behind the `|` at character 6, not `lowr`; did you mean `lower`?"
        ),
        TransformCase(
            "a function without name", #"request_transform: {headers: {set: {A: "x{query.a|lower|}"}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.set.A: `x{query.a|lower|}` does not fit here; expected \(functions) behind the `|` at character 16, not ``"
        ),
        TransformCase(
            "a header that never arrives", #"request_transform: {query: {set: {A: "{header.Connection}"}}}"#,
            "\(request)52: error: routes.read.plugins.request_transform.query.set.A: `{header.Connection}` does not fit here; expected a header that a request may have here; Connection never arrives, as it belongs to one connection only"
        ),
        TransformCase(
            "an identity as a header", #"request_transform: {query: {set: {A: "{header.x_spiffe-id|default:'a'}"}}}"#,
            "\(request)52: error: routes.read.plugins.request_transform.query.set.A: `{header.x_spiffe-id|default:'a'}` does not fit here; expected a header that a request may have here; x_spiffe-id never arrives, as it carries an identity; did you mean `{spiffe_id}`?"
        ),
        TransformCase(
            "a key that never arrives", "rate_limit: {rate: 1/s, key: header.X-Spiffe-ID}",
            "\(request)44: error: routes.read.plugins.rate_limit.key: `header.X-Spiffe-ID` does not fit here; expected a header that a request may have here; X-Spiffe-ID never arrives, as it carries an identity; did you mean `spiffe_id`?"
        ),
        TransformCase(
            "an exemption that never arrives", #"rate_limit: {rate: 1/s, exempt: {headers: {TE: "a"}}}"#,
            "\(request)58: error: routes.read.plugins.rate_limit.exempt.headers.TE: `TE` can't be a name here; expected a header that a request may have here; TE never arrives, as it frames the message"
        ),
        TransformCase(
            "no size at all", "request_transform: {body: {bytes_max: 0}}",
            "\(request)53: error: routes.read.plugins.request_transform.body.bytes_max: `0` does not fit here; expected a size from 1B to 1MiB: a whole number with `B`, `KiB`, `MiB`, `GiB` or `TiB`"
        ),
        TransformCase(
            "a default without quotes", #"request_transform: {headers: {set: {A: "{query.a|default:b}"}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.set.A: `{query.a|default:b}` does not fit here; expected text between single quotes behind `default:`, such as `default:'none'`"
        ),
        TransformCase(
            "two defaults", #"request_transform: {headers: {set: {A: "{query.a|default:'b'|default:'c'}"}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.set.A: `{query.a|default:'b'|default:'c'}` does not fit here; expected one `default` in `{query.a|default:'b'|default:'c'}`"
        ),
        TransformCase(
            "an open brace", #"request_transform: {headers: {set: {A: "{query.a"}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.set.A: `{query.a` does not fit here; expected a `}` for the `{` at character 1"
        ),
        TransformCase(
            "a lone closing brace", #"request_transform: {headers: {set: {A: "a}"}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.set.A: `a}` does not fit here; expected a `{` before the `}` at character 2; `}}` stands for a single brace"
        ),
        TransformCase(
            "an unknown path parameter", #"request_transform: {query: {set: {A: "{path.ids}"}}}"#,
            "\(request)52: error: routes.read.plugins.request_transform.query.set.A: the path of the route `bank/read` has no parameter `ids`; expected `id`; did you mean `{path.id}`?; see gateway.d/bank.yaml:6:12: what the route matches"
        ),
        TransformCase(
            "a claim without jwt", #"request_transform: {headers: {set: {A: "{claim.sub}"}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.set.A: `{claim.sub}` needs the plugin `jwt`, which the route `bank/read` hasn't; expected `jwt` on the route, or a default such as `{claim.sub|default:'none'}`"
        ),
        TransformCase(
            "a SPIFFE ID without spiffe", #"request_transform: {body: {json: {set: {/a: "{spiffe_id}"}}}}"#,
            "\(request)59: error: routes.read.plugins.request_transform.body.json.set./a: `{spiffe_id}` needs the plugin `spiffe`, which the route `bank/read` hasn't; expected `spiffe` on the route, or a default such as `{spiffe_id|default:'none'}`"
        ),
        TransformCase(
            "a protected new name", #"request_transform: {headers: {rename: {A: Transfer_Encoding}}}"#,
            "\(request)57: error: routes.read.plugins.request_transform.headers.rename.A: `Transfer_Encoding` does not fit here; expected a header that may be changed; it frames the message"
        ),
        TransformCase(
            "a protected old name", #"response_transform: {headers: {rename: {proxy-authenticate: A}}}"#,
            "\(request)55: error: routes.read.plugins.response_transform.headers.rename.proxy-authenticate: `proxy-authenticate` can't be a name here; expected a header that may be changed; it belongs to one connection only"
        ),
        TransformCase(
            "a second line of what has one", #"request_transform: {headers: {append: {authorization: a}}}"#,
            "\(request)54: error: routes.read.plugins.request_transform.headers.append.authorization: `authorization` can't be a name here; expected a header that may have several values; `set` gives it one"
        ),
        TransformCase(
            "a name in two cases", #"request_transform: {headers: {set: {X-A: a, x-a: b}}}"#,
            "\(request)64: error: routes.read.plugins.request_transform.headers.set.x-a: `x-a` is named twice here; expected each name once, in any case of letters"
        ),
        TransformCase(
            "one new name for two", #"request_transform: {headers: {rename: {A: C, B: c}}}"#,
            "\(request)63: error: routes.read.plugins.request_transform.headers.rename.B: `c` is the new name of two; expected each new name once"
        ),
        TransformCase(
            "a method that can't be", #"request_transform: {method: HEAD}"#,
            "\(request)43: error: routes.read.plugins.request_transform.method: `HEAD` does not fit here; expected `GET`, `POST`, `PUT`, `PATCH` or `DELETE`"
        ),
        TransformCase(
            "a small method", #"request_transform: {method: put}"#,
            "\(request)43: error: routes.read.plugins.request_transform.method: `put` does not fit here; expected `GET`, `POST`, `PUT`, `PATCH` or `DELETE`; did you mean `PUT`?"
        ),
        TransformCase(
            "a path without slash", #"request_transform: {path: v2}"#,
            "\(request)41: error: routes.read.plugins.request_transform.path: `v2` does not fit here; expected a path that begins with `/`"
        ),
        TransformCase(
            "a path with a query", #"request_transform: {path: "/v2?a=b"}"#,
            "\(request)41: error: routes.read.plugins.request_transform.path: `/v2?a=b` does not fit here; expected a path without `?` and `#`; match parameters under `query`"
        ),
        TransformCase(
            "a pointer without slash", #"request_transform: {body: {json: {remove: [name]}}}"#,
            "\(request)58: error: routes.read.plugins.request_transform.body.json.remove[0]: `name` does not fit here; expected a JSON Pointer such as `/user/name` (RFC 6901), at most 512 bytes; did you mean `/name`?"
        ),
        TransformCase(
            "a place behind an array", #"request_transform: {body: {json: {set: {/a/-: x}}}}"#,
            "\(request)55: error: routes.read.plugins.request_transform.body.json.set./a/-: `/a/-` can't be a name here; expected a place that is there; `-` is none; `append` adds to an array"
        ),
        TransformCase(
            "an unknown escape in a pointer", #"request_transform: {body: {json: {remove: [/a~2]}}}"#,
            "\(request)58: error: routes.read.plugins.request_transform.body.json.remove[0]: `/a~2` does not fit here; expected `~0` for `~` and `~1` for `/` in a pointer"
        ),
        TransformCase(
            "places that are not apart", #"request_transform: {body: {json: {set: {/a: x, /a/b: y}}}}"#,
            "\(request)68: error: routes.read.plugins.request_transform.body.json.set./a/b: `/a/b` and `/a` are not apart; expected places under `set` of which none lies within another"
        ),
        TransformCase(
            "text and json", #"response_transform: {body: {json: {remove: [/a]}, text: b}}"#,
            "\(request)65: error: routes.read.plugins.response_transform.body.text: `text` and `json` exclude each other; expected one of them"
        ),
        TransformCase(
            "a type without text", #"response_transform: {body: {content_type: text/plain}}"#,
            "\(request)43: error: routes.read.plugins.response_transform.body.content_type: `content_type` has no effect without `text`; expected no such key, or `text`"
        ),
        TransformCase(
            "a body beyond the limit", #"request_transform: {body: {bytes_max: 2MiB}}"#,
            "\(request)53: error: routes.read.plugins.request_transform.body.bytes_max: `2MiB` does not fit here; expected a size from 1B to 1MiB"
        ),
        TransformCase(
            "a status without content", #"response_transform: {status: {"500": 204}}"#,
            "\(request)52: error: routes.read.plugins.response_transform.status.500: `204` does not fit here; expected a status from 200 to 599 with content: not 204, 205 and 304"
        ),
        TransformCase(
            "a class that isn't one", #"response_transform: {statuses: [6xx]}"#,
            "\(request)47: error: routes.read.plugins.response_transform.statuses[0]: `6xx` does not fit here; expected a status from 200 to 599, or a class such as `5xx`"
        ),
        TransformCase(
            "an unknown key", #"request_transform: {headers: {add: {A: b}}}"#,
            "\(request)45: error: routes.read.plugins.request_transform.headers.add: unknown key `add`; expected `remove`, `rename`, `replace`, `set` or `append`"
        ),
    ]

    @Test("what has no effect where the gateway answers by itself is an error there, and nothing elsewhere")
    func withoutUpstream() {
        func found(_ keys: String, defaults: String = "") -> [String] {
            let bank = plainBank.replacing("    upstream: accounts", with: "    respond: {status: 200}\n    \(keys)")
            return findings(MemoryFolder(["gateway.yaml": plainGateway + defaults, "bank.yaml": bank]).load())
                .filter { !$0.contains("no route uses the upstream") }
        }
        for (keys, name) in [
            ("plugins: {request_transform: {path: /a}}", "request_transform"),
            ("retries: {attempts_max: 2}", "retries"),
            ("plugins: {response_transform: {status: {\"200\": 201}}}", "response_transform.status"),
            ("plugins: {response_transform: {body: {text: a}}}", "response_transform.body"),
        ] {
            let errors = found(keys)
            #expect(
                errors.count == 1
                    && errors[0].hasSuffix("`\(name)` has no effect without an upstream; expected no such key"),
                "\(errors)")
        }
        #expect(found("plugins: {response_transform: {headers: {set: {A: b}}}}") == [])
        #expect(found("plugins: {request_transform: {enabled: false}}") == [])
        let defaults =
            "\ndefaults: {retries: {attempts_max: 2}, plugins: {request_transform: {path: \"/{path.other}\"}, "
            + "response_transform: {headers: {set: {A: b}}, status: {\"200\": 201}, body: {text: a}}}}\n"
        let bank = plainBank.replacing("    upstream: accounts", with: "    respond: {status: 200}")
        let loaded = MemoryFolder(["gateway.yaml": plainGateway + defaults, "bank.yaml": bank]).load()
        let plugins = loaded.configuration?.domains.first?.routes.first?.plugins
        #expect(plugins?.requestTransform == nil, "\(findings(loaded))")
        #expect(plugins?.responseTransform.map { $0.body == nil && $0.status.isEmpty } == true)
    }

    @Test(
        "a condition on a header that never arrives, or always does, is an error; so is a key of a split or an upstream"
    )
    func unreadableHeaders() {
        func found(_ line: String, with new: String) -> [String] {
            findings(bank: plainBank.replacing(line, with: new)).filter { $0.contains("error:") }
        }
        for (condition, message) in [
            ("host: a.test", "expected another header; `hosts: [NAME]` matches all of them"),
            ("X-Spiffe-ID: a", "it carries an identity; expected another header; who calls is known"),
            ("transfer_encoding: chunked", "it frames the message; expected another header"),
            ("Keep-Alive: {present: false}", "it belongs to one connection only"),
            ("x-request-id: {present: false}", "the gateway adds it; expected another header, or another condition"),
        ] {
            let errors = found("{methods: [GET],", with: "{headers: {\(condition)}, methods: [GET],")
            #expect(errors.count == 1 && errors[0].contains(message), "\(errors)")
        }
        #expect(
            found("{methods: [GET],", with: "{headers: {X-Request-ID: {present: true}, Origin: a}, methods: [GET],")
                == []
        )
        let split = found(
            "    upstream: accounts",
            with: "    split: {upstreams: [{upstream: accounts, weight: 1}], key: {header: X-Spiffe-ID}}")
        #expect(split.contains { $0.contains("did you mean `spiffe_id`?") }, "\(split)")
        let hash = found(
            "    targets:", with: "    balancer: consistent_hash\n    hash_on: {header: Upgrade}\n    targets:")
        #expect(hash.contains { $0.contains("it belongs to one connection only") }, "\(hash)")
    }

    @Test("the path of `rewrite` and the transform's exclude each other")
    func rewrite() {
        let bank = plainBank.replacing(
            "    upstream: accounts",
            with: "    upstream: accounts\n    rewrite: {path: /b}\n    plugins: {request_transform: {path: /a}}")
        let found = findings(MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank]).load())
        #expect(found.count == 1 && found[0].contains("exclude each other"), "\(found)")
    }
}
