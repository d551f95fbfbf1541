import Base
import Configuration
import HTTP
import Plugins
import Routing

/// What the gateway would do with one request, found out without serving it: by the very decoder, route table and
/// compiled route that serve. For `explain`; off the hot path.
///
/// It stands for a client that is no trusted proxy, so forwarding fields of its own count for nothing.
package struct RequestPreview {
    package enum Outcome: Equatable {
        /// The index of the route that takes the request.
        case route(Int)
        /// The gateway answers by itself.
        case answer(Answer)
    }

    /// An answer that no route gives.
    package struct Answer: Equatable, Sendable {
        package let status: Int
        /// Stable, kebab-case, as in the access log; empty when nothing is wrong.
        package let code: String
        package let detail: String
        /// The value of `Allow`, with 405.
        package var allow: String?
        /// The value of `WWW-Authenticate`, when a token is what is wanted.
        package var challenge: String?
    }

    /// What a path parameter has captured.
    package struct Capture: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package private(set) var outcome: Outcome
    /// The route that was found, also when it then refuses the request.
    package private(set) var route: Int?
    /// Lower case, without port; empty when the head was refused before that was known.
    package private(set) var host = ""
    /// The canonical path.
    package private(set) var path = ""
    package private(set) var query = ""
    /// Why each route did or didn't get the request; nil when it was refused before any was looked for.
    package private(set) var explanation: RouteExplanation?
    package private(set) var captures: [Capture] = []
    /// The path that the upstream sees; nil when none is asked.
    package private(set) var upstreamPath: String?
    /// The query that the upstream sees, when it isn't the client's; empty for none.
    package private(set) var upstreamQuery: String?
    /// Where a redirect leads; nil when there is none.
    package private(set) var redirectLocation: String?
    /// What the identity plugins decide; nil when the route has none, or they were not reached or not asked about.
    package private(set) var identity: IdentityPreview?
    /// The side of the route's split that takes the request; nil without a split, or where chance decides, or nobody
    /// said whose request it is.
    package private(set) var splitSide: Int?
    /// What the route's rate limits make of the request, of those that were reached.
    package private(set) var limits: [LimitPreview] = []
    /// What the transforms' values are; nil when the request doesn't get that far.
    package private(set) var transforms: TransformPreview?
}

extension RequestPreview {
    /// - Parameters:
    ///   - head: a request head as it comes over a connection, whole.
    ///   - listener: the index of the listener that it comes in by.
    ///   - client: whom access rules see; nil leaves them out.
    ///   - caller: whom the identity plugins see; nil leaves them out.
    package init(
        _ head: [UInt8], listener: Int, client: IPAddress?, caller: CallerQuestion? = nil, in blueprint: Blueprint
    ) {
        outcome = .answer(Answer(.truncatedRequest))
        let limits = MessageLimits(blueprint.configuration.listeners[listener].limits)
        var decoder = RequestDecoder(limits: limits)
        var request = RequestHead()
        let decoded: Result<HeadProgress, MessageError> = head.withUnsafeBytes { bytes in
            do throws(MessageError) {
                return .success(try decoder.decodeHead(ByteView(bytes), into: &request))
            } catch {
                return .failure(error)
            }
        }
        switch decoded {
        case .failure(let error): outcome = .answer(Answer(GatewayAnswer(error)))
        case .success(.incomplete): break
        case .success(.complete): preview(&request, listener: listener, client: client, caller, in: blueprint)
        }
    }

    /// Routes may have conditions on what the gateway says of the client, and templates may read it.
    private func applyForwarding(
        to request: inout RequestHead, listener: Int, client: IPAddress?, in blueprint: Blueprint
    ) {
        let texts = TextArena()
        var random = RandomSource(seed: 1)
        var scratch = IOBuffer()
        var requestID = IOBuffer()
        _ = ForwardingPolicy(blueprint.configuration).apply(
            to: &request, from: client ?? IPAddress(ipv4: 0x7f00_0001), isTrusted: false,
            portText: texts.keep(String(blueprint.configuration.listeners[listener].address.value.port)),
            at: WallTime(nanoseconds: 0), random: &random, scratch: &scratch, requestID: &requestID)
    }

    /// The request machine's steps, in its order.
    private mutating func preview(
        _ request: inout RequestHead, listener: Int, client: IPAddress?, _ caller: CallerQuestion?,
        in blueprint: Blueprint
    ) {
        host = request.host.string
        path = request.path.string
        query = request.query.string
        let match = Routing.RouteMatch()
        guard identify(&request, listener: listener, client: client, in: blueprint),
            let index = findRoute(of: request, listener: listener, into: match, in: blueprint)
        else { return }
        let texts = TextArena()
        let route = blueprint.routes[index]
        let compiler = RouteCompiler(texts: texts, upstreams: blueprint.upstreams(of: route))
        // The compiled route's views are of the arena.
        defer { withExtendedLifetime(texts) {} }
        let claims = ClaimSlots()
        let parts = compiler.compile(route, claims: claims)
        // Before the claims of the caller are read: these are some of them.
        let limits = LimitPreviews(route, texts: texts, claims: claims, client: client)
        showAction(parts, request, match, ForwardingPolicy(blueprint.configuration))
        guard applyLimits(parts, request),
            checkAccess(parts, client: client),
            limitsLet(limits.preview(byIdentity: false, request, parameters: match, identity: nil))
        else { return }
        // What the client sent, before the identity plugins take its token out.
        splitSide = parts.split?.side(request, client: client, identity: nil)
        if let caller {
            identity = IdentityPreview(
                &request, parameters: match, route: route, caller, claims: claims, in: blueprint)
            guard isAuthenticated(),
                limitsLet(
                    limits.preview(
                        byIdentity: true, request, parameters: match, identity: identity?.trace.identity))
            else { return }
        }
        // The preview has told the upstream who calls; the transforms come before that.
        request.fields.removeAll(.identity)
        splitSide = splitSide ?? parts.split?.side(request, client: client, identity: identity?.trace.identity)
        let isProxied: Bool = if case .proxy = parts.action { true } else { false }
        let transforms = TransformPreview(
            request, parameters: match, route: route, rule: isProxied ? parts.plugins.requestTransform : nil,
            claims: claims, client: client, identity: identity?.trace.identity)
        self.transforms = transforms
        if let path = transforms.path { upstreamPath = path }
        upstreamQuery = transforms.query
        if let refusal = transforms.refusal { outcome = .answer(Answer(GatewayAnswer(refusal, by: .transform))) }
    }

    /// - Returns: whether a route is looked for.
    private mutating func identify(
        _ request: inout RequestHead, listener: Int, client: IPAddress?, in blueprint: Blueprint
    ) -> Bool {
        let isUpgrade = request.removeForeignFields()
        applyForwarding(to: &request, listener: listener, client: client, in: blueprint)
        if isUpgrade {
            outcome = .answer(Answer(.upgradeNotSupported))
            return false
        }
        guard request.asksGateway() else { return true }
        let what = path == "*" ? "OPTIONS *" : "OPTIONS with Max-Forwards: 0"
        outcome = .answer(Answer(status: 204, code: "", detail: "The gateway itself answers \(what)."))
        return false
    }

    private mutating func findRoute(
        of request: borrowing RequestHead, listener: Int, into match: Routing.RouteMatch, in blueprint: Blueprint
    ) -> Int? {
        if let document = blueprint.configuration.internalTokens?.publication?.document(at: path, listener: listener) {
            outcome = .answer(Answer(document, request.method))
            return nil
        }
        let asked = RouteRequest(
            listener: listener, host: request.host, path: request.path, method: request.method,
            methodToken: request.methodToken, query: request.query)
        explanation = blueprint.table.explain(asked, fields: request.fields)
        blueprint.table.match(asked, fields: request.fields, into: match)
        outcome = Self.answer(match, request, blueprint.table)
        guard case .route(let index) = match.outcome else { return nil }
        route = index
        captures = zip(blueprint.table.definitions[index].path.parameterNames, 0..<match.captureCount).map {
            Capture(name: $0, value: match.capture($1, in: request.path).string)
        }
        return index
    }

    /// What the route does with a request that nothing refuses.
    private mutating func showAction(
        _ parts: CompiledRoute.Parts, _ request: borrowing RequestHead, _ match: Routing.RouteMatch,
        _ forwarding: ForwardingPolicy
    ) {
        var text = IOBuffer()
        switch parts.action {
        case .proxy:
            parts.rewrite.append(request.path, parameters: match, to: &text)
            upstreamPath = text.isEmpty ? path : text.readable.string
        case .redirect(let redirect):
            let hasLocation = redirect.appendLocation(
                request, asked: forwarding.asked(request), query: request.hasQuery ? request.query : nil,
                parameters: match, to: &text)
            if hasLocation { redirectLocation = text.readable.string }
        case .respond, .local, .keys: break
        }
    }

    /// - Returns: whether the request may go on; so do those below.
    private mutating func applyLimits(_ parts: CompiledRoute.Parts, _ request: borrowing RequestHead) -> Bool {
        if request.hasEncodedSlash, !parts.allowsEncodedSlash {
            outcome = .answer(Answer(.encodedSlash))
            return false
        }
        if case .length(let length) = request.framing, length > parts.bodyBytesMax {
            outcome = .answer(Answer(.contentTooLarge))
            return false
        }
        return true
    }

    private mutating func checkAccess(_ parts: CompiledRoute.Parts, client: IPAddress?) -> Bool {
        guard let client, let refusal = parts.plugins.accessRefusal(of: client) else { return true }
        outcome = .answer(Answer(GatewayAnswer(refusal, by: .access)))
        return false
    }

    private mutating func isAuthenticated() -> Bool {
        guard let trace = identity?.trace, let refusal = trace.refusal else { return true }
        var answer = Answer(GatewayAnswer(refusal.status, refusal.code, refusal.detail, by: .identity))
        answer.challenge = trace.challenge
        outcome = .answer(answer)
        return false
    }

    /// Whether the limits of one place let the request through, as far as that doesn't depend on their buckets.
    private mutating func limitsLet(_ previews: [LimitPreview]) -> Bool {
        limits += previews
        guard previews.contains(where: \.isRefused) else { return true }
        outcome = .answer(Answer(.rateLimitKeyMissing))
        return false
    }

    private static func answer(
        _ match: Routing.RouteMatch, _ request: borrowing RequestHead, _ table: RouteTable
    ) -> Outcome {
        switch match.outcome {
        case .route(let index): return .route(index)
        case .notFound: return .answer(Answer(request.hasEncodedSlash ? .encodedSlash : .notFound))
        case .misdirected: return .answer(Answer(.misdirected))
        case .methodNotAllowed(let methods):
            var allow = IOBuffer()
            table.appendAllow(methods, to: &allow)
            var answer = Answer(.methodNotAllowed)
            answer.allow = allow.readable.string
            return .answer(answer)
        }
    }
}

extension RequestPreview.Answer {
    fileprivate init(_ document: KeyDocument, _ method: Method) {
        guard method == .get || method == .head else {
            self.init(.methodNotAllowed)
            allow = "GET, HEAD"
            return
        }
        switch document {
        case .keySet:
            self.init(
                status: 200, code: "",
                detail: "The gateway itself answers with its keys as a JWK set (internal_tokens.publish).")
        case .bundle:
            self.init(
                status: 200, code: "",
                detail: "The gateway itself answers with its keys as a SPIFFE bundle (internal_tokens.publish).")
        }
    }

    init(_ answer: GatewayAnswer) {
        self.init(status: answer.status, code: answer.code.description, detail: answer.detail.description)
    }
}
