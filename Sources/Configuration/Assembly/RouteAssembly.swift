import Base

/// Turns what a file says about one route into the route.
struct RouteAssembly {
    let named: Named<RouteDraft>
    let draft: RouteDraft
    let domain: DomainAssembly

    var file: FileDecoder { domain.file }

    /// Nil after an error.
    func route() -> Route? {
        let match = match()
        let parameters = match.map { $0.path.value.parameters }
        let plugins = plugins(parameters)
        let action = action(path: match?.path.value, plugins)
        let first = draft.upstream ?? draft.split?.value.sides.first?.value.upstream
        let upstream = first.flatMap { domain.upstreamTimeouts[$0.value] }
        guard let match, let action else { return nil }
        return Route(
            domain: domain.claims.name, name: named.name, match: match, action: action,
            timeouts: domain.base.timeouts(for: draft.timeouts, upstream: upstream),
            limits: domain.base.limits(for: draft.limits), retries: retries(),
            concurrency: draft.concurrency, plugins: plugins,
            allowEncodedSlash: draft.allowEncodedSlash ?? .builtIn(false), tier: draft.tier,
            location: file.location(named.key))
    }

    private func match() -> RouteMatch? {
        guard let node = draft.matchNode else { return nil }
        let hosts = domain.claims.hosts(for: draft.match, file)
        let listeners = domain.claims.listeners(for: draft.match, file)
        guard let path = path(node) else { return nil }
        domain.claims.check(path, matchNode: node, file)
        warnOfRefusedRequests(path)
        return RouteMatch(
            hosts: hosts, listeners: listeners, methods: draft.match.methods, path: path,
            headers: draft.match.headers.isEmpty ? [] : conditions(draft.match.headers, areHeaders: true),
            query: draft.match.query.isEmpty ? [] : conditions(draft.match.query, areHeaders: false),
            location: file.location(node))
    }

    /// What the gateway answers by itself before it looks for a route.
    private func warnOfRefusedRequests(_ path: Setting<PathTemplate>) {
        if draft.allowEncodedSlash?.value != true, let place = path.origin.location,
            path.value.segments.contains(where: \.holdsEncodedSlash)
        {
            file.warning(
                at: place, "each request of the route is answered with 400: its path holds `%2F`",
                suggestion: "add `allow_encoded_slash: true` to the route")
        }
    }

    /// Nil when the path could not be read.
    private func path(_ node: Int) -> Setting<PathTemplate>? {
        switch (draft.match.path, draft.match.prefix) {
        case (let path?, nil): return path
        case (nil, let prefix?): return prefix
        case (_?, let prefix?):
            if let place = prefix.origin.location {
                file.error(at: place, "`path` and `prefix` exclude each other", expected: "one of them")
            }
            return nil
        case (nil, nil):
            let isWritten = file.key("path", in: node) != nil || file.key("prefix", in: node) != nil
            if isWritten || file.holdsUnknownKey(node) { return nil }
            return .builtIn(.everything)
        }
    }

    private func conditions(_ tests: [Named<FieldTest>], areHeaders: Bool) -> [FieldCondition] {
        tests.map { test in
            if areHeaders { check(headerTest: test) }
            if file.document.hasSecrets { _ = file.setting(true, test.node) }
            return FieldCondition(name: test.name, test: test.value, location: file.location(test.node))
        }
    }

    /// A condition that no request can meet, or each one does, was meant for another header.
    private func check(headerTest test: Named<FieldTest>) {
        let name = "`\(Visible.text(test.name))`"
        if !test.name.withByteView(HeaderText.isName) {
            file.error(test.key, "\(name) can't be a header's name", expected: "a header name")
        } else if let reason = test.name.withByteView(HeaderText.whyStripped) {
            file.error(
                test.key, "no request has \(name) when its route is looked for: \(reason)", expected: "another header",
                suggestion: HeaderText.isSPIFFEID(test.name) ? "who calls is known to `jwt` and `spiffe` only" : nil)
        } else if test.name.lowercased() == "host" {
            file.error(
                test.key, "a host has several spellings, which a condition tells apart", expected: "another header",
                suggestion: "`hosts: [NAME]` matches all of them")
        } else if test.value == .absent, HeaderText.isAlwaysPresent(test.name) {
            file.error(
                test.key, "each request has \(name) when its route is looked for: the gateway adds it",
                expected: "another header, or another condition")
        }
    }

    private func plugins(_ parameters: [String]?) -> SharedPlugins? {
        guard let parameters else { return domain.base.sharedPlugins }
        if draft.plugins == nil, !domain.base.hasRouteDependentPlugins { return domain.base.sharedPlugins }
        var merged = domain.base.plugins(for: draft.plugins)
        let own = draft.plugins?.identity
        let identity = own.map(domain.base.identity.merged) ?? domain.base.identity
        if !identity.isEmpty {
            (merged.jwt, merged.spiffe, merged.internalJWT) = self.identity(identity, parameters)
        }
        if draft.plugins?.rateLimit != nil || domain.rateLimits.isOnByDefault {
            merged.rateLimit = domain.rateLimits.settings(
                draft.plugins?.rateLimit,
                .init(name: named.name, parameters: parameters, plugins: merged, location: file.location(named.key)))
        }
        let transforms = draft.plugins.map(domain.base.transforms.merged) ?? domain.base.transforms
        if !transforms.isEmpty {
            let isProxy = draft.redirect == nil && draft.respond == nil
            (merged.requestTransform, merged.responseTransform) = self.transforms(
                isProxy ? transforms : transforms.withoutUpstream, parameters, jwt: merged.jwt, spiffe: merged.spiffe)
            if let transform = merged.requestTransform, let jwt = merged.jwt, let internalJWT = merged.internalJWT {
                checkTokenPlaces(transform, jwt: jwt, internalJWT: internalJWT)
            }
        }
        return SharedPlugins(merged)
    }

    private func identity(
        _ draft: IdentityPluginsDraft, _ parameters: [String]
    ) -> (JWTSettings?, SPIFFESettings?, InternalJWTSettings?) {
        let assembly = domain.identity
        let context = domain.identityContext
        let jwt = assembly.jwt(draft.jwt, context)
        let spiffe = assembly.spiffe(draft.spiffe, jwt: draft.jwt, context)
        let internalJWT = assembly.internalJWT(draft.internalJWT, spiffe: draft.spiffe, context)
        return (jwt, spiffe.map { resolved($0, parameters) }, internalJWT)
    }

    /// The settings with the tenant's path parameter found in the route's path.
    private func resolved(_ settings: SPIFFESettings, _ parameters: [String]) -> SPIFFESettings {
        guard let tenant = settings.routeTenant, case .pathParameter(let name, _) = tenant.value else {
            return settings
        }
        guard let index = parameters.firstIndex(of: name) else {
            reportUnknown(parameter: name, in: tenant.origin, parameters)
            return settings
        }
        return SPIFFESettings(
            trustDomain: settings.trustDomain, rules: settings.rules, tenant: settings.tenant,
            routeTenant: Setting(value: .pathParameter(name: name, index: index), origin: tenant.origin),
            location: settings.location)
    }

    /// As errors name it: what a whole file or gateway.yaml says may be wrong for one route only.
    var title: String { "the route `\(domain.claims.name)/\(named.name)`" }

    /// The file in which a place lies: the domain's, or gateway.yaml.
    func owner(of place: SourceLocation) -> FileDecoder {
        place.file == file.document.file ? file : domain.gateway
    }

    func reportUnknown(parameter name: String, in origin: Origin, _ parameters: [String]) {
        guard let place = origin.location else { return }
        let owner = owner(of: place)
        // Some templates take both forms.
        let written = owner.document.bytes(owner.document.node(at: place)).string
        let prefix = written.contains("{path.\(name)") ? "path." : ""
        owner.error(
            at: place, "the path of \(title) has no parameter `\(name)`",
            expected: parameters.isEmpty ? "a path with `{\(name)}`" : ValueType.alternatives(parameters),
            suggestion: Spelling.nearest(to: name, among: parameters).map { "did you mean `{\(prefix)\($0)}`?" },
            related: .init(location: file.location(draft.matchNode ?? named.key), note: "what the route matches"))
    }

    /// A template with its parameters found in the path; nil after an error.
    private func resolve(
        _ template: Setting<ValueTemplate>, _ path: PathTemplate?
    ) -> Setting<ValueTemplate>? {
        guard let parameters = path?.parameters else { return nil }
        switch template.value.resolved(with: parameters) {
        case .success(let resolved): return Setting(value: resolved, origin: template.origin)
        case .failure(let unknown):
            reportUnknown(parameter: unknown.name, in: template.origin, parameters)
            return nil
        }
    }
}

// MARK: - What the route does

extension RouteAssembly {
    /// Nil after an error.
    private func action(path: PathTemplate?, _ plugins: SharedPlugins?) -> RouteAction? {
        let upstreamKey = file.key("upstream", in: named.node)
        let splitKey = file.key("split", in: named.node)
        let redirectKey = file.key("redirect", in: named.node)
        let respondKey = file.key("respond", in: named.node)
        let keys = [upstreamKey, splitKey, redirectKey, respondKey].compactMap { $0 }
        guard keys.count == 1 else {
            let expectation = "exactly one of `upstream`, `split`, `redirect` and `respond`"
            if keys.isEmpty, file.holdsUnknownKey(named.node) { return nil }
            if keys.isEmpty {
                file.error(named.key, "the route does nothing with a request", expected: expectation)
            } else {
                file.error(keys.max() ?? named.key, "the route has more than one action", expected: expectation)
            }
            return nil
        }
        let isProxy = upstreamKey != nil || splitKey != nil
        if !isProxy { reportUpstreamKeys() }
        if let upstream = draft.upstream { return proxy(upstream, path).map { .proxy($0) } }
        if let split = draft.split {
            guard let split = self.split(split.value, plugins?.set ?? .none), let first = split.sides.first,
                let place = draft.split?.origin.location, let rewrite = rewrite(path)
            else { return nil }
            return .proxy(
                ProxyAction(
                    upstream: first.upstream, upstreamName: first.upstreamName, split: split, rewrite: rewrite,
                    location: place))
        }
        if let redirect = draft.redirect {
            return self.redirect(redirect.draft, redirect.node, path).map { .redirect($0) }
        }
        return draft.respond.map { .respond(respond($0.draft, $0.node)) }
    }

    /// The route answers by itself: what is about an upstream's part in that was meant for another one.
    private func reportUpstreamKeys() {
        func report(_ key: StaticString, in node: Int, as name: String) {
            guard let place = file.key(key, in: node) else { return }
            file.error(place, "`\(name)` has no effect without an upstream", expected: "no such key")
        }
        func value(of key: StaticString, in node: Int) -> Int? {
            file.key(key, in: node).map { $0 + 1 }
        }
        report("rewrite", in: named.node, as: "rewrite")
        report("retries", in: named.node, as: "retries")
        if let place = draft.concurrency?.requestsMax.origin.location {
            file.error(at: place, "`concurrency` has no effect without an upstream", expected: "no such key")
        }
        guard let plugins = value(of: "plugins", in: named.node) else { return }
        if draft.plugins?.requestTransform?.enabled?.value != false {
            report("request_transform", in: plugins, as: "request_transform")
        }
        guard let response = value(of: "response_transform", in: plugins) else { return }
        report("status", in: response, as: "response_transform.status")
        report("body", in: response, as: "response_transform.body")
    }

    private func proxy(_ upstream: Setting<String>, _ path: PathTemplate?) -> ProxyAction? {
        let rewrite = rewrite(path)
        guard let place = upstream.origin.location, let index = upstreamIndex(upstream) else { return nil }
        guard let rewrite else { return nil }
        return ProxyAction(upstream: index, upstreamName: upstream.value, split: nil, rewrite: rewrite, location: place)
    }

    /// Nil after an error.
    func upstreamIndex(_ upstream: Setting<String>) -> Int? {
        if let index = domain.upstreamIndices[upstream.value] { return index }
        guard let place = upstream.origin.location, domain.upstreamTimeouts[upstream.value] == nil else { return nil }
        let names = domain.draft.upstreams.map(\.name)
        file.error(
            at: place, "the file declares no upstream `\(Visible.text(upstream.value))`",
            expected: names.isEmpty
                ? "an upstream under `upstreams`" : ValueType.alternatives(Array(names.prefix(10))),
            suggestion: Spelling.nearest(to: upstream.value, among: names).map { "did you mean `\($0)`?" })
        return nil
    }

    private func rewrite(_ path: PathTemplate?) -> Rewrite? {
        guard let rewrite = draft.rewrite?.draft else { return Rewrite(path: .builtIn(.keep), host: nil) }
        switch (rewrite.stripPrefix, rewrite.path) {
        case (nil, nil): return Rewrite(path: .builtIn(.keep), host: rewrite.host)
        case (nil, let template?):
            guard let resolved = resolve(template, path) else { return nil }
            if let prefix = draft.match.prefix, let place = template.origin.location {
                file.warning(
                    at: place, "every path below `\(prefix.value)` becomes this one",
                    suggestion:
                        "to keep what follows, name it: `path: \"…/{rest...}\"` in place of `prefix`, and `{rest}` here"
                )
            }
            return Rewrite(path: Setting(value: .replace(resolved.value), origin: resolved.origin), host: rewrite.host)
        case (let prefix?, nil):
            guard let path, let place = prefix.origin.location else { return nil }
            guard path.isUnder(prefix.value) else {
                file.error(
                    at: place, "the route's path does not begin with `\(prefix.value)`",
                    expected: "a prefix of `\(path)`",
                    related: .init(
                        location: file.location(draft.matchNode ?? named.key), note: "what the route matches"))
                return nil
            }
            let count = prefix.value.segments.count
            return Rewrite(path: Setting(value: .stripSegments(count), origin: prefix.origin), host: rewrite.host)
        case (_?, let template?):
            if let place = template.origin.location {
                file.error(at: place, "`strip_prefix` and `path` exclude each other", expected: "one of them")
            }
            return nil
        }
    }

    private func redirect(_ redirect: RedirectDraft, _ node: Int, _ path: PathTemplate?) -> Redirect? {
        let hasParts = redirect.scheme != nil || redirect.host != nil || redirect.port != nil || redirect.path != nil
        let target: RedirectTarget
        if let location = redirect.location {
            if hasParts {
                file.error(
                    node, "`location` and the parts of a URL exclude each other",
                    expected: "`location`, or some of `scheme`, `host`, `port` and `path`")
            }
            guard let resolved = resolve(location, path) else { return nil }
            target = .location(resolved)
        } else {
            guard hasParts else {
                if !["location", "scheme", "host", "port", "path"].contains(where: { (name: StaticString) in
                    file.key(name, in: node) != nil
                }) {
                    file.error(
                        node, "the redirect leads nowhere",
                        expected: "`location`, or some of `scheme`, `host`, `port` and `path`")
                }
                return nil
            }
            let newPath = redirect.path.map { resolve($0, path) }
            if case .some(.none) = newPath { return nil }
            target = .parts(
                scheme: redirect.scheme, host: redirect.host, port: redirect.port, path: newPath.flatMap { $0 })
        }
        return Redirect(
            status: redirect.status ?? .builtIn(Defaults.redirectStatus), target: target,
            keepQuery: redirect.keepQuery ?? .builtIn(true), location: file.location(node))
    }

    private func respond(_ respond: RespondDraft, _ node: Int) -> FixedResponse {
        let status = respond.status ?? .builtIn(200)
        if FixedResponse.isWithoutContent(status.value), let place = respond.body?.origin.location {
            file.error(at: place, "a response with status \(status.value) has no body", expected: "no `body`")
        }
        if respond.body == nil, file.key("body", in: node) == nil, let place = respond.contentType?.origin.location {
            file.error(at: place, "a response without body has no type", expected: "no `content_type`, or a `body`")
        }
        let headers = respond.headers.map { header in
            if header.name.lowercased() == "content-type" {
                file.error(header.key, "the body's type has a key of its own", suggestion: "write `content_type`")
            }
            return HeaderField(name: header.name, value: file.setting(header.value, header.node))
        }
        return FixedResponse(
            status: status, headers: headers, body: respond.body ?? .builtIn(""),
            contentType: respond.body == nil ? nil : respond.contentType ?? .builtIn(Defaults.contentType),
            location: file.location(node))
    }
}
