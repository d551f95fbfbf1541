import Base
import EventLoop
import Glibc
import Linux
import Testing

/// What handlers did, in the order in which they did it.
private final class Diary {
    var entries: [String] = []
}

/// Writes down each step, and asks for the next one.
private final class Walker: EventHandler {
    let name: String
    let diary: Diary
    var registration = Registration.none
    var onProceed: (() -> Void)?
    var onSend: (() -> Void)?
    private let loop: EventLoop

    init(_ name: String, _ diary: Diary, on loop: EventLoop) {
        self.name = name
        self.diary = diary
        self.loop = loop
        registration = loop.add(self)
    }

    func handle(_ events: EventSet) {
        diary.entries.append("\(name) reads")
        loop.proceedLater(registration)
    }

    func proceed() {
        diary.entries.append("\(name) proceeds")
        onProceed?()
        loop.sendLater(registration)
    }

    func send() {
        diary.entries.append("\(name) sends")
        onSend?()
    }

    func timerFired() { loop.sendLater(registration) }
}

/// A pipe with a byte in it.
private final class Ready {
    let number: Int32
    private let writer: Int32

    init() {
        var numbers: [Int32] = [-1, -1]
        var byte: UInt8 = 7
        #expect(pipe(&numbers) == 0)
        (number, writer) = (numbers[0], numbers[1])
        #expect(write(writer, &byte, 1) == 1)
    }

    deinit {
        close(number)
        close(writer)
    }
}

@Suite("Strides of the event loop", .timeLimit(.minutes(1)))
struct StrideTests {
    private let diary = Diary()

    private func walkers(_ count: Int, on loop: EventLoop, _ descriptors: [Ready]) throws -> [Walker] {
        try (0..<count).map { index in
            let walker = Walker("\(index)", diary, on: loop)
            try loop.watch(descriptors[index].number, .connection, for: walker.registration)
            return walker
        }
    }

    @Test("all handlers of a stride read before one proceeds, and all proceed before one sends")
    func steps() throws {
        let loop = try EventLoop()
        let descriptors = (0..<3).map { _ in Ready() }
        let walkers = try walkers(3, on: loop, descriptors)
        loop.turn(waitingAtMost: .seconds(5))
        let order = ["reads", "proceeds", "sends"].flatMap { step in walkers.map { "\($0.name) \(step)" } }
        #expect(diary.entries == order)
        loop.turn(waitingAtMost: .zero)
        #expect(diary.entries.count == 9)
    }

    @Test("a stride is bounded: the first of many handlers sends before the last one reads")
    func bounded() throws {
        let loop = try EventLoop()
        let descriptors = (0..<100).map { _ in Ready() }
        let walkers = try walkers(100, on: loop, descriptors)
        loop.turn(waitingAtMost: .seconds(5))
        let first = try #require(diary.entries.firstIndex(of: "0 sends"))
        let last = try #require(diary.entries.firstIndex(of: "99 reads"))
        #expect(first < last)
        #expect(Set(diary.entries).count == 3 * walkers.count && diary.entries.count == 3 * walkers.count)
    }

    @Test("a loop knows whether events may be waiting that its turn has not taken", arguments: [255, 256, 257, 300])
    func isBehind(count: Int) throws {
        let loop = try EventLoop()
        #expect(!loop.isBehind)
        let descriptors = (0..<count).map { _ in Ready() }
        let walkers = try walkers(count, on: loop, descriptors)
        loop.turn(waitingAtMost: .seconds(5))
        #expect(loop.isBehind == (count >= 256))
        #expect(walkers.filter { diary.entries.contains("\($0.name) reads") }.count == min(count, 256))
        loop.turn(waitingAtMost: .zero)
        #expect(!loop.isBehind)
    }

    @Test("a handler that another one removes takes no further step")
    func removed() throws {
        let loop = try EventLoop()
        let descriptors = (0..<3).map { _ in Ready() }
        let walkers = try walkers(3, on: loop, descriptors)
        walkers[0].onProceed = { loop.remove(walkers[1].registration) }
        walkers[0].onSend = { loop.remove(walkers[2].registration) }
        loop.turn(waitingAtMost: .seconds(5))
        #expect(
            diary.entries == ["0 reads", "1 reads", "2 reads", "0 proceeds", "2 proceeds", "0 sends"])
    }

    @Test("who asks to send while others send, sends with a later stride, for which no turn waits")
    func nested() throws {
        let loop = try EventLoop()
        let descriptors = [Ready()]
        let walker = try walkers(1, on: loop, descriptors)[0]
        var sends = 0
        walker.onSend = {
            sends += 1
            if sends < 10 { loop.sendLater(walker.registration) }
        }
        loop.turn(waitingAtMost: .seconds(5))
        #expect((1..<10).contains(sends))
        for _ in 0..<10 where sends < 10 { loop.turn(waitingAtMost: nil) }
        #expect(sends == 10)
    }

    @Test("who asks to proceed while others proceed, does so with a later stride, for which no turn waits")
    func nestedProceeding() throws {
        let loop = try EventLoop()
        let descriptors = [Ready()]
        let walker = try walkers(1, on: loop, descriptors)[0]
        var count = 0
        walker.onProceed = {
            count += 1
            if count < 10 { loop.proceedLater(walker.registration) }
        }
        for _ in 0..<10 where count < 10 { loop.turn(waitingAtMost: .seconds(5)) }
        #expect(count == 10)
    }

    @Test("what a timer or a letter wants to send goes in the same turn")
    func timersAndLetters() throws {
        let loop = try EventLoop()
        let walker = Walker("timer", diary, on: loop)
        loop.wake(walker.registration, at: loop.now)
        let end = SystemClock.monotonic() + .seconds(5)
        while diary.entries.isEmpty, SystemClock.monotonic() < end { loop.turn(waitingAtMost: .milliseconds(20)) }
        #expect(diary.entries == ["timer sends"])
    }
}
