import Base
import Identity
import Testing

private func at(_ seconds: Double) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000_000 + Int64(seconds * 1e9))
}

extension KeyRefresh.LookUp {
    fileprivate var isRefused: Bool { if case .refuse = self { true } else { false } }
}

/// A machine that has its first keys, good for an hour.
private func fresh(schedule: KeyRefresh.Schedule = .init(), known: Set<String> = ["a"]) -> KeyRefresh {
    var refresh = KeyRefresh(schedule: schedule, now: at(0))
    _ = refresh.tick(now: at(0))
    _ = refresh.fetched(freshness: .seconds(3600), now: at(0), random: 0, isKnown: known.contains)
    return refresh
}

@Suite("When keys are fetched")
struct KeyRefreshTests {
    @Test("at once at the start, and only once at a time")
    func start() {
        var refresh = KeyRefresh(now: at(0))
        #expect(refresh.nextTick == at(0))
        #expect(!refresh.hasKeys)
        #expect(refresh.tick(now: at(0)) == .fetch)
        #expect(refresh.nextTick == nil)
        #expect(refresh.tick(now: at(100)) == .none)
        _ = refresh.fetched(freshness: nil, now: at(1), random: 0, isKnown: { _ in true })
        #expect(refresh.hasKeys)
        #expect(refresh.state == .fresh(next: .fetch(at: at(1 + 270))))
    }

    @Test(
        "ahead of the answer's expiry, within the bounds",
        arguments: [
            // freshness, random, seconds until the next fetch
            (Int64?.some(1000), UInt64(0), 900.0), (1000, 100_000_000_000, 800), (nil, 0, 270), (0, 0, 60),
            (1, .max, 60), (61, 0, 60), (70, 0, 63), (3600, 0, 3240), (1_000_000, 0, 3240),
        ])
    func ahead(freshness: Int64?, random: UInt64, wait: Double) {
        var refresh = KeyRefresh(now: at(0))
        _ = refresh.tick(now: at(0))
        _ = refresh.fetched(
            freshness: freshness.map { .seconds($0) }, now: at(0), random: random, isKnown: { _ in true })
        #expect(refresh.nextTick == at(wait))
    }

    @Test("no retry waits longer than keys may be kept", arguments: [1, 2, 7, 59, 60, 3600])
    func retryBound(intervalMax: Int64) {
        let schedule = KeyRefresh.Schedule(intervalMin: .seconds(1), intervalMax: .seconds(intervalMax))
        var refresh = KeyRefresh(schedule: schedule, now: at(0))
        var now = at(0)
        var longest = TimeAmount.zero
        var random = RandomSource(seed: 5)
        for _ in 0..<200 {
            #expect(refresh.tick(now: now) == .fetch)
            refresh.failed(now: now, random: random.next())
            guard let next = refresh.nextTick else { return #expect(Bool(false)) }
            longest = max(longest, next - now)
            now = next
        }
        #expect(longest <= .seconds(min(intervalMax, 60)))
        #expect(longest >= .milliseconds(200))
    }

    @Test("failures: doubled waiting times with full jitter, up to the limit")
    func retries() {
        let ceilings = [1.0, 2, 4, 8, 16, 32, 60, 60, 60]
        for (random, share) in [(UInt64(0), 0.0), (UInt64.max, 1.0)] {
            var refresh = KeyRefresh(now: at(0))
            var now = at(0)
            for (index, ceiling) in ceilings.enumerated() {
                #expect(refresh.tick(now: now) == .fetch)
                refresh.failed(now: now, random: random)
                #expect(refresh.failures == index + 1)
                guard let next = refresh.nextTick else { return #expect(Bool(false)) }
                let wait = next - now
                #expect(wait >= .milliseconds(200))
                #expect(wait <= TimeAmount(nanoseconds: Int64(ceiling * 1e9)))
                if share == 0 { #expect(wait == .milliseconds(200)) }
                now = next
            }
        }
    }

    @Test("a failure keeps the keys, and a success ends the row of failures")
    func stale() {
        var refresh = fresh()
        #expect(refresh.tick(now: at(3240)) == .fetch)
        refresh.failed(now: at(3241), random: 0)
        #expect(refresh.hasKeys)
        #expect(refresh.state == .stale(failures: 1, next: .fetch(at: at(3241.2))))
        #expect(refresh.tick(now: at(3241.2)) == .fetch)
        refresh.failed(now: at(3242), random: 0)
        #expect(refresh.failures == 2)
        _ = refresh.tick(now: at(4000))
        _ = refresh.fetched(freshness: nil, now: at(4000), random: 0, isKnown: { _ in true })
        #expect(refresh.failures == 0)
        #expect(refresh.state == .fresh(next: .fetch(at: at(4270))))
    }

    @Test("an unknown key: one fetch, the others wait for it")
    func singleFlight() {
        var refresh = fresh()
        #expect(refresh.lookUp("new", now: at(10)) == .fetch)
        #expect(refresh.nextTick == nil)
        #expect(refresh.lookUp("new", now: at(10)) == .wait)
        #expect(refresh.lookUp("newer", now: at(10.1)) == .wait)
        _ = refresh.fetched(freshness: nil, now: at(10.2), random: 0, isKnown: ["a", "new"].contains)
        // Not for the rest of the cool-down.
        #expect(refresh.lookUp("newer", now: at(11)).isRefused)
        #expect(refresh.lookUp("newest", now: at(39.9)).isRefused)
        #expect(refresh.lookUp("newest", now: at(40)) == .fetch)
    }

    @Test("an id that came during a fetch wasn't looked for by it: another fetch follows at once, if there may be one")
    func joined() {
        var refresh = fresh()
        #expect(refresh.tick(now: at(3240)) == .fetch)
        #expect(refresh.lookUp("new", now: at(3240.1)) == .wait)
        #expect(!refresh.isInVain(isKnown: { $0 == "a" }))
        let old = refresh.fetched(freshness: nil, now: at(3241), random: 0, isKnown: { $0 == "a" })
        #expect(old == .fetch && refresh.nextTick == nil)
        #expect(refresh.isInVain(isKnown: { $0 == "a" }))
        // Those that wait for the same id join it, and count as looked for with it.
        #expect(refresh.lookUp("new", now: at(3241.1)) == .wait)
        let fetched = refresh.fetched(freshness: nil, now: at(3242), random: 0, isKnown: { $0 == "a" })
        #expect(fetched == .none)
        #expect(refresh.lookUp("new", now: at(3275)).isRefused)
        #expect(refresh.lookUp("newer", now: at(3275)) == .fetch)
        // The cool-down holds for the second one too; then nothing is said against the id.
        #expect(refresh.lookUp("late", now: at(3276)) == .wait)
        let second = refresh.fetched(freshness: nil, now: at(3277), random: 0, isKnown: { $0 == "a" })
        #expect(second == .none)
        #expect(refresh.lookUp("late", now: at(3304.9)).isRefused)
        #expect(refresh.lookUp("late", now: at(3305)) == .fetch)
    }

    @Test("a new schedule brings nearer what it doesn't let wait so long, and leaves the keys alone")
    func reschedule() {
        var refresh = fresh()
        #expect(refresh.lookUp("b", now: at(5)) == .fetch)
        _ = refresh.fetched(freshness: .seconds(3600), now: at(6), random: 0, isKnown: { _ in false })
        let next = refresh.nextTick
        refresh.adopt(.init(intervalMin: .seconds(30)), now: at(10))
        #expect(refresh.nextTick == next && refresh.hasKeys)
        refresh.adopt(.init(intervalMax: .seconds(100), unknownKeyCooldown: .seconds(1)), now: at(10))
        #expect(refresh.nextTick == at(110))
        #expect(refresh.lookUp("c", now: at(10.9)).isRefused)
        #expect(refresh.lookUp("c", now: at(11)) == .fetch)
        refresh.adopt(.init(), now: at(12))
        #expect(refresh.nextTick == nil, "a fetch under way goes on")
    }

    @Test("an id that was looked for in vain is forgotten after two cool-downs")
    func forgotten() {
        var refresh = fresh()
        #expect(refresh.lookUp("b", now: at(10)) == .fetch)
        _ = refresh.fetched(freshness: .seconds(3600), now: at(11), random: 0, isKnown: { _ in false })
        #expect(refresh.lookUp("b", now: at(70.9)).isRefused)
        #expect(refresh.lookUp("b", now: at(71)) == .fetch)
    }

    @Test("after a failed fetch nothing is known about an id, but the cool-down holds")
    func failedLookUp() {
        var refresh = fresh()
        #expect(refresh.lookUp("b", now: at(10)) == .fetch)
        refresh.failed(now: at(11), random: .max)
        #expect(refresh.lookUp("b", now: at(12)).isRefused)
        #expect(refresh.lookUp("b", now: at(40)) == .fetch)
    }

    @Test("a token without a key id asks only while there are no keys")
    func withoutID() {
        var refresh = KeyRefresh(now: at(0))
        #expect(refresh.tick(now: at(0)) == .fetch)
        #expect(refresh.lookUp(nil, now: at(0)) == .wait)
        refresh.failed(now: at(1), random: .max)
        #expect(refresh.lookUp(nil, now: at(1)) == .fetch)
        refresh.failed(now: at(2), random: .max)
        #expect(refresh.lookUp(nil, now: at(3)).isRefused)
        var withKeys = fresh()
        #expect(withKeys.lookUp(nil, now: at(1)).isRefused)
    }

    @Test("an id that is too long is refused")
    func longID() {
        var refresh = fresh()
        #expect(refresh.lookUp(String(repeating: "x", count: 257), now: at(1)).isRefused)
        #expect(refresh.lookUp(String(repeating: "x", count: 256), now: at(1)) == .fetch)
    }

    @Test("any flood of ids: no more fetches than the cool-down allows, and a bounded memory")
    func flood() {
        for seed in UInt64(1)...3 {
            var random = RandomSource(seed: seed)
            var refresh = fresh()
            var now = at(0)
            var fetches = 0
            var endOfFetch: MonotonicTime?
            for _ in 0..<10_000 {
                now = now + .milliseconds(Int64(random.next() % 120))
                if let end = endOfFetch, end <= now {
                    endOfFetch = nil
                    if random.next() % 4 == 0 {
                        refresh.failed(now: now, random: random.next())
                    } else {
                        let next = refresh.fetched(
                            freshness: .seconds(3600), now: now, random: random.next(), isKnown: { $0 == "a" })
                        if next == .fetch {
                            fetches += 1
                            endOfFetch = now + .milliseconds(Int64(random.next() % 3000))
                        }
                    }
                }
                if endOfFetch == nil, refresh.tick(now: now) == .fetch {
                    endOfFetch = now + .milliseconds(Int64(random.next() % 3000))
                }
                switch refresh.lookUp("id-\(random.next() % 100_000)", now: now) {
                case .fetch:
                    #expect(endOfFetch == nil)
                    fetches += 1
                    endOfFetch = now + .milliseconds(Int64(random.next() % 3000))
                case .wait: #expect(endOfFetch != nil)
                case .refuse(until: let until, everybody: _): #expect(until > now)
                }
            }
            let allowed = 1 + Int((now - at(0)).nanoseconds / 30_000_000_000)
            #expect(fetches <= allowed)
            #expect(fetches > allowed / 2)
        }
    }
}
