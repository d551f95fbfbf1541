import Base

extension ModelWalk {
    static func walk<Sink: ModelSink>(_ route: Route, _ sink: inout Sink) {
        sink.beginObject(named: route.name)
        walk(route.match, &sink)
        switch route.action {
        case .proxy(let proxy): walk(proxy, &sink)
        case .redirect(let redirect): walk(redirect, &sink)
        case .respond(let response): walk(response, &sink)
        }
        sink.beginObject("timeouts")
        sink.duration("request", route.timeouts.request)
        sink.duration("response_header", route.timeouts.responseHeader)
        sink.duration("idle", route.timeouts.idle)
        sink.endObject()
        sink.beginObject("limits")
        sink.integer("body_bytes_max", route.limits.bodyBytesMax)
        sink.endObject()
        walk(route.retries, &sink)
        walk(route.concurrency, &sink)
        if route.hasPlugins { walk(route.plugins, &sink) }
        sink.boolean("allow_encoded_slash", route.allowEncodedSlash)
        if let tier = route.tier { sink.integer("tier", tier) }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ match: RouteMatch, _ sink: inout Sink) {
        sink.beginObject("match")
        sink.hosts(match.hosts)
        sink.listeners(match.listeners)
        if !match.methods.isEmpty { sink.texts("methods", match.methods) }
        sink.path(match.path.value.isPrefix ? "prefix" : "path", match.path.value, match.path.origin)
        if !match.headers.isEmpty { walk(match.headers, "headers", &sink) }
        if !match.query.isEmpty { walk(match.query, "query", &sink) }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(
        _ conditions: [FieldCondition], _ key: StaticString, _ sink: inout Sink
    ) {
        sink.beginObject(key)
        for condition in conditions {
            sink.beginObject(named: condition.name)
            let origin = Origin.file(condition.location)
            switch condition.test {
            case .exact(let value): sink.text("exact", value, origin)
            case .prefix(let value): sink.text("prefix", value, origin)
            case .present: sink.boolean("present", true, origin)
            case .absent: sink.boolean("present", false, origin)
            }
            sink.endObject()
        }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ proxy: ProxyAction, _ sink: inout Sink) {
        if let split = proxy.split {
            walk(split, &sink)
        } else {
            sink.text("upstream", proxy.upstreamName, .file(proxy.location))
        }
        let path = proxy.rewrite.path
        if path.value == .keep, proxy.rewrite.host == nil { return }
        sink.beginObject("rewrite")
        switch path.value {
        case .keep: break
        case .stripSegments(let count): sink.integer("strip_segments", count, path.origin)
        case .replace(let template): sink.text("path", template.description, path.origin)
        }
        if let host = proxy.rewrite.host { sink.text("host", host) }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ redirect: Redirect, _ sink: inout Sink) {
        sink.beginObject("redirect")
        sink.integer("status", redirect.status)
        switch redirect.target {
        case .location(let template): sink.text("location", template.value.description, template.origin)
        case .parts(let scheme, let host, let port, let path):
            if let scheme { sink.text("scheme", scheme) }
            if let host { sink.text("host", host) }
            if let port { sink.integer("port", port) }
            if let path { sink.text("path", path.value.description, path.origin) }
        }
        sink.boolean("keep_query", redirect.keepQuery)
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ response: FixedResponse, _ sink: inout Sink) {
        sink.beginObject("respond")
        sink.integer("status", response.status)
        if !response.headers.isEmpty {
            sink.beginObject("headers")
            for header in response.headers { sink.text(named: header.name, header.value.value, header.value.origin) }
            sink.endObject()
        }
        if let type = response.contentType {
            sink.text("content_type", type)
            sink.text("body", response.body)
        }
        sink.endObject()
    }

    private static func walk<Sink: ModelSink>(_ plugins: PluginSet, _ sink: inout Sink) {
        sink.beginObject("plugins")
        if let transform = plugins.requestTransform { walk(transform, &sink) }
        if let transform = plugins.responseTransform { walk(transform, &sink) }
        if let restriction = plugins.ipRestriction {
            sink.beginObject("ip_restriction")
            sink.networks("allow", restriction.allow)
            sink.networks("deny", restriction.deny)
            sink.endObject()
        }
        if let jwt = plugins.jwt { walk(jwt, &sink) }
        if let spiffe = plugins.spiffe { walk(spiffe, &sink) }
        if let token = plugins.internalJWT { walk(token, &sink) }
        if let limits = plugins.rateLimit { walk(limits, &sink) }
        sink.endObject()
    }
}
