import Base
import HTTP
import Plugins
import Redis
import Testing
import Traffic

@Suite("rate_limit with a store")
struct SharedLimitTests {
    /// Allowed, and full again after that time.
    private func allowed(_ milliseconds: Int, taken: Int = 1) -> (number: Int, taken: Int) {
        (milliseconds * 1_000_000, taken)
    }

    private func refused(_ milliseconds: Int) -> (number: Int, taken: Int) { (-milliseconds * 1_000_000 - 1, 0) }

    @Test("the store is asked, and its answer told as if the bucket were here")
    func answer() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(rate: 1, burst: 10, sharedOr: .refuse)])
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([allowed(1_000)])) == .proceed)
        #expect(fixture.fields(chain)["RateLimit"] == #""default";r=9;t=1"#)
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([refused(9_500)])) == .refuse)
        #expect(fixture.state.retryAfter == 1)
        #expect(fixture.fields(chain)["RateLimit"] == #""default";r=0;t=1"#)
        #expect(fixture.counts("default") == [.allowed: 1, .refused: 1])
    }

    @Test("a whole number of tokens stays one, whatever the rate", arguments: [1, 3, 7, 150, 999, 333_333, 999_999])
    func rounding(rate: Int) throws {
        let fixture = RateLimitFixture()
        let rule = try fixture.rule(rate: rate, burst: 1_000, sharedOr: .refuse)
        let chain = fixture.chain([rule])
        // As the script reckons: microseconds, and nanoseconds rounded up in the end.
        for tokens in [1, 2, 10, 999, 1_000] {
            let law = try #require(TokenBucketLaw(count: rate, period: .seconds(1), burst: 1_000))
            let missing = (law.intervalMicroseconds * Double(tokens) * 1_000).rounded(.up)
            #expect(try fixture.send(chain) == .ask)
            #expect(fixture.settle(chain, BucketAnswer([(Int(missing), 1)])) == .proceed)
            let told = fixture.fields(chain)["RateLimit"] ?? ""
            #expect(told.hasPrefix("\"default\";r=\(1_000 - tokens)"), "\(told)")
        }
    }

    @Test(
        "without an answer, each limit does what it says",
        arguments: [(SharedLimit.Failure.local, RateLimitVerdict.proceed), (.allow, .proceed), (.refuse, .unavailable)])
    func failure(failure: SharedLimit.Failure, verdict: RateLimitVerdict) throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(rate: 1, burst: 1, sharedOr: failure)])
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, nil) == verdict)
        #expect(try fixture.send(chain) == .ask)
        // The process's own bucket had one token.
        #expect(fixture.settle(chain, nil) == (failure == .local ? .refuse : verdict))
    }

    @Test("a limit in shadow refuses nobody, with an answer and without")
    func shadow() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(isShadow: true, sharedOr: .refuse)])
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([refused(1_000)])) == .proceed)
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, nil) == .proceed)
        #expect(fixture.counts("default") == [.shadowRefused: 1, .unansweredAllowed: 1])
        #expect(fixture.fields(chain)["RateLimit"] ?? "" == "")
    }

    @Test("what the process's own limits have given is given back when the store refuses, or can't be asked")
    func giveBack() throws {
        let fixture = RateLimitFixture()
        let own = try fixture.rule("own", rate: 1, burst: 2)
        let chain = fixture.chain([own, try fixture.rule("shared", rate: 1, burst: 2, sharedOr: .refuse)])
        for answer in [BucketAnswer([refused(2_000)]), nil, BucketAnswer([refused(2_000)])] {
            #expect(try fixture.send(chain) == .ask)
            #expect(fixture.settle(chain, answer) != .proceed)
        }
        for _ in 0..<2 {
            #expect(try fixture.send(chain) == .ask)
            #expect(fixture.settle(chain, BucketAnswer([allowed(1)])) == .proceed)
        }
        // Nobody is asked when the process's own limit refuses.
        #expect(try fixture.send(chain) == .refuse)
    }

    @Test("what the store charged before the caller was known is given back when a limit behind it refuses")
    func charges() throws {
        let fixture = RateLimitFixture()
        let wide = try fixture.rule("wide", rate: 1, burst: 9, cost: RateLimitCost(usual: 2), sharedOr: .refuse)
        let free = try fixture.rule("free", cost: RateLimitCost(usual: 0), sharedOr: .refuse)
        let shadow = try fixture.rule("shadow", isShadow: true, sharedOr: .refuse)
        let behind = try fixture.rule("behind", burst: 1, needsIdentity: true)
        let chain = fixture.chain([wide, free, shadow, behind])
        #expect(try fixture.send(chain) == .ask)
        // The limit in shadow had no token.
        #expect(fixture.settle(chain, BucketAnswer([allowed(4_000, taken: 2), refused(1_000)])) == .proceed)
        #expect(fixture.state.isCharged)
        #expect(fixture.inquiry.returns.count == 1)
        fixture.giveBackCharges(chain)
        #expect(!fixture.state.isCharged)
        #expect(fixture.fields(chain)["RateLimit"]?.hasPrefix(#""wide";r=7"#) == true)
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([allowed(2_000, taken: 2), refused(1_000)])) == .proceed)
        fixture.giveBackCharges(chain)
        #expect(fixture.fields(chain)["RateLimit"] == "\"wide\";r=9")
        // Without an answer nothing was charged; the store's refusal charges nothing.
        for answer in [nil, BucketAnswer([refused(9_000), allowed(1)])] {
            #expect(try fixture.send(chain) == .ask)
            #expect(fixture.settle(chain, answer) != .proceed)
            #expect(!fixture.state.isCharged)
        }
        // Where no limit needs to know the caller, there is nothing to remember.
        let alone = fixture.chain([wide])
        #expect(try fixture.send(alone) == .ask)
        #expect(fixture.settle(alone, BucketAnswer([allowed(4_000, taken: 2)])) == .proceed)
        #expect(!fixture.state.isCharged)
    }

    @Test("of a batch, what is given back goes to the loop's stock")
    func batchedCharges() throws {
        let fixture = RateLimitFixture()
        let batched = try fixture.rule("batched", rate: 1, burst: 100, sharedOr: .refuse, batch: 5)
        let behind = try fixture.rule("behind", burst: 1, needsIdentity: true)
        let chain = fixture.chain([batched, behind])
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([allowed(1, taken: 5)])) == .proceed)
        #expect(!fixture.state.isCharged)
        #expect(try fixture.go(on: chain) == .proceed)
        // The next ones are refused behind, and use nothing up.
        for _ in 0..<10 { #expect(try fixture.send(chain, [.anonymous, .identified]) == .refuse) }
        for _ in 0..<4 { #expect(try fixture.send(chain) == .proceed) }
        #expect(try fixture.send(chain) == .ask)
    }

    @Test("the tokens that a loop has in stock are told of, and never more than the bucket holds")
    func stockedStandings() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(rate: 100, burst: 100, sharedOr: .refuse, batch: 50)], .both)
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([allowed(500, taken: 50)])) == .proceed)
        #expect(fixture.fields(chain)["X-RateLimit-Remaining"] == "99")
        fixture.now = fixture.now + .milliseconds(700)
        #expect(try fixture.send(chain) == .proceed)
        let told = fixture.fields(chain)
        #expect(told["X-RateLimit-Remaining"] == "100" && told["RateLimit"]?.hasPrefix(#""default";r=100"#) == true)
    }

    @Test("a key is another for every other text, limit and combination, and always the same for the same")
    func keys() throws {
        let fixture = RateLimitFixture()
        func key(_ name: String, _ parts: [RateLimitKey.Part], _ headers: [(String, String)]) throws -> SharedKey? {
            let rule = try fixture.rule(name, key: parts, missing: .shared, sharedOr: .allow)
            #expect(try fixture.send(fixture.chain([rule]), headers: headers) == .ask)
            return fixture.inquiry.question.key(0)
        }
        let two = [fixture.field("x-a"), fixture.field("x-b")]
        let keys = [
            try key("one", two, [("X-A", "1"), ("X-B", "23")]), try key("one", two, [("X-A", "12"), ("X-B", "3")]),
            try key("one", two, [("X-A", "23"), ("X-B", "1")]), try key("one", two, [("X-A", "123")]),
            try key("one", two, [("X-B", "123")]), try key("one", two, []),
            try key("one", two, [("X-A", "1"), ("X-A", "23")]),
            try key("other", two, [("X-A", "1"), ("X-B", "23")]),
            try key("one", [.client(ipv6Prefix: 64)], []),
        ]
        #expect(Set(keys).count == keys.count && !keys.contains(nil))
        #expect(try key("one", two, [("X-A", "1"), ("X-B", "23")]) == keys[0])
    }

    @Test("a batch serves those who come after, and only what is left goes back to asking")
    func batch() throws {
        let fixture = RateLimitFixture()
        let chain = fixture.chain([try fixture.rule(rate: 10, burst: 100, sharedOr: .refuse, batch: 5)])
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([allowed(500, taken: 5)])) == .proceed)
        for left in [3, 2, 1, 0] {
            #expect(try fixture.send(chain) == .proceed)
            #expect(fixture.fields(chain)["RateLimit"]?.hasPrefix("\"default\";r=\(95 + left)") == true)
        }
        #expect(try fixture.send(chain) == .ask)
        #expect(fixture.settle(chain, BucketAnswer([refused(10_000)])) == .refuse)
        #expect(fixture.counts("default") == [.allowed: 5, .refused: 1])
    }
}
