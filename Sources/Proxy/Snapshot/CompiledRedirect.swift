import Base
import HTTP
import Plugins
import Routing

/// Where a redirect sends the client.
package struct CompiledRedirect {
    package enum Target {
        case location(CompiledTemplate)
        /// The request's own URL with some parts replaced.
        case parts(scheme: ByteView?, host: ByteView?, port: Int?, path: CompiledTemplate?)
    }

    let status: Int
    let target: Target
    let keepsQuery: Bool

    /// - Parameters:
    ///   - status: one of the 3xx.
    ///   - target: its texts must live as long as the redirect.
    ///   - keepsQuery: whether the request's query is passed on, to a target that has none of its own.
    package init(status: Int, target: Target, keepsQuery: Bool) {
        self.status = status
        self.target = target
        self.keepsQuery = keepsQuery
    }

    /// Appends the value of `Location`. `buffer` must be empty.
    /// - Parameters:
    ///   - asked: what the client has asked for, as far as it is known.
    ///   - query: the request's, or what is passed on of it.
    /// - Returns: whether there is one: a request that names no host can't be sent to another scheme or port of it.
    package func appendLocation(
        _ request: borrowing RequestHead, asked: AskedOrigin, query: ByteView?, parameters: RouteMatch,
        to buffer: inout IOBuffer
    ) -> Bool {
        switch target {
        case .location(let template):
            template.append(parameters: parameters, path: request.path, to: &buffer)
        case .parts(let scheme, let otherHost, let port, let path):
            let host = otherHost ?? asked.host
            if !host.isEmpty {
                buffer.append(scheme ?? asked.scheme)
                buffer.append("://")
                buffer.append(host)
            } else if scheme != nil || port != nil {
                return false
            }
            if let port {
                buffer.append(":")
                buffer.append(decimal: port)
            } else if scheme == nil, otherHost == nil, let port = asked.port {
                buffer.append(":")
                buffer.append(decimal: Int(port))
            }
            if let path {
                path.append(parameters: parameters, path: request.path, to: &buffer)
            } else {
                buffer.append(request.path)
            }
        }
        if keepsQuery, let query { Self.insert(query: query, into: &buffer) }
        return true
    }

    /// Gives the location a query, before its fragment, unless it has one of its own (RFC 3986 section 3).
    private static func insert(query: ByteView, into buffer: inout IOBuffer) {
        let location = buffer.readable
        let end = location.firstIndex(of: UInt8(ascii: "#")) ?? location.count
        guard location.prefix(end).firstIndex(of: ASCII.question) == nil else { return }
        var tail = IOBuffer()
        if end < location.count {
            tail.append(location)
            buffer.removeAll()
            buffer.append(tail.readable.prefix(end))
        }
        buffer.append("?")
        buffer.append(query)
        buffer.append(tail.readable.from(min(end, tail.readableCount)))
    }
}
