import Base

/// Where the keys of one issuer come from and how often they are fetched. What a token must look like is another
/// matter: a change there leaves the keys alone.
package struct IssuerSettings: Sendable, Hashable {
    package enum Source: Sendable, Hashable {
        /// An OpenID Connect discovery document, which names the key set (OpenID Connect Discovery 1.0 section 4).
        case discovery(FetchURL)
        /// A JWK set (RFC 7517 section 5).
        case jwks(FetchURL)
        /// A JWK set or PEM, at an absolute path; read when the configuration is loaded.
        case file(path: String)
    }

    /// The name in the configuration.
    package var name: String
    /// What tokens say in `iss`, and the discovery document in `issuer`; compared byte by byte.
    package var issuer: String
    package var source: Source
    /// Whether `http://` URLs are followed, in the discovery document too.
    package var allowsHTTP: Bool
    /// The certificates (PEM) that the issuer's chain must end in, at an absolute path; nil for the system's.
    package var caFile: String?
    package var schedule: KeyRefresh.Schedule
    /// The longest that fetching may take, from the look-up of the name to the last byte, discovery included.
    package var fetchTimeout: TimeAmount
    /// Whether the URL or path must not be shown: something in it came out of a reference.
    package var hidesPlace = false

    package init(
        name: String, issuer: String, source: Source, allowsHTTP: Bool = false, caFile: String? = nil,
        schedule: KeyRefresh.Schedule = KeyRefresh.Schedule(), fetchTimeout: TimeAmount = .seconds(5)
    ) {
        self.name = name
        self.issuer = issuer
        self.source = source
        self.allowsHTTP = allowsHTTP
        self.caFile = caFile
        self.schedule = schedule
        self.fetchTimeout = fetchTimeout
    }

    /// What the keys depend on: while it stays the same, they are good, whatever else changes.
    package struct Origin: Sendable, Hashable {
        let issuer: String
        let source: Source
        let allowsHTTP: Bool
        let caFile: String?
    }

    package var origin: Origin { Origin(issuer: issuer, source: source, allowsHTTP: allowsHTTP, caFile: caFile) }
}
