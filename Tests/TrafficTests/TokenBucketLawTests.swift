import Base
import Testing
import Traffic

@Suite("Token bucket law")
struct TokenBucketLawTests {
    struct Case: Sendable {
        let count: Int
        let seconds: Int64
        let burst: Int
        let isLaw: Bool

        init(_ count: Int, per seconds: Int64, burst: Int, is isLaw: Bool) {
            self.count = count
            self.seconds = seconds
            self.burst = burst
            self.isLaw = isLaw
        }
    }

    @Test(
        "a law has a rate and a burst within bounds",
        arguments: [
            Case(1, per: 1, burst: 1, is: true), Case(1, per: 86_400, burst: 1, is: true),
            Case(1_000_000, per: 1, burst: 10_000_000, is: true), Case(0, per: 1, burst: 1, is: false),
            Case(-1, per: 1, burst: 1, is: false), Case(1, per: 0, burst: 1, is: false),
            Case(1, per: -1, burst: 1, is: false), Case(1, per: 86_401, burst: 1, is: false),
            Case(1, per: 1, burst: 0, is: false), Case(1, per: 1, burst: .max, is: false),
            Case(1_000_001, per: 1, burst: 1, is: false), Case(.max, per: 86_400, burst: 1, is: false),
            Case(1, per: 86_400, burst: 366, is: true), Case(1, per: 86_400, burst: 367, is: false),
        ])
    func bounds(_ given: Case) {
        let law = TokenBucketLaw(count: given.count, period: .seconds(given.seconds), burst: given.burst)
        #expect((law != nil) == given.isLaw)
    }

    @Test(
        "a steady stream passes at the rate after the burst, exact to a token",
        arguments: [(1, 1), (3, 7), (7, 2), (100, 200), (99_991, 10), (1_000_000, 4)])
    func steady(rate: Int, burst: Int) throws {
        let law = try #require(TokenBucketLaw(count: rate, period: .seconds(1), burst: burst))
        let table = try #require(BucketTable(law: law, capacity: 1, start: .zero))
        let seconds = max(2, 2_000 / rate)
        let questions = min(rate * seconds * 3, 3_000_000)
        var allowed = 0
        for index in 0..<questions {
            let now = MonotonicTime(nanoseconds: Int64(index) * Int64(seconds) * 1_000_000_000 / Int64(questions))
            if table.take(1, key: 1, now: now).isAllowed { allowed += 1 }
        }
        let expected = rate * seconds + burst
        #expect(abs(allowed - expected) <= max(1, expected / 10_000), "\(allowed), not \(expected)")
    }

    @Test("who waits as long as was said is served, and not a nanosecond sooner")
    func waiting() throws {
        var random = RandomSource(seed: 7)
        for _ in 0..<2_000 {
            let rate = 1 + Int(random.next() % 5_000)
            let burst = 1 + Int(random.next() % 50)
            let law = try #require(TokenBucketLaw(count: rate, period: .seconds(1), burst: burst))
            let table = try #require(BucketTable(law: law, capacity: 1, start: .zero))
            var now = MonotonicTime(nanoseconds: Int64(random.next() % 1_000_000))
            let cost = 1 + Int(random.next() % UInt64(burst))
            while table.take(1, key: 9, now: now).isAllowed {}
            let refused = table.take(cost, key: 9, now: now)
            #expect(!refused.isAllowed && refused.wait > .zero && refused.remaining < cost)
            now = now + TimeAmount(nanoseconds: refused.wait.nanoseconds - 1)
            #expect(!table.take(cost, key: 9, now: now).isAllowed)
            #expect(table.take(cost, key: 9, now: now + .nanoseconds(1)).isAllowed)
        }
    }

    @Test("what costs more than the bucket holds is never allowed, whatever it costs", arguments: [4, 1_000, Int.max])
    func tooDear(cost: Int) throws {
        let law = try #require(TokenBucketLaw(count: 1, period: .seconds(1), burst: 3))
        let table = try #require(BucketTable(law: law, capacity: 1, start: .zero))
        let answer = table.take(cost, key: 1, now: .zero)
        #expect(!answer.isAllowed && answer.remaining == 3)
    }

    @Test("free requests and negative costs take nothing", arguments: [0, -1, Int.min])
    func free(cost: Int) throws {
        let law = try #require(TokenBucketLaw(count: 1, period: .seconds(1), burst: 1))
        let table = try #require(BucketTable(law: law, capacity: 1, start: .zero))
        #expect(table.take(cost, key: 1, now: .zero).isAllowed)
        #expect(table.take(1, key: 1, now: .zero).isAllowed)
    }

    @Test("a clock that stands still or goes back gives no tokens")
    func clock() throws {
        let law = try #require(TokenBucketLaw(count: 1, period: .seconds(1), burst: 2))
        let table = try #require(BucketTable(law: law, capacity: 1, start: .zero))
        let later = MonotonicTime(nanoseconds: 10_000_000_000)
        #expect(table.take(2, key: 1, now: later).isAllowed)
        #expect(!table.take(1, key: 1, now: later).isAllowed)
        #expect(!table.take(1, key: 1, now: .zero).isAllowed)
        #expect(!table.take(1, key: 1, now: MonotonicTime(nanoseconds: .min)).isAllowed)
    }
}
