import Base
import HTTP
import Observability

/// An answer that the gateway itself gives, as problem details (RFC 9457).
package struct GatewayAnswer: Sendable {
    package let status: Int
    /// For the access log's `error`: stable, kebab-case.
    package let code: StaticString
    /// One sentence for the client.
    package let detail: StaticString
    /// What made the gateway answer; nil when nobody is there to get the answer.
    package let refuser: Refuser?
    /// The problem type, a URI.
    package var type: StaticString = "about:blank"
    /// When the client may try again, in seconds from now: for `Retry-After` (RFC 9110 section 10.2.3). 0 says nothing.
    package var retryAfterSeconds = 0

    init(
        _ status: Int, _ code: StaticString, _ detail: StaticString, by refuser: Refuser?, retryAfterSeconds: Int = 0
    ) {
        self.retryAfterSeconds = retryAfterSeconds
        self.status = status
        self.code = code
        self.detail = detail
        self.refuser = refuser
    }

    /// The answer to a request that is wrong in this way.
    package init(_ error: MessageError) { self.init(error.statusHint, error.code, error.reason, by: .request) }

    /// The answer when an exchange went wrong.
    package init(_ failure: Failure) { self.init(failure.status, failure.code, failure.detail, by: failure.refuser) }
}

extension GatewayAnswer {
    package static var requestTimeout: GatewayAnswer {
        GatewayAnswer(408, "request-timeout", "The request did not arrive in time.", by: .request)
    }
    package static var requestTooSlow: GatewayAnswer {
        GatewayAnswer(
            408, "request-too-slow", "The request did not arrive in the time that it may take as a whole.", by: .request
        )
    }
    package static var redirectWithoutHost: GatewayAnswer {
        GatewayAnswer(
            400, "redirect-without-host", "The request names no host, and the redirect needs one.", by: .request)
    }
    package static var truncatedRequest: GatewayAnswer {
        GatewayAnswer(400, "truncated-request", "The connection ended within the request.", by: .request)
    }
    package static var notFound: GatewayAnswer {
        GatewayAnswer(404, "no-route", "Nothing is served at this host and path.", by: .routing)
    }
    package static var methodNotAllowed: GatewayAnswer {
        GatewayAnswer(405, "method-not-allowed", "The resource does not support this method.", by: .routing)
    }
    package static var misdirected: GatewayAnswer {
        GatewayAnswer(421, "misdirected-request", "This host is not served on this address.", by: .routing)
    }
    package static var encodedSlash: GatewayAnswer {
        GatewayAnswer(400, "encoded-slash", "The path holds an encoded slash or backslash.", by: .request)
    }
    package static var contentTooLarge: GatewayAnswer {
        GatewayAnswer(
            413, "content-too-large", "The request content is larger than this resource accepts.", by: .request)
    }
    package static var keysNotReady: GatewayAnswer {
        GatewayAnswer(503, "keys-not-ready", "The gateway's keys are not ready yet.", by: .gateway)
    }
    package static var concurrencyLimit: GatewayAnswer {
        GatewayAnswer(
            503, "concurrency-limit", "Too many requests are under way, and as many as may wait already.",
            by: .concurrency, retryAfterSeconds: 1)
    }
    package static var concurrencyWait: GatewayAnswer {
        GatewayAnswer(
            503, "concurrency-wait", "Too many requests were under way for too long.", by: .concurrency,
            retryAfterSeconds: 1)
    }
    package static var circuitOpen: GatewayAnswer {
        GatewayAnswer(503, "circuit-open", "The service is not available at the moment.", by: .breaker)
    }
    package static var answersUnread: GatewayAnswer {
        GatewayAnswer(
            503, "answers-unread", "Too much of earlier answers is not read yet.", by: .gateway, retryAfterSeconds: 1)
    }
    package static var upgradeNotSupported: GatewayAnswer {
        GatewayAnswer(501, "upgrade-not-supported", "Switching to another protocol is not supported.", by: .request)
    }
}

extension GatewayAnswer {
    /// Appends the problem details as JSON, without their end, so that more members can follow. Every text in them is a
    /// literal or a validated id, so nothing needs escaping.
    package func appendMembers(requestID: ByteView, to buffer: inout IOBuffer) {
        buffer.append("{\"type\":\"")
        buffer.append(type)
        buffer.append("\",\"title\":\"")
        buffer.append(StatusCode.reason(status))
        buffer.append("\",\"status\":")
        buffer.append(decimal: status)
        buffer.append(",\"detail\":\"")
        buffer.append(detail)
        buffer.append("\",\"code\":\"")
        buffer.append(code)
        buffer.append("\",\"request_id\":\"")
        buffer.append(requestID)
        buffer.append("\"")
    }
}
