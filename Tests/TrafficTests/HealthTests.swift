import Base
import Testing
import Traffic

@Suite("Health")
struct HealthTests {
    @Test("the first check decides alone; after it only so many in a row change anything")
    func standing() {
        func standings(_ results: [Bool], healthy: Int = 2, unhealthy: Int = 3) -> [CheckStanding] {
            var state = CheckState()
            return results.map { passed in
                state.take(passed: passed, healthyThreshold: healthy, unhealthyThreshold: unhealthy)
                return state.standing
            }
        }
        #expect(standings([true]) == [.up])
        #expect(standings([false]) == [.down])
        #expect(
            standings([true, false, false, true, false, false, false]) == [.up, .up, .up, .up, .up, .up, .down])
        #expect(standings([false, true, false, true, true]) == [.down, .down, .down, .down, .up])
        #expect(standings([true, false, true], healthy: 1, unhealthy: 1) == [.up, .down, .up])
        #expect(standings([true, false], healthy: 0, unhealthy: 0) == [.up, .down])
    }

    @Test("what counts as a failure is configured: every status and every kind")
    func rule() {
        let rule = FailureRule(kinds: [.timeout], statuses: [400, 463, 464, 527, 528, 599, 302, 700, -1])
        for status in 0..<1_000 {
            #expect(rule.contains(status) == [400, 463, 464, 527, 528, 599].contains(status))
        }
        #expect(rule.outcome(.timeout) == .failure)
        #expect(rule.outcome(.connect) == .unknown)
        #expect(FailureRule().outcome(.connect) == .failure)
        #expect([502, 503, 504].allSatisfy { FailureRule().contains($0) })
        #expect(![500, 501, 505, 429, 404].contains { FailureRule().contains($0) })
    }

    @Test("an answer is slow beyond the slow time, and a failure whatever its time")
    func slow() {
        var rule = FailureRule()
        rule.slowTime = .seconds(1)
        #expect(rule.outcome(status: 200, time: .seconds(1)) == .success)
        #expect(rule.outcome(status: 404, time: .milliseconds(1_001)) == .slow)
        #expect(rule.outcome(status: 503, time: .seconds(9)) == .failure)
    }

    @Test("a target's recovery is its last one, by a check or by its breaker")
    func recovery() {
        let upstream = UpstreamHealth(name: "app/service", seed: 1)
        let target = upstream.target("http://a:80", seed: 2)
        #expect(upstream.target("http://a:80", seed: 3) === target)
        #expect(target.recovery == nil)
        target.checked(.down, passed: false, result: "", now: CircuitBreakerTests.at(1))
        #expect(target.isKnownDown && target.recovery == nil)
        target.checked(.up, passed: true, result: "", now: CircuitBreakerTests.at(5))
        #expect(!target.isKnownDown)
        #expect(target.recovery == CircuitBreakerTests.at(5))
        target.joined(now: CircuitBreakerTests.at(7))
        #expect(target.recovery == CircuitBreakerTests.at(7))
        target.checked(.down, passed: false, result: "", now: CircuitBreakerTests.at(8))
        target.checksEnded()
        #expect(!target.isKnownDown)
        #expect(target.lastCheck == TargetHealth.CheckReport())
    }

    @Test("a target that no configuration names is forgotten")
    func forgetting() {
        let upstream = UpstreamHealth(name: "app/service", seed: 1)
        let kept = upstream.target("http://a:80", seed: 2)
        _ = upstream.target("http://b:80", seed: 3)
        upstream.keepOnly(["http://a:80"], now: .zero)
        #expect(upstream.known("http://b:80") == nil)
        #expect(upstream.known("http://a:80") === kept)
        #expect(upstream.allTargets.count == 1)
    }
}
