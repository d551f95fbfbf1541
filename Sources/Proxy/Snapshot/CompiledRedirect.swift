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

    func appendLocation(of exchange: Exchange, to buffer: inout IOBuffer) {
        appendLocation(exchange.request, query: exchange.upstreamQuery, parameters: exchange.match, to: &buffer)
    }

    /// Appends the value of `Location`. `buffer` must be empty.
    /// - Parameter query: the request's, or what is passed on of it.
    package func appendLocation(
        _ request: borrowing RequestHead, query: ByteView?, parameters: RouteMatch, to buffer: inout IOBuffer
    ) {
        switch target {
        case .location(let template):
            template.append(parameters: parameters, path: request.path, to: &buffer)
        case .parts(let scheme, let host, let port, let path):
            buffer.append(scheme ?? ByteView("http"))
            buffer.append("://")
            buffer.append(host ?? request.host)
            if let port {
                buffer.append(":")
                buffer.append(decimal: port)
            } else if scheme == nil, host == nil, let asked = request.port {
                buffer.append(":")
                buffer.append(decimal: Int(asked))
            }
            if let path {
                path.append(parameters: parameters, path: request.path, to: &buffer)
            } else {
                buffer.append(request.path)
            }
        }
        if keepsQuery, let query { Self.insert(query: query, into: &buffer) }
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
