import Base

/// The keys of a domain's file and of its routes.
enum RouteSections {
    static let domainFile = Section(
        "A domain's file: any other `*.yaml` or `*.yml` of the folder.", draft: { DomainDraft() },
        keys: [
            Key(
                "domain", .name, required: true,
                "Which of gateway.yaml's `domains` the file belongs to. Each domain has one file."
            ) { $0.domain = $1 },
            .part(
                "upstreams", .named(UpstreamSections.upstream, countMax: 10_000),
                "The services behind the gateway, by name."
            ) { draft, value, _, _ in draft.upstreams = value },
            .part("routes", .named(route, countMax: 50_000), "The routes, by name; their order does not matter.") {
                draft, value, _, _ in draft.routes = value
            },
            .part("timeouts", .section(timeouts), "Time-outs for all routes of the file.") { draft, value, _, _ in
                draft.defaults.timeouts = value
            },
            .part("limits", .section(limits), "Limits for all routes of the file.") { draft, value, _, _ in
                draft.defaults.limits = value
            },
            .part("retries", .section(RetrySections.retries), "Retries for all routes of the file.") {
                draft, value, _, _ in
                draft.defaults.retries = value
            },
            .part("plugins", .section(PluginSections.plugins), "Plugins for all routes of the file.") {
                draft, value, _, _ in draft.defaults.plugins = value
            },
            .part(
                "rate_limits", .named(RateLimitSections.shared, countMax: 1_000),
                "Rate limits that routes of the file share, by name: `rate_limit: {shared: NAME}`."
            ) { draft, value, _, _ in draft.rateLimits = value },
            .reserved("tests", "Requests and what is expected of them."),
            .elsewhere("listeners", "declare listeners in gateway.yaml"),
            .elsewhere("hosts", "give hosts to a domain in gateway.yaml, and name them in a route's `match`"),
        ], misplaced: Key<DomainDraft>.misplacedInDomain)

    static let defaults = Section(
        "What holds for every route.", draft: { RouteDefaultsDraft() },
        keys: [
            .part("timeouts", .section(timeouts), "Time-outs.") { draft, value, _, _ in draft.timeouts = value },
            .part("limits", .section(limits), "Limits.") { draft, value, _, _ in draft.limits = value },
            .part("retries", .section(RetrySections.retries), "Retries.") { draft, value, _, _ in draft.retries = value
            },
            .part("plugins", .section(PluginSections.plugins), "Plugins.") { draft, value, _, _ in draft.plugins = value
            },
        ], misplaced: Key<RouteDefaultsDraft>.misplacedInDefaults)

    private static let timeouts = Section(
        "Time-outs towards upstreams.", draft: { TimeoutsDraft() },
        keys: [
            .connect,
            Key(
                "request", Bounds.upstreamTime, default: DurationFormat.text(Defaults.request),
                "From the end of the request header to the end of the answer: 504, or 408 where the client is waited for."
            ) { $0.request = $1 },
            .responseHeader,
            .idle,
        ], misplaced: Key<TimeoutsDraft>.misplacedInTimeouts)

    private static let routeTimeouts = Section(
        "Time-outs of a route; absent keys come from its upstream, the domain, then `defaults`.",
        draft: { TimeoutsDraft() },
        keys: [
            Key("request", Bounds.upstreamTime, "From the end of the request header to the end of the answer.") {
                $0.request = $1
            },
            Key(
                "response_header", Bounds.upstreamTime, "From the end of the request to the end of the response header."
            ) { $0.responseHeader = $1 },
            Key("idle", Bounds.upstreamTime, "Between two pieces of a body.") { $0.idle = $1 },
            .elsewhere("connect", "put `connect` under the upstream's or the domain's `timeouts`, or under `defaults`"),
        ], misplaced: Key<TimeoutsDraft>.misplacedInTimeouts)

    private static let limits = Section(
        "Limits of a route.", draft: { RouteLimitsDraft() },
        keys: [
            Key(
                "body_bytes_max", .size(0...1 << 40), default: SizeFormat.text(Defaults.bodyBytesMax),
                "The request body; more is answered with 413. What the client still sends then is dropped, for 30 s or 1 GiB at most, until it pauses for 5 s."
            ) { $0.bodyBytesMax = $1 }
        ], misplaced: Key<RouteLimitsDraft>.misplacedInLimits)

    private static let route = Section(
        "A route: what it matches, exactly one of `upstream`, `split`, `redirect` and `respond`, and what holds for it.",
        draft: { RouteDraft() },
        keys: [
            .part("match", .section(match), required: true, "What a request must be. All keys must hold.") {
                draft, value, _, node in
                draft.match = value
                draft.matchNode = node
            },
            Key("upstream", .name, "The upstream that takes the request.") { $0.upstream = $1 },
            Key(
                "split", .split,
                "Instead of `upstream`: several upstreams, each with a share of the requests. Time-outs that the route doesn't give are those of the first one."
            ) { $0.split = $1 },
            .part("redirect", .section(redirect), "Sends the client elsewhere.") { $0.redirect = ($1, $2, $3) },
            .part("respond", .section(respond), "Answers without an upstream.") { $0.respond = ($1, $2, $3) },
            .part("rewrite", .section(rewrite), "What the upstream sees instead of the client's path and host.") {
                $0.rewrite = ($1, $2, $3)
            },
            .part("timeouts", .section(routeTimeouts), "Time-outs of this route.") { draft, value, _, _ in
                draft.timeouts = value
            },
            .part("limits", .section(limits), "Limits of this route.") { draft, value, _, _ in draft.limits = value },
            .part("retries", .section(RetrySections.retries), "Retries of this route.") {
                draft, value, _, _ in draft.retries = value
            },
            .part(
                "concurrency", .section(ConcurrencySections.concurrency), "Requests of this route under way at a time."
            ) {
                draft, value, _, _ in draft.concurrency = ConcurrencySettings(value)
            },
            .part(
                "plugins", .section(PluginSections.plugins),
                "Plugins of this route; keys given here replace those of the file and of `defaults`."
            ) { draft, value, _, _ in draft.plugins = value },
            Key(
                "allow_encoded_slash", .boolean, default: "false",
                "Lets `%2F` and `%5C` in the path through as they are, rather than refusing them with 400."
            ) { $0.allowEncodedSlash = $1 },
            Key("tier", .integer(1...3), "How much the route matters, 1 most, for people.") { $0.tier = $1 },
        ], misplaced: Key<RouteDraft>.misplacedInRoute)

    private static let match = Section(
        "What a request must be.", draft: { MatchDraft() },
        keys: [
            Key(
                "hosts", .list(.hostPattern, countMax: 1_000), default: "the domain's hosts",
                "The request's host is one of these."
            ) { $0.hosts = $1.value },
            Key(
                "listeners", .list(.name, countMax: 100), default: "the domain's listeners",
                "The request came in by one of these."
            ) { $0.listeners = $1.value },
            Key("methods", .list(.servedMethod, countMax: 32), default: "any method", "The method is one of these.") {
                $0.methods = $1.value
            },
            Key(
                "path", .pathTemplate, default: "any path",
                "The whole path: literal segments, `{name}` for one segment that is not empty, `{name...}` at the end for all that is left, nothing included: `/files/{rest...}` matches `/files`, `/files/` and `/files/a/b`. Elsewhere a trailing slash counts: `/a` and `/a/` are two paths."
            ) { $0.path = $1 },
            Key(
                "prefix", .pathPrefix,
                "Instead of `path`: this path and everything below it, on segment borders: `/files` and `/files/` both match `/files`, `/files/` and `/files/a`, but not `/filesystem`."
            ) { $0.prefix = $1 },
            .part("headers", .conditions(.headerCondition), "Conditions on headers: a value, or a mapping.") {
                draft, value, _, _ in draft.headers = value
            },
            .part("query", .conditions(.queryCondition), "Conditions on query parameters: a value, or a mapping.") {
                draft, value, _, _ in draft.query = value
            },
            .elsewhere("host", "write `hosts: [NAME]`"),
            .elsewhere("method", "write `methods: [METHOD]`"),
        ])

    fileprivate static let fieldTest = Section(
        "A condition: one of the keys.", draft: { FieldTestDraft() },
        keys: [
            Key("exact", .text("text"), "The value is this.") { $0.exact = $1 },
            Key("prefix", .text("text"), "The value begins with this.") { $0.prefix = $1 },
            Key("present", .boolean, "It is there, or (`false`) isn't, whatever its value.") { $0.present = $1 },
        ])

    private static let redirect = Section(
        "A redirect: `location`, or any of `scheme`, `host`, `port` and `path`, which replace that part of the request's own URL. Its scheme and host are those that trusted proxies tell (`X-Forwarded-Proto` and `-Host`, or `Forwarded`), else `http` and the request's host. Without any host (HTTP/1.0), `location` has none either, and where `scheme` or `port` need one the answer is 400.",
        draft: { RedirectDraft() },
        keys: [
            Key("location", .location, "Where to: a URL or an absolute path; `{name}` stands for a path parameter.") {
                $0.location = $1
            },
            Key("scheme", .scheme, "`http` or `https`.") { $0.scheme = $1 },
            Key("host", .host, "Another host.") { $0.host = $1 },
            Key("port", .integer(1...65_535), "Another port.") { $0.port = $1 },
            Key(
                "path", .replacementPath,
                "Another path; `{name}` stands for a path parameter. An empty one leaves no empty segment."
            ) { $0.path = $1 },
            Key("status", .redirectStatus, default: "\(Defaults.redirectStatus)", "301, 302, 303, 307 or 308.") {
                $0.status = $1
            },
            Key("keep_query", .boolean, default: "true", "Appends the request's query, unless `location` has one.") {
                $0.keepQuery = $1
            },
        ])

    private static let respond = Section(
        "A fixed response.", draft: { RespondDraft() },
        keys: [
            Key("status", .integer(200...599), default: "200", "The status.") { $0.status = $1 },
            .part("headers", .headers(.response, .headerValue), "Headers.") { draft, value, _, _ in
                draft.headers = value
            },
            Key("body", .text("text", bytesMax: 64 * 1024), default: "no body", "The body.") { $0.body = $1 },
            Key("content_type", .headerValue, default: Defaults.contentType, "The body's type.") {
                $0.contentType = $1
            },
        ])

    private static let rewrite = Section(
        "A rewrite: `strip_prefix` or `path`, and `host`.", draft: { RewriteDraft() },
        keys: [
            Key("strip_prefix", .literalPrefix, "Drops this prefix of the route's path; an empty rest is `/`.") {
                $0.stripPrefix = $1
            },
            Key(
                "path", .replacementPath,
                "The path that the upstream sees; `{name}` stands for a path parameter. For another prefix in place of one, name the rest: `path: \"/v5/{rest...}\"` under `match`, and `/v6/{rest}` here."
            ) {
                $0.path = $1
            },
            Key("host", .authority, "The `Host` that the upstream sees.") { $0.host = $1 },
        ])
}

extension ValueDecoder where Value == [Named<FieldTest>] {
    fileprivate static func conditions(_ condition: ValueDecoder<FieldTest>) -> ValueDecoder {
        map("a name", countMax: 32, condition) { text throws(Unfit) in
            guard text.count > 0, text.count <= 256, text.firstIndex(of: 0) == nil else { throw Unfit() }
        }
    }
}

extension ValueDecoder where Value == FieldTest {
    fileprivate static var headerCondition: ValueDecoder { condition(.headerValue) }
    fileprivate static var queryCondition: ValueDecoder { condition(.text("text")) }

    private static func condition(_ exact: ValueDecoder<String>) -> ValueDecoder {
        let section = RouteSections.fieldTest
        return ValueDecoder(.either(exact.type, .section(section.description))) { node, file in
            guard file.nodes[node].kind == .mapping else { return exact.decode(node, file).map { .exact($0) } }
            guard let draft = section.decode(node, file) else { return nil }
            switch (draft.exact, draft.prefix, draft.present) {
            case (let value?, nil, nil): return .exact(value.value)
            case (nil, let value?, nil): return .prefix(value.value)
            case (nil, nil, let value?): return value.value ? .present : .absent
            default:
                file.unexpected(node, expected: "exactly one of `exact`, `prefix` and `present`")
                return nil
            }
        }
    }
}

extension ValueDecoder where Value == String {
    fileprivate static var scheme: ValueDecoder {
        scalar(.choice(["http", "https"])) { text throws(Unfit) in
            guard text == "http" || text == "https" else { throw Unfit() }
            return text.string
        }
    }
}

extension ValueDecoder where Value == Int {
    fileprivate static var redirectStatus: ValueDecoder {
        scalar(.choice(["301", "302", "303", "307", "308"])) { text throws(Unfit) in
            guard let status = text.decimalValue(), [301, 302, 303, 307, 308].contains(status) else { throw Unfit() }
            return status
        }
    }
}
