/// Why a connection to a server is of no use.
package enum SessionProblem: Error, Sendable, Hashable {
    /// What comes is no protocol of ours.
    case malformed(ReplyError)
    /// The server refused a step of the greeting.
    case refused(SessionStep, ServerError)
    /// The server answered a step with something else than is due.
    case unexpected(SessionStep)
    /// It is a replica, or a Sentinel, where a master is wanted.
    case notMaster
    /// The Sentinel knows no master of that name.
    case masterUnknown
    /// The Sentinel says that the master is at something that is no address.
    case masterNotAnAddress

    /// For logs and metrics: stable, kebab-case.
    package var code: StaticString {
        switch self {
        case .malformed: "malformed-reply"
        case .refused(_, let error): error.code
        case .unexpected: "unexpected-reply"
        case .notMaster: "not-master"
        case .masterUnknown: "master-unknown"
        case .masterNotAnAddress: "master-not-an-address"
        }
    }
}

/// What a reply answers.
package enum SessionStep: UInt8, Sendable, Hashable {
    case authenticate
    case select
    case role
    case loadScript
    case probe
    case check
    case findMaster
}
