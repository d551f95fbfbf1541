import Proxy

/// `/`: what there is.
final class IndexEndpoint: LocalHandler {
    func respond(to request: LocalRequest) -> LocalAnswer {
        .text(
            """
            portcullis

            /livez      the process lives: 200
            /readyz     it serves: 200; it drains: 503; with the configuration's digest and the last reload's result
            /metrics    metrics for Prometheus
            /config     the effective configuration, each value with its place, secrets masked
            /routes     all routes by rank
            /upstreams  all targets with their addresses, connections, circuit breakers and health checks;
                        POST /upstreams/DOMAIN/NAME/reset closes the circuit breakers
            /limits     all rate limits with their buckets, and concurrency limits; ?limit=IDENTITY&key=VALUE: how one key stands
            /issuers    whose tokens are accepted, with their keys, the last fetch and the next one
            /stores     how each event loop stands with the stores that replicas share

            /.well-known/jwks.json           the gateway's own public keys, as a JWK set
            /.well-known/spiffe-bundle.json  the same as a SPIFFE bundle

            """)
    }
}
