import Base
import EventLoop
import Linux
import Observability
import Proxy
import Synchronization
import Testing

private final class SilentWaker: LogWaker {
    func wake() {}
    func wait(for limit: TimeAmount) {}
}

/// Answers every name with as many addresses as it has been asked before, and one.
private final class GrowingZone: Sendable {
    private let count = Atomic<UInt32>(0)

    var questions: UInt32 { count.load(ordering: .relaxed) }

    func answer() -> [IPAddress] {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        return (1...number).map { IPAddress(ipv4: $0) }
    }
}

@Suite("Names of targets", .timeLimit(.minutes(1)))
struct NameDirectoryTests {
    @Test("new names are waited for until all are answered, or until the time is up")
    func waiting() throws {
        let loop = try EventLoop()
        let log = Observability.ErrorLog(
            queue: LogQueue(capacity: 1, batchSize: 4096, waker: SilentWaker()), level: .error
        ) {
            .init(wall: WallTime(seconds: 0), monotonic: .zero)
        }
        let gate = CountingSemaphore()
        let directory = NameDirectory(
            loop: loop, log: log, registry: MetricsRegistry(version: "1", startTime: WallTime(seconds: 0)),
            resolve: { name in
                if name == "held.test" { gate.wait(atMost: .seconds(60)) }
                return [IPAddress(ipv4: 1)]
            })
        let address = IPAddress(ipv4: 1)
        var ends = 0
        func add(_ names: Set<String>, for limit: TimeAmount) {
            directory.addNames(names, refreshedEvery: .seconds(3_600), waitingAtMost: limit) { ends += 1 }
        }
        add(["a.test", "held.test"], for: .milliseconds(50))
        while ends == 0 { loop.turn(waitingAtMost: .seconds(1)) }
        #expect(directory.addresses(of: "a.test") == [address])
        #expect(directory.addresses(of: "held.test").isEmpty)
        // Known now, if not what it stands for: not waited for again.
        add(["a.test", "held.test"], for: .seconds(30))
        #expect(ends == 2)
        add(["held.test", "b.test"], for: .seconds(30))
        while ends == 2 { loop.turn(waitingAtMost: .seconds(1)) }
        #expect(directory.addresses(of: "b.test") == [address])
        gate.signal()
        while directory.addresses(of: "held.test").isEmpty { loop.turn(waitingAtMost: .seconds(1)) }
        #expect(ends == 3)
    }

    @Test("16 names are looked up at a time, others when one of those is answered")
    func manyNames() throws {
        let loop = try EventLoop()
        let log = Observability.ErrorLog(
            queue: LogQueue(capacity: 1, batchSize: 4096, waker: SilentWaker()), level: .error
        ) {
            .init(wall: WallTime(seconds: 0), monotonic: .zero)
        }
        let gate = CountingSemaphore()
        let asked = Lock(0)
        let directory = NameDirectory(
            loop: loop, log: log, registry: MetricsRegistry(version: "1", startTime: WallTime(seconds: 0)),
            resolve: { _ in
                asked.withLock { $0 += 1 }
                gate.wait(atMost: .seconds(60))
                return [IPAddress(ipv4: 1)]
            })
        let names = Set((0..<40).map { "n\($0).test" })
        var isThere = false
        directory.addNames(names, refreshedEvery: .seconds(3_600), waitingAtMost: .seconds(60)) { isThere = true }
        var answered = 0
        for begun in [16, 20, 40] {
            while asked.withLock({ $0 }) < begun { loop.turn(waitingAtMost: .milliseconds(10)) }
            loop.turn(waitingAtMost: .milliseconds(50))
            #expect(asked.withLock { $0 } == begun)
            let more = begun == 16 ? 4 : begun == 20 ? 20 : 16
            for _ in 0..<more { gate.signal() }
            answered += more
        }
        #expect(answered == names.count)
        while !isThere { loop.turn(waitingAtMost: .seconds(1)) }
        #expect(names.allSatisfy { !directory.addresses(of: $0).isEmpty })
    }

    @Test("a refresh interval that a reload has changed holds for the names that are here already")
    func refreshing() throws {
        let zone = GrowingZone()
        let loop = try EventLoop()
        let log = Observability.ErrorLog(
            queue: LogQueue(capacity: 1, batchSize: 4096, waker: SilentWaker()), level: .error
        ) {
            .init(wall: WallTime(seconds: 0), monotonic: .zero)
        }
        let directory = NameDirectory(
            loop: loop, log: log, registry: MetricsRegistry(version: "1", startTime: WallTime(seconds: 0)),
            resolve: { _ in zone.answer() })
        var changes: [String] = []
        directory.onChange = { name, _ in changes.append(name) }
        var isThere = false
        directory.addNames(["service.test"], refreshedEvery: .seconds(3_600), waitingAtMost: .seconds(30)) {
            isThere = true
        }
        #expect(!isThere)
        while !isThere { loop.turn(waitingAtMost: .seconds(1)) }
        #expect(directory.addresses(of: "service.test").count == 1)
        loop.turn(waitingAtMost: .milliseconds(50))
        #expect(zone.questions == 1)

        // Known names are left alone by `addNames`; it is the new interval that has them asked for.
        isThere = false
        directory.addNames(["service.test"], refreshedEvery: .milliseconds(1), waitingAtMost: .seconds(30)) {
            isThere = true
        }
        #expect(isThere)
        #expect(zone.questions == 1)
        directory.setRefreshInterval(.milliseconds(1))
        while directory.addresses(of: "service.test").count < 4 { loop.turn(waitingAtMost: .seconds(1)) }
        #expect(zone.questions >= 4)
        #expect(changes.count >= 4)
    }
}
