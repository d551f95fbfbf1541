import Base
import HTTP

/// An answer that the gateway itself gives, as problem details (RFC 9457).
struct GatewayAnswer: Sendable {
    let status: Int
    /// For the access log's `error`: stable, kebab-case.
    let code: StaticString
    /// One sentence for the client.
    let detail: StaticString

    init(_ status: Int, _ code: StaticString, _ detail: StaticString) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    init(_ error: MessageError) { self.init(error.statusHint, error.code, error.reason) }

    init(_ failure: Failure) { self.init(failure.status, failure.code, failure.detail) }
}

extension GatewayAnswer {
    static var requestTimeout: GatewayAnswer {
        GatewayAnswer(408, "request-timeout", "The request did not arrive in time.")
    }
    static var truncatedRequest: GatewayAnswer {
        GatewayAnswer(400, "truncated-request", "The connection ended within the request.")
    }
    static var notFound: GatewayAnswer {
        GatewayAnswer(404, "no-route", "Nothing is served at this host and path.")
    }
    static var methodNotAllowed: GatewayAnswer {
        GatewayAnswer(405, "method-not-allowed", "The resource does not support this method.")
    }
    static var misdirected: GatewayAnswer {
        GatewayAnswer(421, "misdirected-request", "This host is not served on this address.")
    }
    static var encodedSlash: GatewayAnswer {
        GatewayAnswer(400, "encoded-slash", "The path holds an encoded slash or backslash.")
    }
    static var contentTooLarge: GatewayAnswer {
        GatewayAnswer(413, "content-too-large", "The request content is larger than this resource accepts.")
    }
    static var upgradeNotSupported: GatewayAnswer {
        GatewayAnswer(501, "upgrade-not-supported", "Switching to another protocol is not supported.")
    }
}

extension GatewayAnswer {
    /// Appends the problem details as JSON. Every text in them is a literal or a validated id, so nothing needs escaping.
    func appendBody(requestID: ByteView, to buffer: inout IOBuffer) {
        buffer.append("{\"type\":\"about:blank\",\"title\":\"")
        buffer.append(StatusCode.reason(status))
        buffer.append("\",\"status\":")
        buffer.append(decimal: status)
        buffer.append(",\"detail\":\"")
        buffer.append(detail)
        buffer.append("\",\"code\":\"")
        buffer.append(code)
        buffer.append("\",\"request_id\":\"")
        buffer.append(requestID)
        buffer.append("\"}\n")
    }
}
