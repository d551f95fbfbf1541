import Base
import Configuration
import Testing

@Suite("Configuration of breakers and health checks")
struct UpstreamHealthTests {
    /// `plainBank` with further lines in its upstream.
    private static func bank(_ lines: String) -> String {
        plainBank.replacing("routes:", with: lines.split(separator: "\n").map { "    \($0)\n" }.joined() + "routes:")
    }

    private static func upstream(_ lines: String) throws -> Upstream {
        let result = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank(lines)]).load()
        let configuration = try #require(result.configuration, "\(findings(result))")
        return try #require(configuration.domains.first?.upstreams.first)
    }

    @Test("without a word there is no breaker, no check, no slow start and no panic")
    func nothing() throws {
        let upstream = try Self.upstream("")
        #expect(upstream.circuitBreaker == nil && upstream.healthCheck == nil && upstream.slowStart == nil)
        #expect(upstream.panicThreshold.value == 0)
        #expect(upstream.targets.allSatisfy { $0.priority.value == 0 })
    }

    @Test("an empty breaker has the documented defaults")
    func breakerDefaults() throws {
        let breaker = try #require(try Self.upstream("circuit_breaker: {}").circuitBreaker)
        #expect(breaker.scope.value == .both)
        #expect(breaker.consecutiveFailures.value == 5)
        #expect(breaker.failureRatio == nil && breaker.slowRatio == nil && breaker.fallback == nil)
        #expect(
            breaker.failures.map(\.value) == [.connect, .timeout, .reset, .status(502), .status(503), .status(504)])
        #expect(breaker.openTime.value == .seconds(10) && breaker.openTimeMax.value == .seconds(300))
        #expect(breaker.openGrowth.value == 2 && breaker.jitter.value == 10 && breaker.probes.value == 3)
        #expect(breaker.ejectedMax.value == 50 && breaker.recoverTime == nil)
    }

    @Test("an empty health check asks for / every five seconds")
    func checkDefaults() throws {
        let check = try #require(try Self.upstream("health_check: {}").healthCheck)
        #expect(check.kind.value == .http && check.path.value == "/" && check.method.value == .get)
        #expect(check.statuses.map(\.value) == [StatusRange(200, 299)])
        #expect(check.interval.value == .seconds(5) && check.timeout.value == .seconds(2))
        #expect(check.healthyThreshold.value == 2 && check.unhealthyThreshold.value == 3)
    }

    @Test("every key reaches the model")
    func everything() throws {
        let upstream = try Self.upstream(
            """
            circuit_breaker:
              scope: targets
              consecutive_failures: 0
              failure_ratio: 50%
              slow_ratio: 30%
              slow_time: 250ms
              window: 30s
              volume_min: 7
              failures: [timeout, 500, 599]
              open_for: 1s
              open_growth: 3
              open_for_max: 9s
              jitter: 0%
              probes: 1
              recover_for: 15s
              ejected_max: 100%
              fallback: {status: 203, content_type: application/json, body: "{}"}
            health_check: {path: "/up?deep=1", method: HEAD, host: up.test, statuses: [204, 300-310], interval: 1s,
                           jitter: 0%, timeout: 50ms, healthy_threshold: 1, unhealthy_threshold: 4}
            slow_start: 20s
            panic_threshold: 40%
            """)
        let breaker = try #require(upstream.circuitBreaker)
        #expect(breaker.scope.value == .targets && breaker.consecutiveFailures.value == 0)
        #expect(breaker.failureRatio?.value == 50 && breaker.slowRatio?.value == 30)
        #expect(breaker.slowTime.value == .milliseconds(250) && breaker.window.value == .seconds(30))
        #expect(
            breaker.volumeMin.value == 7 && breaker.failures.map(\.value) == [.timeout, .status(500), .status(599)])
        #expect(breaker.openTime.value == .seconds(1) && breaker.openTimeMax.value == .seconds(9))
        #expect(breaker.openGrowth.value == 3 && breaker.jitter.value == 0 && breaker.probes.value == 1)
        #expect(breaker.recoverTime?.value == .seconds(15))
        #expect(breaker.ejectedMax.value == 100 && breaker.fallback?.status.value == 203)
        let check = try #require(upstream.healthCheck)
        #expect(check.path.value == "/up?deep=1" && check.method.value == .head && check.host?.value == "up.test")
        #expect(check.statuses.map(\.value) == [StatusRange(204, 204), StatusRange(300, 310)])
        #expect(check.timeout.value == .milliseconds(50) && check.unhealthyThreshold.value == 4)
        #expect(upstream.slowStart?.value == .seconds(20) && upstream.panicThreshold.value == 40)
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let lines: String
        let finding: String
        var testDescription: String { lines }

        init(_ lines: String, _ finding: String) {
            self.lines = lines
            self.finding = finding
        }
    }

    @Test(
        "what is wrong, or has no effect, is an error with its place and a remedy",
        arguments: [
            Wrong(
                "circuit_breaker: {consecutive_failures: 0}",
                "5:45: error: upstreams.accounts.circuit_breaker.consecutive_failures: nothing opens this circuit breaker; expected `consecutive_failures` above 0, `failure_ratio` or `slow_ratio`"
            ),
            Wrong(
                "circuit_breaker: {slow_time: 1s}",
                "5:34: error: upstreams.accounts.circuit_breaker.slow_time: `slow_time` has no effect without `slow_ratio`; add `slow_ratio`"
            ),
            Wrong(
                "circuit_breaker: {window: 5s}",
                "5:31: error: upstreams.accounts.circuit_breaker.window: `window` has no effect without `failure_ratio` or `slow_ratio`; add one of them"
            ),
            Wrong(
                "circuit_breaker: {consecutive_failures: 3, volume_min: 5}",
                "5:60: error: upstreams.accounts.circuit_breaker.volume_min: `volume_min` has no effect without `failure_ratio` or `slow_ratio`; add one of them"
            ),
            Wrong(
                "circuit_breaker: {fallback: {status: 205, body: x}}",
                "5:53: error: upstreams.accounts.circuit_breaker.fallback.body: an answer with status 205 has no body; expected no `body`"
            ),
            Wrong(
                "circuit_breaker: {fallback: {status: 304, body: x}}",
                "5:53: error: upstreams.accounts.circuit_breaker.fallback.body: an answer with status 304 has no body; expected no `body`"
            ),
            Wrong(
                "circuit_breaker: {fallback: {status: 204, content_type: a/b}}",
                "5:61: error: upstreams.accounts.circuit_breaker.fallback.content_type: an answer without body has no type; expected no `content_type`, or a `body`"
            ),
            Wrong(
                "circuit_breaker: {open_for: 20s, open_for_max: 10s}",
                "5:52: error: upstreams.accounts.circuit_breaker.open_for_max: `open_for_max` is shorter than `open_for`; expected at least 20s"
            ),
            Wrong(
                "circuit_breaker: {recover_for: 99ms}",
                "5:36: error: upstreams.accounts.circuit_breaker.recover_for: `99ms` does not fit here; expected a duration from 100ms to 1h"
            ),
            Wrong(
                "circuit_breaker: {scope: upstream, ejected_max: 10%}",
                "5:53: error: upstreams.accounts.circuit_breaker.ejected_max: `ejected_max` has no effect with `scope: upstream`; expected no such key"
            ),
            Wrong(
                "circuit_breaker: {scope: targets, ejected_max: 49%}",
                "5:52: error: upstreams.accounts.circuit_breaker.ejected_max: no target's breaker can open: 49% of 2 targets, rounded down, is none; expected `ejected_max` of at least 50%, or `scope: upstream`"
            ),
            Wrong(
                "circuit_breaker: {scope: targets, ejected_max: 0%}",
                "5:52: error: upstreams.accounts.circuit_breaker.ejected_max: no target's breaker can open: 0% of 2 targets, rounded down, is none; expected `ejected_max` of at least 50%, or `scope: upstream`"
            ),
            Wrong(
                "circuit_breaker: {failure_ratio: 50}",
                "5:38: error: upstreams.accounts.circuit_breaker.failure_ratio: `50` does not fit here; expected a part from 1% to 100%; did you mean `50%`?"
            ),
            Wrong(
                "circuit_breaker: {failures: [conect]}",
                "5:34: error: upstreams.accounts.circuit_breaker.failures[0]: `conect` does not fit here; expected `connect`, `timeout`, `reset` or a status from 400 to 599; did you mean `connect`?"
            ),
            Wrong(
                "circuit_breaker: {failures: [200]}",
                "5:34: error: upstreams.accounts.circuit_breaker.failures[0]: `200` does not fit here; expected `connect`, `timeout`, `reset` or a status from 400 to 599"
            ),
            Wrong(
                "circuit_breaker: {open_for: 0s}",
                "5:33: error: upstreams.accounts.circuit_breaker.open_for: `0s` does not fit here; expected a duration from 10ms to 1h"
            ),
            Wrong(
                "health_check: {type: tcp, path: /up}",
                "5:31: error: upstreams.accounts.health_check.path: `path` has no effect with `type: tcp`; expected no such key"
            ),
            Wrong(
                "health_check: {method: HEAD, body_contains: ok}",
                "5:49: error: upstreams.accounts.health_check.body_contains: an answer to HEAD has no content; use `method: GET`"
            ),
            Wrong(
                "health_check: {path: up}",
                "5:26: error: upstreams.accounts.health_check.path: `up` does not fit here; expected a path, with or without a query, such as `/healthz`; did you mean `/up`?"
            ),
            Wrong(
                "health_check: {path: \"/up\\r\\nX: y\"}",
                "5:26: error: upstreams.accounts.health_check.path: `/up\\r\\nX: y` does not fit here; expected a path of visible ASCII characters, without a fragment"
            ),
            Wrong(
                "health_check: {statuses: [299-200]}",
                "5:31: error: upstreams.accounts.health_check.statuses[0]: `299-200` does not fit here; expected a status such as `204`, or a range such as `200-299`, from 100 to 599"
            ),
            Wrong(
                "health_check: {body_contains: \"\"}",
                "5:35: error: upstreams.accounts.health_check.body_contains: the text is empty; expected at least one byte, or no such key"
            ),
            Wrong(
                "panic_threshold: 101%",
                "5:22: error: upstreams.accounts.panic_threshold: `101%` does not fit here; expected a part from 0% to 100%"
            ),
            Wrong(
                "{balancer: consistent_hash, hash_on: client_address, slow_start: 5s}",
                "5:69: error: upstreams.accounts.slow_start: `slow_start` has no effect with `balancer: consistent_hash`; expected no such key"
            ),
        ])
    func wrong(wrong: Wrong) {
        var lines = wrong.lines
        var expected = "gateway.d/bank.yaml:\(wrong.finding)"
        if lines.hasPrefix("{") {
            // Several keys: each on a line of its own.
            let keys = lines.dropFirst().dropLast().split(separator: ",").map { $0.drop { $0 == " " } }
            lines = keys.joined(separator: "\n")
            expected = expected.replacing(":5:69:", with: ":\(4 + keys.count):17:")
        }
        #expect(findings(bank: Self.bank(lines)) == [expected])
    }

    private static func loading(targets: String, _ breaker: String) -> LoadResult {
        let lines = bank("circuit_breaker: {\(breaker)}")
            .replacing("[\"http://10.1.0.11:8080\", \"http://10.1.0.12:8080\"]", with: targets)
        return MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": lines]).load()
    }

    private static let drained = "[\"http://a:1\", {url: \"http://b:1\", weight: 0}]"

    @Test(
        "a breaker of targets that could never open is told of",
        arguments: [
            (
                "[\"http://a:1\"]", "scope: targets",
                [
                    "5:30: error: upstreams.accounts.circuit_breaker.scope: no target's breaker can open: 50% of 1 target, rounded down, is none; expected `ejected_max` of at least 100%, or `scope: upstream`"
                ]
            ),
            ("[\"http://a:1\"]", "scope: targets, ejected_max: 100%", []), ("[\"http://a:1\"]", "scope: both", []),
            (drained, "scope: targets, ejected_max: 100%", []),
            (
                drained, "scope: targets",
                [
                    "5:30: warning: upstreams.accounts.circuit_breaker.scope: as long as targets have `weight: 0`, no target's breaker can open: 50% of the others, rounded down, is none; `ejected_max: 100%` lets them open"
                ]
            ),
        ])
    func neverOpening(targets: String, breaker: String, found: [String]) {
        #expect(findings(Self.loading(targets: targets, breaker)) == found.map { "gateway.d/bank.yaml:\($0)" })
    }

    @Test(
        "where targets are looked at first, the upstream's breaker needs as many requests for each of them",
        arguments: [
            ("[\"http://a:1\", \"http://b:1\", \"http://c:1\"]", "failure_ratio: 50%, volume_min: 7", 21, 1),
            (
                "[\"http://a:1\", \"http://b:1\", \"http://c:1\"]",
                "failure_ratio: 50%, volume_min: 7, scope: upstream", 7, 0
            ),
            (
                "[\"http://a:1\", \"http://b:1\", \"http://c:1\"]",
                "failure_ratio: 50%, volume_min: 7, ejected_max: 0%", 7, 0
            ),
            ("[\"http://a:1\"]", "failure_ratio: 50%, volume_min: 7", 7, 0),
            ("[\"http://a:1\"]", "failure_ratio: 50%, volume_min: 7, ejected_max: 100%", 7, 1),
            (drained, "failure_ratio: 50%, volume_min: 7, ejected_max: 100%", 7, 1),
        ])
    func volume(targets: String, breaker: String, volume: Int, ejected: Int) throws {
        let configuration = try #require(Self.loading(targets: targets, breaker).configuration)
        let upstream = try #require(configuration.domains.first?.upstreams.first)
        #expect(upstream.ownVolumeMin == volume && upstream.ejectedTargetsMax == ejected)
    }

    @Test(
        "each of these changes the digest",
        arguments: [
            "circuit_breaker: {}", "circuit_breaker: {probes: 4}", "circuit_breaker: {fallback: {}}",
            "circuit_breaker: {failures: [502]}", "circuit_breaker: {scope: upstream}", "health_check: {}",
            "health_check: {type: tcp}", "health_check: {path: /up}", "health_check: {statuses: [200]}",
            "slow_start: 10s", "panic_threshold: 10%",
        ])
    func digests(lines: String) throws {
        func digest(_ lines: String) throws -> String {
            let result = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": Self.bank(lines)]).load()
            return try #require(result.configuration).digest
        }
        #expect(try digest(lines) != digest(""))
        if lines.contains("probes") { #expect(try digest(lines) != digest("circuit_breaker: {}")) }
    }
}
