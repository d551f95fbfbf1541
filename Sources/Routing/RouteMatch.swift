import Base
import HTTP

/// What routing needs of a request. The views are of the canonical head.
package struct RouteRequest {
    /// The index of the listener that took the connection, below 64.
    package var listener: Int
    /// In lower case, without port and trailing dot; may be empty.
    package var host: ByteView
    /// The canonical path.
    package var path: ByteView
    package var method: Method
    /// The method's token; looked at for `.other` only.
    package var methodToken: ByteView
    /// The bytes after `?`, as they came.
    package var query: ByteView

    @inlinable package init(
        listener: Int, host: ByteView, path: ByteView, method: Method, methodToken: ByteView, query: ByteView
    ) {
        self.listener = listener
        self.host = host
        self.path = path
        self.method = method
        self.methodToken = methodToken
        self.query = query
    }
}

/// What became of a request in `RouteTable.match`: kept and reused for one request after another. An object, so that
/// handing it on moves no captures.
package final class RouteMatch {
    package enum Outcome: Sendable, Equatable {
        /// The index of the route among the definitions.
        case route(Int)
        /// No route has this host and path: 404.
        case notFound
        /// Routes match in all but the method: 405, with `RouteTable.appendAllow` for `Allow`.
        case methodNotAllowed(MethodSet)
        /// The host is another listener's: 421 (RFC 9110 section 15.5.20).
        case misdirected
    }

    package var outcome: Outcome = .notFound
    /// How many segments the route captured.
    package internal(set) var captureCount = 0
    var captures = InlineArray<16, Capture>(repeating: Capture(start: 0, count: 0))

    struct Capture: Sendable {
        var start: UInt32
        var count: UInt32
    }

    package init() {}

    /// Where in the path the capture of this index lies, by the order of `PathPattern.parameterNames`. May be empty for
    /// a rest.
    package func captureRange(_ index: Int) -> Range<Int> {
        precondition(index >= 0 && index < captureCount)
        let capture = captures[index]
        return Int(capture.start)..<Int(capture.start) + Int(capture.count)
    }

    /// The bytes of a capture. `path` is the path that was matched.
    package func capture(_ index: Int, in path: ByteView) -> ByteView { path[captureRange(index)] }
}

/// Methods by their bits in one table.
package struct MethodSet: Sendable, Hashable {
    let bits: UInt64
}
