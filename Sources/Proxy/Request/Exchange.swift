import Base
import HTTP
import Observability
import Plugins
import Routing
import Traffic
import Upstream

/// One request and its answer: everything that is known about it from its head's first byte to its line in the log.
///
/// An exchange is taken from its worker's free list and goes back there, with the memory of its heads, so that a
/// request in steady state allocates nothing. `RequestMachine.swift` is what happens to it, in order.
final class Exchange {
    let worker: Worker
    /// Nil while the exchange is in the free list, or its head not complete.
    var stream: RequestStream?
    /// The world as it was when the request began; a reload does not touch it.
    var snapshot: Snapshot?
    private var uncountedRoute: Unmanaged<CompiledRoute>

    // MARK: The request
    var request = RequestHead()
    /// Both sides may be in the middle of their trailers at once, so each has its list, without memory until it is
    /// needed.
    var requestTrailers = HeaderList()
    var progress = RequestProgress.complete
    let match = RouteMatch()
    /// The address that the request is attributed to: the peer's, or what a trusted proxy says. Nil when what it says
    /// can't be read.
    var client: IPAddress?
    /// Who sends the request, as the identity plugins found out.
    var caller = Caller()
    /// Why they refused it; decides the challenge of the answer.
    var identityRefusal: IdentityRefusal?
    /// Whether they have let it in, and that is still to be written down.
    var owesAdmission = false
    /// What the request took of the route's rate limits.
    let rateLimits = RateLimitState()
    /// What its limits want to know of a store, and what the exchange has among the requests that wait for that; 0 when
    /// it waits for nothing. The inquiry is kept for the next request.
    var inquiry: SharedInquiry?
    var storeTicket: UInt64 = 0
    /// What the exchange has among the requests that wait for an issuer's keys; 0 when it waits for none.
    var issuerTicket: UInt64 = 0
    /// Whether it has waited for its key already: once is all.
    var hasWaitedForIssuer = false
    var requestID = IOBuffer(capacity: RequestID.maximumLength)
    var traceID: TraceID?
    /// The path for the upstream, when the route rewrites it.
    var rewrittenPath = IOBuffer()
    /// The query for the upstream, when something is left out of it.
    var rewrittenQuery = IOBuffer()
    var hasRewrittenQuery = false
    var contentBytes = 0
    /// The method that the upstream sees, when it isn't the client's.
    var transformedMethod: Method?
    /// What the route's transforms keep; nil for most routes.
    var held: HeldTransform?

    // MARK: The upstream
    /// By its index in the snapshot; -1 while there is none.
    var upstreamIndex = -1
    /// The side of the route's split that took the request; -1 without one.
    var splitSide = -1
    /// Content that has been passed on, for another attempt.
    var replay = IOBuffer()
    var replayState = ReplayState.off
    /// Content of an answer that is kept until another attempt begins.
    var keptContent = IOBuffer()
    /// What the exchange has at the gates of its route and its upstream.
    var places = HeldPlaces()
    /// Where it waits for a place, and its ticket there; 0 when it doesn't.
    var gateTicket: UInt64 = 0
    var waitingGate: ConcurrencyGate?
    var attempt = Attempt()
    var upstream: UpstreamConnection?

    // MARK: The response
    var responseHead = ResponseHead()
    var responseTrailers = HeaderList()
    var response = ResponseProgress.none
    var interimCount = 0
    /// The status sent, 0 for none.
    var status = 0
    /// Why the gateway answered by itself or gave up; empty when the upstream answered.
    var errorCode: StaticString = ""
    /// What made the gateway answer by itself.
    var refuser: Refuser?

    // MARK: Times and counts
    var startTime = MonotonicTime.zero
    /// When the whole request has taken too long.
    var deadline = MonotonicTime.distantFuture
    var upstreamStart = MonotonicTime.zero
    var upstreamTime: TimeAmount?
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0

    init(worker: Worker, unrouted: CompiledRoute) {
        self.worker = worker
        uncountedRoute = .passUnretained(unrouted)
    }

    /// Makes the exchange as new, but for its memory.
    func reset(unrouted: CompiledRoute) {
        stream = nil
        snapshot = nil
        route = unrouted
        progress = .complete
        caller.reset()
        identityRefusal = nil
        owesAdmission = false
        rateLimits.reset()
        issuerTicket = 0
        storeTicket = 0
        hasWaitedForIssuer = false
        requestID.removeAll()
        traceID = nil
        rewrittenPath.removeAll()
        rewrittenQuery.removeAll()
        hasRewrittenQuery = false
        contentBytes = 0
        transformedMethod = nil
        if let held {
            self.held = nil
            worker.recycle(held)
        }
        attempt = Attempt()
        upstream = nil
        upstreamIndex = -1
        splitSide = -1
        replayState = .off
        response = .none
        interimCount = 0
        status = 0
        errorCode = ""
        refuser = nil
        deadline = .distantFuture
        upstreamTime = nil
        bytesIn = 0
        bytesOut = 0
        requestTrailers.removeAll()
        responseTrailers.removeAll()
        // A request with a head of an unusual size must not make every exchange that large for good.
        if request.fields.memoryBytes > Self.keptBytesMax { request.fields.releaseMemory() }
        if responseHead.fields.memoryBytes > Self.keptBytesMax { responseHead.fields.releaseMemory() }
    }

    private static let keptBytesMax = 16 * 1024

    /// The route, once found.
    var route: CompiledRoute {
        get { uncountedRoute.takeUnretainedValue() }
        set { uncountedRoute = .passUnretained(newValue) }
    }

    /// Calls `body` with the route, without counting a reference to it.
    ///
    /// Sound because `snapshot` keeps the route alive: `body` must not touch the route any more once it has ended the
    /// exchange, which lets go of the snapshot.
    @inline(__always)
    func withRoute<Result>(_ body: (CompiledRoute) -> Result) -> Result {
        uncountedRoute._withUnsafeGuaranteedRef(body)
    }

    /// What `Host` says upstream.
    var hostHeader: CompiledHost {
        if splitSide >= 0, let split = withRoute({ $0.split }) { return split.hosts[splitSide] }
        return withRoute { $0.hostHeader }
    }

    /// The path that is sent upstream.
    var upstreamPath: ByteView { rewrittenPath.isEmpty ? request.path : rewrittenPath.readable }

    /// The method that is sent upstream.
    var upstreamMethod: Method { transformedMethod ?? request.method }

    var upstreamMethodToken: ByteView {
        if let transformedMethod { return ByteView(transformedMethod.name) }
        return request.methodToken
    }

    /// The query that goes further; nil for none, without a question mark.
    var upstreamQuery: ByteView? {
        if hasRewrittenQuery { return rewrittenQuery.isEmpty ? nil : rewrittenQuery.readable }
        return request.hasQuery ? request.query : nil
    }
}

/// How far the attempts to have the request answered have come.
struct Attempt {
    /// Targets that were tried in vain, so that none is tried twice.
    var excludedTargets = TargetSet()
    /// How often another target, or another connection, was tried.
    var retries = 0
    /// Whether the attempt that is to begin is one of those. It is counted when it does: in the pause before it the
    /// client may leave, or there may be nobody left to ask.
    var isRetry = false
    /// How often `RetryLaw` has granted one.
    var further = 0
    /// When the next attempt begins; in the distant future when none is waited for.
    var retryAt = MonotonicTime.distantFuture
    /// What the exchange has among the requests that lack a connection, 0 when it lacks none; and how often it did.
    var starvedTicket: UInt64 = 0
    var starvations = 0
    /// Whether the answer that comes isn't passed on, because there will be another attempt; and how much of it has
    /// come.
    var isDiscarding = false
    var discardedBytes = 0
    var keptAnswer = KeptAnswer.none
    /// Whose answer that is.
    var keptTarget = -1
    /// Whether a target may be asked again when all have been.
    var mayRepeatTargets = false
    /// Whether the request was repeated on a fresh connection; once is all.
    var wasRetriedFresh = false
    /// The target at work, by its index in the upstream; -1 for none.
    var target = -1
    /// Whether the balancer counts the attempt among those under way.
    var isCounted = false
    /// What breakers said of the attempt.
    var upstreamTicket = BreakerTicket.none
    var targetTicket = BreakerTicket.none
    /// When the target at work was picked, or later, when the request's content was complete.
    var sentTime = MonotonicTime.zero
    /// When the head of its answer came.
    var answerTime = MonotonicTime.zero
    /// The status that the target at work answered with; 0 while it hasn't.
    var status = 0
    /// Addresses of the present target that could not be connected to.
    var connectFailures = 0
    /// Why the last attempt failed.
    var lastError: UpstreamError?
}
