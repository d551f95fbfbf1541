import Base
import Linux
import Observability
import Proxy
import Synchronization
import Testing
import Traffic

private func address(_ number: Int) -> IPAddress { IPAddress(ipv4: 0x0a00_0000 + UInt32(number)) }

private func settings(_ connectionsMax: Int) -> ListenerSettings {
    var settings = ListenerSettings(name: ByteView())
    settings.connectionsMax = connectionsMax
    return settings
}

/// Runs `body` on several threads at once and waits for all.
private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let done = CountingSemaphore()
    for number in 0..<count {
        try Thread.start(name: "limits") {
            body(number)
            done.signal()
        }
    }
    for _ in 0..<count { #expect(done.wait(atMost: .seconds(30))) }
}

private final class Tally: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
}

@Suite("Limits of client connections", .timeLimit(.minutes(1)))
struct ConnectionLimitsTests {
    @Test("the narrowest limit is named, and a refused connection isn't counted")
    func order() {
        let limits = ConnectionLimits(totalMax: 3, perClientMax: 1)
        let listener = ListenerCount()
        func refusal(_ client: Int, exempt: Bool = false) -> ConnectionLimit? {
            limits.refusal(of: address(client), isExempt: exempt, listener: listener, settings: settings(2))
        }
        #expect(refusal(1) == nil)
        #expect(refusal(1) == .client)
        #expect(limits.count == 1)
        #expect(refusal(1, exempt: true) == nil)
        #expect(refusal(2) == .listener)
        #expect(limits.count == 2)
        let other = ListenerCount()
        #expect(limits.refusal(of: address(3), isExempt: false, listener: other, settings: settings(2)) == nil)
        #expect(refusal(4) == .process)
        limits.release(address(3), isExempt: false, listener: other)
        limits.release(address(1), isExempt: true, listener: listener)
        limits.release(address(1), isExempt: false, listener: listener)
        #expect(limits.count == 0)
        #expect(refusal(1) == nil)
    }

    @Test("a limit of 0 lets nobody in")
    func zero() {
        for (total, listener, client) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
            let limits = ConnectionLimits(totalMax: total, perClientMax: client)
            let refusal = limits.refusal(
                of: address(1), isExempt: false, listener: ListenerCount(), settings: settings(listener))
            #expect(refusal != nil)
            #expect(limits.count == 0)
        }
    }

    @Test("limits changed by a reload hold from then on; connections beyond them are counted out correctly")
    func changing() {
        let limits = ConnectionLimits(totalMax: 10, perClientMax: 10)
        let listener = ListenerCount()
        func refusal() -> ConnectionLimit? {
            limits.refusal(of: address(1), isExempt: false, listener: listener, settings: settings(100))
        }
        for _ in 0..<5 { #expect(refusal() == nil) }
        limits.set(totalMax: 10, perClientMax: 2)
        #expect(refusal() == .client)
        limits.set(totalMax: 2, perClientMax: 10)
        #expect(refusal() == .process)
        for _ in 0..<5 { limits.release(address(1), isExempt: false, listener: listener) }
        #expect(limits.count == 0)
        #expect(refusal() == nil)
    }

    @Test("many threads: no limit is exceeded, and all counts end at zero")
    func concurrency() throws {
        let limits = ConnectionLimits(totalMax: 64, perClientMax: 4)
        let listener = ListenerCount()
        let excess = Tally()
        let admitted = Tally()
        try onThreads(4) { thread in
            var random = RandomSource(seed: UInt64(thread))
            var mine: [Int] = []
            for _ in 0..<5_000 {
                if mine.count < 40, Bool.random(using: &random) {
                    let client = Int.random(in: 0..<20, using: &random)
                    if limits.refusal(
                        of: address(client), isExempt: false, listener: listener, settings: settings(48)) == nil
                    {
                        mine.append(client)
                        admitted.add()
                        if mine.count(where: { $0 == client }) > 4 || mine.count > 48 { excess.add() }
                    }
                } else if !mine.isEmpty {
                    let client = mine.remove(at: Int.random(in: 0..<mine.count, using: &random))
                    limits.release(address(client), isExempt: false, listener: listener)
                }
            }
            for client in mine { limits.release(address(client), isExempt: false, listener: listener) }
        }
        #expect(excess.count == 0)
        #expect(admitted.count > 0)
        #expect(limits.count == 0)
        // Everybody can have the whole of each limit again.
        for client in 0..<12 {
            for _ in 0..<4 {
                let refusal = limits.refusal(
                    of: address(client), isExempt: false, listener: listener, settings: settings(48))
                #expect(refusal == nil)
            }
        }
        let last = limits.refusal(of: address(99), isExempt: false, listener: listener, settings: settings(48))
        #expect(last == .listener)
    }
}

@Suite("Budgets that loops share", .timeLimit(.minutes(1)))
struct SharedBudgetTests {
    @Test("as many as the limit, and again what was given back")
    func counting() {
        let budget = SharedBudget(limit: 2)
        #expect(budget.take() && budget.take())
        #expect(!budget.take())
        #expect(budget.count == 2)
        budget.giveBack()
        #expect(budget.take())
        budget.setLimit(1)
        budget.giveBack()
        #expect(!budget.take())
        budget.setLimit(0)
        budget.giveBack()
        #expect(!budget.take())
        #expect(budget.count == 0)
    }

    @Test("many threads never have more than the limit together")
    func concurrency() throws {
        let budget = SharedBudget(limit: 3)
        let excess = Tally()
        try onThreads(4, taking(budget, excess))
        #expect(excess.count == 0)
        #expect(budget.count == 0)
    }

    private func taking(_ budget: SharedBudget, _ excess: Tally) -> @Sendable (Int) -> Void {
        final class Held: Sendable { let now = Atomic<Int>(0) }
        let held = Held()
        return { _ in
            for _ in 0..<20_000 where budget.take() {
                if held.now.wrappingAdd(1, ordering: .relaxed).newValue > 3 { excess.add() }
                held.now.wrappingSubtract(1, ordering: .relaxed)
                budget.giveBack()
            }
        }
    }
}
