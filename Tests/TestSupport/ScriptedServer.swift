import Base
import Foundation
import Glibc
import Synchronization

/// A server on 127.0.0.1 that answers every connection by a script. Its threads block; it is for tests only.
package final class ScriptedServer: Sendable {
    package enum Step: Sendable {
        /// Reads until the end of a request head has come.
        case awaitRequest
        /// Reads until this text has come so many times.
        case awaitText(String, times: Int)
        case send([UInt8])
        /// In writes of one byte each.
        case sendSlowly([UInt8])
        /// Waits until the client closes.
        case awaitEnd

        /// An answer with this head (without its empty line), and a body.
        package static func answer(_ head: String, _ body: String = "") -> Step {
            .send(Array((head + "\r\n\r\n" + body).utf8))
        }
    }

    package let port: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    private struct State {
        var requests: [String] = []
        var scripts: [[Step]] = []
    }

    /// What was asked, one text for each connection that got that far.
    package var requests: [String] { state.withLock { $0.requests } }

    /// - Parameters:
    ///   - scripts: one for each connection; the last one for all that follow.
    ///   - certificate: makes it speak TLS.
    package init(_ scripts: [[Step]], certificate: TestCertificate? = nil) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                precondition(bind(listener, raw, length) == 0 && listen(listener, 64) == 0)
                getsockname(listener, raw, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        state.withLock { $0.scripts = scripts }
        Foundation.Thread.detachNewThread { [weak self] in
            // Whoever accepts closes: the number would soon be another server's.
            defer { Glibc.close(listener) }
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                guard let server = self else {
                    Glibc.close(connection)
                    return
                }
                let script = server.nextScript()
                Foundation.Thread.detachNewThread { server.run(script, connection, certificate) }
            }
        }
    }

    /// Accepting ends.
    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private func nextScript() -> [Step] {
        state.withLock { state in state.scripts.count > 1 ? state.scripts.removeFirst() : state.scripts.first ?? [] }
    }

    private func run(_ script: [Step], _ connection: Int32, _ certificate: TestCertificate?) {
        defer { Glibc.close(connection) }
        let session = certificate.map { TestTLSServer($0) }
        for step in script {
            switch step {
            case .awaitRequest:
                var request: [UInt8] = []
                while !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
                    guard let more = receive(connection, session) else { return }
                    request += more
                }
                state.withLock { $0.requests.append(String(decoding: request, as: UTF8.self)) }
            case .awaitText(let text, let times):
                var told: [UInt8] = []
                while String(decoding: told, as: UTF8.self).components(separatedBy: text).count <= times {
                    guard let more = receive(connection, session) else { return }
                    told += more
                }
            case .send(let bytes): send(bytes, connection, session)
            case .sendSlowly(let bytes): for byte in bytes { send([byte], connection, session) }
            case .awaitEnd: while receive(connection, session) != nil {}
            }
        }
        session?.close()
        if let session { write(session.takeOutput(), connection) }
        shutdown(connection, Int32(SHUT_WR))
        // Closing with unread bytes would be a reset, which may overtake the answer.
        while receive(connection, nil) != nil {}
    }

    /// Nil at the end.
    private func receive(_ connection: Int32, _ session: TestTLSServer?) -> [UInt8]? {
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        let count = recv(connection, &piece, piece.count, 0)
        guard count > 0 else { return nil }
        guard let session else { return Array(piece.prefix(count)) }
        let plain = session.receive(Array(piece.prefix(count)))
        write(session.takeOutput(), connection)
        return plain
    }

    private func send(_ bytes: [UInt8], _ connection: Int32, _ session: TestTLSServer?) {
        guard let session else { return write(bytes, connection) }
        session.write(bytes)
        write(session.takeOutput(), connection)
    }

    private func write(_ bytes: [UInt8], _ connection: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
