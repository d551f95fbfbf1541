import Base
import Observability
import Testing

@Suite("Metrics of identities")
struct IdentityMetricsTests {
    private let registry = MetricsRegistry(version: "1", startTime: WallTime(seconds: 0))

    private func lines(_ prefix: String, _ sample: ProcessSample = ProcessSample()) -> [String] {
        let scrape = registry.scrape(sample)
        var buffer = IOBuffer()
        scrape.render(into: &buffer)
        return text(buffer).split(separator: "\n").map(String.init).filter { $0.hasPrefix(prefix) }
    }

    @Test("decisions by issuer, and refusals by reason, over all loops; zeros of what can happen from the start")
    func decisions() {
        let shards = [registry.makeShard(), registry.makeShard()]
        let corporate = shards.map { DecisionMetrics(issuer: "corporate", in: $0) }
        let nobody = DecisionMetrics(issuer: DecisionMetrics.noIssuer, in: shards[0])
        let before = [
            #"portcullis_identity_decisions_total{issuer="corporate",decision="accepted"} 0"#,
            #"portcullis_identity_decisions_total{issuer="corporate",decision="refused"} 0"#,
        ]
        #expect(lines("portcullis_identity_decisions_total{issuer=\"corporate\"") == before)
        for one in corporate {
            one.countAccepted()
            one.countRefused("token-expired")
            one.countRefused("token-expired")
            one.countRefused("scope-missing")
        }
        nobody.countAnonymous()
        nobody.countRefused("token-missing")
        #expect(
            lines("portcullis_identity_decisions_total") == [
                #"portcullis_identity_decisions_total{issuer="corporate",decision="accepted"} 2"#,
                #"portcullis_identity_decisions_total{issuer="corporate",decision="refused"} 6"#,
                #"portcullis_identity_decisions_total{issuer="none",decision="accepted"} 0"#,
                #"portcullis_identity_decisions_total{issuer="none",decision="anonymous"} 1"#,
                #"portcullis_identity_decisions_total{issuer="none",decision="refused"} 1"#,
            ])
        #expect(
            lines("portcullis_identity_refusals_total") == [
                #"portcullis_identity_refusals_total{issuer="corporate",reason="scope-missing"} 2"#,
                #"portcullis_identity_refusals_total{issuer="corporate",reason="token-expired"} 4"#,
                #"portcullis_identity_refusals_total{issuer="none",reason="token-missing"} 1"#,
            ])
    }

    @Test("an issuer that is gone takes its series along")
    func gone() {
        let shard = registry.makeShard()
        var metrics: DecisionMetrics? = DecisionMetrics(issuer: "corporate", in: shard)
        metrics?.countRefused("token-expired")
        #expect(!lines("portcullis_identity").isEmpty)
        metrics = nil
        #expect(lines("portcullis_identity").isEmpty)
    }

    @Test("what the caches hold, once anybody has been asked for an identity")
    func caches() {
        let shards = [registry.makeShard(), registry.makeShard()]
        for shard in shards {
            shard.count(.verifiedTokenHits, 3)
            shard.count(.verifiedTokenMisses)
            shard.set(.verifiedTokenEvictions, to: 5)
            shard.set(.verifiedTokens, to: 7)
            shard.set(.verifiedTokenBytes, to: 11)
            shard.count(.mintedTokenHits, 2)
            shard.count(.mintedTokenMisses, 4)
            shard.set(.mintedTokenEvictions, to: 6)
            shard.set(.mintedTokens, to: 8)
            shard.set(.mintedTokenBytes, to: -1)
        }
        #expect(lines("portcullis_token_cache").isEmpty)
        let metrics = DecisionMetrics(issuer: "corporate", in: shards[0])
        withExtendedLifetime(metrics) {
            #expect(
                lines("portcullis_token_cache") == [
                    #"portcullis_token_cache_lookups_total{cache="verified",result="hit"} 6"#,
                    #"portcullis_token_cache_lookups_total{cache="verified",result="miss"} 2"#,
                    #"portcullis_token_cache_lookups_total{cache="minted",result="hit"} 4"#,
                    #"portcullis_token_cache_lookups_total{cache="minted",result="miss"} 8"#,
                    #"portcullis_token_cache_evictions_total{cache="verified"} 10"#,
                    #"portcullis_token_cache_evictions_total{cache="minted"} 12"#,
                    #"portcullis_token_cache_entries{cache="verified"} 14"#,
                    #"portcullis_token_cache_entries{cache="minted"} 16"#,
                    #"portcullis_token_cache_bytes{cache="verified"} 22"#,
                    #"portcullis_token_cache_bytes{cache="minted"} 0"#,
                ])
        }
    }

    @Test("the gateway's own keys by state, where it has any")
    func signingKeys() {
        #expect(lines("portcullis_signing_keys").isEmpty)
        var sample = ProcessSample()
        sample.signingKeys = SigningKeySample()
        sample.signingKeys?.signing = 1
        sample.signingKeys?.retired = 2
        sample.auditLog.writtenLines = 9
        #expect(
            lines("portcullis_signing_keys", sample) == [
                #"portcullis_signing_keys{state="published"} 0"#, #"portcullis_signing_keys{state="signing"} 1"#,
                #"portcullis_signing_keys{state="retired"} 2"#,
            ])
        #expect(
            lines(#"portcullis_log_lines_written_total{log="audit"}"#, sample)
                == [#"portcullis_log_lines_written_total{log="audit"} 9"#])
    }
}
