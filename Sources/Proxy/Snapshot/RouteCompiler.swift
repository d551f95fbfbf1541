import Base
import Configuration
import HTTP
import Plugins
import Routing

/// A domain's upstreams as its routes need to know them.
struct DomainUpstreams {
    /// Where they begin in the snapshot's list.
    let start: Int
    let hostHeaders: [HostHeader]
}

/// Turns the routes of one domain into what requests run through. Their texts are kept in `texts`.
struct RouteCompiler {
    let texts: TextArena
    /// The upstreams of the routes' domain.
    let upstreams: DomainUpstreams
    /// Of all routes that have none: one that stays in the cache.
    private let noPlugins = PluginChain()
    /// What the routes' bodies are read with.
    let bodies = BodyReader()
    /// Nil where only the rest of the route is of interest.
    var identity: IdentityCompiler?
    /// The same.
    var limits: LimitCompiler?

    /// - Parameter claims: gets what the route's plugins read of the caller's claims.
    func compile(_ route: ConfiguredRoute, claims: ClaimSlots = ClaimSlots()) -> CompiledRoute.Parts {
        var parts = CompiledRoute.Parts()
        parts.identity = texts.keep(route.identity)
        parts.requestTimeout = route.timeouts.request.value
        parts.responseHeaderTimeout = route.timeouts.responseHeader.value
        parts.idleTimeout = route.timeouts.idle.value
        parts.bodyBytesMax = route.limits.bodyBytesMax.value
        parts.allowsEncodedSlash = route.allowEncodedSlash.value
        compile(route.retries, into: &parts)
        if route.hasPlugins {
            parts.rateLimits = limits?.compile(route.plugins.rateLimit, of: route, claims: claims)
        }
        switch route.action {
        case .proxy(let proxy):
            compile(proxy, into: &parts)
            var host: CompiledHost?
            if case .fixed = parts.hostHeader { host = parts.hostHeader }
            parts.split = proxy.split.map { compile($0, claims: claims, host: host) }
        case .redirect(let redirect): parts.action = .redirect(compile(redirect))
        case .respond(let response): parts.action = .respond(compile(response))
        }
        parts.plugins = plugins(of: route, claims)
        return parts
    }

    private func compile(_ proxy: ProxyAction, into parts: inout CompiledRoute.Parts) {
        parts.action = .proxy(upstreams.start + proxy.upstream)
        switch proxy.rewrite.path.value {
        case .keep: parts.rewrite = .keep
        case .stripSegments(let count): parts.rewrite = .strip(segments: count)
        case .replace(let template): parts.rewrite = .replace(compile(template))
        }
        if let host = proxy.rewrite.host {
            parts.hostHeader = .fixed(texts.keep(host.value))
        } else if upstreams.hostHeaders[proxy.upstream] == .target {
            parts.hostHeader = .target
        }
    }

    private func compile(_ redirect: Redirect) -> CompiledRedirect {
        let target: CompiledRedirect.Target
        switch redirect.target {
        case .location(let template): target = .location(compile(template.value))
        case .parts(let scheme, let host, let port, let path):
            target = .parts(
                scheme: scheme.map { texts.keep($0.value) }, host: host.map { texts.keep($0.value) },
                port: port?.value, path: path.map { compile($0.value) })
        }
        return CompiledRedirect(status: redirect.status.value, target: target, keepsQuery: redirect.keepQuery.value)
    }

    private func compile(_ response: FixedResponse) -> CompiledResponse {
        var fields = response.headers.map { (name: texts.keep($0.name), value: texts.keep($0.value.value)) }
        if let type = response.contentType { fields.append((ByteView("Content-Type"), texts.keep(type.value))) }
        return CompiledResponse(
            status: response.status.value, fields: fields, body: texts.keep(response.body.value))
    }

    private func plugins(of route: ConfiguredRoute, _ claims: ClaimSlots) -> PluginChain {
        guard route.hasPlugins else { return noPlugins }
        let set = route.plugins
        let restriction = set.ipRestriction.map {
            IPRestrictionRule(allow: $0.allow.map(\.value), deny: $0.deny.map(\.value))
        }
        let transforms = TransformCompiler(
            texts: texts, claims: claims, reader: bodies, domain: route.domain, routeName: route.name)
        let request = set.requestTransform.map { transforms.compile($0) }
        let response = set.responseTransform.map { transforms.compile($0) }
        // Last: by now the plugins have said which claims they read.
        let identity = identity?.compile(set, claims: claims)
        if restriction == nil, request == nil, response == nil, identity == nil { return noPlugins }
        return PluginChain(
            ipRestriction: restriction, identity: identity, requestTransform: request, responseTransform: response)
    }

    private func compile(_ template: ValueTemplate) -> CompiledTemplate {
        CompiledTemplate(
            template.parts.map { part in
                switch part {
                case .literal(let text): .literal(texts.keep(text))
                case .parameter(_, let index): .capture(index)
                }
            })
    }
}
