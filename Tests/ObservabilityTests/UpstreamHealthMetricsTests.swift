import Base
import Observability
import Testing

@Suite("Metrics of breakers and health checks")
struct UpstreamHealthMetricsTests {
    private func lines(_ sample: ProcessSample) -> [String] {
        let scrape = MetricsRegistry(version: "1", startTime: WallTime(seconds: 0)).scrape(sample)
        var buffer = IOBuffer()
        scrape.render(into: &buffer)
        let prefixes = ["portcullis_circuit", "portcullis_health", "portcullis_upstream_target_up"]
        return text(buffer).split(separator: "\n").map(String.init).filter { line in
            prefixes.contains { line.hasPrefix($0) }
        }
    }

    @Test("without a breaker or a check there are none")
    func nothing() { #expect(lines(ProcessSample()).isEmpty) }

    @Test("an upstream's breaker has an empty target, targets have their URLs")
    func states() {
        var upstream = UpstreamHealthSample(name: "app/service")
        upstream.breaker = BreakerSample(state: .open, openings: 3, probes: 2, suppressed: 0)
        var target = TargetSample(target: "http://a:80")
        target.breaker = BreakerSample(state: .halfOpen, openings: 1, probes: 1, suppressed: 4)
        target.check = TargetSample.Check(isUp: false, passed: 5, failed: 6)
        upstream.targets = [target]
        var sample = ProcessSample()
        sample.upstreams = [upstream]
        #expect(
            lines(sample) == [
                #"portcullis_circuit_breaker_state{upstream="app/service",target=""} 2"#,
                #"portcullis_circuit_breaker_state{upstream="app/service",target="http://a:80"} 1"#,
                #"portcullis_circuit_breaker_openings_total{upstream="app/service",target=""} 3"#,
                #"portcullis_circuit_breaker_openings_total{upstream="app/service",target="http://a:80"} 1"#,
                #"portcullis_circuit_breaker_probes_total{upstream="app/service",target=""} 2"#,
                #"portcullis_circuit_breaker_probes_total{upstream="app/service",target="http://a:80"} 1"#,
                #"portcullis_circuit_breaker_suppressed_total{upstream="app/service",target=""} 0"#,
                #"portcullis_circuit_breaker_suppressed_total{upstream="app/service",target="http://a:80"} 4"#,
                #"portcullis_upstream_target_up{upstream="app/service",target="http://a:80"} 0"#,
                #"portcullis_health_checks_total{upstream="app/service",target="http://a:80",result="passed"} 5"#,
                #"portcullis_health_checks_total{upstream="app/service",target="http://a:80",result="failed"} 6"#,
            ])
    }
}
