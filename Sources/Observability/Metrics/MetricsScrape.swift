import Base
import HTTP

/// One scrape: all that is counted, at one moment.
///
/// Counters are read while the loops write them. Each value is whole, and a histogram's `_count` and `+Inf` bucket are
/// the sum of the very bucket values written above them, so every family is consistent in itself.
package struct MetricsScrape {
    private let registry: MetricsRegistry
    private let shards: [MetricsShard]
    private let sample: ProcessSample
    private let routes: [MergedSeries]
    private let targets: [MergedSeries]

    /// The media type of the exposition, for the response's `Content-Type`.
    package static var mediaType: StaticString { PrometheusText.mediaType }

    init(registry: MetricsRegistry, shards: [MetricsShard], sample: ProcessSample) {
        self.registry = registry
        self.shards = shards
        self.sample = sample
        routes = MergedSeries.merge(shards.map(\.routes))
        targets = MergedSeries.merge(shards.map(\.targets))
    }

    /// Appends the exposition to `output`: megabytes with thousands of routes. All series of a family stand together.
    package func render(into output: inout IOBuffer) {
        var taken = IOBuffer()
        swap(&taken, &output)
        var text = PrometheusText(taken)
        FixedFamilies(
            registry: registry, shards: shards, targets: targets.map(TargetConnections.init), sample: sample
        ).render(&text)
        if !routes.isEmpty {
            for family in RouteFamily.allCases {
                family.header(&text)
                for series in routes { family.render(series, &text) }
            }
        }
        if !targets.isEmpty {
            for family in TargetFamily.allCases {
                family.header(&text)
                for series in targets { family.render(series, &text) }
            }
        }
        output = text.output
    }
}

/// One series with its cells in every shard that ever counted for it. Series without any are left out: an untouched
/// route costs neither memory nor a line.
struct MergedSeries {
    let name: SeriesName
    /// Kept alive here: a reload may drop them from their tables meanwhile.
    private var parts: [Series]

    /// The sum of one cell over the shards. Wrapping, as gauges may be raised on one loop and lowered on another.
    func sum(_ cell: Int) -> UInt64 {
        var total: UInt64 = 0
        for part in parts {
            if let cells = part.slot.pointee.counted { total &+= cells[cell].value }
        }
        return total
    }

    static func merge(_ tables: [SeriesTable]) -> [MergedSeries] {
        var merged: [SeriesName: MergedSeries] = [:]
        for table in tables {
            for (name, series) in table.all where series.slot.pointee.counted != nil {
                merged[name, default: MergedSeries(name: name, parts: [])].parts.append(series)
            }
        }
        return merged.values.sorted { $0.name < $1.name }
    }
}

extension TargetConnections {
    init(_ series: MergedSeries) {
        // Both are read while the loops write them, so for a moment there may seem to be more idle ones than all.
        let idle = max(0, Int(truncatingIfNeeded: series.sum(TargetMetrics.idleCell)))
        let all = max(0, Int(truncatingIfNeeded: series.sum(TargetMetrics.connectionsCell)))
        self.init(
            upstream: series.name.owner, target: series.name.target, idle: idle, active: max(0, all - idle))
    }
}

/// The families with one set of series per route.
enum RouteFamily: CaseIterable {
    case requests, total, upstream, bytesIn, bytesOut, refusals, unfitBodies

    private var name: StaticString {
        switch self {
        case .requests: "portcullis_http_requests_total"
        case .total: "portcullis_http_request_duration_seconds"
        case .upstream: "portcullis_http_upstream_duration_seconds"
        case .bytesIn: "portcullis_http_request_bytes_total"
        case .bytesOut: "portcullis_http_response_bytes_total"
        case .refusals: "portcullis_refusals_total"
        case .unfitBodies: "portcullis_transform_unfit_bodies_total"
        }
    }

    func header(_ text: inout PrometheusText) {
        switch self {
        case .requests: text.family(name, .counter, help: "Requests answered, by route, method and status class.")
        case .total: text.family(name, .histogram, help: "From a request's first byte to its response's last.")
        case .upstream: text.family(name, .histogram, help: "Part of a request's duration spent with upstreams.")
        case .bytesIn: text.family(name, .counter, help: "Bytes read from clients, heads and bodies.")
        case .bytesOut: text.family(name, .counter, help: "Bytes written to clients, heads and bodies.")
        case .refusals: text.family(name, .counter, help: "Requests that the gateway answered itself, by who refused.")
        case .unfitBodies:
            text.family(name, .counter, help: "Bodies that a transform could not edit, by what followed.")
        }
    }

    func render(_ series: MergedSeries, _ text: inout PrometheusText) {
        text.label("route", series.name.owner)
        switch self {
        case .requests: renderRequests(series, &text)
        case .total: renderHistogram(series, RouteMetrics.totalHistogram, &text)
        case .upstream: renderHistogram(series, RouteMetrics.upstreamHistogram, &text)
        case .bytesIn: text.sample(name, series.sum(RouteMetrics.bytesInCell))
        case .bytesOut: text.sample(name, series.sum(RouteMetrics.bytesOutCell))
        case .refusals: renderRefusals(series, &text)
        case .unfitBodies: renderUnfitBodies(series, &text)
        }
        text.clearLabels()
    }

    /// Only combinations that occurred: sixty lines for each route would drown the others.
    private func renderRequests(_ series: MergedSeries, _ text: inout PrometheusText) {
        let common = text.labelLength
        for method in Method.allCases {
            for statusClass in 0..<RouteMetrics.statusClassCount {
                let count = series.sum(RouteMetrics.requestCell(method, statusClass: statusClass))
                guard count > 0 else { continue }
                text.label("method", method == .other ? "other" : method.name)
                text.label("status_class", RouteMetrics.statusClassLabels[statusClass])
                text.sample(name, count)
                text.clearLabels(to: common)
            }
        }
    }

    private func renderUnfitBodies(_ series: MergedSeries, _ text: inout PrometheusText) {
        let common = text.labelLength
        for body in UnfitBody.allCases {
            let count = series.sum(RouteMetrics.unfitCell(body))
            guard count > 0 else { continue }
            text.label("body", body.side)
            text.label("result", body.result)
            text.sample(name, count)
            text.clearLabels(to: common)
        }
    }

    /// Only who has refused something.
    private func renderRefusals(_ series: MergedSeries, _ text: inout PrometheusText) {
        let common = text.labelLength
        for refuser in Refuser.allCases {
            let count = series.sum(RouteMetrics.refusalCell(refuser))
            guard count > 0 else { continue }
            text.label("by", refuser.label)
            text.sample(name, count)
            text.clearLabels(to: common)
        }
    }

    private func renderHistogram(_ series: MergedSeries, _ histogram: DurationHistogram, _ text: inout PrometheusText) {
        var cumulated: UInt64 = 0
        for bucket in 0..<DurationBuckets.count {
            cumulated &+= series.sum(histogram.bucketCell(bucket))
            text.bucket(name, upTo: DurationBuckets.labels[bucket], cumulated)
        }
        text.sample(name, suffix: "_sum", nanoseconds: series.sum(histogram.sumCell))
        text.sample(name, suffix: "_count", cumulated)
    }
}

/// The families with one set of series per upstream target.
enum TargetFamily: CaseIterable {
    case requests, failures, connections

    private var name: StaticString {
        switch self {
        case .requests: "portcullis_upstream_requests_total"
        case .failures: "portcullis_upstream_failures_total"
        case .connections: "portcullis_upstream_target_connections"
        }
    }

    func header(_ text: inout PrometheusText) {
        switch self {
        case .requests: text.family(name, .counter, help: "Attempts to have a request answered by a target.")
        case .failures: text.family(name, .counter, help: "Attempts that failed, by cause.")
        case .connections: text.family(name, .gauge, help: "Connections open to a target.")
        }
    }

    func render(_ series: MergedSeries, _ text: inout PrometheusText) {
        text.label("upstream", series.name.owner)
        text.label("target", series.name.target)
        switch self {
        case .requests: text.sample(name, series.sum(TargetMetrics.requestsCell))
        case .connections: text.sample(name, series.sum(TargetMetrics.connectionsCell))
        case .failures:
            let common = text.labelLength
            for cause in UpstreamFailure.allCases {
                let count = series.sum(TargetMetrics.firstFailureCell + Int(cause.rawValue))
                guard count > 0 else { continue }
                text.label("cause", cause.label)
                text.sample(name, count)
                text.clearLabels(to: common)
            }
        }
        text.clearLabels()
    }
}
