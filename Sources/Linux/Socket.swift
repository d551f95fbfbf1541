import Base
import CLinux

/// What came of a read.
package enum ReadOutcome: Equatable, Sendable {
    case bytes(Int)
    /// Nothing now; the event loop will tell.
    case wouldBlock
    /// The peer has sent all that it will.
    case endOfStream
    case failed(Errno)
}

/// What came of a write.
package enum WriteOutcome: Equatable, Sendable {
    /// That many bytes were taken, possibly fewer than offered.
    case bytes(Int)
    case wouldBlock
    case failed(Errno)
}

/// A connected, non-blocking TCP socket.
package struct StreamSocket: ~Copyable {
    private let descriptor: FileDescriptor

    fileprivate init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    package var number: Int32 { descriptor.number }

    /// Starts to connect to `endpoint`: done at once or when the socket becomes writable, see `takeError`.
    ///
    /// The corresponding C functions are `socket` and `connect`.
    package static func connecting(to endpoint: IPEndpoint) throws(Errno) -> StreamSocket {
        let address = RawAddress(endpoint)
        let number = portcullis_stream_socket(address.family)
        guard number >= 0 else { throw .last }
        let socket = StreamSocket(FileDescriptor(adopting: number))
        socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let result = address.withPointer { pointer, length in CLinux.connect(number, pointer, length) }
        if result != 0 {
            let error = Errno.last
            guard error == .inProgress || error == .interrupted else { throw error }
        }
        return socket
    }

    /// Reads what is there. The corresponding C function is `recv`.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadOutcome {
        while true {
            let count = recv(number, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream }
            let error = Errno.last
            if error == .again { return .wouldBlock }
            if error != .interrupted { return .failed(error) }
        }
    }

    /// Drops what is there, at most `limit` bytes, without copying it: `.bytes` says how many.
    ///
    /// The corresponding C function is `recv(MSG_TRUNC)`, see tcp(7).
    package func drop(atMost limit: Int) -> ReadOutcome {
        while true {
            let count = recv(number, nil, limit, Int32(MSG_TRUNC) | Int32(MSG_DONTWAIT))
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream }
            let error = Errno.last
            if error == .again { return .wouldBlock }
            if error != .interrupted { return .failed(error) }
        }
    }

    /// Whether nothing waits to be read, no byte, no end of the stream and no error: an idle connection is alive.
    ///
    /// The corresponding C function is `recv(MSG_PEEK)`.
    package var isQuiet: Bool {
        var byte: UInt8 = 0
        let count = recv(number, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count < 0 && Errno.last == .again
    }

    /// Writes as much as the kernel takes. The corresponding C function is `send`.
    package func write(_ bytes: ByteView) -> WriteOutcome {
        while true {
            let count = send(number, bytes.base, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            let error = Errno.last
            if error == .again { return .wouldBlock }
            if error != .interrupted { return .failed(error) }
        }
    }

    /// Writes two runs of bytes with one call. The corresponding C function is `sendmsg`.
    package func write(_ first: ByteView, _ second: ByteView) -> WriteOutcome {
        var parts = InlineArray<2, iovec> { index in
            let bytes = index == 0 ? first : second
            return iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.base), iov_len: bytes.count)
        }
        while true {
            let count = withUnsafeMutableBytes(of: &parts) { raw in
                var message = msghdr()
                message.msg_iov = raw.baseAddress?.assumingMemoryBound(to: iovec.self)
                message.msg_iovlen = 2
                return sendmsg(number, &message, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 { return .bytes(count) }
            let error = Errno.last
            if error == .again { return .wouldBlock }
            if error != .interrupted { return .failed(error) }
        }
    }

    /// Tells the peer that nothing more will come. The corresponding C function is `shutdown(SHUT_WR)`.
    package func shutdownWriting() { _ = CLinux.shutdown(number, Int32(SHUT_WR)) }

    /// The pending error of a connection attempt, cleared by asking (`SO_ERROR`).
    package func takeError() -> Errno? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return .last }
        return code == 0 ? nil : Errno(code: code)
    }

    /// Makes closing send a reset, so that the peer can't take what it got for a complete message (`SO_LINGER` 0).
    package func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    fileprivate func set(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

/// A listening, non-blocking TCP socket.
package struct ListeningSocket: ~Copyable {
    private let descriptor: FileDescriptor
    /// Where it listens, with the port that the kernel gave when port 0 was asked for.
    package let endpoint: IPEndpoint

    package var number: Int32 { descriptor.number }

    /// How many connections the kernel keeps for us before they are accepted.
    package static var backlog: Int32 { 4096 }

    /// Binds and listens.
    ///
    /// - Parameter isShared: whether other sockets of this process listen there too (`SO_REUSEPORT`), so that each
    ///   event loop has its own. The first one should be opened with `isShared` false, then closed, to learn whether
    ///   another process has the port.
    /// - Throws: `.addressInUse` and whatever else `bind` or `listen` say.
    package static func listening(at endpoint: IPEndpoint, isShared: Bool) throws(Errno) -> ListeningSocket {
        let address = RawAddress(endpoint)
        let number = portcullis_stream_socket(address.family)
        guard number >= 0 else { throw .last }
        let socket = StreamSocket(FileDescriptor(adopting: number))
        socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        if isShared { socket.set(SOL_SOCKET, SO_REUSEPORT, 1) }
        // Inherited by every accepted socket, which saves a system call for each.
        socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        guard address.withPointer({ pointer, length in CLinux.bind(number, pointer, length) }) == 0 else { throw .last }
        guard CLinux.listen(number, backlog) == 0 else { throw .last }
        var bound = RawAddress()
        guard bound.fill({ pointer, length in getsockname(number, pointer, &length) }) == 0 else { throw .last }
        return ListeningSocket(socket, endpoint: bound.endpoint)
    }

    private init(_ socket: consuming StreamSocket, endpoint: IPEndpoint) {
        descriptor = socket.intoDescriptor()
        self.endpoint = endpoint
    }

    /// The next waiting connection and its peer; nil when there is none. The C function is `accept4`.
    package func accept() throws(Errno) -> AcceptedConnection? {
        var peer = RawAddress()
        while true {
            let accepted = peer.fill { pointer, length in portcullis_accept4(number, pointer, &length) }
            if accepted >= 0 {
                return AcceptedConnection(
                    socket: StreamSocket(FileDescriptor(adopting: accepted)), peer: peer.endpoint)
            }
            let error = Errno.last
            switch error.code {
            case EAGAIN: return nil
            // The client left before we came, or a signal: take the next one (accept(2), "Error handling").
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH: continue
            default: throw error
            }
        }
    }
}

/// A connection that a client has opened.
package struct AcceptedConnection: ~Copyable {
    package let socket: StreamSocket
    package let peer: IPEndpoint

    package consuming func intoSocket() -> StreamSocket { socket }
}

extension StreamSocket {
    fileprivate consuming func intoDescriptor() -> FileDescriptor { descriptor }
}
