import Base
import Testing
import Traffic

@Suite("Tokens in stock")
struct TokenStockTests {
    private func at(_ milliseconds: Int64) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    private func stock(_ batch: Int) throws -> TokenStock {
        TokenStock(law: try #require(TokenBucketLaw(count: 100, period: .seconds(1), burst: 200)), batch: batch)
    }

    @Test("a batch is asked for once, whoever waits meanwhile asks for its own")
    func asking() throws {
        let stock = try stock(50)
        #expect(stock.take(1, key: 7, now: at(0)) == nil)
        #expect(stock.tokensToAsk(1, key: 7, now: at(0)) == 50)
        #expect(stock.tokensToAsk(1, key: 7, now: at(1)) == 1)
        #expect(stock.tokensToAsk(1, key: 8, now: at(1)) == 50)
        stock.gotNone(key: 7, now: at(2))
        #expect(stock.tokensToAsk(2, key: 7, now: at(2)) == 50)
        // An answer that never comes is not waited for without end.
        #expect(stock.tokensToAsk(1, key: 7, now: at(501)) == 1)
        #expect(stock.tokensToAsk(1, key: 7, now: at(502)) == 50)
        // What costs as much as a batch is asked for as it is.
        #expect(stock.tokensToAsk(60, key: 9, now: at(0)) == 60)
    }

    @Test("what is held is given out, with a standing that counts it, until its time is over")
    func taking() throws {
        let stock = try stock(50)
        _ = stock.tokensToAsk(1, key: 7, now: at(0))
        // 50 of 200 tokens are gone, one of them to the request that asked.
        stock.put(49, key: 7, timeToFull: .milliseconds(500), now: at(0))
        let first = try #require(stock.take(1, key: 7, now: at(0)))
        #expect(first.isAllowed && first.remaining == 198)
        // Ten tokens have come meanwhile.
        let second = try #require(stock.take(8, key: 7, now: at(100)))
        #expect(second.remaining == 200)
        #expect(stock.take(41, key: 7, now: at(100)) == nil)
        stock.giveBack(8, key: 7)
        #expect(stock.take(48, key: 7, now: at(100)) != nil)
        stock.put(10, key: 7, timeToFull: .zero, now: at(200))
        #expect(stock.take(1, key: 7, now: at(1_199)) != nil)
        #expect(stock.take(1, key: 7, now: at(1_200)) == nil)
    }

    @Test("no number that comes is too large or too small", arguments: [Int.max, .max - 49, 50, 0, -1, .min])
    func numbers(tokens: Int) throws {
        let stock = try stock(50)
        stock.put(20, key: 7, timeToFull: .zero, now: at(0))
        stock.put(tokens, key: 7, timeToFull: TimeAmount(nanoseconds: .max), now: at(0))
        stock.giveBack(tokens, key: 7)
        var held = 0
        while stock.take(1, key: 7, now: at(1)) != nil { held += 1 }
        #expect(held == (tokens > 0 ? 49 : 20))
    }

    @Test("a standing never tells of more than the bucket holds")
    func told() throws {
        let stock = try stock(50)
        stock.put(49, key: 7, timeToFull: .milliseconds(500), now: at(0))
        #expect(try #require(stock.take(1, key: 7, now: at(499))).remaining == 200)
    }

    @Test("a loop never holds a whole batch, whatever comes together")
    func bound() throws {
        let stock = try stock(50)
        for _ in 0..<5 { stock.put(49, key: 7, timeToFull: .zero, now: at(0)) }
        var held = 0
        while stock.take(1, key: 7, now: at(1)) != nil { held += 1 }
        #expect(held == 49)
        stock.put(30, key: 7, timeToFull: .zero, now: at(2))
        stock.giveBack(40, key: 7)
        held = 0
        while stock.take(1, key: 7, now: at(3)) != nil { held += 1 }
        #expect(held == 49)
    }

    @Test("more keys than places lose tokens, and never gain any")
    func crowd() throws {
        let stock = try stock(10)
        let keys = (1...20_000).map { UInt64($0) &* 0x9e37_79b9_7f4a_7c15 }
        for key in keys { stock.put(9, key: key, timeToFull: .zero, now: at(0)) }
        var held = 0
        for key in keys { while stock.take(1, key: key, now: at(1)) != nil { held += 1 } }
        #expect(held > 0 && held <= 2_048 * 9)
    }

    @Test("in any time the loops together let through no more than the bound says")
    func errorBound() throws {
        let law = try #require(TokenBucketLaw(count: 1_000, period: .seconds(1), burst: 100))
        let batch = 20
        let loops = (0..<4).map { _ in TokenStock(law: law, batch: batch) }
        var table = BucketModel(rate: 1_000, burst: 100)
        var random = RandomSource(seed: 5)
        var allowedAt: [Int64] = []
        for microsecond in stride(from: Int64(0), to: 5_000_000, by: 250) {
            let now = MonotonicTime.zero + .microseconds(microsecond)
            let loop = loops[Int.random(in: 0..<4, using: &random)]
            if loop.take(1, key: 1, now: now) != nil {
                allowedAt.append(microsecond)
                continue
            }
            let wanted = loop.tokensToAsk(1, key: 1, now: now)
            let taken = table.take(wanted, at: microsecond) ? wanted : table.take(1, at: microsecond) ? 1 : 0
            if taken > 1 {
                loop.put(taken - 1, key: 1, timeToFull: .zero, now: now)
            } else if wanted > 1 {
                loop.gotNone(key: 1, now: now)
            }
            if taken > 0 { allowedAt.append(microsecond) }
        }
        let slack = loops.count * (batch - 1)
        #expect(allowedAt.count <= 5_000 + 100 + slack)
        #expect(allowedAt.count >= 5_000 + 100 - 6 * slack)
        for start in stride(from: Int64(0), to: 4_000_000, by: 100_000) {
            let inWindow = allowedAt.count { $0 >= start && $0 < start + 1_000_000 }
            #expect(inWindow <= 1_000 + 100 + slack, "from \(start)")
        }
    }
}

/// A bucket as anybody would write it down.
private struct BucketModel {
    let rate: Double
    let burst: Double
    var tokens: Double
    var time: Int64 = 0

    init(rate: Double, burst: Double) {
        self.rate = rate
        self.burst = burst
        tokens = burst
    }

    mutating func take(_ count: Int, at microsecond: Int64) -> Bool {
        tokens = min(burst, tokens + Double(microsecond - time) * rate / 1_000_000)
        time = microsecond
        guard tokens >= Double(count) else { return false }
        tokens -= Double(count)
        return true
    }
}
