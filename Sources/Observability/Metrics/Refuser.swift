/// What made the gateway answer a request by itself instead of passing an upstream's answer on: the access log's
/// `refused_by`, and the label `by` of `portcullis_refusals_total`.
package enum Refuser: UInt8, CaseIterable, Sendable {
    /// The message itself: malformed, ambiguous, beyond a limit of heads or content, or not sent in time.
    case request
    /// Nothing is served there: no route, not this method, not on this listener.
    case routing
    /// A plugin of the access phase that looks at no identity.
    case access
    /// The plugins that find out who sends the request.
    case identity
    /// A rate limit.
    case rateLimit
    /// A limit of requests under way at once.
    case concurrency
    /// A circuit breaker.
    case breaker
    /// No target may be asked: none is healthy, or all were tried.
    case noHealthyTarget
    /// No connection to the upstream may be opened.
    case connectionLimit
    /// A change of the request that its content or form does not allow.
    case transform
    /// The upstream was asked, and gave no answer, or no valid one, or not in time.
    case upstream
    /// The gateway itself is not ready for the request.
    case gateway

    /// The label value.
    package var label: StaticString {
        switch self {
        case .request: "request"
        case .routing: "routing"
        case .access: "access"
        case .identity: "identity"
        case .rateLimit: "rate_limit"
        case .concurrency: "concurrency"
        case .breaker: "circuit_breaker"
        case .noHealthyTarget: "no_healthy_target"
        case .connectionLimit: "connection_limit"
        case .transform: "transform"
        case .upstream: "upstream"
        case .gateway: "gateway"
        }
    }
}
