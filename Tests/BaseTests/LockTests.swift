import Base
import Testing

/// What goes from hand to hand, written by whoever has it: a `var` that only the lock protects.
private final class Token: @unchecked Sendable {
    // Sendable because a holder takes it out of the lock, and nobody finds it there until it is back.
    var turns = 0
}

private final class Table: Sendable {
    let tokens = Lock([Token(), Token()])
}

@Suite("Locks")
struct LockTests {
    /// What it is for shows under ThreadSanitizer: with `Mutex` in its place, this test reports races.
    @Test("what one thread leaves in a contended lock, another takes up as it was")
    func handing() async {
        let table = Table()
        let done = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var turns = 0
                    while turns < 20_000 {
                        guard let token = table.tokens.withLock({ $0.popLast() }) else { continue }
                        token.turns += 1
                        turns += 1
                        table.tokens.withLock { $0.append(token) }
                    }
                    return turns
                }
            }
            return await group.reduce(0, +)
        }
        let tokens = table.tokens.withLock { $0 }
        #expect(tokens.count == 2)
        #expect(tokens.reduce(0) { $0 + $1.turns } == done)
    }

    @Test("an error leaves the lock open")
    func failing() {
        struct Refused: Error, Equatable {}
        let lock = Lock(1)
        #expect(throws: Refused()) { try lock.withLock { (_: inout Int) throws(Refused) in throw Refused() } }
        #expect(lock.withLock { $0 } == 1)
    }
}
