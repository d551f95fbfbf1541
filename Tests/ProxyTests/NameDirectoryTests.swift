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
        directory.addNames(["service.test"], refreshedEvery: .seconds(3_600), waitingAtMost: .seconds(30))
        #expect(directory.addresses(of: "service.test").count == 1)
        loop.turn(waitingAtMost: .milliseconds(50))
        #expect(zone.questions == 1)

        // Known names are left alone by `addNames`; it is the new interval that has them asked for.
        directory.addNames(["service.test"], refreshedEvery: .milliseconds(1), waitingAtMost: .seconds(30))
        #expect(zone.questions == 1)
        directory.setRefreshInterval(.milliseconds(1))
        while directory.addresses(of: "service.test").count < 4 { loop.turn(waitingAtMost: .seconds(1)) }
        #expect(zone.questions >= 4)
        #expect(changes.count >= 4)
    }
}
