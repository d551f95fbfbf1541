import Admin
import Base
import Configuration
import Proxy

/// The pipeline with the effective values of one listener and one route.
package struct ExplainedPipeline {
    typealias Value = ExplainedStep.Value

    package let steps: [ExplainedStep]

    /// - Parameters:
    ///   - transforms: what the transforms' values are; nil to leave them out.
    ///   - limits: what the rate limits make of the request, of those that it reaches.
    ///   - splitSide: whose upstream is told of; nil for the first side's.
    package init(
        _ configuration: GatewayConfiguration, listener: Listener, route: Route, transforms: TransformPreview? = nil,
        limits: [LimitPreview] = [], splitSide: Int? = nil
    ) {
        let values = Values(
            configuration: configuration, listener: listener, route: route, transforms: transforms, limits: limits,
            splitSide: splitSide)
        steps = PipelineStep.allCases.map { step in
            let found = values.of(step)
            return ExplainedStep(step: step, isActive: found != nil, values: found ?? [])
        }
    }

    struct Values {
        let configuration: GatewayConfiguration
        let listener: Listener
        let route: Route
        let transforms: TransformPreview?
        let limits: [LimitPreview]
        let splitSide: Int?

        /// Nil when the step is off on this route.
        func of(_ step: PipelineStep) -> [Value]? {
            switch step {
            case .accept: accept
            case .parse: parse
            case .canonicalPath: [flag("allow_encoded_slash", route.allowEncodedSlash)]
            case .strip: []
            case .forwarding: forwarding
            case .route: [Value(name: "route", text: route.identity, origin: .file(route.location))]
            case .requestLimits: requestLimits
            case .ipRestriction: route.plugins.ipRestriction.map(access)
            case .rateLimit: rateLimits(byIdentity: false)
            case .jwt: route.plugins.jwt.map { jwt($0) + issuers($0) }
            case .spiffe: route.plugins.spiffe.map(spiffe)
            case .callerRateLimit: rateLimits(byIdentity: true)
            case .answer: answer
            case .rewrite: proxy.flatMap(rewrite)
            case .requestTransform:
                proxy == nil
                    ? nil : route.plugins.requestTransform.map { operations($0.operations, transforms?.request) }
            case .internalJWT: proxy == nil ? nil : route.plugins.internalJWT.map(internalToken)
            case .concurrency: proxy == nil ? nil : concurrency(upstream)
            case .circuitBreaker: upstream.flatMap(breaker)
            case .pickTarget: upstream.map(pick)
            case .proxy: upstream.map(relay)
            case .retry: proxy == nil ? nil : retries(upstream)
            case .responseTransform:
                route.plugins.responseTransform.map { operations($0.operations, transforms?.response) }
            case .log: log
            }
        }

        fileprivate var proxy: ProxyAction? {
            if case .proxy(let proxy) = route.action { return proxy }
            return nil
        }

        fileprivate var upstream: Upstream? {
            guard let proxy, let domain = configuration.domains.first(where: { $0.name == route.domain }) else {
                return nil
            }
            if let side = splitSide, let split = proxy.split { return domain.upstreams[split.sides[side].upstream] }
            return domain.upstreams[proxy.upstream]
        }
    }
}

// MARK: The steps before the route is known

extension ExplainedPipeline.Values {
    fileprivate var accept: [ExplainedStep.Value] {
        [
            number("limits.connections_max", configuration.limits.connectionsMax),
            number("limits.connections_per_client_max", configuration.limits.connectionsPerClientMax),
            number("listener.limits.connections_max", listener.limits.connectionsMax),
            number("listener.limits.requests_per_connection_max", listener.limits.requestsPerConnectionMax),
            time("listener.timeouts.keep_alive_idle", listener.timeouts.keepAliveIdle),
            time("listener.timeouts.write_idle", listener.timeouts.writeIdle),
        ]
    }

    fileprivate var parse: [ExplainedStep.Value] {
        [
            size("listener.limits.header_bytes_max", listener.limits.headerBytesMax),
            number("listener.limits.header_count_max", listener.limits.headerCountMax),
            size("listener.limits.target_bytes_max", listener.limits.targetBytesMax),
            time("listener.timeouts.header_read", listener.timeouts.headerRead),
        ]
    }

    fileprivate var forwarding: [ExplainedStep.Value] {
        let trusted = configuration.trustedProxies.map {
            value("trusted_proxies", $0.value.description, $0.origin)
        }
        let settings = configuration.forwarding
        return trusted + [
            flag("forwarding.x_forwarded", settings.xForwarded), flag("forwarding.forwarded", settings.forwarded),
            flag("forwarding.request_id", settings.requestID), flag("forwarding.trace_context", settings.traceContext),
        ]
    }

    fileprivate var requestLimits: [ExplainedStep.Value] {
        [
            size("limits.body_bytes_max", route.limits.bodyBytesMax),
            time("listener.timeouts.body_idle", listener.timeouts.bodyIdle),
        ]
    }
}

// MARK: The route's own steps

extension ExplainedPipeline.Values {
    fileprivate func access(_ rule: IPRestriction) -> [ExplainedStep.Value] {
        rule.allow.map { value("allow", $0.value.description, $0.origin) }
            + rule.deny.map { value("deny", $0.value.description, $0.origin) }
    }

    fileprivate var answer: [ExplainedStep.Value]? {
        let text = ActionText(route.action, configuration).text
        switch route.action {
        case .proxy: return nil
        case .redirect(let redirect):
            return [
                value("redirect", text, .file(redirect.location)), flag("redirect.keep_query", redirect.keepQuery),
            ]
        case .respond(let response):
            return [value("respond", text, .file(response.location))]
                + response.headers.map { value("respond.headers.\($0.name)", $0.value.value, $0.value.origin) }
        }
    }

    fileprivate func rewrite(_ proxy: ProxyAction) -> [ExplainedStep.Value]? {
        var values: [ExplainedStep.Value] = []
        let path = proxy.rewrite.path
        switch path.value {
        case .keep: break
        case .stripSegments(let count): values.append(value("rewrite.strip_prefix", "\(count) segments", path.origin))
        case .replace(let template): values.append(value("rewrite.path", template.description, path.origin))
        }
        if let host = proxy.rewrite.host { values.append(value("rewrite.host", host.value, host.origin)) }
        return values.isEmpty ? nil : values
    }

    /// Each operation, and its value for the sample request.
    fileprivate func operations(
        _ operations: [TransformOperation], _ values: [TransformPreview.Value]?
    ) -> [ExplainedStep.Value] {
        operations.enumerated().map { index, operation in
            let shown: String
            switch values.map({ $0[index] }) {
            case nil, .constant: shown = operation.text
            case .text(let text): shown = "\(operation.text) -> \(Visible.text(text))"
            case .missing: shown = "\(operation.text) -> no value"
            case .unusable: shown = "\(operation.text) -> a value that can't be used"
            case .withheld: shown = "\(operation.text) -> not shown, it may hold a token"
            }
            return value(operation.name, shown, operation.origin)
        }
    }

    fileprivate func pick(_ upstream: Upstream) -> [ExplainedStep.Value] {
        let targets = upstream.targets.map { target in
            let priority = target.priority.value == 0 ? "" : ", priority \(target.priority.value)"
            let text = "\(target.url), weight \(target.weight.value)\(priority)"
            return value("target", text, .file(target.location))
        }
        return split(proxy?.split) + [
            value("upstream", upstream.identity(in: route.domain), .file(upstream.location)),
            value("balancer", upstream.balancer.value.text, upstream.balancer.origin),
        ] + targets + health(upstream) + [number("connections_max", upstream.connectionsMax)]
    }

    fileprivate func relay(_ upstream: Upstream) -> [ExplainedStep.Value] {
        [
            value("host_header", upstream.hostHeader.value.rawValue, upstream.hostHeader.origin),
            time("timeouts.connect", upstream.connectTimeout),
            time("timeouts.request", route.timeouts.request),
            time("timeouts.response_header", route.timeouts.responseHeader),
            time("timeouts.idle", route.timeouts.idle),
            number("keep_alive.connections_max", upstream.keepAlive.connectionsMax),
            time("keep_alive.idle_timeout", upstream.keepAlive.idleTimeout),
            number("keep_alive.requests_max", upstream.keepAlive.requestsMax),
        ]
    }

    fileprivate var log: [ExplainedStep.Value] { [flag("access_log.enabled", configuration.accessLog.enabled)] }
}

// MARK: Values as text

extension ExplainedPipeline.Values {
    private func shown(_ text: String, _ origin: Origin) -> String { configuration.shown(text, origin) }

    func value(_ name: String, _ text: String, _ origin: Origin) -> ExplainedStep.Value {
        ExplainedStep.Value(name: name, text: shown(text, origin), origin: origin)
    }

    func number(_ name: String, _ setting: Setting<Int>) -> ExplainedStep.Value {
        value(name, String(setting.value), setting.origin)
    }

    func size(_ name: String, _ setting: Setting<Int>) -> ExplainedStep.Value {
        value(name, SizeFormat.text(setting.value), setting.origin)
    }

    func flag(_ name: String, _ setting: Setting<Bool>) -> ExplainedStep.Value {
        value(name, setting.value ? "true" : "false", setting.origin)
    }

    func time(_ name: String, _ setting: Setting<TimeAmount>) -> ExplainedStep.Value {
        value(name, DurationFormat.text(setting.value), setting.origin)
    }
}
