import Base
import Observability

/// Why an exchange could not go well: what happened, and from that the status, the log's code and the metric's label.
enum Failure: UInt8, CaseIterable, Sendable {
    // The client's.
    /// The client closed or reset its connection.
    case clientLeft
    /// The client didn't read its answer in time.
    case clientStalled

    // The upstream's.
    case connectRefused
    case connectTimedOut
    case nameNotResolved
    /// Every target is drained (weight 0), or was tried without success.
    case noTarget
    /// The upstream has as many connections as it may have.
    case connectionLimit
    /// The connection ended before the first byte of a response.
    case closedBeforeResponse
    case responseHeaderTimedOut
    case malformedResponse
    /// The response ended before its announced end.
    case truncatedResponse
    case upstreamIdle
    /// More interim responses than any server has reason to send.
    case tooManyInterimResponses
    /// The whole request took longer than its route allows.
    case requestTimedOut

    /// The status for the client, when none has been sent yet; 0 when nobody is there to get it.
    var status: Int {
        switch self {
        case .clientLeft, .clientStalled: 0
        case .connectRefused, .closedBeforeResponse, .malformedResponse, .truncatedResponse, .tooManyInterimResponses: 502
        case .nameNotResolved, .noTarget, .connectionLimit: 503
        case .connectTimedOut, .responseHeaderTimedOut, .upstreamIdle, .requestTimedOut: 504
        }
    }

    /// For the access log's `error`: stable, kebab-case.
    var code: StaticString {
        switch self {
        case .clientLeft: "client-left"
        case .clientStalled: "client-stalled"
        case .connectRefused: "upstream-connect-failed"
        case .connectTimedOut: "upstream-connect-timeout"
        case .nameNotResolved: "upstream-name-not-resolved"
        case .noTarget: "upstream-no-target"
        case .connectionLimit: "upstream-connection-limit"
        case .closedBeforeResponse: "upstream-closed-before-response"
        case .responseHeaderTimedOut: "upstream-response-header-timeout"
        case .malformedResponse: "upstream-malformed-response"
        case .truncatedResponse: "upstream-truncated-response"
        case .upstreamIdle: "upstream-idle-timeout"
        case .tooManyInterimResponses: "upstream-too-many-interim-responses"
        case .requestTimedOut: "request-timeout"
        }
    }

    /// One sentence for the client; it tells nothing about what is behind the gateway.
    var detail: StaticString {
        switch self {
        case .clientLeft, .clientStalled: ""
        case .connectRefused: "The service could not be reached."
        case .connectTimedOut: "The service could not be reached in time."
        case .nameNotResolved, .noTarget, .connectionLimit: "The service is not available at the moment."
        case .closedBeforeResponse: "The service ended the connection without an answer."
        case .malformedResponse, .tooManyInterimResponses, .truncatedResponse: "The service gave an invalid answer."
        case .responseHeaderTimedOut, .upstreamIdle, .requestTimedOut: "The service did not answer in time."
        }
    }

    /// How it counts against the target; nil when the target is not to blame.
    var targetFailure: UpstreamFailure? {
        switch self {
        case .clientLeft, .clientStalled, .noTarget, .connectionLimit: nil
        case .connectRefused: .connectRefused
        case .connectTimedOut: .connectTimeout
        case .nameNotResolved: .unresolved
        case .closedBeforeResponse: .closedBeforeResponse
        case .responseHeaderTimedOut: .headTimeout
        case .malformedResponse, .tooManyInterimResponses: .malformedResponse
        case .truncatedResponse: .truncatedResponse
        case .upstreamIdle: .idleTimeout
        case .requestTimedOut: .totalTimeout
        }
    }
}
