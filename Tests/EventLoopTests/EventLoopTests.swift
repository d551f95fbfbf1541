import Base
import EventLoop
import Glibc
import Linux
import Synchronization
import Testing

/// A pair of connected descriptors, closed at the end.
private final class Pair {
    let ours: Int32
    let theirs: Int32

    init() throws {
        var numbers: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, type, 0, &numbers) == 0)
        (ours, theirs) = (numbers[0], numbers[1])
    }

    deinit {
        close(ours)
        close(theirs)
    }

    func peerWrites(_ count: Int) {
        let sent = [UInt8](repeating: 7, count: count).withUnsafeBytes { Glibc.write(theirs, $0.baseAddress, $0.count) }
        #expect(sent == count)
    }

    @discardableResult
    func readAll() -> Int {
        var bytes = [UInt8](repeating: 0, count: 4096)
        return Glibc.read(ours, &bytes, bytes.count)
    }
}

private final class Recorder: EventHandler {
    var events: [EventSet] = []
    var timers = 0
    var onEvent: ((EventSet) -> Void)?
    var onTimer: (() -> Void)?

    func handle(_ events: EventSet) {
        self.events.append(events)
        onEvent?(events)
    }

    func timerFired() {
        timers += 1
        onTimer?()
    }
}

private final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
}

/// What each thread's letters said, in the order in which they were run.
private final class Letters: Sendable {
    private let byThread: Lock<[[Int]]>

    init(threads: Int) { byThread = Lock(Array(repeating: [], count: threads)) }

    var all: [[Int]] { byThread.withLock { $0 } }
    var count: Int { all.reduce(0) { $0 + $1.count } }
    func append(_ letter: Int, from thread: Int) { byThread.withLock { $0[thread].append(letter) } }
}

@Suite("Event loop", .timeLimit(.minutes(1)))
struct EventLoopTests {
    @Test("a readable descriptor wakes its handler, and only that one")
    func readable() throws {
        let loop = try EventLoop()
        let pairs = try (0..<3).map { _ in try Pair() }
        let recorders = pairs.map { _ in Recorder() }
        for (pair, recorder) in zip(pairs, recorders) {
            try loop.watch(pair.ours, .readable, for: loop.add(recorder))
        }
        pairs[1].peerWrites(1)
        loop.turn(waitingAtMost: .seconds(5))
        #expect(recorders.map(\.events.count) == [0, 1, 0])
        #expect(recorders[1].events.first?.has(anyOf: .readable) == true)
    }

    @Test("edge-triggered events come once for each change, level-triggered ones until nothing is left")
    func triggers() throws {
        for (watched, expected) in [(EventSet.connection, 1), (.readable, 3)] {
            let loop = try EventLoop()
            let pair = try Pair()
            let recorder = Recorder()
            pair.peerWrites(10)
            try loop.watch(pair.ours, watched, for: loop.add(recorder))
            for _ in 0..<3 { loop.turn(waitingAtMost: .zero) }
            #expect(recorder.events.count == expected)
            pair.readAll()
            pair.peerWrites(1)
            loop.turn(waitingAtMost: .seconds(5))
            #expect(recorder.events.count == expected + 1)
        }
    }

    @Test("the end of the stream is told")
    func peerCloses() throws {
        let loop = try EventLoop()
        let pair = try Pair()
        let recorder = Recorder()
        try loop.watch(pair.ours, .connection, for: loop.add(recorder))
        loop.turn(waitingAtMost: .zero)
        recorder.events = []
        shutdown(pair.theirs, Int32(SHUT_WR))
        loop.turn(waitingAtMost: .seconds(5))
        #expect(recorder.events.first?.has(anyOf: .ended) == true)
    }

    @Test("an event that is already on its way when its handler is removed reaches nobody, nor the place's next tenant")
    func staleEvent() throws {
        let loop = try EventLoop()
        let pairs = [try Pair(), try Pair()]
        let recorders = [Recorder(), Recorder()]
        let newcomer = Recorder()
        let registrations = recorders.map { loop.add($0) }
        for index in 0..<2 {
            try loop.watch(pairs[index].ours, .readable, for: registrations[index])
            recorders[index].onEvent = { _ in
                // Whoever comes first removes the other one, whose event is in the same batch.
                loop.unwatch(pairs[1 - index].ours)
                loop.remove(registrations[1 - index])
                _ = loop.add(newcomer)
            }
            pairs[index].peerWrites(1)
        }
        loop.turn(waitingAtMost: .seconds(5))
        #expect(recorders[0].events.count + recorders[1].events.count == 1)
        #expect(newcomer.events.isEmpty)
    }

    @Test("a removed handler's timer doesn't fire, nor for the place's next tenant")
    func staleTimer() throws {
        let loop = try EventLoop()
        let (first, second) = (Recorder(), Recorder())
        let registration = loop.add(first)
        loop.wake(registration, at: loop.now)
        loop.remove(registration)
        let next = loop.add(second)
        loop.wake(registration, at: loop.now)
        #expect(next.index == registration.index)
        let end = SystemClock.monotonic() + .milliseconds(80)
        while SystemClock.monotonic() < end { loop.turn(waitingAtMost: .milliseconds(20)) }
        #expect(first.timers == 0 && second.timers == 0)
    }

    @Test("a timer wakes the loop by itself, once, and can be set anew from within")
    func timer() throws {
        let loop = try EventLoop()
        let recorder = Recorder()
        let registration = loop.add(recorder)
        let begun = loop.now
        recorder.onTimer = {
            if recorder.timers == 1 { loop.wake(registration, at: loop.now + .milliseconds(10)) } else { loop.stop() }
        }
        loop.wake(registration, at: begun + .milliseconds(10))
        loop.run()
        #expect(recorder.timers == 2)
        #expect(loop.now >= begun + .milliseconds(20))
    }

    @Test("letters from many threads are all run, on the loop's thread, each thread's in order")
    func mailbox() throws {
        let loop = try EventLoop()
        let threads = 4
        let letters = 500
        let received = Letters(threads: threads)
        let strangers = Counter()
        let mailbox = loop.mailbox
        let loopThread = UInt(pthread_self())
        for thread in 0..<threads {
            try Thread.start(name: "poster") {
                for letter in 0..<letters {
                    mailbox.post {
                        if UInt(pthread_self()) != loopThread { strangers.add() }
                        received.append(letter, from: thread)
                    }
                }
            }
        }
        while received.count < threads * letters { loop.turn(waitingAtMost: .seconds(5)) }
        #expect(received.all == Array(repeating: Array(0..<letters), count: threads))
        #expect(strangers.count == 0)
    }

    @Test("a letter posted by a letter is run in a later turn without waiting")
    func nestedLetter() throws {
        let loop = try EventLoop()
        let counter = Counter()
        let mailbox = loop.mailbox
        mailbox.post {
            counter.add()
            mailbox.post { counter.add() }
        }
        loop.turn(waitingAtMost: .seconds(5))
        #expect(counter.count == 1)
        loop.turn(waitingAtMost: .seconds(5))
        #expect(counter.count == 2)
    }

    @Test("`run` ends when a letter stops the loop")
    func stopping() throws {
        let loop = try EventLoop()
        var turns = 0
        loop.onTurnEnd = {
            turns += 1
            loop.stop()
        }
        let mailbox = loop.mailbox
        try Thread.start(name: "stopper") { mailbox.post {} }
        loop.run()
        #expect(turns == 1)
    }
}
