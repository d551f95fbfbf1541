import Base
import Foundation
import HTTP
import Observability
import Testing

private let promtoolPath = "/usr/bin/promtool"

@Suite("Metrics")
struct MetricsTests {
    private static let leases = Lock<[MetricsLease]>([])

    private func registry() -> MetricsRegistry {
        MetricsRegistry(version: "1.2.3", startTime: WallTime(nanoseconds: 1_700_000_000_250_000_000))
    }

    private func exposition(_ registry: MetricsRegistry, _ sample: ProcessSample = ProcessSample()) -> String {
        let scrape = registry.scrape(sample)
        var buffer = IOBuffer()
        scrape.render(into: &buffer)
        return text(buffer)
    }

    private func lines(_ text: String, _ prefix: String) -> [String] {
        text.split(separator: "\n").map(String.init).filter { $0.hasPrefix(prefix) }
    }

    /// The value of the sample whose line begins so.
    private func value(_ text: String, _ series: String) -> String? {
        lines(text, series + " ").first.map { String($0.dropFirst(series.count + 1)) }
    }

    @Test("requests are counted by route, method and status class, over all loops")
    func requests() {
        let registry = registry()
        let loops = (0..<2).map { _ in registry.makeShard() }
        let leases = loops.map { $0.lease() }
        for lease in leases {
            var route = lease.routeMetrics(id: "bank-a/read")
            _ = lease.routeMetrics(id: "bank-a/untouched")
            route.record(method: .get, status: 200, total: .milliseconds(1), upstream: nil, bytesIn: 10, bytesOut: 20)
            route.record(method: .get, status: 204, total: .milliseconds(1), upstream: nil, bytesIn: 1, bytesOut: 2)
            route.record(method: .post, status: 503, total: .milliseconds(1), upstream: nil, bytesIn: 0, bytesOut: 0)
            route.record(method: .other, status: 0, total: .milliseconds(1), upstream: nil, bytesIn: 0, bytesOut: 0)
        }
        let text = exposition(registry)
        #expect(
            lines(text, "portcullis_http_requests_total") == [
                #"portcullis_http_requests_total{route="bank-a/read",method="GET",status_class="2xx"} 4"#,
                #"portcullis_http_requests_total{route="bank-a/read",method="POST",status_class="5xx"} 2"#,
                #"portcullis_http_requests_total{route="bank-a/read",method="other",status_class="none"} 2"#,
            ])
        #expect(value(text, #"portcullis_http_request_bytes_total{route="bank-a/read"}"#) == "22")
        #expect(value(text, #"portcullis_http_response_bytes_total{route="bank-a/read"}"#) == "44")
        #expect(!text.contains("untouched"))
    }

    @Test(
        "status classes",
        arguments: [
            (100, "1xx"), (199, "1xx"), (200, "2xx"), (399, "3xx"), (404, "4xx"), (599, "5xx"), (600, "none"),
            (99, "none"), (0, "none"), (-1, "none"), (Int.max, "none"), (Int.min, "none"),
        ])
    func statusClass(status: Int, label: String) {
        let registry = registry()
        let lease = registry.makeShard().lease()
        var route = lease.routeMetrics(id: "r")
        route.record(
            method: .get, status: status, total: .zero, upstream: nil, bytesIn: 0, bytesOut: 0)
        #expect(exposition(registry).contains("status_class=\"\(label)\"} 1"))
    }

    @Test("a duration on a bound belongs to its bucket, one nanosecond more to the next")
    func buckets() throws {
        let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
        for (index, bound) in bounds.enumerated() {
            for excess in [Int64(-1), 0, 1] {
                let registry = registry()
                let lease = registry.makeShard().lease()
                let amount = TimeAmount.nanoseconds(Int64((bound * 1e9).rounded()) + excess)
                var route = lease.routeMetrics(id: "r")
                route.record(
                    method: .get, status: 200, total: amount, upstream: amount, bytesIn: 0, bytesOut: 0)
                for name in ["request", "upstream"] {
                    let family = "portcullis_http_\(name)_duration_seconds"
                    let counts = lines(exposition(registry), family + "_bucket")
                        .compactMap { $0.split(separator: " ").last.map(String.init) }
                    let first = excess > 0 ? index + 1 : index
                    #expect(counts == (0...16).map { $0 >= first ? "1" : "0" }, "\(bound) \(excess)")
                }
            }
        }
    }

    @Test("a histogram's labels, sum and count; negative durations count as none")
    func histogram() {
        let registry = registry()
        let lease = registry.makeShard().lease()
        var route = lease.routeMetrics(id: "r")
        for nanoseconds in [Int64(1), 1_234_567_890, -5, 70_000_000_000] {
            route.record(
                method: .get, status: 200, total: .nanoseconds(nanoseconds), upstream: nil, bytesIn: 0, bytesOut: 0)
        }
        let text = exposition(registry)
        let family = "portcullis_http_request_duration_seconds"
        let labels = lines(text, family + "_bucket").compactMap { $0.split(separator: "\"").dropFirst(3).first }
        let bounds = "0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 +Inf"
        #expect(labels.joined(separator: " ") == bounds)
        #expect(value(text, family + #"_bucket{route="r",le="+Inf"}"#) == "4")
        #expect(value(text, family + #"_count{route="r"}"#) == "4")
        #expect(value(text, family + #"_sum{route="r"}"#) == "71.234567891")
        #expect(value(text, #"portcullis_http_upstream_duration_seconds_count{route="r"}"#) == "0")
    }

    @Test("a reload keeps the counts of kept routes and drops removed ones once their last lease is gone")
    func reload() throws {
        let registry = registry()
        let shard = registry.makeShard()
        func record(_ metrics: RouteMetrics) {
            var route = metrics
            route.record(method: .get, status: 200, total: .zero, upstream: nil, bytesIn: 1, bytesOut: 0)
        }
        var old: MetricsLease? = shard.lease()
        record(try #require(old).routeMetrics(id: "kept"))
        let removed = try #require(old).routeMetrics(id: "removed")
        record(removed)
        let new = shard.lease()
        record(new.routeMetrics(id: "kept"))
        record(removed)
        #expect(value(exposition(registry), #"portcullis_http_request_bytes_total{route="removed"}"#) == "2")
        old = nil
        let text = exposition(registry)
        #expect(!text.contains("removed"))
        #expect(value(text, #"portcullis_http_request_bytes_total{route="kept"}"#) == "2")
        let again = shard.lease()
        record(again.routeMetrics(id: "removed"))
        #expect(value(exposition(registry), #"portcullis_http_request_bytes_total{route="removed"}"#) == "1")
    }

    @Test("upstream connections are idle or active, over all loops and targets")
    func upstreamConnections() {
        let registry = registry()
        let leases = (0..<2).map { _ in registry.makeShard().lease() }
        for (lease, count) in zip(leases, [1, 2]) {
            for target in ["http://a:80", "http://b:80"] {
                let metrics = lease.targetMetrics(upstream: "app/service", target: target)
                for _ in 0..<count + 2 { metrics.connectionOpened() }
                for _ in 0..<count { metrics.connectionIdle() }
            }
        }
        let gone = leases[1].targetMetrics(upstream: "app/service", target: "http://b:80")
        gone.connectionBusy()
        gone.connectionClosed()
        #expect(
            registry.targetConnections == [
                TargetConnections(upstream: "app/service", target: "http://a:80", idle: 3, active: 4),
                TargetConnections(upstream: "app/service", target: "http://b:80", idle: 2, active: 4),
            ])
        let text = exposition(registry)
        #expect(value(text, #"portcullis_upstream_connections{state="idle"}"#) == "5")
        #expect(value(text, #"portcullis_upstream_connections{state="active"}"#) == "8")
    }

    @Test("a scrape under way survives the removal of what it renders")
    func scrapeOutlivesLease() throws {
        let registry = registry()
        var lease: MetricsLease? = registry.makeShard().lease()
        var route = try #require(lease).routeMetrics(id: "r")
        route.record(
            method: .get, status: 200, total: .zero, upstream: nil, bytesIn: 1, bytesOut: 0)
        let scrape = registry.scrape(ProcessSample())
        lease = nil
        var buffer = IOBuffer()
        scrape.render(into: &buffer)
        #expect(text(buffer).contains(#"route="r""#))
    }

    @Test("targets, connections, refusals, reloads and the process")
    func everythingElse() {
        let registry = registry()
        let shards = [registry.makeShard(), registry.makeShard()]
        let lease = shards[0].lease()
        let target = lease.targetMetrics(upstream: "bank-a/accounts", target: "http://10.1.0.11:8080")
        target.countRequest()
        for cause in UpstreamFailure.allCases { target.countFailure(cause) }
        target.connectionOpened()
        target.connectionOpened()
        target.connectionClosed()
        for shard in shards {
            shard.count(.connectionsAccepted, 3)
            shard.raise(.connectionsOpen)
            shard.raise(.connectionsOpen)
            shard.lower(.connectionsOpen)
            shard.countRefusedConnection(.client)
            for reason in MessageError.allCases { shard.countRefusedRequest(reason) }
            shard.countRefusedRequest(.missingHost)
        }
        registry.countReload(.applied)
        registry.countReload(.rejected)
        registry.countReload(.rejected)
        registry.countResolutionFailure()
        registry.configurationApplied(digest: "abc", at: WallTime(nanoseconds: 1_700_000_001_500_000_000))
        var sample = ProcessSample()
        sample.residentBytes = 12_345_678
        sample.openDescriptors = 12
        sample.accessLog.droppedLines = 7
        let text = exposition(registry, sample)
        let labels = #"{upstream="bank-a/accounts",target="http://10.1.0.11:8080""#
        let expected = [
            "portcullis_upstream_requests_total\(labels)}": "1",
            "portcullis_upstream_failures_total\(labels),cause=\"truncated_response\"}": "1",
            "portcullis_upstream_target_connections\(labels)}": "1",
            "portcullis_connections_accepted_total": "6", "portcullis_connections": "2",
            #"portcullis_connections_refused_total{limit="client"}"#: "2",
            #"portcullis_requests_refused_total{reason="bare_line_feed"}"#: "2",
            #"portcullis_requests_refused_total{reason="transfer_encoding_in_http10"}"#: "2",
            #"portcullis_requests_refused_total{reason="missing_host"}"#: "4",
            #"portcullis_reloads_total{result="rejected"}"#: "2", "portcullis_dns_refresh_failures_total": "1",
            #"portcullis_configuration_info{digest="abc"}"#: "1",
            "portcullis_configuration_applied_timestamp_seconds": "1700000001.500000000",
            "process_start_time_seconds": "1700000000.250000000", "portcullis_loops": "2",
            "process_resident_memory_bytes": "12345678", "process_open_fds": "12",
            #"portcullis_build_info{version="1.2.3"}"#: "1",
            #"portcullis_log_lines_dropped_total{log="access"}"#: "7",
        ]
        for (series, expectation) in expected { #expect(value(text, series) == expectation, "\(series)") }
        let reasons = lines(text, "portcullis_requests_refused_total").compactMap {
            $0.split(separator: "\"").dropFirst().first
        }
        #expect(reasons.map(String.init) == refusalReasons)
        #expect(lines(text, "portcullis_upstream_failures_total").count == UpstreamFailure.allCases.count)
    }

    @Test("refusals count by route and by who refused, and only who has refused something has a series")
    func refusals() {
        let registry = registry()
        let leases = [registry.makeShard().lease(), registry.makeShard().lease()]
        for lease in leases {
            var route = lease.routeMetrics(id: "r")
            route.countRefusal(by: .rateLimit)
            route.countRefusal(by: .gateway)
            #expect(lines(exposition(registry), "portcullis_refusals_total").count == 2)
        }
        #expect(value(exposition(registry), #"portcullis_refusals_total{route="r",by="rate_limit"}"#) == "2")
        let lease = registry.makeShard().lease()
        var all = lease.routeMetrics(id: "all")
        for refuser in Refuser.allCases { all.countRefusal(by: refuser) }
        let text = exposition(registry)
        for refuser in Refuser.allCases {
            #expect(value(text, #"portcullis_refusals_total{route="all",by="\#(refuser.label)"}"#) == "1")
        }
    }

    @Test("label values are escaped")
    func escaping() {
        let registry = registry()
        let lease = registry.makeShard().lease()
        lease.targetMetrics(upstream: "a\\b\"c\nd", target: "ü").countRequest()
        #expect(exposition(registry).contains(#"{upstream="a\\b\"c\nd",target="ü"} 1"#))
    }

    @Test("ten thousand routes: untouched ones cost no line")
    func manyRoutes() {
        let registry = registry()
        let lease = registry.makeShard().lease()
        var routes = (0..<10_000).map { lease.routeMetrics(id: "domain/route-\($0)") }
        routes[77].record(method: .get, status: 200, total: .zero, upstream: nil, bytesIn: 0, bytesOut: 0)
        #expect(exposition(registry).utf8.count < 16_384)
    }

    @Test("a histogram scraped while it is written is consistent, and nothing is lost in the end")
    func concurrent() async {
        let registry = registry()
        let count = 20_000
        await withTaskGroup(of: Void.self) { group in
            for seed in 0..<2 {
                let shard = registry.makeShard()
                group.addTask {
                    let lease = shard.lease()
                    var route = lease.routeMetrics(id: "r")
                    var random = RandomSource(seed: UInt64(seed))
                    for _ in 0..<count {
                        let amount = TimeAmount.nanoseconds(Int64.random(in: 0..<90_000_000_000, using: &random))
                        route.record(
                            method: .get, status: 200, total: amount, upstream: amount, bytesIn: 1, bytesOut: 1)
                    }
                    // Kept until the end, or the series would be gone.
                    Self.leases.withLock { $0.append(lease) }
                }
            }
            group.addTask {
                for _ in 0..<20 { expectConsistentHistograms(exposition(registry)) }
            }
        }
        let text = exposition(registry)
        expectConsistentHistograms(text)
        #expect(value(text, #"portcullis_http_request_duration_seconds_count{route="r"}"#) == "\(2 * count)")
        Self.leases.withLock { $0.removeAll() }
    }

    private func expectConsistentHistograms(_ text: String) {
        for name in ["request", "upstream"] {
            let family = "portcullis_http_\(name)_duration_seconds"
            let buckets = lines(text, family + "_bucket")
                .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
            #expect(buckets == buckets.sorted())
            #expect(buckets.last.map(String.init) == value(text, family + #"_count{route="r"}"#))
        }
    }

    @Test(
        "promtool accepts the exposition", .enabled(if: FileManager.default.isExecutableFile(atPath: promtoolPath)))
    func promtool() throws {
        let registry = registry()
        let shard = registry.makeShard()
        let lease = shard.lease()
        for id in ["bank-a/read", "bank-a/write", RouteMetrics.unrouted] {
            var route = lease.routeMetrics(id: id)
            route.record(
                method: .head, status: 404, total: .milliseconds(3), upstream: .milliseconds(2), bytesIn: 5, bytesOut: 6
            )
        }
        let target = lease.targetMetrics(upstream: "bank-a/accounts", target: "http://10.1.0.11:8080")
        target.countRequest()
        target.countFailure(.connectTimeout)
        shard.countRefusedRequest(.missingHost)
        registry.configurationApplied(digest: "\"odd\\\n", at: WallTime(seconds: 1_700_000_000))
        var sample = ProcessSample()
        sample.residentBytes = 1
        sample.openDescriptors = 1
        sample.signingKeys = SigningKeySample()
        let decisions = DecisionMetrics(issuer: "corporate", in: shard)
        decisions.countAccepted()
        decisions.countRefused("token-expired")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: promtoolPath)
        process.arguments = ["check", "metrics"]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        input.fileHandleForWriting.write(Data(exposition(registry, sample).utf8))
        input.fileHandleForWriting.closeFile()
        let complaint = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && complaint.isEmpty, "\(complaint)")
    }
}

/// The values of the label `reason`: what dashboards know.
private let refusalReasons = [
    "bare_line_feed", "bare_carriage_return", "head_too_large", "too_many_fields", "empty_field_name",
    "invalid_field_name", "invalid_field_value", "obsolete_line_folding", "malformed_request_line",
    "invalid_method", "method_too_long", "method_not_implemented", "target_too_long", "invalid_target_byte",
    "malformed_target", "unsupported_scheme", "malformed_version", "unsupported_version", "invalid_escape",
    "encoded_control_byte", "backslash_in_path", "path_above_root", "ambiguous_dot_segment", "missing_host",
    "repeated_host", "invalid_host", "user_information", "invalid_content_length", "repeated_content_length",
    "content_length_and_transfer_encoding", "transfer_encoding_in_http10", "invalid_transfer_encoding",
    "unsupported_transfer_coding", "unsupported_expectation", "invalid_chunk_size", "invalid_chunk_extension",
    "chunk_extensions_too_large", "missing_chunk_end", "trailers_too_large", "too_many_trailers",
    "malformed_status_line", "invalid_status_code", "invalid_reason_phrase",
    "unsolicited_upgrade",
]
