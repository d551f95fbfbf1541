import Base
import EventLoop
import HTTP
import Linux
import Observability

/// One loop's own socket of a listener: accepts connections and applies the limits on their number.
final class ListenerPort: EventHandler {
    /// The listener's index in the configuration that the loop's snapshot was compiled from; the router's key.
    var index: Int
    /// What the configuration says; a reload may change it.
    var settings: ListenerSettings
    let endpoint: IPEndpoint
    /// The port in decimal, for `X-Forwarded-Port`.
    let portText: ByteView
    private let texts = TextArena()
    /// Whether the listener takes no more connections: those that it has end with their present request.
    private(set) var isClosing = false
    /// What the rest of its requests are served by once the listener is gone from the configuration: no later snapshot
    /// knows it, and its index is another's there.
    private(set) var lastSnapshot: Snapshot?

    private var socket: ListeningSocket?
    private var registration = Registration.none
    private let worker: Worker
    private let shared: ListenerCount

    init(
        _ socket: consuming ListeningSocket, index: Int, settings: ListenerSettings, shared: ListenerCount,
        worker: Worker
    ) {
        endpoint = socket.endpoint
        portText = texts.keep(String(socket.endpoint.port))
        self.socket = consume socket
        self.index = index
        self.settings = settings
        self.shared = shared
        self.worker = worker
    }

    func start() {
        registration = worker.loop.add(self)
        watch()
    }

    /// How many connections are accepted before the others have their turn: the oldest, whose requests have come.
    private static let batchMax = 16

    func handle(_ events: EventSet) { acceptWaiting(atMost: Self.batchMax) }

    private func acceptWaiting(atMost limit: Int) {
        for _ in 0..<limit {
            do throws(Errno) {
                guard let accepted = try socket?.accept() else { return }
                admit(accepted)
            } catch {
                // Out of descriptors or memory: what waits keeps waiting, and the loop looks again in a moment.
                worker.metrics.countRefusedConnection(.descriptors)
                worker.log.error("accepting a connection failed") { $0.field("error", error.description) }
                pause()
                return
            }
        }
    }

    private func pause() {
        guard let number = socket?.number else { return }
        worker.loop.unwatch(number)
        worker.loop.wake(registration, at: worker.loop.now + Self.pauseTime)
    }

    private static let pauseTime = TimeAmount.milliseconds(100)

    func timerFired() { watch() }

    /// A kernel that is short of memory may refuse: then again in a moment, or nobody would ever be let in.
    private func watch() {
        guard let number = socket?.number else { return }
        do throws(Errno) {
            try worker.loop.watch(number, .readable, for: registration)
        } catch {
            worker.log.error("a listener could not be watched") { $0.field("error", error.description) }
            worker.loop.wake(registration, at: worker.loop.now + Self.pauseTime)
        }
    }

    private func admit(_ accepted: consuming AcceptedConnection) {
        worker.metrics.count(.connectionsAccepted)
        let address = accepted.peer.address
        let isExempt = worker.snapshot.forwarding.trusts(address)
        var refusal = worker.limits.refusal(of: address, isExempt: isExempt, listener: shared, settings: settings)
        if refusal != nil, worker.displaceIdle() {
            refusal = worker.limits.refusal(of: address, isExempt: isExempt, listener: shared, settings: settings)
        }
        if let refusal {
            worker.metrics.countRefusedConnection(refusal)
            return accepted.refuse()
        }
        worker.add(ClientConnection(accepted, listener: self, worker: worker, isExempt: isExempt))
    }

    /// A connection of this listener has ended.
    func connectionClosed(_ connection: ClientConnection) {
        worker.limits.release(connection.peer.address, isExempt: connection.isExempt, listener: shared)
    }

    /// Takes what waits, then listens no more.
    /// - Parameter last: the last snapshot that knows the listener, when a newer one doesn't.
    func close(servedBy last: Snapshot? = nil) {
        guard socket != nil else { return }
        lastSnapshot = last
        acceptWaiting(atMost: Int(ListeningSocket.backlog))
        isClosing = true
        worker.loop.remove(registration)
        socket = nil
    }
}

extension AcceptedConnection {
    /// Says why, as far as that goes without waiting, and closes. A request that is here is dropped before that:
    /// closing with unread bytes would be a reset, which may take the answer away from the client.
    package consuming func refuse() {
        let socket = intoSocket()
        _ = socket.write(
            ByteView(
                """
                HTTP/1.1 503 Service Unavailable\r
                Content-Type: application/problem+json\r
                Content-Length: 128\r
                Retry-After: 1\r
                Connection: close\r
                \r
                {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"Too many connections.",\
                "code":"too-many-connections"}
                """))
        socket.shutdownWriting()
        _ = socket.drop(atMost: Self.droppedBytesMax)
    }

    /// More than a client sends before it reads, for most.
    private static var droppedBytesMax: Int { 1 << 20 }
}
