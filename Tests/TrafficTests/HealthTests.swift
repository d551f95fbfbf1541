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

    @Test("when fewer targets may be out, those come back that would have come back soonest")
    func surplus() throws {
        let upstream = UpstreamHealth(name: "app/service", seed: 1)
        upstream.ejections.setLimit(3)
        let at = CircuitBreakerTests.at
        let names = ["a", "b", "c", "d"].map { "http://\($0):80" }
        for (name, open) in zip(names, [30, 10, 20, 0]) {
            var policy = BreakerPolicy()
            policy.consecutiveFailures = 1
            policy.openTime = .seconds(Int64(open))
            policy.jitter = 0
            let target = upstream.makeTarget(name, seed: 2)
            upstream.add(target)
            target.breaker.adopt(policy, now: at(0))
            guard open > 0 else { continue }
            let ticket = try #require(target.breaker.admit(now: at(0)).ticket)
            #expect(target.breaker.record(.failure, ticket, now: at(0)) == .opened(.consecutiveFailures))
        }
        let out = { names.filter { upstream.known($0)?.breaker.state != .closed } }
        #expect(upstream.ejections.count == 3 && upstream.closeSurplus(now: at(1)).isEmpty)
        upstream.ejections.setLimit(2)
        #expect(upstream.closeSurplus(now: at(2)).map(\.target) == [names[1]])
        #expect(out() == [names[0], names[2]] && upstream.known(names[1])?.recovery == at(2))
        // One that lets probes through is back first, whatever its open time was.
        _ = upstream.known(names[0])?.breaker.admit(now: at(40_000))
        upstream.ejections.setLimit(1)
        #expect(upstream.closeSurplus(now: at(40_000)).map(\.target) == [names[0]])
        upstream.keepOnly([names[3]], now: at(40_001))
        #expect(upstream.ejections.count == 0)
        upstream.ejections.setLimit(0)
        #expect(upstream.closeSurplus(now: at(40_002)).isEmpty)
    }

    @Test("a target's recovery is its last one, by a check or by its breaker")
    func recovery() {
        let upstream = UpstreamHealth(name: "app/service", seed: 1)
        let target = upstream.makeTarget("http://a:80", seed: 2)
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
        let kept = upstream.makeTarget("http://a:80", seed: 2)
        #expect(upstream.allTargets.isEmpty, "it isn't one of the upstream's yet")
        upstream.add(kept)
        upstream.add(upstream.makeTarget("http://b:80", seed: 3))
        upstream.keepOnly(["http://a:80"], now: .zero)
        #expect(upstream.known("http://b:80") == nil)
        #expect(upstream.known("http://a:80") === kept)
        #expect(upstream.allTargets.count == 1)
    }
}
