import Base
import Testing
import Upstream

@Suite("Idle connections")
struct IdleStackTests {
    static func time(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test("the one used last comes first; the oldest ages and expires")
    func order() {
        var stack = IdleStack(limits: ConnectionPoolLimits(idleCount: 8, idleTimeout: .seconds(10)))
        #expect(stack.take(now: Self.time(0)) == nil)
        for handle in 0..<4 { #expect(stack.put(UInt32(handle), requestCount: 1, now: Self.time(Int64(handle))) == .kept) }
        #expect(stack.nextExpiry == Self.time(10))
        #expect(stack.take(now: Self.time(5)) == 3)
        #expect(stack.remove(1) == true)
        #expect(stack.remove(1) == false)
        #expect(stack.remove(3) == false)
        #expect(stack.remove(1_000) == false)
        #expect(stack.popExpired(now: Self.time(9)) == nil)
        #expect(stack.popExpired(now: Self.time(10)) == 0)
        #expect(stack.popExpired(now: Self.time(10)) == nil)
        #expect(stack.take(now: Self.time(12)) == nil)
        #expect(stack.count == 1)
        #expect(stack.popExpired(now: Self.time(12)) == 2)
        #expect(stack.count == 0)
        #expect(stack.nextExpiry == nil)
    }

    @Test("limits: the oldest makes room, a used-up connection isn't kept")
    func limits() {
        var stack = IdleStack(limits: ConnectionPoolLimits(idleCount: 2, requestsPerConnection: 3))
        #expect(stack.put(5, requestCount: 3, now: .zero) == .refused)
        #expect(stack.put(5, requestCount: 2, now: .zero) == .kept)
        #expect(stack.put(6, requestCount: 1, now: .zero) == .kept)
        #expect(stack.put(7, requestCount: 1, now: .zero) == .keptInsteadOf(5))
        #expect(stack.count == 2)
        #expect(stack.popOldest() == 6)
        #expect(stack.popOldest() == 7)
        #expect(stack.popOldest() == nil)
        var none = IdleStack(limits: ConnectionPoolLimits(idleCount: 0))
        #expect(none.put(0, requestCount: 0, now: .zero) == .refused)
    }

    @Test("behaves as a list would")
    func model() {
        var random = RandomSource(seed: 6)
        for _ in 0..<50 {
            let limit = 1 + Int(random.next() % 6)
            var stack = IdleStack(limits: ConnectionPoolLimits(idleCount: limit, idleTimeout: .seconds(5)))
            var model: [(handle: UInt32, since: MonotonicTime)] = []
            var seconds: Int64 = 0
            for _ in 0..<200 {
                seconds += Int64(random.next() % 2)
                let now = Self.time(seconds)
                let handle = UInt32(random.next() % 12)
                switch random.next() % 5 {
                case 0, 1:
                    if model.contains(where: { $0.handle == handle }) { continue }
                    let evicted = model.count >= limit ? model.removeFirst().handle : nil
                    model.append((handle, now))
                    let expected = evicted.map { IdleStack.Put.keptInsteadOf($0) } ?? .kept
                    #expect(stack.put(handle, requestCount: 0, now: now) == expected)
                case 2:
                    let last = model.last.flatMap { $0.since + .seconds(5) > now ? $0 : nil }
                    if last != nil { model.removeLast() }
                    #expect(stack.take(now: now) == last?.handle)
                case 3:
                    let index = model.firstIndex { $0.handle == handle }
                    if let index { model.remove(at: index) }
                    #expect(stack.remove(handle) == (index != nil))
                default:
                    let isExpired = model.first.map { $0.since + .seconds(5) <= now } ?? false
                    let expected = isExpired ? model.removeFirst().handle : nil
                    #expect(stack.popExpired(now: now) == expected)
                }
                #expect(stack.count == model.count)
                #expect(stack.nextExpiry == model.first.map { $0.since + .seconds(5) })
            }
        }
    }
}
