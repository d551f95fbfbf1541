import Base
import EventLoop
import Linux
import Proxy

/// An HTTP/1.1 service that answers with what it was sent: what the demo's routes lead to.
///
/// ```
/// any path              200, JSON: method, path, query, headers in their order, the content's size and first bytes
/// …/status/NNN          that status
/// …/slow                the same as any path, after 3 s
/// ```
/// One thread, one loop, bounded memory for each connection. For demonstrations and tests, not for load.
package final class DemoUpstream: EventHandler {
    private static let connectionsMax = 1_000

    private let socket: ListeningSocket
    private let loop: EventLoop
    private var connectionCount = 0

    private init(_ socket: consuming ListeningSocket, loop: EventLoop) {
        self.socket = socket
        self.loop = loop
    }

    /// Listens at `endpoint` and serves on a thread of its own until the process ends.
    /// - Returns: where it listens, with the port that the kernel gave when 0 was asked for.
    @discardableResult
    package static func start(at endpoint: IPEndpoint) throws(Errno) -> IPEndpoint {
        let socket = try ListeningSocket.listening(at: endpoint, isShared: false)
        let actual = socket.endpoint
        let loop = try EventLoop()
        let upstream = DemoUpstream(socket, loop: loop)
        try loop.watch(upstream.socket.number, .readable, for: loop.add(upstream))
        let transfer = LoopBound(loop)
        try Thread.start(name: "demo-\(actual.port)") { transfer.value.run() }
        return actual
    }

    package func handle(_ events: EventSet) {
        // Out of descriptors: what waits keeps waiting, until a connection ends.
        while connectionCount < Self.connectionsMax, let accepted = try? socket.accept() {
            connectionCount += 1
            let connection = DemoConnection(accepted.intoSocket(), loop: loop, name: "demo-\(socket.endpoint.port)")
            connection.onEnd = { [unowned self] in connectionCount -= 1 }
            connection.start()
        }
    }

    package func timerFired() {}
}
