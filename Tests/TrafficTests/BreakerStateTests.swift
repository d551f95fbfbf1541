import Base
import Testing
import Traffic

@Suite("Breaker states")
struct BreakerStateTests {
    static var policy: BreakerPolicy {
        var policy = BreakerPolicy()
        policy.openTime = .seconds(10)
        policy.openTimeGrowth = 2
        policy.openTimeMaximum = .seconds(35)
        policy.jitter = 0
        policy.probes = 2
        return policy
    }

    static func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test("a closed breaker lets everything through, and opens when it is told")
    func opening() {
        var state = BreakerState.closed
        #expect(state.admit(Self.policy, now: .zero) == .allowed)
        state.trip(Self.policy, now: .zero, chance: 0)
        #expect(state == .open(until: Self.at(10), streak: 1))
        #expect(state.admit(Self.policy, now: Self.at(3)) == .refused(retryAfter: .seconds(7)))
        state.trip(Self.policy, now: Self.at(5), chance: 0)
        #expect(state == .open(until: Self.at(10), streak: 1))
    }

    @Test("after the open time as many probes go through as the policy has, and no more")
    func probes() {
        var state = BreakerState.open(until: Self.at(10), streak: 1)
        #expect(state.admit(Self.policy, now: Self.at(10)) == .probe)
        #expect(state.admit(Self.policy, now: Self.at(10)) == .probe)
        #expect(state.admit(Self.policy, now: Self.at(11)) == .refused(retryAfter: .seconds(1)))
        state.probeEnded(.success, Self.policy, now: Self.at(11), chance: 0)
        #expect(state.admit(Self.policy, now: Self.at(11)) == .refused(retryAfter: .seconds(1)))
        state.probeEnded(.success, Self.policy, now: Self.at(12), chance: 0)
        #expect(state == .closed)
    }

    @Test("a probe that tells nothing makes room for another")
    func unknown() {
        var state = BreakerState.halfOpen(granted: 2, succeeded: 1, streak: 1)
        state.probeEnded(.unknown, Self.policy, now: .zero, chance: 0)
        #expect(state.admit(Self.policy, now: .zero) == .probe)
        #expect(state.admit(Self.policy, now: .zero) == .refused(retryAfter: .seconds(1)))
    }

    @Test("probes without an outcome give their places to others, and still count when they have one")
    func patience() {
        var policy = Self.policy
        policy.probePatience = .seconds(5)
        var state = BreakerState.open(until: Self.at(10), streak: 1)
        #expect(state.admit(policy, now: Self.at(10)) == .probe)
        #expect(state.admit(policy, now: Self.at(12)) == .probe)
        #expect(state.admit(policy, now: Self.at(16)) == .refused(retryAfter: .seconds(1)))
        // From the last one on.
        #expect(state.admit(policy, now: Self.at(17)) == .probe)
        #expect(state.admit(policy, now: Self.at(17)) == .probe)
        #expect(state.admit(policy, now: Self.at(21)) == .refused(retryAfter: .seconds(1)))
        // One that has lost its place has none to give back.
        state.probeEnded(.unknown, turn: 0, policy, now: Self.at(21), chance: 0)
        #expect(state.admit(policy, now: Self.at(21)) == .refused(retryAfter: .seconds(1)))
        state.probeEnded(.success, turn: 0, policy, now: Self.at(21), chance: 0)
        #expect(state.admit(policy, now: Self.at(21)) == .refused(retryAfter: .seconds(1)))
        var failed = state
        failed.probeEnded(.failure, turn: 0, policy, now: Self.at(21), chance: 0)
        #expect(failed == .open(until: Self.at(41), streak: 2))
        state.probeEnded(.unknown, turn: 1, policy, now: Self.at(21), chance: 0)
        state.probeEnded(.success, turn: 1, policy, now: Self.at(21), chance: 0)
        #expect(state == .closed)
    }

    @Test("upstreams that answer all probes late are found well all the same")
    func lateProbes() {
        var state = BreakerState.open(until: .zero, streak: 1)
        for second in [0, 5, 10] as [Int64] {
            for _ in 0..<2 { #expect(state.admit(Self.policy, now: Self.at(second)) == .probe) }
        }
        state.probeEnded(.success, turn: 0, Self.policy, now: Self.at(12), chance: 0)
        state.probeEnded(.success, turn: 0, Self.policy, now: Self.at(12), chance: 0)
        #expect(state == .closed)
    }

    @Test(
        "another policy has its effect at once on who is half open or recovering",
        arguments: [
            (BreakerState.halfOpen(granted: 2, succeeded: 1, streak: 1), 1, 0, BreakerState.closed),
            (.halfOpen(granted: 2, succeeded: 2, streak: 4), 1, 9, .recovering(since: at(20), streak: 4)),
            (.halfOpen(granted: 2, succeeded: 1, streak: 1), 2, 0, .halfOpen(granted: 2, succeeded: 1, streak: 1)),
            (.halfOpen(granted: 2, succeeded: 0, streak: 1), 1, 0, .halfOpen(granted: 2, succeeded: 0, streak: 1)),
            (.recovering(since: at(15), streak: 1), 1, 5, .closed),
            (.recovering(since: at(15), streak: 1), 1, 0, .closed),
            (.recovering(since: at(15), streak: 1), 1, 6, .recovering(since: at(15), streak: 1)),
            (.open(until: at(90), streak: 1), 1, 0, .open(until: at(90), streak: 1)), (.closed, 9, 9, .closed),
        ])
    func adopting(before: BreakerState, probes: Int, recoverSeconds: Int64, after: BreakerState) {
        var policy = Self.policy
        policy.probes = probes
        policy.recoverTime = .seconds(recoverSeconds)
        var state = before
        state.adopt(policy, now: Self.at(20))
        #expect(state == after)
    }

    @Test("each failed round keeps it open longer, up to the maximum; one good round begins anew")
    func growth() {
        var state = BreakerState.closed
        var now = MonotonicTime.zero
        state.trip(Self.policy, now: now, chance: 0)
        for seconds in [10, 20, 35, 35] as [Int64] {
            guard case .open(let until, _) = state else {
                Issue.record("not open: \(state)")
                return
            }
            #expect(until - now == .seconds(seconds))
            now = until
            #expect(state.admit(Self.policy, now: now) == .probe)
            state.probeEnded(.failure, Self.policy, now: now, chance: 0)
        }
        state = .halfOpen(granted: 2, succeeded: 1, streak: 9)
        state.probeEnded(.success, Self.policy, now: now, chance: 0)
        state.trip(Self.policy, now: now, chance: 0)
        #expect(state == .open(until: now + .seconds(10), streak: 1))
    }

    @Test("jitter shortens the open time by a part of it, and never lengthens it", arguments: [0.0, 0.25, 0.999])
    func jitter(chance: Double) {
        var policy = Self.policy
        policy.jitter = 0.4
        var state = BreakerState.closed
        state.trip(policy, now: .zero, chance: chance)
        #expect(state == .open(until: MonotonicTime(nanoseconds: Int64(10e9 * (1 - 0.4 * chance))), streak: 1))
    }

    @Test(
        "what comes late from a former round changes nothing",
        arguments: [BreakerState.closed, .open(until: .zero, streak: 3)])
    func late(state: BreakerState) {
        for outcome in [CallOutcome.success, .slow, .failure, .unknown] {
            var changed = state
            changed.probeEnded(outcome, Self.policy, now: .zero, chance: 0)
            #expect(changed == state)
        }
    }

    @Test("slow probes count as failures only where slowness is looked at")
    func slow() {
        var state = BreakerState.halfOpen(granted: 1, succeeded: 0, streak: 1)
        state.probeEnded(.slow, Self.policy, now: .zero, chance: 0)
        #expect(state == .halfOpen(granted: 1, succeeded: 1, streak: 1))
        var policy = Self.policy
        policy.slowRatio = 0.5
        state.probeEnded(.slow, policy, now: .zero, chance: 0)
        #expect(state == .open(until: Self.at(20), streak: 2))
    }

    @Test("odd policies neither trap nor lock for ever", arguments: [0, -1, 1])
    func odd(probes: Int) {
        var policy = Self.policy
        policy.probes = probes
        policy.openTimeGrowth = .infinity
        policy.openTimeMaximum = .seconds(1 << 32)
        var state = BreakerState.open(until: .zero, streak: .max - 1)
        #expect(state.admit(policy, now: .zero) == .probe)
        state.probeEnded(.failure, policy, now: .zero, chance: 0)
        #expect(state == .open(until: .zero + .seconds(1 << 32), streak: .max))
    }

    @Test("with a recover time, a growing share of requests comes back before it is closed")
    func recovery() {
        var policy = Self.policy
        policy.recoverTime = .seconds(10)
        var state = BreakerState.halfOpen(granted: 2, succeeded: 1, streak: 3)
        state.probeEnded(.success, policy, now: Self.at(100), chance: 0)
        #expect(state == .recovering(since: Self.at(100), streak: 3))
        let shares = [(100, 100), (101, 190), (105, 550), (109, 910)] as [(Int64, Int)]
        for (second, share) in shares { #expect(state.admit(policy, now: Self.at(second)) == .share(permille: share)) }
        #expect(state.admit(policy, now: Self.at(110)) == .allowed)
        #expect(state == .closed)
    }

    @Test("what opens it while it recovers keeps it open longer than before")
    func relapse() {
        var policy = Self.policy
        policy.recoverTime = .seconds(10)
        var state = BreakerState.recovering(since: Self.at(1), streak: 1)
        state.probeEnded(.failure, policy, now: Self.at(2), chance: 0)
        #expect(state == .recovering(since: Self.at(1), streak: 1))
        state.trip(policy, now: Self.at(2), chance: 0)
        #expect(state == .open(until: Self.at(22), streak: 2))
    }

    @Test("shares are spread evenly over the requests, and the first one is let through")
    func share() {
        for permille in [100, 190, 333, 550, 999, 1_000] {
            var sum: UInt64 = 900
            var admitted = 0
            var gap = 0
            for number in 1...10_000 {
                if BreakerRecovery.admits(sum: sum, permille: permille) {
                    admitted += 1
                    gap = 0
                } else {
                    gap += 1
                    #expect(number > 1 && gap < 10)
                }
                sum &+= UInt64(permille)
            }
            #expect(abs(admitted - permille * 10) <= 1)
        }
        #expect(BreakerRecovery.share(elapsed: .seconds(-1), of: .seconds(1)) == 100)
        #expect(BreakerRecovery.share(elapsed: .seconds(1), of: .zero) == 1_000)
    }
}
