import Base
import Linux
import Synchronization

/// The only way into a loop from another thread: closures, run in order at the end of the loop's turn.
///
/// For the control plane (a new snapshot, a resolved name, a stop), and for what few requests need of others: a place
/// at a limit that loops share, a connection that another loop holds unused, a key that only the control thread can
/// fetch. A request itself stays on its loop, and most send no letter.
package final class Mailbox: Sendable {
    private let letters = Lock<[@Sendable () -> Void]>([])
    private let isFilled = Atomic<Bool>(false)
    private let wakeup: EventCounter

    init() throws(Errno) { wakeup = try EventCounter() }

    /// Runs `letter` on the loop's thread soon.
    package func post(_ letter: @escaping @Sendable () -> Void) {
        letters.withLock { $0.append(letter) }
        isFilled.store(true, ordering: .releasing)
        wakeup.signal()
    }

    var wakeNumber: Int32 { wakeup.number }

    var hasMail: Bool { isFilled.load(ordering: .relaxed) }

    func acknowledge() { wakeup.clear() }

    func drain() {
        guard isFilled.exchange(false, ordering: .acquiring) else { return }
        let due = letters.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
        for letter in due { letter() }
    }
}
