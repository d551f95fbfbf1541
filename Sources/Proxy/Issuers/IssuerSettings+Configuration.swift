import Base
import Configuration
import Identity

extension IssuerSettings {
    /// What the configuration says about an issuer's keys.
    /// - Parameter secrets: the places of values that came out of `${env:…}` or `${file:…}`.
    package init(_ issuer: Issuer, secrets: Set<SourceLocation> = []) {
        let refresh = issuer.refresh
        let source: Source
        switch issuer.keys.value {
        case .discovery(let url): source = .discovery(FetchURL(url))
        case .keySet(let url): source = .jwks(FetchURL(url))
        case .file(let file): source = .file(path: file.path)
        }
        self.init(
            name: issuer.name, issuer: issuer.issuer.value, source: source, allowsHTTP: issuer.allowHTTP.value,
            caFile: issuer.authorities?.value.path,
            schedule: KeyRefresh.Schedule(
                intervalMin: refresh.intervalMin.value, intervalMax: refresh.intervalMax.value,
                unknownKeyCooldown: refresh.unknownKeyCooldown.value),
            fetchTimeout: refresh.fetchTimeout.value)
        let places = [issuer.keys.origin.location, issuer.issuer.origin.location].compactMap { $0 }
        hidesPlace = places.contains { secrets.contains($0) }
    }
}

extension FetchURL {
    fileprivate init(_ url: HTTPURL) {
        let host: Host
        switch url.host {
        case .name(let name): host = .name(name)
        case .address(let address): host = .address(address)
        }
        self.init(isSecure: url.isSecure, host: host, port: url.port, target: url.target)
    }
}
