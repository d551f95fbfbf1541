import Base
import Configuration
import Identity
import JOSE
import Linux

/// How an issuer's keys are doing, for people, probes and metrics. Holds nothing secret.
package struct IssuerStatus: Sendable {
    package enum Readiness: String, Sendable {
        /// The last attempt to get keys went well.
        case ready
        /// It failed; the last good keys are in use.
        case stale
        /// There never were any keys.
        case missing
    }

    package struct Key: Sendable, Equatable {
        /// Nil for a key without `kid`.
        package let id: String?
        /// Nil when the key leaves it to its type.
        package let algorithm: String?
        /// `RSA`, `EC` …
        package let type: String
        /// RFC 7638.
        package let thumbprint: String

        init(_ key: VerificationKey) {
            id = key.keyID?.string
            algorithm = key.algorithm.map { ByteView($0.name).string }
            type = ByteView(key.type.kty).string
            thumbprint = key.thumbprint.base64URL
        }
    }

    /// The name in the configuration.
    package let name: String
    /// What tokens say in `iss`.
    package let issuer: String
    /// The URL or path that keys come from, with the kind of source before it.
    package let source: String
    package let readiness: Readiness
    package let keys: [Key]
    package let lastSuccess: WallTime?
    /// Why the last attempt failed, and when; nil when it went well.
    package let problem: (text: String, at: WallTime)?
    /// Nil while a fetch is under way, and for files.
    package let nextFetch: WallTime?
    package let counts: IssuerCounts

    init(_ source: IssuerSource) {
        let now = WallTime(nanoseconds: SystemClock.wallNanoseconds())
        name = source.settings.name
        issuer = source.settings.issuer
        let kind: String
        let place: String
        switch source.settings.source {
        case .discovery(let url): (kind, place) = ("discovery", url.withoutQuery)
        case .jwks(let url): (kind, place) = ("jwks", url.withoutQuery)
        case .file(let path): (kind, place) = ("file", path)
        }
        let hidesPlace = source.settings.hidesPlace
        self.source = "\(kind) \(hidesPlace ? EffectiveConfiguration.mask : place)"
        if source.keys == nil {
            readiness = .missing
        } else {
            readiness = source.problem == nil ? .ready : .stale
        }
        keys = source.keys?.keys.map { Key($0) } ?? []
        lastSuccess = source.lastSuccess
        if let problem = source.problem, let time = source.lastFailure {
            self.problem = (problem.text(hidesPlace: hidesPlace), time)
        } else {
            problem = nil
        }
        nextFetch = source.untilNextFetch.map { WallTime(nanoseconds: now.nanoseconds &+ $0.nanoseconds) }
        counts = source.counts
    }
}
