import Base
import Testing
import Traffic

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    static func breaker(
        signal: ChangeSignal = ChangeSignal(), ejections: SharedBudget? = nil,
        _ change: (inout BreakerPolicy) -> Void
    ) -> CircuitBreaker {
        CircuitBreaker(policy(change), seed: 1, signal: signal, ejections: ejections)
    }

    static func policy(_ change: (inout BreakerPolicy) -> Void) -> BreakerPolicy {
        var policy = BreakerStateTests.policy
        policy.consecutiveFailures = 0
        change(&policy)
        return policy
    }

    static func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test("so many failures in a row open it; a success between them begins anew")
    func inARow() {
        let breaker = Self.breaker { $0.consecutiveFailures = 3 }
        for outcome in [CallOutcome.failure, .failure, .success, .failure, .failure, .unknown] {
            breaker.call(outcome)
            #expect(breaker.admit(now: .zero).ticket != nil)
        }
        breaker.call(.failure)
        #expect(breaker.admit(now: .zero) == .refused(retryAfter: .seconds(10)))
        #expect(breaker.counts.openings == 1)
        #expect(breaker.counts.cause == .consecutiveFailures)
    }

    @Test("a share of failures opens it, once there are enough requests, and only those of the window")
    func ratio() {
        let breaker = Self.breaker {
            $0.failureRatio = 0.5
            $0.volumeMinimum = 10
            $0.window = .seconds(10)
        }
        for _ in 0..<9 { breaker.call(.failure) }
        #expect(breaker.state == .closed)
        // They are past when these come.
        for index in 0..<9 { breaker.call(index < 4 ? .failure : .success, now: Self.at(10_000 + Int64(index))) }
        #expect(breaker.state == .closed)
        breaker.call(.failure, now: Self.at(11_000))
        #expect(breaker.state == .open(until: Self.at(21_000), streak: 1))
        #expect(breaker.counts.cause == .failureRatio)
    }

    @Test("a share of slow answers opens it")
    func slow() {
        let breaker = Self.breaker {
            $0.slowRatio = 0.3
            $0.volumeMinimum = 10
        }
        for index in 0..<10 {
            #expect(breaker.state == .closed)
            breaker.call(index % 3 == 0 ? .slow : .success)
        }
        #expect(breaker.state != .closed)
        #expect(breaker.counts.cause == .slowRatio)
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
                breaker.call(.failure, now: Self.at(start + Int64(step) * 350))
                #expect(breaker.state == .closed)
            }
        }
    }

    @Test("good probes close it; what it had counted, and what was under way, doesn't open it again")
    func closing() throws {
        let breaker = Self.breaker {
            $0.consecutiveFailures = 2
            $0.failureRatio = 0.5
            $0.volumeMinimum = 2
            $0.window = .seconds(60)
        }
        let early = (0..<4).map { _ in breaker.admit(now: .zero).ticket }
        for _ in 0..<2 { breaker.call(.failure) }
        let later = Self.at(10_000)
        let first = try #require(breaker.admit(now: later).ticket)
        let second = try #require(breaker.admit(now: later).ticket)
        #expect(first.isProbe && second.isProbe)
        // Those that were admitted before it opened.
        for ticket in early[..<2] { breaker.record(.failure, try #require(ticket), now: later) }
        #expect(breaker.record(.success, first, now: later) == nil)
        #expect(breaker.record(.success, second, now: later) == .closed)
        for ticket in early[2...] { breaker.record(.failure, try #require(ticket), now: later) }
        #expect(breaker.state == .closed)
        breaker.call(.failure, now: later)
        #expect(breaker.state == .closed)
        #expect(breaker.recovery == later)
    }

    @Test("a probe of a former round decides nothing in the next")
    func lateProbe() throws {
        let breaker = Self.breaker {
            $0.consecutiveFailures = 1
            $0.probes = 2
        }
        breaker.call(.failure)
        let late = try #require(breaker.admit(now: Self.at(10_000)).ticket)
        let failing = try #require(breaker.admit(now: Self.at(10_000)).ticket)
        #expect(breaker.record(.failure, failing, now: Self.at(10_000)) == .opened(.failedProbe))
        let next = try #require(breaker.admit(now: Self.at(40_000)).ticket)
        #expect(breaker.record(.failure, late, now: Self.at(40_000)) == nil)
        #expect(breaker.record(.success, late, now: Self.at(40_000)) == nil)
        let turn = ProbeTurn(lastGrant: Self.at(40_000))
        #expect(breaker.state == .halfOpen(granted: 1, succeeded: 0, streak: 2, turn: turn))
        #expect(breaker.record(.success, next, now: Self.at(40_000)) == nil)
        #expect(breaker.state == .halfOpen(granted: 1, succeeded: 1, streak: 2, turn: turn))
    }

    @Test("an operator can close it, open or half open", arguments: [1_000, 12_000] as [Int64])
    func reset(time: Int64) {
        let breaker = Self.breaker { $0.consecutiveFailures = 1 }
        breaker.call(.failure)
        _ = breaker.admit(now: Self.at(time))
        breaker.reset(now: Self.at(time))
        #expect(breaker.admit(now: Self.at(time)).ticket?.isProbe == false)
    }

    @Test("another policy changes what opens it, not what it has counted")
    func policyChange() {
        let breaker = Self.breaker { $0.consecutiveFailures = 10 }
        for _ in 0..<4 { breaker.call(.failure) }
        breaker.adopt(Self.policy { $0.consecutiveFailures = 5 }, now: .zero)
        #expect(breaker.state == .closed)
        breaker.call(.failure)
        #expect(breaker.state == .open(until: Self.at(10_000), streak: 1))
        breaker.adopt(Self.policy { $0.consecutiveFailures = 50 }, now: .zero)
        #expect(breaker.state == .open(until: Self.at(10_000), streak: 1))
    }

    @Test("while it is half open, fewer probes may be enough at once, and more are asked for")
    func probesChange() throws {
        func halfOpen() throws -> CircuitBreaker {
            let breaker = Self.breaker {
                $0.consecutiveFailures = 1
                $0.probes = 2
            }
            breaker.call(.failure)
            breaker.call(.success, now: Self.at(10_000))
            _ = try #require(breaker.admit(now: Self.at(10_000)).ticket)
            #expect(breaker.admit(now: Self.at(10_001)).ticket == nil)
            return breaker
        }
        func policy(_ probes: Int) -> BreakerPolicy {
            Self.policy {
                $0.consecutiveFailures = 1
                $0.probes = probes
            }
        }
        let fewer = try halfOpen()
        #expect(fewer.adopt(policy(1), now: Self.at(10_002)) == .closed)
        #expect(fewer.admit(now: Self.at(10_002)).ticket?.isProbe == false && fewer.recovery == Self.at(10_002))
        let more = try halfOpen()
        #expect(more.adopt(policy(3), now: Self.at(10_002)) == nil)
        #expect(more.admit(now: Self.at(10_002)).ticket?.isProbe == true)
        #expect(more.admit(now: Self.at(10_002)).ticket == nil)
        #expect(more.refusal(now: Self.at(13_000)) == .seconds(1))
        #expect(more.refusal(now: Self.at(15_001)) == .milliseconds(1) && more.refusal(now: Self.at(15_002)) == nil)
        #expect(more.admit(now: Self.at(15_002)).ticket?.isProbe == true)
    }

    @Test("one that is retired hears of nothing more, and begins anew with another policy", arguments: [1, 2])
    func retirement(limit: Int) throws {
        let breaker = Self.breaker { $0.consecutiveFailures = limit }
        let before = try (0..<2).map { _ in try #require(breaker.admit(now: .zero).ticket) }
        breaker.retire(now: .zero)
        let during = try (0..<2).map { _ in try #require(breaker.admit(now: .zero).ticket) }
        for ticket in before + during { #expect(breaker.record(.failure, ticket, now: .zero) == nil) }
        breaker.retire(now: .zero)
        #expect(breaker.adopt(Self.policy { $0.consecutiveFailures = limit }, now: .zero) == nil)
        for ticket in before + during { #expect(breaker.record(.failure, ticket, now: .zero) == nil) }
        #expect(breaker.state == .closed && breaker.consecutiveFailures == 0)
        for _ in 0..<limit { breaker.call(.failure) }
        #expect(breaker.state == .open(until: Self.at(10_000), streak: 1))
    }

    @Test("forgiven failures are forgotten, in a row and in the window; an open breaker stays open")
    func forgiving() {
        let breaker = Self.breaker {
            $0.consecutiveFailures = 3
            $0.failureRatio = 0.5
            $0.volumeMinimum = 5
        }
        for _ in 0..<2 { breaker.call(.failure) }
        breaker.forgive()
        for _ in 0..<2 { breaker.call(.failure) }
        #expect(breaker.state == .closed)
        breaker.call(.failure)
        breaker.forgive()
        #expect(breaker.state == .open(until: Self.at(10_000), streak: 1))
    }

    @Test("no more targets are out than may be; one that is back makes room")
    func ejections() throws {
        let budget = SharedBudget(limit: 1)
        let breakers = (0..<3).map { _ in Self.breaker(ejections: budget) { $0.consecutiveFailures = 1 } }
        for breaker in breakers { breaker.call(.failure) }
        #expect(breakers.map { $0.state == .closed } == [false, true, true])
        #expect(breakers[1].counts.suppressed == 1)
        for _ in 0..<2 {
            let probe = try #require(breakers[0].admit(now: Self.at(10_000)).ticket)
            breakers[0].record(.success, probe, now: Self.at(10_000))
        }
        #expect(budget.count == 0)
        breakers[2].call(.failure)
        #expect(breakers[2].state != .closed)
        breakers[2].retire(now: .zero)
        #expect(budget.count == 0)
        breakers[2].call(.failure)
        #expect(breakers[2].state == .closed && budget.count == 0, "a retired one never opens again")
    }

    @Test("whoever keeps a copy hears of each change of what may be done, and of nothing else")
    func signal() throws {
        let signal = ChangeSignal()
        let breaker = Self.breaker(signal: signal) {
            $0.consecutiveFailures = 2
            $0.probes = 1
        }
        var seen = signal.version
        func isTold() -> Bool {
            defer { seen = signal.version }
            return signal.version != seen
        }
        breaker.call(.success)
        breaker.call(.failure)
        #expect(!isTold())
        breaker.call(.failure)
        #expect(isTold())
        _ = breaker.admit(now: Self.at(1_000))
        #expect(!isTold())
        let probe = try #require(breaker.admit(now: Self.at(10_000)).ticket)
        #expect(isTold())
        breaker.record(.unknown, probe, now: Self.at(10_000))
        #expect(isTold())
    }

    @Test("of many threads that ask a half-open breaker, as many as there are probes may go")
    func threads() async {
        let breaker = Self.breaker {
            $0.consecutiveFailures = 1
            $0.probes = 7
        }
        breaker.call(.failure)
        let probes = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { (0..<1_000).count { _ in breaker.admit(now: Self.at(20_000)).ticket != nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(probes == 7)
        #expect(breaker.counts.probes == 7)
    }

    /// One whose probes have succeeded at 10 s, and that recovers over the next ten.
    private static func recovering(ejections: SharedBudget? = nil) throws -> CircuitBreaker {
        let breaker = Self.breaker(ejections: ejections) {
            $0.consecutiveFailures = 3
            $0.recoverTime = .seconds(10)
            $0.probes = 1
        }
        for _ in 0..<3 { breaker.call(.failure) }
        let probe = try #require(breaker.admit(now: at(10_000)).ticket)
        #expect(breaker.record(.success, probe, now: at(10_000)) == .closed)
        return breaker
    }

    @Test("while it recovers a share of the requests goes, over all threads, and in the end all of them")
    func recovery() async throws {
        let budget = SharedBudget(limit: 1)
        let breaker = try Self.recovering(ejections: budget)
        #expect(breaker.state == .recovering(since: Self.at(10_000), streak: 1))
        #expect(budget.count == 0 && breaker.recovery == Self.at(10_000))
        #expect(breaker.refusal(now: Self.at(10_000)) == nil, "some may go")
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { (0..<1_000).count { _ in breaker.admit(now: Self.at(15_000)).ticket != nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 4_000 * 550 / 1_000)
        #expect(breaker.admit(now: Self.at(20_000)).ticket?.isProbe == false)
        #expect(breaker.state == .closed && budget.count == 0)
    }

    @Test("failures open it while it recovers, and for longer; what it let through counts once it is closed, too")
    func relapse() throws {
        let budget = SharedBudget(limit: 1)
        let breaker = try Self.recovering(ejections: budget)
        let tickets = (0..<100).compactMap { _ in breaker.admit(now: Self.at(15_000)).ticket }
        for ticket in tickets.prefix(2) { #expect(breaker.record(.failure, ticket, now: Self.at(15_000)) == nil) }
        #expect(breaker.admit(now: Self.at(20_000)).ticket != nil && breaker.state == .closed)
        #expect(
            breaker.record(.failure, tickets[2], now: Self.at(20_000)) == .opened(.consecutiveFailures))
        #expect(breaker.state == .open(until: Self.at(30_000), streak: 1) && budget.count == 1)
        let other = try Self.recovering()
        for _ in 0..<3 {
            while true {
                guard let ticket = other.admit(now: Self.at(11_000)).ticket else { continue }
                other.record(.failure, ticket, now: Self.at(11_000))
                break
            }
        }
        #expect(other.state == .open(until: Self.at(31_000), streak: 2))
    }

    @Test("an operator, or a policy without a recover time, lets all requests through at once")
    func recoveryEnds() throws {
        let budget = SharedBudget(limit: 1)
        let breaker = try Self.recovering(ejections: budget)
        breaker.reset(now: Self.at(10_001))
        #expect(breaker.state == .closed && budget.count == 0)
        let other = try Self.recovering()
        other.adopt(Self.policy { $0.consecutiveFailures = 3 }, now: Self.at(10_001))
        #expect((0..<20).allSatisfy { _ in other.admit(now: Self.at(10_001)).ticket != nil })
        #expect(other.state == .closed)
    }
}

extension CircuitBreaker {
    /// A request that is admitted, and then ends like that.
    fileprivate func call(_ outcome: CallOutcome, now: MonotonicTime = .zero) {
        if let ticket = admit(now: now).ticket { record(outcome, ticket, now: now) }
    }
}

extension BreakerVerdict {
    var ticket: BreakerTicket? { if case .admitted(let ticket) = self { ticket } else { nil } }
}
