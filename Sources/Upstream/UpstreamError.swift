/// Why an upstream gave no answer, or no whole one. Status, log code and whether anything was sent follow from the
/// case.
package enum UpstreamError: Error, Sendable, Hashable, CaseIterable {
    /// The target refused the connection: nobody listens there.
    case connectRefused
    /// The target didn't take the connection within the time for connecting.
    case connectTimedOut
    /// No way to the target's network or host, or another failure before the connection stood.
    case connectFailed
    /// The target's name has never been resolved.
    case nameNotResolved
    /// All targets are drained, known to be down or already tried.
    case noTargetAvailable
    /// The limit of connections to the upstream is reached, and so is that of requests waiting for one.
    case poolExhausted
    /// The response's head didn't arrive within its time.
    case responseHeaderTimedOut
    /// The response's head didn't arrive within the time that one of several attempts has.
    case attemptTimedOut
    /// Nothing moved for the idle time: neither request nor response.
    case idleTimedOut
    /// The whole exchange took longer than the route allows.
    case requestTimedOut
    /// The connection was reset before a byte of the response.
    case resetBeforeResponse
    /// The connection was closed before a byte of the response.
    case closedBeforeResponse
    /// What arrived is no response: syntax, framing, a head beyond the limits.
    case malformedResponse
    /// A 101 that nobody asked for.
    case unexpectedUpgrade
    /// The connection ended within the response.
    case responseTruncated

    /// The status for the client (RFC 9110 section 15.6): 502 for a bad answer, 503 when there is nobody to ask, 504
    /// when time ran out. Meaningless once a response is under way: then the client's connection is cut.
    package var status: Int {
        switch self {
        case .connectRefused, .connectFailed, .resetBeforeResponse, .closedBeforeResponse, .malformedResponse,
            .unexpectedUpgrade, .responseTruncated:
            502
        case .nameNotResolved, .noTargetAvailable, .poolExhausted: 503
        case .connectTimedOut, .responseHeaderTimedOut, .attemptTimedOut, .idleTimedOut, .requestTimedOut: 504
        }
    }

    /// A stable name for logs, metrics and the problem document.
    package var code: StaticString {
        switch self {
        case .connectRefused: "connect-refused"
        case .connectTimedOut: "connect-timed-out"
        case .connectFailed: "connect-failed"
        case .nameNotResolved: "name-not-resolved"
        case .noTargetAvailable: "no-target-available"
        case .poolExhausted: "pool-exhausted"
        case .responseHeaderTimedOut: "response-header-timed-out"
        case .attemptTimedOut: "attempt-timed-out"
        case .idleTimedOut: "idle-timed-out"
        case .requestTimedOut: "request-timed-out"
        case .resetBeforeResponse: "reset-before-response"
        case .closedBeforeResponse: "closed-before-response"
        case .malformedResponse: "malformed-response"
        case .unexpectedUpgrade: "unexpected-upgrade"
        case .responseTruncated: "response-truncated"
        }
    }

    /// Whether it happened before a connection stood, so that nothing of the request can have arrived.
    package var isBeforeConnection: Bool {
        switch self {
        case .connectRefused, .connectTimedOut, .connectFailed, .nameNotResolved: true
        case .noTargetAvailable, .poolExhausted, .responseHeaderTimedOut, .attemptTimedOut, .idleTimedOut,
            .requestTimedOut, .resetBeforeResponse, .closedBeforeResponse, .malformedResponse, .unexpectedUpgrade,
            .responseTruncated:
            false
        }
    }

    /// Whether the connection ended before a byte of the response: what a keep-alive race looks like.
    package var isLostConnection: Bool { self == .resetBeforeResponse || self == .closedBeforeResponse }
}
