import Base
import HTTP
import Linux
import TLS

/// Why a document could not be fetched.
package enum KeyFetchFailure: Error, Equatable, CustomStringConvertible {
    /// What a fetch was at when its time was up.
    package enum Phase: String, Sendable {
        case resolving = "the name's look-up"
        case connecting = "connecting"
        case securing = "the TLS handshake"
        case awaitingHead = "waiting for the answer"
        case content = "reading the answer"
    }

    case unresolved(ResolverError)
    case noAddress
    case noThread(Errno)
    /// The last address that was tried.
    case notConnected(IPEndpoint, Errno)
    case timedOut(Phase)
    case trust(TLSSetupError)
    case tls(TLSFailure)
    case lost(Errno)
    /// The connection was closed within the answer, or before it.
    case truncated
    case malformed(MessageError)
    /// Redirects are not followed: the configuration says where keys come from.
    case redirected(status: Int, location: String)
    /// Not 200.
    case refused(status: Int)
    /// A content coding that was not asked for.
    case encoded(String)
    /// More content than this many bytes.
    case tooLarge(limit: Int)
    case cancelled

    package var description: String {
        switch self {
        case .unresolved(let error): "the name can't be resolved: \(error)"
        case .noAddress: "the name has no address"
        case .noThread(let error): "no thread for the name's look-up: \(error)"
        case .notConnected(let endpoint, let error): "no connection to \(endpoint): \(error)"
        case .timedOut(let phase): "the time was up in \(phase.rawValue)"
        case .trust(let error): error.description
        case .tls(let failure): failure.description
        case .lost(let error): "the connection was lost: \(error)"
        case .truncated: "the answer was cut short"
        case .malformed(let error): "the answer is not HTTP: \(error.reason)"
        case .redirected(let status, let location):
            "the answer is a redirect (\(status)) to \(location), which is not followed"
        case .refused(let status): "the answer's status is \(status)"
        case .encoded(let coding): "the answer has the content coding \(coding)"
        case .tooLarge(let limit): "the answer is larger than \(limit) bytes"
        case .cancelled: "cancelled"
        }
    }
}

/// A document that was fetched, status 200.
package struct FetchedDocument {
    package let content: [UInt8]
    /// How long it may be kept from now on; nil when the answer doesn't say.
    package let freshness: TimeAmount?
}
