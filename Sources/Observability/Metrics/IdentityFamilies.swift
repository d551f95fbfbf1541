/// How many of the gateway's own keys are in each state, at the moment of a scrape.
package struct SigningKeySample: Sendable {
    package var published = 0
    package var signing = 0
    package var retired = 0

    package init() {}
}

/// The families about who sent requests, and about the tokens that the gateway keeps and issues. A gateway that has
/// never been asked for an identity has none of them.
struct IdentityFamilies {
    let shards: [MetricsShard]
    let decisions: [MergedSeries]
    let refusals: [MergedSeries]
    /// Nil when the gateway issues no tokens.
    let signingKeys: SigningKeySample?

    init(shards: [MetricsShard], signingKeys: SigningKeySample?) {
        self.shards = shards
        self.signingKeys = signingKeys
        decisions = MergedSeries.merge(shards.map(\.decisions))
        refusals = MergedSeries.merge(shards.map(\.refusals))
    }

    func render(_ text: inout PrometheusText) {
        family(
            &text, "portcullis_identity_decisions_total", "Decisions about who sent a request, by issuer.", "decision",
            decisions)
        family(
            &text, "portcullis_identity_refusals_total", "Requests refused for their token, by issuer and reason.",
            "reason", refusals)
        if !decisions.isEmpty { caches(&text) }
        if let signingKeys { keys(signingKeys, &text) }
    }

    private func family(
        _ text: inout PrometheusText, _ name: StaticString, _ help: StaticString, _ label: StaticString,
        _ series: [MergedSeries]
    ) {
        guard !series.isEmpty else { return }
        text.family(name, .counter, help: help)
        for one in series {
            text.label("issuer", one.name.owner)
            text.label(label, one.name.target)
            text.sample(name, one.sum(0))
            text.clearLabels()
        }
    }

    private func caches(_ text: inout PrometheusText) {
        let lookups: StaticString = "portcullis_token_cache_lookups_total"
        text.family(lookups, .counter, help: "Tokens looked for among those kept: verified ones, and issued ones.")
        for (cache, result, counter) in [
            ("verified", "hit", .verifiedTokenHits), ("verified", "miss", .verifiedTokenMisses),
            ("minted", "hit", .mintedTokenHits), ("minted", "miss", .mintedTokenMisses),
        ] as [(StaticString, StaticString, ShardCounter)] {
            text.label("cache", cache)
            text.label("result", result)
            text.sample(lookups, shards.reduce(0) { $0 &+ $1.value(counter) })
            text.clearLabels()
        }
        let evictions: StaticString = "portcullis_token_cache_evictions_total"
        text.family(evictions, .counter, help: "Tokens that had to make room for others.")
        for (cache, counter) in [("verified", .verifiedTokenEvictions), ("minted", .mintedTokenEvictions)]
            as [(StaticString, ShardCounter)]
        {
            text.label("cache", cache)
            text.sample(evictions, shards.reduce(0) { $0 &+ $1.value(counter) })
            text.clearLabels()
        }
        gauge(
            &text, "portcullis_token_cache_entries", "Tokens kept, by all loops together.",
            [("verified", .verifiedTokens), ("minted", .mintedTokens)])
        gauge(
            &text, "portcullis_token_cache_bytes", "Memory that the tokens kept take.",
            [("verified", .verifiedTokenBytes), ("minted", .mintedTokenBytes)])
    }

    private func gauge(
        _ text: inout PrometheusText, _ name: StaticString, _ help: StaticString,
        _ caches: [(StaticString, ShardGauge)]
    ) {
        text.family(name, .gauge, help: help)
        for (cache, level) in caches {
            text.label("cache", cache)
            text.sample(name, shards.reduce(0) { $0 &+ $1.value(level) })
            text.clearLabels()
        }
    }

    private func keys(_ sample: SigningKeySample, _ text: inout PrometheusText) {
        let name: StaticString = "portcullis_signing_keys"
        text.family(name, .gauge, help: "Keys of the gateway that are published, by what they are for.")
        for (state, count) in [
            ("published", sample.published), ("signing", sample.signing), ("retired", sample.retired),
        ] as [(StaticString, Int)] {
            text.label("state", state)
            text.sample(name, UInt64(max(count, 0)))
            text.clearLabels()
        }
    }
}
