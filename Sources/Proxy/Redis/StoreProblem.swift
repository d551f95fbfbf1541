import Base
import Linux
import Redis
import TLS

/// Why a loop can't use its store.
enum StoreProblem: Equatable {
    /// No address of any server is known.
    case noAddress
    case notConnected(Errno)
    /// Connecting, TLS or the greeting took too long.
    case timedOut
    case tls(TLSFailure)
    /// There can be no TLS: the authorities' file is of no use.
    case tlsSetup
    case session(SessionProblem)
    /// The server has closed the connection.
    case closed
    /// Too many checks in a row failed.
    case checksFailed

    /// For logs and the admin listener.
    var text: String {
        switch self {
        case .noAddress: "no address is known"
        case .notConnected(let error): "not connected: \(error.description)"
        case .timedOut: "timed out"
        case .tls(let failure): failure.description
        case .tlsSetup: "TLS can't be set up"
        case .session(let problem): ByteView(problem.code).string
        case .closed: "the server closed the connection"
        case .checksFailed: "checks failed"
        }
    }
}
