import Base

/// One issuer of tokens at the moment of a scrape.
package struct IssuerSample: Sendable {
    /// The name in the configuration.
    package var name: String
    package var keyCount = 0
    /// Whether the last attempt to get its keys went well.
    package var isReady = false
    /// When that last was so; nil for never.
    package var lastSuccess: WallTime?
    /// Attempts to get its keys.
    package var refreshesSucceeded: UInt64 = 0
    package var refreshesFailed: UInt64 = 0
    /// Look-ups of keys that were not there, by what became of them.
    package var lookUpsFetched: UInt64 = 0
    package var lookUpsJoined: UInt64 = 0
    package var lookUpsRefused: UInt64 = 0

    package init(name: String) { self.name = name }
}

/// The families with one set of series per issuer. Without issuers there are none.
struct IssuerFamilies {
    let issuers: [IssuerSample]

    func render(_ text: inout PrometheusText) {
        guard !issuers.isEmpty else { return }
        family(&text, "portcullis_issuer_keys", .gauge, "Keys of an issuer in use.") { UInt64($0.keyCount) }
        family(
            &text, "portcullis_issuer_ready", .gauge,
            "Whether the last attempt to get an issuer's keys went well; 0 with keys: the last good ones are in use."
        ) { $0.isReady ? 1 : 0 }
        lastSuccess(&text)
        results(
            &text, "portcullis_issuer_refreshes_total", "Attempts to get an issuer's keys, by result.", "result",
            [("success", \.refreshesSucceeded), ("failure", \.refreshesFailed)])
        results(
            &text, "portcullis_issuer_key_lookups_total",
            "Keys that tokens named and the issuer didn't have: fetched for, a fetch was under way, or refused.",
            "outcome",
            [("fetched", \.lookUpsFetched), ("joined", \.lookUpsJoined), ("refused", \.lookUpsRefused)])
    }

    private func family(
        _ text: inout PrometheusText, _ name: StaticString, _ kind: PrometheusText.Kind, _ help: StaticString,
        _ value: (IssuerSample) -> UInt64
    ) {
        text.family(name, kind, help: help)
        for issuer in issuers {
            text.label("issuer", issuer.name)
            text.sample(name, value(issuer))
            text.clearLabels()
        }
    }

    private func lastSuccess(_ text: inout PrometheusText) {
        let name: StaticString = "portcullis_issuer_last_refresh_timestamp_seconds"
        guard issuers.contains(where: { $0.lastSuccess != nil }) else { return }
        text.family(name, .gauge, help: "When an issuer's keys were last had; time() minus this is their age.")
        for issuer in issuers {
            guard let time = issuer.lastSuccess else { continue }
            text.label("issuer", issuer.name)
            text.sample(name, nanoseconds: UInt64(max(time.nanoseconds, 0)))
            text.clearLabels()
        }
    }

    private func results(
        _ text: inout PrometheusText, _ name: StaticString, _ help: StaticString, _ label: StaticString,
        _ values: [(StaticString, KeyPath<IssuerSample, UInt64>)]
    ) {
        text.family(name, .counter, help: help)
        for issuer in issuers {
            for (result, count) in values {
                text.label("issuer", issuer.name)
                text.label(label, result)
                text.sample(name, issuer[keyPath: count])
                text.clearLabels()
            }
        }
    }
}
