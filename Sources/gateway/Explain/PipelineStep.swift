import Configuration

/// The fixed pipeline that every request goes through, in order: the one list of it that people see. What isn't active
/// on a route is passed over there, and shown as off.
package enum PipelineStep: Int, CaseIterable, Sendable {
    case accept
    case parse
    case canonicalPath
    case strip
    case forwarding
    case route
    case requestLimits
    case ipRestriction
    case rateLimit
    case jwt
    case spiffe
    case callerRateLimit
    case answer
    case rewrite
    case requestTransform
    case concurrency
    case internalJWT
    case circuitBreaker
    case pickTarget
    case proxy
    case retry
    case responseTransform
    case log

    package var title: String {
        switch self {
        case .accept: "accept the connection"
        case .parse: "parse one request"
        case .canonicalPath: "canonical path"
        case .strip: "strip identity and hop-by-hop headers"
        case .forwarding: "request id, forwarding headers, trace context"
        case .route: "route"
        case .requestLimits: "request limits"
        case .ipRestriction: "ip_restriction"
        case .rateLimit: "rate_limit"
        case .jwt: "jwt"
        case .spiffe: "spiffe, tenant boundary"
        case .callerRateLimit: "rate_limit by identity"
        case .answer: "answer without an upstream"
        case .rewrite: "rewrite path and host"
        case .requestTransform: "request_transform"
        case .concurrency: "concurrency"
        case .internalJWT: "internal_jwt"
        case .circuitBreaker: "circuit_breaker"
        case .pickTarget: "pick a target"
        case .proxy: "proxy, with time-outs"
        case .retry: "retry"
        case .responseTransform: "response_transform"
        case .log: "access log and metrics"
        }
    }
}

extension PipelineStep {
    /// The plugin's name in the configuration, for those that decide about callers.
    var key: String {
        switch self {
        case .spiffe: "spiffe"
        default: title
        }
    }
}

/// A step as one route has it.
package struct ExplainedStep {
    /// One effective value.
    package struct Value {
        /// The key in the configuration.
        let name: String
        let text: String
        let origin: Origin
    }

    package let step: PipelineStep
    package let isActive: Bool
    package let values: [Value]
}
