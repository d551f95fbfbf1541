import Base
import Observability
import Upstream

/// Why an exchange could not go well, and whose fault that is: status, log code and metric follow from it.
package enum Failure: Equatable {
    /// The client closed or reset its connection.
    case clientLeft
    /// The client didn't read its answer in time.
    case clientStalled
    /// The gateway ends, and the time for requests under way was over.
    case drainEnded
    /// The upstream is to blame, or the time that the route gives it.
    case upstream(UpstreamError)

    /// The status for the client, when none has been sent yet; 0 when none will be sent.
    package var status: Int {
        switch self {
        case .clientLeft, .clientStalled, .drainEnded: 0
        case .upstream(let error): error.status
        }
    }

    /// For the access log's `error`: stable, kebab-case.
    package var code: StaticString {
        switch self {
        case .clientLeft: "client-left"
        case .clientStalled: "client-stalled"
        case .drainEnded: "drain-ended"
        case .upstream(let error): error.code
        }
    }

    /// One sentence for the client; it tells nothing about what is behind the gateway.
    package var detail: StaticString {
        switch self {
        case .clientLeft, .clientStalled, .drainEnded: ""
        case .upstream(let error):
            switch error.status {
            case 503: "The service is not available at the moment."
            case 504: "The service did not answer in time."
            default: "The service could not be reached or gave no valid answer."
            }
        }
    }

    /// What the answer is put down to; nil when none is given.
    package var refuser: Refuser? {
        switch self {
        case .clientLeft, .clientStalled, .drainEnded: nil
        case .upstream(.noTargetAvailable): .noHealthyTarget
        case .upstream(.poolExhausted): .connectionLimit
        case .upstream: .upstream
        }
    }

    /// How it counts against the target; nil when the target is not to blame.
    package var targetFailure: UpstreamFailure? {
        switch self {
        case .clientLeft, .clientStalled, .drainEnded: nil
        case .upstream(let error): error.targetFailure
        }
    }
}

extension UpstreamError {
    fileprivate var targetFailure: UpstreamFailure? {
        switch self {
        case .noTargetAvailable, .poolExhausted: nil
        case .connectRefused, .connectFailed: .connectRefused
        case .connectTimedOut: .connectTimeout
        case .nameNotResolved: .unresolved
        case .closedBeforeResponse, .resetBeforeResponse: .closedBeforeResponse
        case .responseHeaderTimedOut, .attemptTimedOut: .headTimeout
        case .malformedResponse, .unexpectedUpgrade: .malformedResponse
        case .responseTruncated: .truncatedResponse
        case .idleTimedOut: .idleTimeout
        case .requestTimedOut: .totalTimeout
        }
    }
}
