import Base
import Traffic

/// The workers, by seat, for letters between them. Filled before the first of them runs a request.
final class WorkerDirectory: Sendable {
    private let workers = Lock<[Worker]>([])

    func set(_ all: [Worker]) { workers.withLock { $0 = all } }

    /// The loop of this seat looks for a place at `limit`.
    func tell(_ seat: Int, _ limit: ConcurrencyLimit) {
        let worker = workers.withLock { $0.indices.contains(seat) ? $0[seat] : nil }
        worker?.mailbox.post { worker?.gates.letterCame(limit) }
    }

    /// Has all loops but that of `seat` give up an idle connection, as long as `budget` has no room, and then tells it.
    /// - Returns: whether there are others.
    func askForConnection(_ budget: SharedBudget, for seat: Int) -> Bool {
        let all = workers.withLock { $0 }
        guard all.count > 1, all.indices.contains(seat) else { return false }
        let asking = all[seat]
        let left = Countdown(all.count - 1)
        for (index, worker) in all.enumerated() where index != seat {
            worker.mailbox.post {
                worker.yieldIdle(of: budget)
                if left.decrement() { asking.mailbox.post { asking.starved.settled(budget) } }
            }
        }
        return true
    }
}
