import HTTP

/// Something that the gateway serves itself, such as an admin endpoint. Off the hot path: it may build strings.
package protocol LocalHandler: AnyObject {
    /// Called on the loop that the request came in on; must not block.
    func respond(to request: LocalRequest) -> LocalAnswer
    /// Whether the answer grows with the configuration. While the clients of such answers leave much of them unread,
    /// no more are made.
    var grows: Bool { get }
}

extension LocalHandler {
    package var grows: Bool { false }
}

/// What a local handler is told.
package struct LocalRequest {
    package let method: Method
    /// The canonical path.
    package let path: String
    /// The bytes after `?`.
    package let query: String

    package init(method: Method, path: String, query: String = "") {
        self.method = method
        self.path = path
        self.query = query
    }
}

/// What a local handler answers.
package struct LocalAnswer {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
    /// The value of `Cache-Control`.
    package var cacheControl: String

    package init(status: Int = 200, contentType: String, body: [UInt8], cacheControl: String = "no-store") {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.cacheControl = cacheControl
    }
}
