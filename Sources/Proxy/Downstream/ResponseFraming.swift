import Base
import HTTP

/// How the end of a response's content is shown to an HTTP/1 client (RFC 9112 section 6.3): decided by the gateway from
/// what the message is, never copied from the upstream.
package struct ResponseFraming: Equatable {
    /// What follows the head.
    package enum Kind: Equatable {
        /// The head is all.
        case none
        case length
        case chunked
        /// HTTP/1.0 clients know no chunks: the content ends with the connection.
        case untilClose
    }

    package private(set) var kind = Kind.none
    /// What `Content-Length` says; nil for no such field.
    package private(set) var length: Int?

    package init() {}

    /// The framing of the response `head` to a client that asked with `request`.
    package init(of head: borrowing ResponseHead, to request: borrowing RequestHead) {
        switch head.framing {
        case .none: length = head.declaredLength
        case .length(let count):
            length = count
            kind = .length
        case .chunked, .untilClose: kind = request.minorVersion > 0 ? .chunked : .untilClose
        }
        if request.method == .head || head.status == 304 { kind = .none }
    }

    /// Whether content follows the head.
    package var hasContent: Bool { kind != .none }

    /// Appends the field line that tells the framing, if one does.
    package func appendFields(to output: inout IOBuffer) {
        if let length {
            HeadEncoder.appendContentLength(length, to: &output)
        } else if kind == .chunked {
            output.append("Transfer-Encoding: chunked\r\n")
        }
    }
}

extension KnownFieldSet {
    /// What the gateway writes itself in every message.
    static var framingFields: KnownFieldSet {
        KnownFieldSet().and(.contentLength).and(.transferEncoding).and(.connection).and(.keepAlive)
    }
}
