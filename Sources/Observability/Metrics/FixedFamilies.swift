import Base
import HTTP

/// The families whose series do not depend on the configuration.
struct FixedFamilies {
    let registry: MetricsRegistry
    let shards: [MetricsShard]
    let targets: [TargetConnections]
    let sample: ProcessSample

    func render(_ text: inout PrometheusText) {
        process(&text)
        configuration(&text)
        connections(&text)
        upstreams(&text)
        TrafficFamilies(concurrency: sample.concurrency, retryBudgets: sample.retryBudgets).render(&text)
        logs(&text)
        UpstreamHealthFamilies(upstreams: sample.upstreams).render(&text)
        IssuerFamilies(issuers: sample.issuers).render(&text)
        StoreFamilies(stores: sample.stores).render(&text)
        IdentityFamilies(shards: shards, signingKeys: sample.signingKeys).render(&text)
        LimitFamilies(limits: MergedSeries.merge(shards.map(\.limits)), takeovers: sample.limitTakeovers).render(&text)
    }

    private func process(_ text: inout PrometheusText) {
        let build: StaticString = "portcullis_build_info"
        text.family(build, .gauge, help: "Always 1; the label tells the version that runs.")
        text.label("version", registry.version)
        text.sample(build, 1)
        text.clearLabels()
        let start: StaticString = "process_start_time_seconds"
        text.family(start, .gauge, help: "When the process started, in seconds since 1970.")
        text.sample(start, nanoseconds: UInt64(max(registry.startTime.nanoseconds, 0)))
        text.single("portcullis_loops", .gauge, help: "Event loops, one thread each.", UInt64(shards.count))
        if let bytes = sample.residentBytes {
            text.single("process_resident_memory_bytes", .gauge, help: "Resident memory.", bytes)
        }
        if let count = sample.openDescriptors {
            text.single("process_open_fds", .gauge, help: "File descriptors open.", count)
        }
    }

    private func configuration(_ text: inout PrometheusText) {
        let reloads: StaticString = "portcullis_reloads_total"
        text.family(reloads, .counter, help: "Configuration reloads asked for, by result.")
        for result in ReloadResult.allCases {
            text.label("result", result.label)
            text.sample(reloads, registry.reloads(result))
            text.clearLabels()
        }
        let configured = registry.configured
        if let since = configured.since {
            let name: StaticString = "portcullis_configuration_applied_timestamp_seconds"
            text.family(name, .gauge, help: "When the configuration that is served took effect.")
            text.sample(name, nanoseconds: UInt64(max(since.nanoseconds, 0)))
        }
        if let digest = configured.digest {
            let name: StaticString = "portcullis_configuration_info"
            text.family(name, .gauge, help: "Always 1; the label tells the digest of the configuration served.")
            text.label("digest", digest)
            text.sample(name, 1)
            text.clearLabels()
        }
        text.single(
            "portcullis_dns_refresh_failures_total", .counter,
            help: "Names that could not be resolved again; their last good answer stays in use.",
            registry.resolutionFailureCount)
    }

    private func connections(_ text: inout PrometheusText) {
        text.single(
            "portcullis_connections_accepted_total", .counter, help: "Client connections accepted.",
            sum(.connectionsAccepted))
        text.single("portcullis_connections", .gauge, help: "Client connections open.", sum(.connectionsOpen))
        text.single("portcullis_requests_active", .gauge, help: "Requests under way.", sum(.requestsActive))
        let refused: StaticString = "portcullis_connections_refused_total"
        text.family(refused, .counter, help: "Client connections closed at once, by the limit that they exceeded.")
        for limit in ConnectionLimit.allCases {
            text.label("limit", limit.label)
            text.sample(refused, shards.reduce(0) { $0 &+ $1.refusedConnections(limit) })
            text.clearLabels()
        }
        let malformed: StaticString = "portcullis_requests_refused_total"
        text.family(malformed, .counter, help: "Requests that the protocol layer refused, by reason.")
        for reason in MessageError.allCases {
            let count = shards.reduce(0) { $0 &+ $1.refusedRequests(reason) }
            // Zeros too: a rate over a series that begins with its first refusal would miss that one.
            text.label("reason", reason.label)
            text.sample(malformed, count)
            text.clearLabels()
        }
    }

    private func upstreams(_ text: inout PrometheusText) {
        text.single(
            "portcullis_upstream_connections_opened_total", .counter, help: "Upstream connections established.",
            sum(.upstreamConnectionsOpened))
        text.single(
            "portcullis_upstream_connections_reused_total", .counter,
            help: "Requests sent on an upstream connection that had served another one before.",
            sum(.upstreamConnectionsReused))
        text.single(
            "portcullis_upstream_connect_failures_total", .counter,
            help: "Upstream connections that could not be established.", sum(.upstreamConnectFailures))
        text.single(
            "portcullis_upstream_retries_total", .counter, help: "Requests sent a second time.",
            sum(.upstreamRetries))
        let pool: StaticString = "portcullis_upstream_connections"
        text.family(pool, .gauge, help: "Upstream connections open, by what they do.")
        text.label("state", "idle" as StaticString)
        text.sample(pool, targets.reduce(0) { $0 &+ UInt64($1.idle) })
        text.clearLabels()
        text.label("state", "active" as StaticString)
        text.sample(pool, targets.reduce(0) { $0 &+ UInt64($1.active) })
        text.clearLabels()
    }

    private func logs(_ text: inout PrometheusText) {
        text.single(
            "portcullis_admin_connections_displaced_total", .counter,
            help: "Connections to the admin listener closed to make room: there were too many.",
            sample.displacedAdminConnections)
        let written: StaticString = "portcullis_log_lines_written_total"
        text.family(written, .counter, help: "Log lines written.")
        logLine(written, &text) { $0.writtenLines }
        let dropped: StaticString = "portcullis_log_lines_dropped_total"
        text.family(dropped, .counter, help: "Log lines lost: the log could not be written fast enough, or at all.")
        logLine(dropped, &text) { $0.droppedLines }
    }

    private func logLine(_ name: StaticString, _ text: inout PrometheusText, _ count: (LogStatistics) -> UInt64) {
        text.label("log", "access" as StaticString)
        text.sample(name, count(sample.accessLog))
        text.clearLabels()
        text.label("log", "audit" as StaticString)
        text.sample(name, count(sample.auditLog))
        text.clearLabels()
        text.label("log", "error" as StaticString)
        text.sample(name, count(sample.errorLog))
        text.clearLabels()
    }

    private func sum(_ counter: ShardCounter) -> UInt64 { shards.reduce(0) { $0 &+ $1.value(counter) } }
    private func sum(_ gauge: ShardGauge) -> UInt64 { shards.reduce(0) { $0 &+ $1.value(gauge) } }
}
