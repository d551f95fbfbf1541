import Base
import EventLoop
import HTTP
import Linux

/// One client's HTTP/1.1 connection: reads requests, one exchange after the other, and writes their answers.
///
/// While idle it holds no buffer and no exchange: what remains is this object, well under half a kibibyte.
/// Edge-triggered readiness is remembered in `isReadable` and `isWritable`, so a request costs no call to epoll_ctl,
/// and a connection one at most.
final class ClientConnection: EventHandler {
    let worker: Worker
    /// The worker's own: read from here they aren't counted at each use, as they would be by way of the worker.
    let loop: EventLoop
    let buffers: BufferPool
    /// Where the connection was accepted.
    let listener: ListenerPort
    let peer: IPEndpoint
    /// Whether the limit per client does not count it: the peer is a trusted proxy.
    let isExempt: Bool
    let socket: StreamSocket
    /// The connection's index among its worker's.
    var place = -1
    var registration = Registration.none

    var state = ClientState.idle
    var input = IOBuffer()
    var output = IOBuffer()
    var decoder: RequestDecoder
    var body: BodyDecoder
    /// The request being read or served.
    var exchange: Exchange?
    var framing = ResponseFraming()
    var requestCount = 0
    var isReadable = true
    /// Whether an event told of the end of the stream: it comes once, maybe together with the last bytes.
    var seesEnd = false
    private(set) var isWritable = true
    /// Whether the loop was asked for `send`.
    var isSendPending = false
    /// Whether the loop tells of the socket's events.
    private var isWatched = false
    /// Whether the client will send no more.
    var peerHasClosed = false
    /// Whether a write has failed: the client is gone.
    var isBroken = false
    var isAdvancing = false
    /// Whether the connection ends with the current answer.
    var closesAfterResponse = false
    /// When the client last read or sent something, or began to be waited for.
    var lastActivity = MonotonicTime.zero
    var headStart = MonotonicTime.zero
    private var wakeUp = WakeUp()

    init(
        _ accepted: consuming AcceptedConnection, listener: ListenerPort, worker: Worker, isExempt: Bool
    ) {
        self.isExempt = isExempt
        self.worker = worker
        loop = worker.loop
        buffers = worker.buffers
        self.listener = listener
        peer = accepted.peer
        socket = accepted.intoSocket()
        decoder = RequestDecoder(limits: listener.settings.messageLimits)
        body = BodyDecoder(.none)
    }

    /// Takes up work: reads when the others of the stride have. The request is mostly there by then, and a connection
    /// for one request ends with its answer: so the loop is asked to watch it only when there is something to wait for
    /// (`watch`), or when the answer takes a while.
    func start() {
        registration = loop.add(self)
        lastActivity = loop.now
        wake(at: lastActivity + Self.unwatchedTime)
        loop.proceedLater(registration)
    }

    /// After so long a client that leaves while its request is served shall be noticed.
    private static let unwatchedTime = TimeAmount.milliseconds(10)

    /// From now on events tell of what the client does, beginning with what it has done already.
    func watch() {
        if isWatched || state == .closed { return }
        do throws(Errno) {
            try loop.watch(socket.number, .connection, for: registration)
            isWatched = true
        } catch {
            // Nothing would ever be heard of the client: it has left, as far as we can tell.
            isBroken = true
            wake(at: loop.now)
        }
    }

    /// The kernel took no more bytes: an event tells when it does again. The wait for the client to read begins.
    func awaitWritable() {
        isWritable = false
        touch(listener.settings.writeIdleTimeout)
        watch()
    }

    // MARK: Events

    func handle(_ events: EventSet) {
        if events.has(anyOf: .inbound) { isReadable = true }
        if events.has(anyOf: .ended) { seesEnd = true }
        if events.has(anyOf: .gone) { return clientLeft() }
        // Who closes while waiting for a place makes room for others.
        if seesEnd, let exchange, state == .exchange, exchange.isQueued { return clientLeft() }
        if events.has(anyOf: .writable), !isWritable {
            isWritable = true
            flush()
        }
        if state == .idle, input.isEmpty, isReadable, acceptsContent {
            if fill() { loop.proceedLater(registration) }
        } else {
            advance()
        }
    }

    func proceed() { advance() }

    func timerFired() {
        wakeUp.fired()
        watch()
        if isBroken { return clientLeft() }
        if case .lingering = state, isReadable { dropInput() }
        let now = loop.now
        let due = deadline
        guard now >= due else { return wake(at: due) }
        switch state {
        case .closed: break
        case .idle, .closing, .lingering: close()
        case .head: refuse(.requestTimeout)
        case .exchange: exchangeTimedOut(now)
        }
    }

    /// When the present state has lasted too long.
    private var deadline: MonotonicTime {
        let settings = listener.settings
        switch state {
        case .idle:
            let isFresh = requestCount == 0
            if !output.isEmpty { return lastActivity + settings.writeIdleTimeout }
            return lastActivity + (isFresh ? settings.headerReadTimeout : settings.keepAliveIdleTimeout)
        case .head: return headStart + settings.headerReadTimeout
        case .closing: return lastActivity + settings.writeIdleTimeout
        case .lingering(let linger):
            return linger.deadline(lastActivity: lastActivity, writeIdleTimeout: settings.writeIdleTimeout)
        case .closed: return .distantFuture
        case .exchange:
            guard let exchange else { return .distantFuture }
            var due = min(exchange.deadline, exchange.attempt.retryAt)
            if !output.isEmpty {
                due = min(due, lastActivity + settings.writeIdleTimeout)
            } else if exchange.awaitsClient {
                due = min(due, lastActivity + settings.bodyIdleTimeout)
            }
            return min(due, loop.now + .seconds(3600))
        }
    }

    private func exchangeTimedOut(_ now: MonotonicTime) {
        guard let exchange else { return close() }
        if now >= exchange.deadline {
            // What it has waited for until now is to blame.
            if !output.isEmpty, exchange.response == .streaming { return clientStalls() }
            exchange.requestTimedOut()
            // Whatever it turned to then has no more time than it had.
            if exchange === self.exchange, state == .exchange { wake(at: now) }
        } else if now >= exchange.attempt.retryAt {
            exchange.retryIsDue()
            wake(at: deadline)
        } else if !output.isEmpty {
            clientStalls()
        } else {
            closesAfterResponse = true
            exchange.answer(.requestTimeout)
        }
    }

    /// Notes that the client moved, and makes sure of a look at the connection before `timeout` is over.
    func touch(_ timeout: TimeAmount) {
        lastActivity = loop.now
        wake(at: lastActivity + timeout)
    }

    /// Some time-outs have become shorter.
    func look() { wake(at: deadline) }

    /// Makes sure of a look at the connection at `instant` or before.
    func wake(at instant: MonotonicTime) { wakeUp.set(instant, for: registration, on: loop) }

    // MARK: Ending

    /// Answers a request that never became one, and ends the connection.
    func refuse(_ answer: GatewayAnswer) {
        let refused = takeExchange()
        state = .exchange
        closesAfterResponse = true
        refused.bytesIn = UInt64(input.readableCount)
        decoder.keepRequestLine(of: input.readable, in: &refused.request)
        refused.refuse(on: .http1(self), headStartedAt: headStart, with: answer)
    }

    /// The connection failed, or the client closed it.
    func clientLeft() { giveUp(.clientLeft) }

    /// The gateway drains, and its time is over.
    func cutOff() { giveUp(.drainEnded) }

    /// The client doesn't take its answer: what is left of it wouldn't get there either.
    private func clientStalls() { giveUp(.clientStalled) }

    private func giveUp(_ failure: Failure) {
        isBroken = true
        if let exchange, state == .exchange {
            exchange.abandon(failure)
        } else {
            close()
        }
    }

    /// Ends the connection so that the client notices that the answer is incomplete: what there is of it is sent, and
    /// the missing rest shows. Where the end of the connection would pass for the end of the content, it is a reset.
    func abort() {
        // Of an exchange whose answer hasn't begun, nothing has to look broken: what there is are whole answers before.
        let passesForWhole = exchange?.response == .streaming && framing.kind == .untilClose
        exchange = nil
        if !isBroken, !passesForWhole {
            endBehindOutput()
            return flush()
        }
        socket.resetOnClose()
        close()
    }

    /// The connection ends when `output` is written, and in a way that takes none of it back from the client: closing
    /// with unread bytes would be a reset.
    private func endBehindOutput() {
        let isAllRead = input.isEmpty && !isReadable
        let linger = Linger(now: loop.now, isDraining: worker.isDraining)
        state = isAllRead || peerHasClosed ? .closing : .lingering(linger)
        touch(listener.settings.writeIdleTimeout)
    }

    /// The gateway drains, or the listener was removed: an idle connection ends now, others end with their answer.
    func drain() {
        switch state {
        case .idle:
            // A request that is already here is served.
            isReadable = true
            advance()
            guard state == .idle else { break }
            if output.isEmpty { close() } else { endBehindOutput() }
        case .head, .exchange: closesAfterResponse = true
        case .lingering(var linger):
            linger.drain(now: loop.now)
            state = .lingering(linger)
            wake(at: deadline)
        case .closing, .closed: break
        }
    }

    func close() {
        if state == .closed { return }
        state = .closed
        if let unused = exchange {
            exchange = nil
            worker.recycle(unused)
        }
        buffers.recycle(&input)
        buffers.recycle(&output)
        loop.remove(registration)
        worker.connectionClosed(self)
    }

    /// Whether the client has all its answers and has begun no other request, as far as is known.
    var isUnused: Bool { state == .idle && output.isEmpty && input.isEmpty }

    /// Takes the last steps of a connection whose answer is written.
    func finishWriting() {
        switch state {
        case .closing: close()
        case .lingering(var linger):
            guard !linger.isShut else { return }
            socket.shutdownWriting()
            linger.shut()
            state = .lingering(linger)
            touch(Linger.pauseMax)
            buffers.recycle(&output)
            if peerHasClosed { return close() }
            dropInput()
        case .idle: parkIfIdle()
        case .head, .exchange, .closed: break
        }
    }

    /// Drops what a client still sends that has its last answer, or doesn't read it before it has sent all.
    func dropInput() {
        guard case .lingering(var linger) = state else { return }
        var mayGoOn = linger.drop(input.readableCount)
        input.removeAll()
        buffers.recycle(&input)
        while isReadable, !peerHasClosed, mayGoOn {
            switch socket.drop(atMost: Linger.bytesPerStep) {
            case .bytes(let count):
                mayGoOn = linger.drop(count)
                if linger.isShut { lastActivity = loop.now }
                if count < Linger.bytesPerStep, !seesEnd {
                    isReadable = false
                } else if count == Linger.bytesPerStep {
                    // There may be more, for which no event comes; but others have their turn first.
                    wake(at: loop.now + .milliseconds(1))
                    state = .lingering(linger)
                    if mayGoOn { return }
                }
            case .wouldBlock: isReadable = false
            case .endOfStream: peerHasClosed = true
            case .failed: return close()
            }
        }
        if !mayGoOn || peerHasClosed && linger.isShut { return close() }
        state = .lingering(linger)
        watch()
    }
}
