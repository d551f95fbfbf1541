import Base
import HTTP

/// Where a request came from and its answer goes: an HTTP/1.1 exchange now, a stream of an HTTP/2 connection later.
///
/// This enum is the seam. Above it, nobody asks which version of HTTP the client speaks or whether the bytes are
/// encrypted; below it, nobody knows about routes. A further protocol adds a case and these same verbs.
enum RequestStream {
    case http1(ClientConnection)

    /// Where the client connected to, and who it is.
    var connection: ClientConnection {
        switch self {
        case .http1(let connection): connection
        }
    }

    /// Sends a 1xx, when the client's version of HTTP has them.
    func sendInterim(_ head: borrowing ResponseHead) {
        switch self {
        case .http1(let connection): connection.sendInterim(head)
        }
    }

    /// Sends the final head. Its fields are end-to-end ones already; framing is the stream's own matter.
    func sendHead(_ head: borrowing ResponseHead, to request: borrowing RequestHead) {
        switch self {
        case .http1(let connection): connection.sendHead(head, to: request)
        }
    }

    /// Whether a piece of content is welcome now; otherwise `Exchange.responseMayContinue` is called when it is.
    var acceptsContent: Bool {
        switch self {
        case .http1(let connection): connection.acceptsContent
        }
    }

    /// Sends a piece of content.
    func sendContent(_ bytes: ByteView) {
        switch self {
        case .http1(let connection): connection.sendContent(bytes)
        }
    }

    /// Whether the client gets content of the answer whose head was sent: not of one to HEAD, say.
    var sendsContent: Bool {
        switch self {
        case .http1(let connection): connection.sendsContent
        }
    }

    /// Ends the content of the response.
    func endContent(trailers: borrowing HeaderList) {
        switch self {
        case .http1(let connection): connection.endContent(trailers: trailers)
        }
    }

    /// Ends the response, behind its content. The exchange is over for the stream after this call.
    func finish() {
        switch self {
        case .http1(let connection): connection.finishResponse()
        }
    }

    /// Breaks the response off, so that the client can't take what it got for a complete one.
    func abort() {
        switch self {
        case .http1(let connection): connection.abort()
        }
    }

    /// The exchange takes request content again.
    func resumeContent() {
        switch self {
        case .http1(let connection): connection.resumeContent()
        }
    }

    /// Hands what has been sent so far to the network.
    func flush() {
        switch self {
        case .http1(let connection): connection.flush()
        }
    }
}
