import Base
import CLinux

/// Sends `request` to `endpoint` and returns what comes back until the peer closes. Blocks: for commands, never on a
/// loop.
///
/// - Parameters:
///   - responseBytesMax: what comes beyond is dropped.
///   - limit: for all of it; when it is over, `.timedOut` is thrown.
package func exchangeBlocking(
    with endpoint: IPEndpoint, request: ByteView, responseBytesMax: Int, within limit: TimeAmount
) throws(Errno) -> [UInt8] {
    let end = SystemClock.monotonic() + limit
    let socket = try StreamSocket.connecting(to: endpoint)
    try wait(socket.number, for: POLLOUT, until: end)
    if let error = socket.takeError() { throw error }
    var rest = request
    while !rest.isEmpty {
        switch socket.write(rest) {
        case .bytes(let count): rest = rest.from(count)
        case .wouldBlock: try wait(socket.number, for: POLLOUT, until: end)
        case .failed(let error): throw error
        }
    }
    var response: [UInt8] = []
    var buffer = IOBuffer(capacity: 4096)
    while response.count < responseBytesMax {
        switch socket.read(into: buffer.writable) {
        case .bytes(let count):
            buffer.commit(count)
            response.append(contentsOf: buffer.readable.raw)
            buffer.removeAll()
        case .endOfStream: return response
        case .wouldBlock: try wait(socket.number, for: POLLIN, until: end)
        case .failed(let error): throw error
        }
    }
    return response
}

/// The corresponding C function is `poll`.
private func wait(_ number: Int32, for events: Int32, until end: MonotonicTime) throws(Errno) {
    while true {
        let left = end - SystemClock.monotonic()
        guard left > .zero else { throw .timedOut }
        var entry = pollfd(fd: number, events: Int16(events), revents: 0)
        let result = poll(&entry, 1, Int32(clamping: left.milliseconds + 1))
        if result > 0 { return }
        if result < 0, Errno.last != .interrupted { throw .last }
    }
}
