import Base
import Linux
import Synchronization
import Testing
import Traffic

@Suite("Bounded counts", .timeLimit(.minutes(1)))
struct BoundedCountTests {
    private final class Shared: Sendable {
        let count = BoundedCount()
        let wrong = Atomic<Int>(0)
        let done = CountingSemaphore()
    }

    private func onThreads(_ number: Int, _ shared: Shared, _ body: @escaping @Sendable (Int) -> Void) throws {
        for index in 0..<number {
            try Thread.start(name: "counting") {
                body(index)
                shared.done.signal()
            }
        }
        for _ in 0..<number { #expect(shared.done.wait(atMost: .seconds(30))) }
    }

    @Test("as many as the limit, and again what was given back")
    func limit() {
        let shared = Shared()
        #expect(!shared.count.take(below: 0) && !shared.count.take(below: -1) && shared.count.value == 0)
        #expect(shared.count.take(below: 2) && shared.count.take(below: 2) && !shared.count.take(below: 2))
        #expect(shared.count.value == 2)
        shared.count.giveBack()
        #expect(!shared.count.take(below: 1) && shared.count.take(below: 2))
    }

    @Test("who is refused is never seen in the count")
    func refusals() throws {
        let shared = Shared()
        let isFirst = shared.count.take(below: 1)
        #expect(isFirst)
        try onThreads(4, shared) { index in
            for _ in 0..<20_000 {
                if index > 0 {
                    if shared.count.take(below: 1) { shared.wrong.wrappingAdd(1, ordering: .relaxed) }
                } else if shared.count.value != 1 {
                    shared.wrong.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        #expect(shared.wrong.load(ordering: .relaxed) == 0)
    }

    @Test("as long as no more ask than there is room for, nobody is refused")
    func room() throws {
        let shared = Shared()
        try onThreads(4, shared) { _ in
            for _ in 0..<20_000 {
                if shared.count.take(below: 4) {
                    shared.count.giveBack()
                } else {
                    shared.wrong.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        #expect(shared.wrong.load(ordering: .relaxed) == 0)
        #expect(shared.count.value == 0)
    }
}
