import Base
import Configuration
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

    package var description: String { text(hidesPlace: false) }

    /// - Parameter hidesPlace: whether to mask the URL or path.
    package func text(hidesPlace: Bool) -> String {
        switch self {
        case .discoveryNotFetched(let url, let failure), .keysNotFetched(let url, let failure):
            "\(Self.shown(url.withoutQuery, hidesPlace)): \(failure)"
        case .discoveryRefused(let url, let problem): "\(Self.shown(url.withoutQuery, hidesPlace)): \(problem)"
        case .keysRefused(let url, let problem): "\(Self.shown(url.withoutQuery, hidesPlace)): \(problem)"
        case .fileNotRead(let path, let error): "\(Self.shown(path, hidesPlace)): \(error)"
        case .fileTooLarge(let path, let limit): "\(Self.shown(path, hidesPlace)): larger than \(limit) bytes"
        case .fileRefused(let path, let problem): "\(Self.shown(path, hidesPlace)): \(problem)"
        }
    }

    private static func shown(_ place: String, _ isHidden: Bool) -> String {
        isHidden ? EffectiveConfiguration.mask : place
    }
}
