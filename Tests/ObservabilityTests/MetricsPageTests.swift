import Base
import Foundation
import HTTP
import Observability
import Testing

/// docs/reference/metrics.md is made from an exposition that has every family and every word of its labels.
@Suite("Page of metrics")
struct MetricsPageTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// `UPDATE_REFERENCE=1 swift test --filter MetricsPageTests` writes the page anew.
    @Test("docs/reference/metrics.md is what a scrape says")
    func upToDate() throws {
        let file = Self.root.appendingPathComponent("docs/reference/metrics.md")
        let page = MetricsPage(exposition: FullExposition.text(), free: FullExposition.freeValues).markdown
        if ProcessInfo.processInfo.environment["UPDATE_REFERENCE"] != nil {
            try page.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(
            try String(contentsOf: file, encoding: .utf8) == page, "run the tests once with UPDATE_REFERENCE=1")
    }

    @Test("every name that the sources have is on the page")
    func complete() throws {
        let page = MetricsPage(exposition: FullExposition.text(), free: FullExposition.freeValues)
        let folder = Self.root.appendingPathComponent("Sources/Observability/Metrics")
        var names: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            for piece in try String(contentsOf: file, encoding: .utf8).split(separator: "\"") {
                if piece.hasPrefix("portcullis_") || piece.hasPrefix("process_") { names.insert(String(piece)) }
            }
        }
        #expect(names.subtracting(page.families.map(\.name)) == [])
        #expect(names.count > 40)
    }
}

/// An exposition in which nothing is left out for want of something to tell.
private enum FullExposition {
    static let freeValues: Set<String> = [
        "VERSION", "DIGEST", "DOMAIN/ROUTE", "DOMAIN/UPSTREAM", "TARGET", "ISSUER", "CODE", "LIMIT", "STORE",
    ]

    static func text() -> String {
        let registry = MetricsRegistry(version: "VERSION", startTime: WallTime(nanoseconds: 1))
        registry.configurationApplied(digest: "DIGEST", at: WallTime(nanoseconds: 1))
        let shard = registry.makeShard()
        let lease = shard.lease()
        countRequests(lease)
        for cause in UpstreamFailure.allCases {
            lease.targetMetrics(upstream: "DOMAIN/UPSTREAM", target: "TARGET").countFailure(cause)
        }
        for decision in LimitDecision.allCases { lease.limitMetrics(limit: "LIMIT").count(decision) }
        let decisions = DecisionMetrics(issuer: "ISSUER", in: shard)
        decisions.countAccepted()
        decisions.countAnonymous()
        decisions.countRefused("CODE")
        var buffer = IOBuffer()
        let scrape = registry.scrape(sample())
        scrape.render(into: &buffer)
        withExtendedLifetime((lease, decisions)) {}
        return buffer.readable.string
    }

    private static func countRequests(_ lease: MetricsLease) {
        var route = lease.routeMetrics(id: "DOMAIN/ROUTE")
        for method in Method.allCases {
            for status in [100, 200, 300, 400, 500, 0] {
                route.record(
                    method: method, status: status, total: .zero, upstream: .zero, bytesIn: 1, bytesOut: 1)
            }
        }
        for refuser in Refuser.allCases { route.countRefusal(by: refuser) }
        for body in UnfitBody.allCases { route.count(body) }
    }

    private static func sample() -> ProcessSample {
        var sample = ProcessSample()
        sample.residentBytes = 1
        sample.openDescriptors = 1
        var issuer = IssuerSample(name: "ISSUER")
        issuer.lastSuccess = WallTime(nanoseconds: 1)
        sample.issuers = [issuer]
        var store = StoreSample(name: "STORE")
        // As `StoreStatus.sample` has them.
        store.checks = ["answered", "timed-out", "lost", "refused", "overflowed", "skipped"].map {
            (result: $0, count: 1)
        }
        sample.stores = [store]
        sample.signingKeys = SigningKeySample()
        for isRoute in [true, false] {
            sample.concurrency.append(
                ConcurrencySample(
                    isRoute: isRoute, name: isRoute ? "DOMAIN/ROUTE" : "DOMAIN/UPSTREAM", active: 1, waiting: 1,
                    requestsMax: 1, refusedFull: 1, refusedWaited: 1))
        }
        sample.retryBudgets = [RetryBudgetSample(upstream: "DOMAIN/UPSTREAM", granted: 1, refused: 1)]
        var upstream = UpstreamHealthSample(name: "DOMAIN/UPSTREAM")
        var target = TargetSample(target: "TARGET")
        target.breaker = BreakerSample(state: .closed, openings: 1, probes: 1, suppressed: 1)
        target.check = TargetSample.Check(isUp: true, passed: 1, failed: 1)
        upstream.breaker = target.breaker
        upstream.targets = [target]
        sample.upstreams = [upstream]
        sample.limitTakeovers = [(limit: "LIMIT", count: 1)]
        return sample
    }
}

/// The page, and what it is made from.
private struct MetricsPage {
    struct Family {
        let name: String
        let help: String
        var type = ""
        /// In the order of the exposition, with the words that the program itself gives.
        var labels: [(name: String, words: [String])] = []
    }

    private(set) var families: [Family] = []

    /// - Parameter free: values of labels that come from the configuration and elsewhere.
    init(exposition: String, free: Set<String>) {
        for line in exposition.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            if line.hasPrefix("# HELP ") {
                families.append(Family(name: parts[2], help: parts[3]))
            } else if line.hasPrefix("# TYPE ") {
                families[families.count - 1].type = parts[3]
            } else {
                Self.addLabels(of: line, free, to: &families[families.count - 1])
            }
        }
    }

    private static func addLabels(of line: Substring, _ free: Set<String>, to family: inout Family) {
        guard let open = line.firstIndex(of: "{"), let close = line.lastIndex(of: "}") else { return }
        let pieces = line[line.index(after: open)..<close].split(separator: "\"", omittingEmptySubsequences: false)
        for index in stride(from: 0, to: pieces.count - 1, by: 2) {
            let name = pieces[index].filter { $0 != "," && $0 != "=" }
            let value = String(pieces[index + 1])
            if name == "le" { continue }
            let place = family.labels.firstIndex { $0.name == name } ?? family.labels.count
            if place == family.labels.count { family.labels.append((name, [])) }
            if !free.contains(value), !value.isEmpty, !family.labels[place].words.contains(value) {
                family.labels[place].words.append(value)
            }
        }
    }

    var markdown: String {
        var text = Self.introduction
        for family in families {
            let labels = family.labels.map { label in
                let words = label.words.map { "`\($0)`" }.joined(separator: ", ")
                return "`\(label.name)`" + (words.isEmpty ? "" : ": \(words)")
            }
            let cell = labels.isEmpty ? "–" : labels.joined(separator: "<br>")
            text += "| `\(family.name)` | \(family.type) | \(cell) | \(family.help) |\n"
        }
        return text + Self.labels
    }

    private static let introduction = """
        # Metrics

        `GET /metrics` at the admin listener gives them in Prometheus' text format 0.0.4. This page is made
        of what the program says; `UPDATE_REFERENCE=1 make unit FILTER=MetricsPageTests` writes it anew.

        What the configuration doesn't have has no series: no stores, no `portcullis_store_…`. A route, a target and a limit
        have theirs from their first request on, and of the words of `method`, `status_class`, `by`, `cause`, `decision` and
        `result` those that have occurred. A histogram has `_bucket` (with `le`), `_sum` and `_count`.

        | Name | Type | Labels, with their words | Meaning |
        |---|---|---|---|

        """

    private static let labels = """

        ## Labels that the configuration fills

        | Label | Value |
        |---|---|
        | `route` | `DOMAIN/ROUTE`; `-` for requests that no route took |
        | `upstream` | `DOMAIN/UPSTREAM` |
        | `target` | the target's URL as it is configured; for circuit breakers empty where the upstream's own is meant |
        | `issuer` | a name under `issuers`; for `portcullis_identity_…` also `none` (a request without a token) and `unknown` (a token that names none of the route's issuers) |
        | `limit` | a rate limit's identity, as `/limits` has it; for `portcullis_connections_refused_total` one of the words above |
        | `store` | a name under `stores` |
        | `version`, `digest` | of the program; of the configuration |

        ## Words and codes

        [Errors](errors.md) lists the codes of problem details and of the access log, and what of them a label has: `by` is
        the log's `refused_by`; `cause` puts some codes of upstreams together; the `reason` of
        `portcullis_identity_refusals_total` is a code as it stands, that of `portcullis_requests_refused_total` one with
        underscores.

        """
}
