/// Keys that people look for in a section that doesn't have them, and where they are.
extension Key {
    private static var pluginNames: [StaticString] {
        [
            "request_transform", "response_transform", "ip_restriction", "jwt", "spiffe", "internal_jwt", "rate_limit",
        ]
    }

    /// Without those that a route has too.
    private static var upstreamNames: [StaticString] {
        [
            "targets", "balancer", "hash_on", "keep_alive", "circuit_breaker", "health_check", "slow_start",
            "panic_threshold", "retry_budget", "host_header",
        ]
    }

    /// Without those that a domain's file has too.
    private static var gatewayNames: [StaticString] {
        [
            "workers", "admin", "trusted_proxies", "access_log", "error_log", "audit_log", "issuers", "internal_tokens",
            "stores", "dns", "forwarding", "server_header", "domains",
        ]
    }

    private static func moved(_ names: [StaticString], _ place: (String) -> String) -> [Key] {
        names.map { .elsewhere($0, place("`\($0)`")) }
    }

    /// In gateway.yaml.
    static var misplacedInGateway: [Key] {
        let parts: [[Key]] = [
            moved(pluginNames) { "put \($0) under `defaults: {plugins: …}`, or into a domain's file" },
            moved(upstreamNames) { "put \($0) under an upstream, in a domain's file" },
            moved(["retries"]) { "put \($0) under `defaults`, or into a domain's file" },
        ]
        return parts.flatMap { $0 }
    }

    /// In a domain's file.
    static var misplacedInDomain: [Key] {
        let parts: [[Key]] = [
            moved(pluginNames) { "put \($0) under `plugins`" },
            moved(upstreamNames) { "put \($0) under an upstream, in `upstreams`" },
            moved(gatewayNames) { "\($0) belongs in gateway.yaml" },
            moved(["defaults"]) { _ in
                "what holds for all routes of the file stands at its top: `timeouts`, `limits`, `retries`, `plugins`"
            },
            moved(["match", "split", "redirect", "respond", "rewrite", "concurrency"]) {
                "put \($0) under a route, in `routes`"
            },
        ]
        return parts.flatMap { $0 }
    }

    /// In gateway.yaml's `defaults`.
    static var misplacedInDefaults: [Key] {
        let parts: [[Key]] = [
            moved(pluginNames) { "put \($0) under `plugins`" },
            moved(upstreamNames + ["concurrency"]) { "put \($0) under an upstream, in a domain's file" },
        ]
        return parts.flatMap { $0 }
    }

    /// In a route.
    static var misplacedInRoute: [Key] {
        let parts: [[Key]] = [
            moved(pluginNames) { "put \($0) under `plugins`" },
            moved(upstreamNames) { "put \($0) under the upstream, in `upstreams`" },
            moved(["headers", "query"]) {
                "put \($0) under `match` for a condition, under `plugins: {request_transform: …}` for a change"
            },
            moved(["path", "prefix", "hosts", "host", "methods", "method", "listeners"]) {
                "put \($0) under `match`"
            },
            moved(["strip_prefix"]) { "put \($0) under `rewrite`" },
            moved(["status", "body"]) { "put \($0) under `respond`" },
            moved(["location"]) { "put \($0) under `redirect`" },
        ]
        return parts.flatMap { $0 }
    }

    /// Among the limits of a route, of a domain's file and of `defaults`: what is counted before there is a route.
    static var misplacedInLimits: [Key] {
        moved([
            "connections_max", "connections_per_listener_max", "connections_per_client_max",
            "requests_per_connection_max", "header_bytes_max", "header_count_max", "target_bytes_max",
        ]) { "put \($0) under gateway.yaml's `limits`: it is about clients, whatever route they want" }
    }

    /// Among the time-outs of a route, of a domain's file and of `defaults`.
    static var misplacedInTimeouts: [Key] {
        moved(["header_read", "body_idle", "keep_alive_idle", "write_idle", "drain"]) {
            "put \($0) under gateway.yaml's `timeouts`: it is about clients, whatever route they want"
        }
    }

    /// In an upstream.
    static var misplacedInUpstream: [Key] {
        let parts: [[Key]] = [
            moved(["retries"]) { "put \($0) under a route, at the top of the file, or under `defaults`" },
            moved(["host"]) { "write `host_header`, or put \($0) under a route's `rewrite`" },
            moved(["url", "weight", "priority"]) { "put \($0) under one of the `targets`" },
        ]
        return parts.flatMap { $0 }
    }
}
