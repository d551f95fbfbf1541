import Base
import Linux
import Synchronization
import Testing
import Traffic

@Suite("Bucket table")
struct BucketTableTests {
    static func law(_ count: Int = 1, burst: Int = 10) throws -> TokenBucketLaw {
        try #require(TokenBucketLaw(count: count, period: .seconds(1), burst: burst))
    }

    private func makeTable(_ law: TokenBucketLaw, capacity: Int) throws -> BucketTable {
        try #require(BucketTable(law: law, capacity: capacity, start: .zero))
    }

    @Test("keys have buckets of their own")
    func keys() throws {
        let table = try makeTable(try Self.law(burst: 2), capacity: 1_000)
        var random = RandomSource(seed: 1)
        let keys = [0, .max] + (0..<500).map { _ in random.next() }
        for round in 0..<3 {
            for key in keys { #expect(table.take(1, key: key, now: .zero).isAllowed == (round < 2)) }
        }
    }

    @Test("many threads at one bucket get exactly its tokens")
    func exact() async throws {
        for burst in [1, 10, 10_000] {
            let table = try makeTable(try Self.law(burst: burst), capacity: 10)
            let allowed = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask { (0..<5_000).count { _ in table.take(1, key: 3, now: .zero).isAllowed } }
                }
                return await group.reduce(0, +)
            }
            #expect(allowed == min(burst, 20_000))
        }
    }

    /// A table of eight places, and more keys than that: each key's debt is remembered beside it, and the table must
    /// never let a key have more than its own bucket would.
    @Test("no key gets more by crowding the table than its own bucket would give")
    func crowding() throws {
        for seed in 0..<50 {
            var random = RandomSource(seed: UInt64(seed))
            let law = try Self.law(5, burst: 10)
            let crowded = try makeTable(law, capacity: 1)
            var alone: [UInt64: BucketTable] = [:]
            var now = MonotonicTime.zero
            for _ in 0..<4_000 {
                now = now + .milliseconds(Int64(random.next() % 40))
                let key = random.next() % 24
                let cost = 1 + Int(random.next() % 3)
                let own = try alone[key] ?? makeTable(law, capacity: 1)
                alone[key] = own
                let isAllowed = crowded.take(cost, key: key, now: now).isAllowed
                // Only what the crowded table allowed is charged: so the other is never emptier than it should be.
                if isAllowed { #expect(own.take(cost, key: key, now: now).isAllowed) }
            }
        }
    }

    @Test("buckets in use that others took over are counted, full ones and free places not, also by a larger table")
    func takeovers() throws {
        let table = try makeTable(try Self.law(1, burst: 10), capacity: 1)
        for key in 1...8 as ClosedRange<UInt64> { _ = table.buckets.take(1, key: key, now: .zero) }
        #expect(table.buckets.takeovers == 0)
        for key in 9...11 as ClosedRange<UInt64> { _ = table.buckets.take(1, key: key, now: .zero) }
        #expect(table.buckets.takeovers == 3)
        let later = MonotonicTime.zero + .seconds(100)
        for key in 20...27 as ClosedRange<UInt64> { _ = table.buckets.take(1, key: key, now: later) }
        #expect(table.buckets.takeovers == 3)
        let larger = try makeTable(try Self.law(1, burst: 20), capacity: 100)
        table.hand(over: larger, now: later)
        #expect(larger.buckets.takeovers == 3)
    }

    @Test("many threads at more keys than places: no key gets more than its tokens, but for requests under way")
    func crowdedThreads() async throws {
        let table = try makeTable(try Self.law(burst: 100), capacity: 1)
        let counts = await withTaskGroup(of: [Int].self) { group in
            for thread in 0..<4 {
                group.addTask {
                    var random = RandomSource(seed: UInt64(thread))
                    var allowed = Array(repeating: 0, count: 12)
                    for _ in 0..<20_000 {
                        let key = random.next() % 12
                        if table.take(1, key: key + 1, now: .zero).isAllowed { allowed[Int(key)] += 1 }
                    }
                    return allowed
                }
            }
            return await group.reduce(Array(repeating: 0, count: 12)) { zip($0, $1).map(+) }
        }
        #expect(counts.allSatisfy { $0 <= 100 + 4 })
        #expect(counts.reduce(0, +) >= 100)
    }

    @Test("what another limit refused is given back")
    func givingBack() throws {
        let table = try makeTable(try Self.law(burst: 3), capacity: 10)
        #expect(table.take(3, key: 5, now: .zero).isAllowed)
        table.giveBack(2, key: 5)
        #expect(table.take(2, key: 5, now: .zero).isAllowed)
        #expect(!table.take(1, key: 5, now: .zero).isAllowed)
        table.giveBack(1, key: 6)
        #expect(table.standing(of: 6, now: .zero) == nil)
    }

    @Test("a changed law keeps each bucket as full, in proportion", arguments: [(100, 50), (10, 40), (100, 1)])
    func conversion(rate: Int, burst: Int) throws {
        let table = try makeTable(try Self.law(10, burst: 100), capacity: 100)
        let now = MonotonicTime(nanoseconds: 5_000_000_000)
        for key in 0..<UInt64(50) { #expect(table.take(Int(key) * 2, key: key << 58 | key, now: now).isAllowed) }
        let other = try makeTable(try Self.law(rate, burst: burst), capacity: 400)
        table.hand(over: other, now: now)
        for key in 0..<UInt64(50) {
            let left = other.standing(of: key << 58 | key, now: now)?.remaining ?? burst
            let expected = Double(100 - 2 * key) / 100 * Double(burst)
            #expect(abs(Double(left) - expected) <= 1, "\(key): \(left), not \(expected)")
        }
    }

    @Test("whoever still charges a table that was handed over charges its successor, and that one's")
    func succession() throws {
        let tables = try (0..<3).map { _ in try makeTable(try Self.law(burst: 10), capacity: 100) }
        #expect(tables[0].take(4, key: 7, now: .zero).remaining == 6)
        tables[0].hand(over: tables[1], now: .zero)
        #expect(tables[0].take(2, key: 7, now: .zero).remaining == 4)
        tables[1].hand(over: tables[2], now: .zero)
        #expect(tables[0].take(1, key: 7, now: .zero).remaining == 3)
        tables[0].giveBack(1, key: 7)
        #expect(tables[1].standing(of: 7, now: .zero)?.remaining == 4)
        #expect(tables[2].take(4, key: 7, now: .zero).isAllowed)
        #expect(!tables[0].take(1, key: 7, now: .zero).isAllowed)
    }

    @Test("a table handed over while threads charge it loses no request", arguments: 0..<20)
    func handingOverUnderLoad(round: Int) async throws {
        let law = try Self.law(burst: 3_000)
        let old = try makeTable(law, capacity: 64)
        let new = try makeTable(law, capacity: 64)
        let allowed = await withTaskGroup(of: Int.self) { group in
            for thread in 0..<3 {
                group.addTask {
                    (0..<4_000).count { index in
                        // Half of the threads' requests have the new table early.
                        let table = index > 2_000 + thread * 100 ? new : old
                        return table.take(1, key: UInt64(index % 4) << 62 | 1, now: .zero).isAllowed
                    }
                }
            }
            group.addTask {
                for _ in 0..<round * 500 { _ = old.standing(of: 1, now: .zero) }
                old.hand(over: new, now: .zero)
                return 0
            }
            return await group.reduce(0, +)
        }
        // 12,000 requests at four keys of 3,000: all of them are allowed, and then nothing is left.
        #expect(allowed == 12_000)
        for key in 0..<UInt64(4) { #expect(!new.take(1, key: key << 62 | 1, now: .zero).isAllowed) }
    }

    @Test("what is taken at the very moment when a bucket is handed over is counted there, each token once")
    func handingOverAtOnce() async throws {
        let law = try Self.law(burst: 1_000)
        for round in 0..<400 {
            let old = try makeTable(law, capacity: 1)
            let new = try makeTable(law, capacity: 1)
            let allowed = await withTaskGroup(of: Int.self) { group in
                group.addTask { (0..<500).count { _ in old.take(1, key: 1, now: .zero).isAllowed } }
                group.addTask {
                    for _ in 0..<round { _ = old.standing(of: 1, now: .zero) }
                    old.hand(over: new, now: .zero)
                    return 0
                }
                return await group.reduce(0, +)
            }
            // No token comes back meanwhile.
            #expect(allowed == 500)
            #expect(new.standing(of: 1, now: .zero)?.timeToFull == .seconds(500))
        }
    }

    @Test("no more than the burst gets through while buckets are handed over")
    func handingOverAnEmptyBucket() async throws {
        let law = try Self.law(burst: 300)
        for round in 0..<200 {
            let tables = try (1...3).map { try makeTable(law, capacity: $0 * 50) }
            let allowed = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<2 {
                    group.addTask { (0..<400).count { _ in tables[0].take(1, key: 7, now: .zero).isAllowed } }
                }
                group.addTask {
                    for _ in 0..<round { _ = tables[0].standing(of: 7, now: .zero) }
                    tables[0].hand(over: tables[1], now: .zero)
                    tables[1].hand(over: tables[2], now: .zero)
                    return 0
                }
                return await group.reduce(0, +)
            }
            #expect(allowed == 300)
            #expect(tables[2].standing(of: 7, now: .zero)?.remaining == 0)
        }
    }

    @Test("a smaller table takes over a larger one: nobody owes more than a bucket and what they took")
    func shrinking() throws {
        let law = try Self.law(burst: 10)
        let old = try makeTable(law, capacity: 10_000)
        var random = RandomSource(seed: 4)
        for _ in 0..<10_000 { _ = old.take(10, key: random.next(), now: .zero) }
        let new = try makeTable(law, capacity: 1)
        old.hand(over: new, now: .zero)
        #expect(new.take(1, key: 1, now: .zero).wait <= .seconds(20))
    }

    @Test(
        "threads that ask as fast as they can get rate × time + burst, at any rate and by the real clock",
        .serialized, arguments: [1, 100, 10_000, 100_000], [1, 2])
    func accuracy(rate: Int, threads: Int) throws {
        let law = try Self.law(rate, burst: max(rate / 10, 1))
        let start = SystemClock.monotonic()
        let table = try #require(BucketTable(law: law, capacity: 1_000, start: start))
        // Short, as it takes the machine away from other tests; the end-to-end tests do it for seconds.
        let end = start + (rate == 1 ? .milliseconds(1_100) : .milliseconds(300))
        let ended = CountingSemaphore()
        // Threads of their own: those of tasks are busy with other tests.
        let counter = SharedCounter()
        let last = SharedCounter()
        // Emptied first: while a bucket is full its tokens are lost, and a thread may take its time to begin.
        #expect(table.take(law.burst, key: 42, now: start).isAllowed)
        counter.add(law.burst)
        for _ in 0..<threads {
            try Thread.start(name: "accuracy") {
                var count = 0
                var now = SystemClock.monotonic()
                var asked = start
                while now < end {
                    asked = now
                    if table.take(1, key: 42, now: now).isAllowed { count += 1 }
                    now = SystemClock.monotonic()
                }
                counter.add(count)
                last.raise(to: Int((asked - start).nanoseconds))
                ended.signal()
            }
        }
        for _ in 0..<threads { #expect(ended.wait(atMost: .seconds(30))) }
        // A busy machine may keep all threads from asking until the end.
        let seconds = Double(last.value) / 1_000_000_000
        let expected = Double(rate) * seconds + Double(law.burst)
        let found = Double(counter.value)
        #expect(found <= expected, "\(found) of \(expected)")
        // Tokens come one by one: the last may still be on its way.
        #expect(found >= expected * 0.99 - 1, "\(found) of \(expected)")
    }

    @Test("a million keys fit in 100 MiB")
    func memory() throws {
        let table = try makeTable(try Self.law(), capacity: 1_000_000)
        #expect(table.byteCount <= 100 * 1_024 * 1_024)
        var random = RandomSource(seed: 3)
        for _ in 0..<1_000_000 { _ = table.take(1, key: random.next(), now: .zero) }
        #expect(table.inUse(now: .zero) > 990_000)
    }
}

extension BucketTable {
    func take(_ cost: Int, key: UInt64, now: MonotonicTime) -> BucketStanding {
        buckets.take(cost, key: key, now: now)
    }
    func giveBack(_ cost: Int, key: UInt64) { buckets.giveBack(cost, key: key) }
    func standing(of key: UInt64, now: MonotonicTime) -> BucketStanding? {
        buckets.standing(of: key, now: now)
    }
    func inUse(now: MonotonicTime) -> Int { buckets.inUse(now: now) }
}

/// A number that threads add to.
private final class SharedCounter: Sendable {
    private let total = Atomic<Int>(0)
    func add(_ count: Int) { total.wrappingAdd(count, ordering: .acquiringAndReleasing) }
    func raise(to least: Int) { total.max(least, ordering: .acquiringAndReleasing) }
    var value: Int { total.load(ordering: .acquiring) }
}
