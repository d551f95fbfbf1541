import Base
import Linux
import Observability
import Synchronization

/// A log with its writer's thread: lines go in by `queue`, and end in a file or a standard stream.
final class LogService: Sendable {
    let queue: LogQueue
    private let writer: LogWriter
    private let finished = CountingSemaphore()
    private let isFinished = Atomic<Bool>(false)

    /// - Parameters:
    ///   - name: the thread's name.
    ///   - capacity: how many batches of `batchSize` bytes may wait; what comes then is dropped and counted.
    init(name: String, to destination: LogFile, capacity: Int, batchSize: Int) throws(Errno) {
        queue = LogQueue(capacity: capacity, batchSize: batchSize, waker: SemaphoreWaker())
        writer = LogWriter(queue: queue, sink: destination, now: SystemClock.monotonic)
        try Thread.start(name: name) { [self] in
            writer.run()
            isFinished.store(true, ordering: .releasing)
            finished.signal()
        }
    }

    /// Opens the file anew, under its name.
    func reopen() { writer.requestReopen() }

    /// Has what waits written until `limit`, and the thread end then. Doesn't wait for that.
    func end(by limit: MonotonicTime) { writer.stop(by: limit) }

    /// Whether the thread has ended.
    var hasEnded: Bool { isFinished.load(ordering: .acquiring) }

    /// Waits until the thread has ended, or a moment longer than until `limit`: a reader may stand still.
    func waitForEnd(by limit: MonotonicTime) {
        finished.wait(atMost: limit - SystemClock.monotonic() + .milliseconds(100))
    }
}

/// Puts a log's writer to sleep on a semaphore.
private final class SemaphoreWaker: LogWaker {
    private let semaphore = CountingSemaphore()

    func wake() { semaphore.signal() }
    func wait(for limit: TimeAmount) { semaphore.wait(atMost: limit) }
}
