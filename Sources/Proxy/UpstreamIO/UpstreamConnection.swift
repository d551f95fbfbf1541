import Base
import EventLoop
import HTTP
import Linux
import Upstream

/// What an upstream connection is doing.
///
/// ```
/// connecting ──▶ awaitingHead ◀─┐ 1xx      pool
///      │              │ final ──┘           │ ▲
///      │              ▼                     ▼ │
///      │           content ────────────▶  idle
///      │              └▶ discarding ────┘
///      └────────▶ closed ◀── failed, abandoned, not reusable
/// ```
enum UpstreamState: Equatable {
    case connecting
    /// A request is being sent, or is sent; no final head has come.
    case awaitingHead
    case content
    /// The rest of an answer that nobody will get is read, without an exchange, for a while.
    case discarding
    /// In the pool, without an exchange.
    case idle
    case closed
}

/// One HTTP/1.1 connection to a target: writes a request, reads its answer, and goes back to its pool.
final class UpstreamConnection: EventHandler {
    let worker: Worker
    /// The worker's own: read from here they aren't counted at each use, as they would be by way of the worker.
    let loop: EventLoop
    let buffers: BufferPool
    let pool: TargetPool
    let socket: StreamSocket
    let endpoint: IPEndpoint
    /// Of its pool's addresses, when `endpoint` was last found among them.
    var age: Int
    var registration = Registration.none

    var state = UpstreamState.connecting
    /// The exchange at work.
    var exchange: Exchange?
    var input = IOBuffer()
    var output = IOBuffer()
    var decoder = ResponseDecoder()
    var body = BodyDecoder(.none)
    /// Where the connection stands in its pool's list of idle ones.
    var idlePlace = -1
    /// Requests begun on this connection.
    var requestCount = 0
    var isReadable = false
    /// Whether an event told of the end of the stream: it comes once, maybe together with the last bytes.
    var seesEnd = false
    var isWritable = false
    /// Whether the target can't be written to any more; an answer may still come.
    var isWriteBroken = false
    var isAdvancing = false
    /// Whether the present request is in `output` to its last byte.
    var isRequestComplete = false
    /// Bytes of the present answer that have come.
    var receivedBytes = 0
    /// Bytes of the present request that the kernel took.
    var writtenBytes = 0
    /// The turn of the loop in which the present request took the connection out of its pool, where it had been since
    /// an earlier turn: what the socket's event of that turn tells was there before the request.
    var idleUntil = MonotonicTime.zero
    /// When something last moved on this connection, or the request was complete.
    var lastActivity: MonotonicTime
    /// When the present attempt began, or its request was complete if that is later.
    var attemptStart = MonotonicTime.zero
    private var wakeUp = WakeUp()

    init(socket: consuming StreamSocket, endpoint: IPEndpoint, age: Int, pool: TargetPool, worker: Worker) {
        self.worker = worker
        loop = worker.loop
        buffers = worker.buffers
        self.pool = pool
        self.socket = socket
        self.endpoint = endpoint
        self.age = age
        lastActivity = loop.now
    }

    /// Registers with the loop, to learn when the connection is established.
    func start() throws(Errno) {
        registration = loop.add(self)
        do throws(Errno) {
            try loop.watch(
                socket.number, .connection, for: registration)
        } catch {
            loop.remove(registration)
            throw error
        }
        touch(pool.settings.connectTimeout)
    }

    // MARK: Events

    func handle(_ events: EventSet) {
        if state == .connecting { return connected(events) }
        if events.has(anyOf: .inbound) { isReadable = true }
        if events.has(anyOf: .ended) { seesEnd = true }
        if events.has(anyOf: .writable), !isWritable {
            isWritable = true
            if exchange != nil { flush() }
            // What was waited for was the target's reading; now it may be its answer.
            if state == .awaitingHead { wake(at: deadline) }
        }
        if state == .idle {
            // A target has nothing to say between requests: it closes, or it is out of step.
            if isReadable { close() }
        } else if state == .discarding {
            discard()
        } else if state == .awaitingHead, input.isEmpty, isReadable {
            if idleUntil == loop.now, isKnownUnquiet { return fail(.closedBeforeResponse) }
            if fill() { loop.proceedLater(registration) }
        } else {
            advance()
        }
    }

    func proceed() { advance() }

    /// Whether what can be read now, in the turn in which the idle connection was taken, can't be the answer. Where a
    /// request must not be sent twice, the socket was looked at itself (`Exchange.connect`), and this may be the
    /// answer.
    private var isKnownUnquiet: Bool { exchange?.upstreamMethod.isIdempotent ?? false }

    private func connected(_ events: EventSet) {
        if let error = socket.takeError() { return connectFailed(UpstreamError(connecting: error)) }
        guard events.has(anyOf: .writable) else { return }
        isWritable = true
        state = .awaitingHead
        worker.metrics.count(.upstreamConnectionsOpened)
        pool.metrics.connectionOpened()
        guard exchange != nil else { return close() }
        if events.has(anyOf: .inbound) { isReadable = true }
        if events.has(anyOf: .ended) { seesEnd = true }
        sendHead()
        flush()
        exchange?.requestMayContinue()
        if isReadable { advance() }
    }

    private func connectFailed(_ error: UpstreamError) {
        worker.metrics.count(.upstreamConnectFailures)
        let affected = exchange
        exchange = nil
        close()
        affected?.connectFailed(error)
    }

    func timerFired() {
        wakeUp.fired()
        let now = loop.now
        let due = deadline
        guard now >= due else { return wake(at: due) }
        switch state {
        case .connecting: connectFailed(.connectTimedOut)
        case .idle, .discarding: close()
        case .closed: break
        case .awaitingHead where now >= attemptDeadline: fail(.attemptTimedOut)
        case .awaitingHead: fail(isRequestComplete && output.isEmpty ? .responseHeaderTimedOut : .idleTimedOut)
        case .content: fail(.idleTimedOut)
        }
    }

    /// When the present state has lasted too long. It is far away while nobody waits for the target: so whatever makes
    /// it come nearer has to `touch` or `wake`.
    private var deadline: MonotonicTime {
        let farAway = loop.now + .seconds(3600)
        switch state {
        case .connecting: return min(lastActivity + pool.settings.connectTimeout, attemptDeadline)
        case .idle: return lastActivity + pool.settings.idleTimeout
        case .discarding: return lastActivity + Self.discardTime
        case .closed: return .distantFuture
        case .awaitingHead:
            guard let route = exchange?.route else { return farAway }
            if isRequestComplete, output.isEmpty {
                return min(lastActivity + route.responseHeaderTimeout, attemptDeadline)
            }
            return output.isEmpty ? farAway : min(lastActivity + route.idleTimeout, attemptDeadline)
        case .content:
            guard let exchange, exchange.acceptsResponse else { return farAway }
            return lastActivity + exchange.route.idleTimeout
        }
    }

    /// When the attempt has taken too long, where the route limits that.
    private var attemptDeadline: MonotonicTime {
        guard let timeout = attemptTimeout, isRequestComplete || state == .connecting else { return .distantFuture }
        return attemptStart + timeout
    }

    private var attemptTimeout: TimeAmount? { exchange?.withRoute { $0.retryLaw?.attemptTimeout } }

    /// The attempt begins, or its request is complete.
    func startAttemptTime() {
        guard let timeout = attemptTimeout else { return }
        attemptStart = loop.now
        wake(at: attemptStart + timeout)
    }

    func touch(_ timeout: TimeAmount) {
        lastActivity = loop.now
        wake(at: lastActivity + timeout)
    }

    /// Makes sure of a look at the connection at `instant` or before.
    func wake(at instant: MonotonicTime) { wakeUp.set(instant, for: registration, on: loop) }

    // MARK: Ending

    /// The present exchange ends without a complete answer: nothing on this connection has a known beginning any more.
    func abandon() {
        exchange = nil
        close()
    }

    /// The target let the exchange down. What becomes of the request is the exchange's decision.
    func fail(_ error: UpstreamError) {
        guard let affected = exchange else { return close() }
        let loss = ConnectionLoss(
            error: error, isReusedConnection: requestCount > 1, writtenBytes: writtenBytes,
            receivedBytes: receivedBytes)
        exchange = nil
        close()
        affected.connectionLost(loss)
    }

    func close() {
        if state == .closed { return }
        let wasEstablished = state != .connecting
        pool.forget(self)
        state = .closed
        if wasEstablished { pool.metrics.connectionClosed() }
        buffers.recycle(&input)
        buffers.recycle(&output)
        loop.remove(registration)
    }
}
