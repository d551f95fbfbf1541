import Base
import EventLoop
import HTTP
import Identity
import Linux
import TLS

/// One GET over a connection of its own, on the control thread's loop.
///
/// ```
/// resolving ──▶ connecting ──▶ securing ──▶ exchanging ──▶ ended
///                 ▲      │    https only     the request, and the answer (`KeyResponse`)
///                 └──────┘ next address
/// ```
/// Whatever happens, `done` is called once, before the deadline or at it.
final class KeyFetch: EventHandler {
    /// Content of more bytes is refused.
    static let contentBytesMax = 1024 * 1024
    /// The shortest time that an address is given before the next one is tried.
    private static let attemptMin = TimeAmount.milliseconds(250)

    enum State: Equatable {
        case resolving
        case connecting
        case securing
        case exchanging
        case ended
    }

    private let url: FetchURL
    private let roots: TLSClientContext.Roots
    private let deadline: MonotonicTime
    private let loop: EventLoop
    private var done: ((Result<FetchedDocument, KeyFetchFailure>) -> Void)?

    private var state = State.resolving
    private var registration = Registration.none
    /// The look-up of the name that is waited for.
    private var lookUp: (resolver: HostResolver, ticket: UInt64)?
    private var addresses: ArraySlice<IPAddress> = []
    private var endpoint: IPEndpoint?
    private var attemptEnd = MonotonicTime.distantFuture
    private var socket: StreamSocket?
    private var session: TLSSession?
    private var response: KeyResponse
    /// What waits to be written to the socket.
    private var output = IOBuffer()
    private var isWritable = false

    init(
        _ url: FetchURL, roots: TLSClientContext.Roots, deadline: MonotonicTime, loop: EventLoop,
        done: @escaping (Result<FetchedDocument, KeyFetchFailure>) -> Void
    ) {
        self.url = url
        self.roots = roots
        self.deadline = deadline
        self.loop = loop
        self.done = done
        response = KeyResponse(contentBytesMax: Self.contentBytesMax)
    }

    /// Begins. The loop keeps the fetch alive until it has ended.
    func start(resolver: HostResolver) {
        registration = loop.add(self)
        loop.wake(registration, at: deadline)
        switch url.host {
        case .address(let address): connect(to: [address])
        case .name(let name):
            let ticket = resolver.resolve(name) { [self] result in
                lookUp = nil
                guard state == .resolving else { return }
                switch result {
                case .success(let found): connect(to: found)
                case .failure(let failure): end(.failure(failure))
                }
            }
            lookUp = (resolver, ticket)
        }
    }

    /// Ends without an answer; `done` is called.
    func cancel() { end(.failure(.cancelled)) }

    // MARK: Connecting

    private func connect(to found: [IPAddress]) {
        addresses = found[...]
        connectNext(after: nil)
    }

    /// Tries the next address. - Parameter error: why the one before was no good.
    private func connectNext(after error: Errno?) {
        var error = error
        while let address = addresses.popFirst() {
            let endpoint = IPEndpoint(address: address, port: url.port)
            self.endpoint = endpoint
            do throws(Errno) {
                try open(endpoint)
                return
            } catch let failure {
                error = failure
                socket = nil
            }
        }
        if let endpoint, let error { return end(.failure(.notConnected(endpoint, error))) }
        end(.failure(.noAddress))
    }

    private func open(_ endpoint: IPEndpoint) throws(Errno) {
        // A new place: events of the socket before reach nobody.
        loop.remove(registration)
        registration = loop.add(self)
        let share = (deadline - loop.now).nanoseconds / Int64(addresses.count + 1)
        attemptEnd = min(deadline, loop.now + max(Self.attemptMin, TimeAmount(nanoseconds: share)))
        loop.wake(registration, at: attemptEnd)
        state = .connecting
        isWritable = false
        let fresh = try StreamSocket.connecting(to: endpoint)
        try loop.watch(fresh.number, .connection, for: registration)
        socket = consume fresh
    }

    // MARK: Events

    func handle(_ events: EventSet) {
        if state == .connecting {
            if let error = takeError() { return connectNext(after: error) }
            guard events.has(anyOf: .writable) else { return }
            connected()
        }
        if events.has(anyOf: .writable) { isWritable = true }
        advance(mayRead: events.has(anyOf: .inbound))
    }

    func timerFired() {
        let now = loop.now
        if now >= deadline { return end(.failure(.timedOut(phase))) }
        if state == .connecting, now >= attemptEnd { return connectNext(after: .timedOut) }
        loop.wake(registration, at: state == .connecting ? attemptEnd : deadline)
    }

    private var phase: KeyFetchFailure.Phase {
        switch state {
        case .resolving: .resolving
        case .connecting: .connecting
        case .securing: .securing
        case .exchanging, .ended: response.hasHead ? .content : .awaitingHead
        }
    }

    private func takeError() -> Errno? {
        guard socket != nil else { return nil }
        return socket?.takeError()
    }

    private func connected() {
        loop.wake(registration, at: deadline)
        if url.isSecure {
            do throws(TLSSetupError) {
                // Read anew for each fetch: they are rare, and the roots may have changed.
                let context = try TLSClientContext(roots: roots)
                let session = try context.makeSession(peer: peerName)
                self.session = session
                state = .securing
                session.advance()
            } catch {
                end(.failure(.trust(error)))
            }
        } else {
            state = .exchanging
            appendRequest(to: &output)
        }
    }

    private var peerName: TLSPeerName {
        switch url.host {
        case .name(let name): .name(name)
        case .address(let address): .address(address)
        }
    }

    /// RFC 9112 section 3. One request for each connection: they are minutes apart.
    private func appendRequest(to buffer: inout IOBuffer) {
        buffer.append(
            string: "GET \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nUser-Agent: portcullis\r\n"
                + "Accept: application/json\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n")
    }

    // MARK: Reading and writing

    private func advance(mayRead: Bool) {
        if mayRead { readAll() }
        if let session, state != .ended { advance(session) }
        flush()
    }

    private func readAll() {
        var buffer = IOBuffer(capacity: 16 * 1024)
        while state != .ended {
            buffer.removeAll()
            guard let outcome = socket?.read(into: buffer.writable) else { return }
            switch outcome {
            case .bytes(let count):
                buffer.commit(count)
                received(buffer.readable)
            case .wouldBlock: return
            case .endOfStream: return receivedEnd()
            case .failed(let error): return end(.failure(.lost(error)))
            }
        }
    }

    private func received(_ bytes: ByteView) {
        guard let session else { return take(response.receive(bytes)) }
        session.receive(bytes)
        advance(session)
    }

    private func receivedEnd() {
        guard let session else { return take(response.receiveEnd()) }
        session.receiveEnd()
        advance(session)
    }

    private func advance(_ session: TLSSession) {
        if state == .securing {
            session.advance()
            if session.state == .established {
                state = .exchanging
                var request = IOBuffer()
                appendRequest(to: &request)
                // One record: it is far below the limit of 16 KiB.
                _ = session.write(request.readable)
            }
        }
        var plain = IOBuffer(capacity: 16 * 1024)
        while state == .exchanging, session.read(into: &plain, limit: plain.capacity) > 0 {
            take(response.receive(plain.readable))
            plain.removeAll()
        }
        switch session.state {
        case .handshaking, .established: break
        case .closed: take(response.receiveEnd())
        case .failed(let failure):
            // The alert tells the peer why; nobody waits for it to arrive.
            flush()
            end(.failure(failure == .truncated ? .truncated : .tls(failure)))
        }
    }

    /// Goes on as the answer's reader says.
    private func take(_ progress: KeyResponse.Progress) {
        guard state != .ended else { return }
        switch progress {
        case .needsMore: break
        case .complete(let document): end(.success(document))
        case .failed(let failure): end(.failure(failure))
        }
    }

    private func flush() {
        session?.takeOutput(into: &output)
        while isWritable, !output.isEmpty, state != .ended {
            guard let outcome = socket?.write(output.readable) else { return }
            switch outcome {
            case .bytes(let count): output.consume(count)
            case .wouldBlock: isWritable = false
            // An answer may have come before: reading tells.
            case .failed: output.removeAll()
            }
        }
    }

    private func end(_ result: Result<FetchedDocument, KeyFetchFailure>) {
        guard state != .ended, let done else { return }
        state = .ended
        self.done = nil
        if let lookUp { lookUp.resolver.cancel(lookUp.ticket) }
        lookUp = nil
        loop.remove(registration)
        socket = nil
        session = nil
        done(result)
    }
}
