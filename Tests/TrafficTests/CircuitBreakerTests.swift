import Base
import Testing
import Traffic

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    static func breaker(_ change: (inout BreakerPolicy) -> Void) -> CircuitBreaker {
        var policy = BreakerStateTests.policy
        policy.consecutiveFailures = 0
        change(&policy)
        return CircuitBreaker(policy, seed: 1)
    }

    static func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test("so many failures in a row open it; a success between them begins anew")
    func inARow() {
        let breaker = Self.breaker { $0.consecutiveFailures = 3 }
        for outcome in [CallOutcome.failure, .failure, .success, .failure, .failure, .unknown] {
            breaker.record(outcome, wasProbe: false, now: .zero)
            #expect(breaker.admit(now: .zero) == .allowed)
        }
        breaker.record(.failure, wasProbe: false, now: .zero)
        #expect(breaker.admit(now: .zero) == .refused(retryAfter: .seconds(10)))
        #expect(breaker.openings == 1)
    }

    @Test("a share of failures opens it, once there are enough requests, and only those of the window")
    func ratio() {
        let breaker = Self.breaker {
            $0.failureRatio = 0.5
            $0.volumeMinimum = 10
            $0.window = .seconds(10)
        }
        for _ in 0..<9 { breaker.record(.failure, wasProbe: false, now: .zero) }
        #expect(breaker.state == .closed)
        // They are past when these come.
        for index in 0..<9 {
            breaker.record(index < 4 ? .failure : .success, wasProbe: false, now: Self.at(10_000 + Int64(index)))
        }
        #expect(breaker.state == .closed)
        breaker.record(.failure, wasProbe: false, now: Self.at(11_000))
        #expect(breaker.state == .open(until: Self.at(21_000), streak: 1))
    }

    @Test("a share of slow answers opens it")
    func slow() {
        let breaker = Self.breaker {
            $0.slowRatio = 0.3
            $0.volumeMinimum = 10
        }
        for index in 0..<10 {
            #expect(breaker.state == .closed)
            breaker.record(index % 3 == 0 ? .slow : .success, wasProbe: false, now: .zero)
        }
        #expect(breaker.state != .closed)
    }

    @Test("the window slides: what is a window old counts no more, wherever the clock stands")
    func sliding() {
        for start in [0, 999, 1_000, 123_456_789, 20_000_000_000] as [Int64] {
            let breaker = Self.breaker {
                $0.failureRatio = 1
                $0.volumeMinimum = 4
                $0.window = .seconds(1)
            }
            for step in 0..<40 {
                // Three in any window of a second.
                breaker.record(.failure, wasProbe: false, now: Self.at(start + Int64(step) * 350))
                #expect(breaker.state == .closed)
            }
        }
    }

    @Test("good probes close it, and what it had counted doesn't open it again")
    func closing() {
        let breaker = Self.breaker {
            $0.consecutiveFailures = 2
            $0.failureRatio = 0.5
            $0.volumeMinimum = 2
            $0.window = .seconds(60)
        }
        for _ in 0..<2 { breaker.record(.failure, wasProbe: false, now: .zero) }
        let later = Self.at(10_000)
        #expect(breaker.admit(now: later) == .probe)
        #expect(breaker.admit(now: later) == .probe)
        // One that was admitted before it opened.
        breaker.record(.failure, wasProbe: false, now: later)
        for _ in 0..<2 { breaker.record(.success, wasProbe: true, now: later) }
        #expect(breaker.admit(now: later) == .allowed)
        breaker.record(.failure, wasProbe: false, now: later)
        #expect(breaker.admit(now: later) == .allowed)
    }

    @Test("an operator can close it")
    func reset() {
        let breaker = Self.breaker { $0.consecutiveFailures = 1 }
        breaker.record(.failure, wasProbe: false, now: .zero)
        #expect(breaker.admit(now: .zero) != .allowed)
        breaker.reset()
        #expect(breaker.admit(now: .zero) == .allowed)
    }

    @Test("of many threads that ask a half-open breaker, as many as there are probes may go")
    func threads() async {
        let breaker = Self.breaker {
            $0.consecutiveFailures = 1
            $0.probes = 7
        }
        breaker.record(.failure, wasProbe: false, now: .zero)
        let probes = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { (0..<1_000).count { _ in breaker.admit(now: Self.at(20_000)) == .probe } }
            }
            return await group.reduce(0, +)
        }
        #expect(probes == 7)
    }
}
