import Observability
import Proxy

/// The endpoints of the admin listener: GET and HEAD look, POST changes.
package enum AdminEndpoints {
    /// - Parameters:
    ///   - state: kept up to date by the caller.
    ///   - sample: what only the operating system and the logs know, read for each scrape of the metrics.
    package static func make(
        gateway: Gateway, state: AdminState, sample: @escaping () -> ProcessSample
    ) -> [LocalEndpoint] {
        [
            LocalEndpoint(path: "/", handler: IndexEndpoint()),
            LocalEndpoint(path: "/livez", handler: LivenessEndpoint()),
            LocalEndpoint(path: "/readyz", handler: ReadinessEndpoint(state: state, gateway: gateway)),
            LocalEndpoint(path: "/metrics", handler: MetricsEndpoint(gateway: gateway, sample: sample)),
            LocalEndpoint(path: "/config", handler: ConfigurationEndpoint(gateway: gateway)),
            LocalEndpoint(path: "/routes", handler: RoutesEndpoint(gateway: gateway)),
            LocalEndpoint(path: "/upstreams", handler: UpstreamsEndpoint(gateway: gateway)),
            LocalEndpoint(path: "/limits", handler: LimitsEndpoint(gateway: gateway)),
            LocalEndpoint(
                path: BreakerResetEndpoint.path, method: "POST", handler: BreakerResetEndpoint(gateway: gateway)),
            LocalEndpoint(path: "/issuers", handler: IssuersEndpoint(gateway: gateway)),
            LocalEndpoint(path: "/stores", handler: StoresEndpoint(gateway: gateway)),
            LocalEndpoint(path: "/.well-known/jwks.json", handler: KeysEndpoint(.keySet, gateway: gateway)),
            LocalEndpoint(path: "/.well-known/spiffe-bundle.json", handler: KeysEndpoint(.bundle, gateway: gateway)),
        ]
    }
}

extension LocalAnswer {
    static func text(_ text: String, status: Int = 200) -> LocalAnswer {
        LocalAnswer(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    static func json(_ value: JSONOutput, status: Int = 200) -> LocalAnswer { json(value.text, status: status) }

    static func json(_ text: String, status: Int = 200) -> LocalAnswer {
        LocalAnswer(status: status, contentType: "application/json", body: Array(text.utf8))
    }
}
