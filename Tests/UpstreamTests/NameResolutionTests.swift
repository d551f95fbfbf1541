import Base
import Testing
import Upstream

@Suite("Name resolution")
struct NameResolutionTests {
    static func time(_ milliseconds: Int64) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    static let one = IPAddress(ipv4: 1)
    static let two = IPAddress(ipv4: 2)
    static let six = IPAddress(ipv6High: 0, low: 1)
    /// Random bits that leave a time of whole milliseconds as it is: the middle of the jitter.
    static func middle(_ milliseconds: Int64) -> UInt64 { UInt64(milliseconds * 1_000_000 / 4) }

    @Test("asks at once, keeps the good answer through failures, and reports changes")
    func dialogue() {
        var name = NameResolution(now: Self.time(0))
        #expect(name.addresses == [])
        #expect(name.tick(now: Self.time(0)) == .resolve)
        #expect(name.tick(now: Self.time(100_000)) == .none)
        #expect(name.nextTick == nil)
        name.failed(now: Self.time(10), random: Self.middle(500))
        #expect(name.state == .unresolved(failures: 1, next: .ask(at: Self.time(510))))
        #expect(name.tick(now: Self.time(509)) == .none)
        #expect(name.tick(now: Self.time(510)) == .resolve)
        #expect(
            name.answered(
                [Self.six, Self.two, Self.one, Self.two], now: Self.time(520),
                random: Self.middle(10_000)) == .changed)
        #expect(name.addresses == [Self.one, Self.two, Self.six])
        #expect(name.nextTick == Self.time(10_520))
        #expect(name.tick(now: Self.time(10_520)) == .resolve)
        #expect(
            name.answered(
                [Self.two, Self.one, Self.six], now: Self.time(10_600),
                random: Self.middle(10_000)) == .unchanged)
        #expect(name.nextTick == Self.time(20_600))
        #expect(name.tick(now: Self.time(80_000)) == .resolve)
        name.failed(now: Self.time(80_000), random: Self.middle(500))
        #expect(name.state == .stale([Self.one, Self.two, Self.six], failures: 1, next: .ask(at: Self.time(80_500))))
        #expect(name.tick(now: Self.time(80_500)) == .resolve)
        // An answer without addresses is no better.
        #expect(name.answered([], now: Self.time(81_000), random: Self.middle(1_000)) == .unchanged)
        #expect(name.state == .stale([Self.one, Self.two, Self.six], failures: 2, next: .ask(at: Self.time(82_000))))
        #expect(name.tick(now: Self.time(82_000)) == .resolve)
        #expect(name.answered([Self.two], now: Self.time(82_000), random: 0) == .changed)
        #expect(name.state == .resolved([Self.two], next: .ask(at: Self.time(89_500))))
    }

    @Test("another interval holds at once: it brings the next question forward, and never moves it away")
    func rescheduling() {
        var name = NameResolution(
            schedule: NameResolution.Schedule(refreshInterval: .seconds(3_600)), now: Self.time(0))
        name.setRefreshInterval(.seconds(1_800), now: Self.time(0))
        #expect(name.state == .unresolved(failures: 0, next: .ask(at: Self.time(0))))
        _ = name.tick(now: Self.time(0))
        name.setRefreshInterval(.seconds(3_600), now: Self.time(0))
        #expect(name.nextTick == nil)
        _ = name.answered([Self.one], now: Self.time(0), random: Self.middle(3_600_000))
        #expect(name.nextTick == Self.time(3_600_000))
        name.setRefreshInterval(.seconds(10), now: Self.time(500))
        #expect(name.nextTick == Self.time(10_500))
        name.setRefreshInterval(.seconds(60), now: Self.time(1_000))
        #expect(name.nextTick == Self.time(10_500))
        _ = name.tick(now: Self.time(10_500))
        _ = name.answered([Self.one], now: Self.time(10_500), random: Self.middle(60_000))
        #expect(name.nextTick == Self.time(70_500))
        _ = name.tick(now: Self.time(70_500))
        name.failed(now: Self.time(70_500), random: Self.middle(500))
        name.setRefreshInterval(.milliseconds(1), now: Self.time(70_500))
        #expect(name.state == .stale([Self.one], failures: 1, next: .ask(at: Self.time(71_000))))
    }

    @Test("waiting doubles up to its limit, give or take a quarter, and never overflows")
    func backoff() {
        let backoff = Backoff(first: .milliseconds(500), limit: .seconds(30))
        var random = RandomSource(seed: 2)
        for failures in [Int.min, -1, 0, 1, 2, 3, 6, 7, 8, 64, 1_000, Int.max] {
            let doublings = min(max(failures, 1) - 1, 20)
            let nominal = min(30_000, 500 * (1 << Int64(doublings)))
            for _ in 0..<200 {
                let delay = backoff.delay(failures: failures, random: random.next()).nanoseconds
                #expect(delay >= nominal * 750_000 && delay <= nominal * 1_250_000)
            }
        }
        let longest = Backoff(first: .nanoseconds(.max), limit: .nanoseconds(.max))
        #expect(longest.delay(failures: 9, random: .max).nanoseconds > 0)
        #expect(Backoff(first: .zero, limit: .zero).delay(failures: 1, random: 5).nanoseconds == 1)
    }

    @Test("many addresses are cut to a limit")
    func many() {
        var name = NameResolution(now: .zero)
        _ = name.tick(now: .zero)
        _ = name.answered((0..<1_000).map { IPAddress(ipv4: $0) }, now: .zero, random: 1)
        #expect(name.addresses.count == NameResolution.addressLimit)
    }
}
