import Base
import Proxy
import Testing

@Suite("A store's health")
struct StoreHealthTests {
    private func at(_ milliseconds: Int64) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    @Test("failures in a row open it, a success between them starts the count anew")
    func failures() {
        var health = StoreHealth(failures: 3, openTime: .seconds(1), openTimeMax: .seconds(4))
        for _ in 0..<5 {
            let first = health.failed(now: at(0), chance: 0)
            let second = health.failed(now: at(0), chance: 0)
            #expect(!first && !second)
            health.succeeded()
        }
        _ = health.failed(now: at(0), chance: 0)
        _ = health.failed(now: at(0), chance: 0)
        let third = health.failed(now: at(0), chance: 0)
        #expect(third && !health.isClosed && health.openings == 1)
    }

    @Test("it is tried when the time is over, three times well before it counts as well")
    func trial() {
        var health = StoreHealth(failures: 1, openTime: .seconds(1), openTimeMax: .seconds(4))
        health.unreachable(now: at(0), chance: 0)
        #expect(!health.isClosed)
        var trial = health.trial(now: at(999))
        #expect(trial == .later(at(1_000)))
        trial = health.trial(now: at(1_000))
        #expect(trial == .now)
        for expected in [true, true, false] {
            let isMoreNeeded = health.trialEnded(well: true, now: at(1_001), chance: 0)
            #expect(isMoreNeeded == expected)
        }
        #expect(health.isClosed)
    }

    @Test("each time that it still isn't well it is left alone for longer, up to the limit, and jitter takes a part")
    func growth() {
        var health = StoreHealth(failures: 1, openTime: .seconds(1), openTimeMax: .seconds(3))
        health.unreachable(now: at(0), chance: 0)
        var now: Int64 = 0
        for pause in [1_000, 2_000, 3_000, 3_000] as [Int64] {
            var trial = health.trial(now: at(now + pause - 1))
            #expect(trial == .later(at(now + pause)))
            now += pause
            trial = health.trial(now: at(now))
            #expect(trial == .now)
            health.unreachable(now: at(now), chance: 0)
        }
        var other = StoreHealth(failures: 1, openTime: .seconds(1), openTimeMax: .seconds(3))
        other.unreachable(now: at(0), chance: 1)
        let trial = other.trial(now: at(0))
        #expect(trial == .later(at(750)))
    }
}
