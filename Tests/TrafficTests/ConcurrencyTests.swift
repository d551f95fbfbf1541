import Base
import Dispatch
import Synchronization
import Testing
import Traffic

private final class Waiter: ConcurrencyWaiter {
    let name: Int
    init(_ name: Int) { self.name = name }
}

@Suite("Concurrency limit")
struct ConcurrencyTests {
    static func at(_ milliseconds: Int64) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    private static func names(_ gate: ConcurrencyGate) -> [Int] {
        var names: [Int] = []
        while let waiter = gate.next() as? Waiter { names.append(waiter.name) }
        return names
    }

    @Test("as many enter as may, then as many wait as may, then nobody")
    func limits() {
        let limit = ConcurrencyLimit(ConcurrencyLaw(requestsMax: 2, queueMax: 2, waitMax: .seconds(1)), loops: 1)
        let gate = ConcurrencyGate(limit, seat: 0)
        let admissions = (0..<6).map { gate.enter(Waiter($0), now: Self.at(Int64($0))) }
        #expect(admissions == [.entered, .entered, .queued(1), .queued(2), .refused, .refused])
        #expect(limit.count == 2 && limit.waitingCount == 2 && limit.refusedFull == 2)
        #expect(gate.wake() == .nobody)
        gate.leave()
        #expect(gate.wake() == .here)
        #expect(Self.names(gate) == [2])
        gate.leave()
        gate.leave()
        #expect(Self.names(gate) == [3])
        gate.leave()
        #expect(limit.count == 0 && limit.waitingCount == 0)
    }

    @Test(
        "after a reload nobody waits longer than it says, in the order in which they came",
        arguments: [
            (1_000, [1_300, 1_300]), (12_000, [12_000, 12_300]), (20_000, [12_000, 20_300]), (100, [400, 400]),
        ])
    func shorterWaits(wait: Int, deadlines: [Int]) {
        let law = ConcurrencyLaw(requestsMax: 1, queueMax: 9, waitMax: .milliseconds(12_000))
        let limit = ConcurrencyLimit(law, loops: 1)
        let gate = ConcurrencyGate(limit, seat: 0)
        _ = gate.enter(Waiter(0), now: Self.at(0))
        #expect(gate.enter(Waiter(1), now: Self.at(0)) == .queued(1))
        limit.setLaw(ConcurrencyLaw(requestsMax: 1, queueMax: 9, waitMax: .milliseconds(Int64(wait))))
        gate.shortenWaits(now: Self.at(300))
        #expect(gate.enter(Waiter(2), now: Self.at(300)) == .queued(2))
        for (name, deadline) in zip([1, 2], deadlines) {
            let deadline = Int64(deadline)
            #expect(gate.deadline == Self.at(deadline))
            #expect(gate.nextExpired(now: Self.at(deadline - 1)) == nil)
            #expect((gate.nextExpired(now: Self.at(deadline)) as? Waiter)?.name == name)
        }
        #expect(gate.deadline == nil && limit.refusedWaited == 2)
    }

    @Test("without a queue nobody waits")
    func noQueue() {
        let gate = ConcurrencyGate(ConcurrencyLimit(ConcurrencyLaw(requestsMax: 1), loops: 1), seat: 0)
        #expect(gate.enter(Waiter(0), now: Self.at(0)) == .entered)
        #expect(gate.enter(Waiter(1), now: Self.at(0)) == .refused)
    }

    @Test("a newcomer doesn't overtake, even when a place is free")
    func order() {
        let limit = ConcurrencyLimit(ConcurrencyLaw(requestsMax: 1, queueMax: 9, waitMax: .seconds(1)), loops: 2)
        let (here, there) = (ConcurrencyGate(limit, seat: 0), ConcurrencyGate(limit, seat: 1))
        #expect(here.enter(Waiter(0), now: Self.at(0)) == .entered)
        #expect(there.enter(Waiter(1), now: Self.at(1)) == .queued(1))
        here.leave()
        #expect(here.wake() == .loop(1))
        #expect(here.enter(Waiter(2), now: Self.at(2)) == .queued(1))
        #expect(here.wake() == .nobody, "the other loop knows already, and its waiter came first")
        there.letterCame()
        #expect(Self.names(there) == [1])
        #expect(there.wake() == .nobody)
        there.leave()
        #expect(there.wake() == .loop(0))
        here.letterCame()
        #expect(Self.names(here) == [2])
    }

    @Test("who finds nobody any more passes the place on")
    func passing() {
        let limit = ConcurrencyLimit(ConcurrencyLaw(requestsMax: 1, queueMax: 9, waitMax: .seconds(1)), loops: 2)
        let (here, there) = (ConcurrencyGate(limit, seat: 0), ConcurrencyGate(limit, seat: 1))
        _ = here.enter(Waiter(0), now: Self.at(0))
        #expect(there.enter(Waiter(1), now: Self.at(1)) == .queued(1))
        #expect(here.enter(Waiter(2), now: Self.at(2)) == .queued(1))
        here.leave()
        #expect(here.wake() == .loop(1))
        there.cancel(1)
        there.letterCame()
        #expect(Self.names(there) == [])
        #expect(there.wake() == .loop(0))
    }

    @Test("who has waited long enough is refused, in order, and no sooner")
    func expiry() {
        let limit = ConcurrencyLimit(ConcurrencyLaw(requestsMax: 1, queueMax: 9, waitMax: .milliseconds(100)), loops: 1)
        let gate = ConcurrencyGate(limit, seat: 0)
        _ = gate.enter(Waiter(0), now: Self.at(0))
        for name in 1...3 { _ = gate.enter(Waiter(name), now: Self.at(Int64(name) * 10)) }
        #expect(gate.deadline == Self.at(110))
        #expect(gate.nextExpired(now: Self.at(109)) == nil)
        #expect((gate.nextExpired(now: Self.at(120)) as? Waiter)?.name == 1)
        #expect((gate.nextExpired(now: Self.at(120)) as? Waiter)?.name == 2)
        #expect(gate.nextExpired(now: Self.at(120)) == nil)
        #expect(gate.deadline == Self.at(130))
        #expect(limit.waitingCount == 1 && limit.refusedWaited == 2)
    }

    @Test("who leaves gives its place in the queue back, from wherever it is")
    func leaving() {
        let limit = ConcurrencyLimit(ConcurrencyLaw(requestsMax: 1, queueMax: 500, waitMax: .seconds(1)), loops: 1)
        let gate = ConcurrencyGate(limit, seat: 0)
        _ = gate.enter(Waiter(0), now: Self.at(0))
        var tickets: [Int: UInt64] = [:]
        for name in 1...500 {
            if case .queued(let ticket) = gate.enter(Waiter(name), now: Self.at(1)) { tickets[name] = ticket }
        }
        #expect(gate.enter(Waiter(501), now: Self.at(2)) == .refused)
        for name in 1...500 where name % 7 != 0 { tickets[name].map { gate.cancel($0) } }
        for name in 1...500 where name % 7 != 0 { tickets[name].map { gate.cancel($0) } }
        #expect(limit.waitingCount == 71 && gate.waitingCount == 71)
        if case .queued = gate.enter(Waiter(501), now: Self.at(3)) {} else { Issue.record("there is room again") }
        var served: [Int] = []
        for _ in 0..<100 {
            gate.leave()
            served += Self.names(gate)
            if limit.count == 0 { break }
        }
        #expect(served == (1...500).filter { $0 % 7 == 0 } + [501])
    }

    @Test("a higher limit lets those in who wait, a lower one waits for those who are in")
    func reload() {
        let limit = ConcurrencyLimit(ConcurrencyLaw(requestsMax: 1, queueMax: 9, waitMax: .seconds(1)), loops: 1)
        let gate = ConcurrencyGate(limit, seat: 0)
        for name in 0..<4 { _ = gate.enter(Waiter(name), now: Self.at(0)) }
        limit.setLaw(ConcurrencyLaw(requestsMax: 3, queueMax: 9, waitMax: .seconds(1)))
        #expect(gate.wake() == .here)
        #expect(Self.names(gate) == [1, 2])
        limit.setLaw(ConcurrencyLaw(requestsMax: 1, queueMax: 9, waitMax: .seconds(1)))
        gate.leave()
        gate.leave()
        #expect(Self.names(gate) == [])
        gate.leave()
        #expect(Self.names(gate) == [3])
    }

    /// Loops as threads: each has requests of its own, a queue and a letter box, and nothing else wakes it.
    @Test(
        "on four loops at once never too many are in, and nobody is forgotten", .timeLimit(.minutes(2)),
        arguments: 1...3)
    func stress(requestsMax: Int) {
        let loops = 4
        let limit = ConcurrencyLimit(
            ConcurrencyLaw(requestsMax: requestsMax, queueMax: 1_000_000, waitMax: .seconds(1)), loops: loops)
        let boxes = (0..<loops).map { _ in LetterBox() }
        let served = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: loops) { seat in
            var loop = SimulatedLoop(limit, seat: seat, boxes: boxes)
            while loop.left > 0 || loop.isBusy { loop.turn() }
            served.wrappingAdd(loop.entered, ordering: .relaxed)
        }
        #expect(limit.count == 0 && limit.waitingCount == 0)
        #expect(served.load(ordering: .relaxed) == loops * SimulatedLoop.requestCount)
    }
}

private final class LetterBox: Sendable {
    private let letters = Atomic<Int>(0)
    func post() { letters.wrappingAdd(1, ordering: .releasing) }
    func take() -> Bool { letters.exchange(0, ordering: .acquiring) > 0 }
}

private struct SimulatedLoop {
    static let requestCount = 20_000
    let gate: ConcurrencyGate
    let boxes: [LetterBox]
    let seat: Int
    var random: RandomSource
    var left = requestCount
    var entered = 0
    var inside = 0

    init(_ limit: ConcurrencyLimit, seat: Int, boxes: [LetterBox]) {
        gate = ConcurrencyGate(limit, seat: seat)
        self.boxes = boxes
        self.seat = seat
        random = RandomSource(seed: UInt64(seat))
    }

    var isBusy: Bool { inside > 0 || gate.waitingCount > 0 }

    mutating func turn() {
        if boxes[seat].take() {
            gate.letterCame()
            admit()
        }
        if left > 0, gate.waitingCount < 8, random.next() % 2 == 0 {
            left -= 1
            switch gate.enter(Waiter(left), now: .zero + .nanoseconds(Int64(Self.requestCount - left))) {
            case .entered: countEntry()
            case .queued: wake()
            case .refused: Issue.record("there is room for everybody")
            }
        }
        while inside > 0, random.next() % 3 != 0 {
            inside -= 1
            gate.leave()
            wake()
        }
    }

    private mutating func countEntry() {
        inside += 1
        entered += 1
        if gate.limit.count > gate.limit.law.requestsMax { Issue.record("too many are in") }
    }

    private mutating func wake() {
        switch gate.wake() {
        case .nobody: break
        case .here: admit()
        case .loop(let other): boxes[other].post()
        }
    }

    private mutating func admit() {
        while gate.next() != nil { countEntry() }
        wake()
    }
}
