import Base
import EventLoop
import Glibc
import Linux
import Proxy
import Testing

/// A resolver whose names that begin with `hangs` answer when they are told to.
private final class Names: Sendable {
    private let gate = Lock(false)
    private let asked = Lock<[String]>([])

    func resolve(_ name: String) throws(ResolverError) -> [IPAddress] {
        asked.withLock { $0.append(name) }
        while name.hasPrefix("hangs"), !gate.withLock({ $0 }) { SystemClock.sleepABit() }
        return IPAddress(text: "192.0.2.1").map { [$0] } ?? []
    }

    func release() { gate.withLock { $0 = true } }
    var count: Int { asked.withLock { $0.count } }
}

extension SystemClock {
    fileprivate static func sleepABit() {
        var wait = timespec(tv_sec: 0, tv_nsec: 2_000_000)
        nanosleep(&wait, nil)
    }
}

@Suite("Look-ups of issuers' names")
struct HostResolverTests {
    private func turn(_ loop: EventLoop, seconds: Int64 = 10, until isDone: () -> Bool) {
        let end = SystemClock.monotonic() + .seconds(seconds)
        while !isDone(), SystemClock.monotonic() < end { loop.turn(waitingAtMost: .milliseconds(20)) }
    }

    @Test("names that hang keep no other one from being found", .timeLimit(.minutes(1)))
    func hanging() throws {
        let loop = try EventLoop()
        let names = Names()
        let resolver = HostResolver(loop: loop) { name throws(ResolverError) in try names.resolve(name) }
        var hung = 0
        for number in 0..<HostResolver.runningMax + 4 { resolver.resolve("hangs-\(number)") { _ in hung += 1 } }
        var found = 0
        resolver.resolve("healthy") { if case .success = $0 { found += 1 } }
        turn(loop) { found > 0 }
        #expect(found == 1 && hung == 0)
        names.release()
        turn(loop) { hung == HostResolver.runningMax + 4 }
        #expect(hung == HostResolver.runningMax + 4)
    }

    @Test("a name has one look-up at a time, whose answer all get that wait; who left gets none")
    func joined() throws {
        let loop = try EventLoop()
        let names = Names()
        let resolver = HostResolver(loop: loop) { name throws(ResolverError) in try names.resolve(name) }
        var answers: [Int] = []
        resolver.resolve("hangs") { _ in answers.append(1) }
        let leaving = resolver.resolve("hangs") { _ in answers.append(2) }
        resolver.resolve("hangs") { _ in answers.append(3) }
        resolver.cancel(leaving)
        names.release()
        turn(loop) { answers.count == 2 }
        #expect(answers == [1, 3] && names.count == 1)
        resolver.resolve("hangs") { _ in answers.append(4) }
        #expect(answers.count == 2, "never while it is asked")
        turn(loop) { answers.count == 3 }
        #expect(names.count == 2)
    }

    @Test("there are no more threads than may be; those who left the queue need none")
    func bounds() throws {
        let loop = try EventLoop()
        let names = Names()
        let resolver = HostResolver(loop: loop) { name throws(ResolverError) in try names.resolve(name) }
        var ended = 0
        let tickets = (0..<HostResolver.runningMax + 10).map { number in
            resolver.resolve("hangs-\(number)") { _ in ended += 1 }
        }
        turn(loop) { names.count == HostResolver.runningMax }
        #expect(names.count == HostResolver.runningMax)
        for ticket in tickets.suffix(9) { resolver.cancel(ticket) }
        names.release()
        turn(loop) { ended == HostResolver.runningMax + 1 }
        #expect(names.count == HostResolver.runningMax + 1)
    }
}
