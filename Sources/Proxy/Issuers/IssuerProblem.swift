import Base
import Identity
import JOSE
import Linux

/// Why an issuer's keys are not what they should be. The last good ones stay in use.
package enum IssuerProblem: Error, Equatable, CustomStringConvertible {
    case discoveryNotFetched(FetchURL, KeyFetchFailure)
    case discoveryRefused(FetchURL, DiscoveryDocument.Problem)
    case keysNotFetched(FetchURL, KeyFetchFailure)
    /// What was fetched is no key set.
    case keysRefused(FetchURL, KeySetProblem)
    case fileNotRead(path: String, Errno)
    case fileTooLarge(path: String, limit: Int)
    case fileRefused(path: String, KeySetProblem)

    package var description: String {
        switch self {
        case .discoveryNotFetched(let url, let failure), .keysNotFetched(let url, let failure): "\(url): \(failure)"
        case .discoveryRefused(let url, let problem): "\(url): \(problem)"
        case .keysRefused(let url, let problem): "\(url): \(problem)"
        case .fileNotRead(let path, let error): "\(path): \(error)"
        case .fileTooLarge(let path, let limit): "\(path): larger than \(limit) bytes"
        case .fileRefused(let path, let problem): "\(path): \(problem)"
        }
    }
}
