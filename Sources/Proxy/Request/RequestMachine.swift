import Base
import HTTP
import Observability
import Plugins
import Routing

/// The life of a request, in order. Each step does one thing and names what comes next:
///
/// ```
/// identify ─▶ route ─▶ limit ─▶ access ─▶ authenticate ─▶ act ─┬─▶ transform ─▶ admit ─▶ state ─▶ dispatch
///                                                              └─▶ answered here (redirect, fixed response, local)
/// ```
/// Every step may respond instead: the gateway refuses. These may park, and an event goes on:
///
/// | step | waits for | goes on with |
/// |---|---|---|
/// | access | the store that rate limits share | authenticate |
/// | authenticate | the issuer's keys; then the store | authenticate again; act |
/// | transform | the body that it edits | admit |
/// | admit | a place at a concurrency limit | admit again |
/// | dispatch | the upstream | |
///
/// From `dispatch` on the exchange is driven by events: `Exchange+Relay.swift` passes content both ways, and
/// `Exchange+Ending.swift` ends it.
enum RequestStep {
    case identify
    case route
    case limit
    case access
    case authenticate
    case act
    case transform
    case admit
    case state
    case dispatch
}

/// What a step says.
enum StepOutcome {
    case next(RequestStep)
    /// The gateway answers by itself.
    case respond(GatewayAnswer)
    /// Nothing more to do now: an event goes on, or the exchange is over.
    case parked
}

extension Exchange {
    /// Starts with a complete head.
    func begin(on stream: RequestStream, headStartedAt start: MonotonicTime) {
        self.stream = stream
        startTime = start
        progress = request.framing.hasContent ? .receiving : .complete
        worker.metrics.raise(.requestsActive)
        let snapshot = stream.connection.listener.lastSnapshot ?? worker.snapshot
        self.snapshot = snapshot
        route = snapshot.unrouted
        run(.next(.identify), in: snapshot)
    }

    /// Goes on where the exchange was parked, with what came of it.
    func resume(with outcome: StepOutcome) {
        guard let snapshot else { return }
        run(outcome, in: snapshot)
    }

    private func run(_ first: StepOutcome, in snapshot: Snapshot) {
        var outcome = first
        while true {
            switch outcome {
            case .next(let step): outcome = perform(step, in: snapshot)
            case .respond(let response): return answer(response)
            case .parked: return
            }
        }
    }

    private func perform(_ step: RequestStep, in snapshot: Snapshot) -> StepOutcome {
        switch step {
        case .identify: identify(in: snapshot)
        case .route: findRoute(in: snapshot)
        case .limit: applyLimits()
        case .access: checkAccess()
        case .authenticate: authenticate(in: snapshot)
        case .act: act(in: snapshot)
        case .transform: transform()
        case .admit: admit(in: snapshot)
        case .state: stateIdentity()
        case .dispatch: dispatch()
        }
    }

    /// Strips what only the gateway may say, and finds out who asks.
    private func identify(in snapshot: Snapshot) -> StepOutcome {
        guard let connection = stream?.connection else { return .parked }
        let isUpgrade = request.removeForeignFields()
        let peer = connection.peer.address
        let introduction = snapshot.forwarding.apply(
            to: &request, from: peer, isTrusted: snapshot.forwarding.trusts(peer),
            portText: connection.listener.portText, at: worker.wallNow, random: &worker.random,
            scratch: &worker.scratch, requestID: &requestID)
        client = introduction.client
        traceID = introduction.traceID
        if isUpgrade { return .respond(.upgradeNotSupported) }
        return request.asksGateway() ? answerOptions() : .next(.route)
    }

    private func findRoute(in snapshot: Snapshot) -> StepOutcome {
        guard let connection = stream?.connection else { return .parked }
        let published = snapshot.published.route(of: request.path, listener: connection.listener.index)
        if published >= 0 { return take(snapshot.routes[published], on: connection) }
        let asked = RouteRequest(
            listener: connection.listener.index, host: request.host, path: request.path, method: request.method,
            methodToken: request.methodToken, query: request.query)
        snapshot.table.match(asked, fields: request.fields, into: match)
        switch match.outcome {
        case .route(let index):
            return take(snapshot.routes[index], on: connection)
        case .notFound: return .respond(request.hasEncodedSlash ? .encodedSlash : .notFound)
        case .misdirected: return .respond(.misdirected)
        case .methodNotAllowed(let methods):
            snapshot.table.appendAllow(methods, to: &worker.scratch)
            return .respond(.methodNotAllowed)
        }
    }

    @inline(__always)
    private func take(_ found: CompiledRoute, on connection: ClientConnection) -> StepOutcome {
        route = found
        deadline = connection.loop.now + withRoute { $0.requestTimeout }
        connection.wake(at: deadline)
        if request.hasEncodedSlash, !withRoute({ $0.allowsEncodedSlash }) { return .respond(.encodedSlash) }
        return .next(.limit)
    }

    private func applyLimits() -> StepOutcome {
        if case .length(let length) = request.framing, length > withRoute({ $0.bodyBytesMax }) {
            return .respond(.contentTooLarge)
        }
        return .next(.access)
    }

    private func checkAccess() -> StepOutcome {
        if let refusal = withRoute({ $0.plugins.accessRefusal(of: client) }) {
            return .respond(GatewayAnswer(refusal, by: .access))
        }
        return applyRateLimits(.anonymous, then: .authenticate)
    }

    private func act(in snapshot: Snapshot) -> StepOutcome {
        upstreamIndex = withRoute { $0.upstreamIndex }
        if upstreamIndex >= 0 {
            if let split = withRoute({ $0.split }) {
                splitSide = split.side(for: self)
                upstreamIndex = split.upstreams[splitSide]
            }
            return .next(.transform)
        }
        switch route.action {
        case .proxy: return .next(.transform)
        case .redirect(let redirect): return answer(with: redirect, in: snapshot)
        case .respond(let fixed): return answer(with: fixed)
        case .local(let handler): return answer(with: handler)
        case .keys(let document): return answer(with: document)
        }
    }

    /// Makes the request what the upstream shall see.
    private func transform() -> StepOutcome {
        withholdQueryToken()
        withRoute { $0.rewrite.apply(to: self) }
        if withRoute({ $0.plugins.hasTransforms }) { return transformRequest() }
        withholdTokens()
        return .next(.admit)
    }
}
