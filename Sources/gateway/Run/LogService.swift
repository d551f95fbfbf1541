import Base
import Configuration
import Linux
import Observability

/// A log with its writer's thread: lines go in by `queue`, and end in a file or a standard stream.
final class LogService: Sendable {
    let queue: LogQueue
    private let writer: LogWriter
    private let finished = CountingSemaphore()

    /// - Parameters:
    ///   - name: the thread's name.
    ///   - capacity: how many batches of `batchSize` bytes may wait; what comes then is dropped and counted.
    init(name: String, to destination: LogFile, capacity: Int, batchSize: Int) throws(Errno) {
        queue = LogQueue(capacity: capacity, batchSize: batchSize, waker: SemaphoreWaker())
        writer = LogWriter(queue: queue, sink: destination, now: SystemClock.monotonic)
        let writer = writer
        let finished = finished
        try Thread.start(name: name) {
            writer.run()
            finished.signal()
        }
    }

    /// Opens the file anew, under its name.
    func reopen() { writer.requestReopen() }

    /// Writes what waits, for `limit` at most, and ends the thread.
    func stop(within limit: TimeAmount) {
        writer.stop(by: SystemClock.monotonic() + limit)
        finished.wait(atMost: limit + .milliseconds(100))
    }
}

/// Where a log goes.
final class LogFile: LogSink {
    /// Nil for a standard stream, which can't be reopened.
    private let path: String?
    /// The descriptor in use. Only the writer's thread changes it.
    private let descriptor: Lock<Int32>
    /// Held while a batch is written: two logs may go to one standard stream.
    private let turn = Lock<Void>(())

    private init(path: String?, descriptor: Int32) {
        self.path = path
        self.descriptor = Lock(descriptor)
    }

    /// A stream of the process. All logs that go there must have the same one of these.
    static func stream(_ number: Int32) -> LogFile { LogFile(path: nil, descriptor: number) }

    static func file(_ path: String) throws(Errno) -> LogFile {
        LogFile(path: path, descriptor: try FileDescriptor.openForAppending(path: path).release())
    }

    deinit {
        if path != nil { _ = FileDescriptor(adopting: descriptor.withLock { $0 }) }
    }

    func write(_ bytes: ByteView) -> LogWriteResult {
        do throws(Errno) {
            return .written(try Linux.write(to: descriptor.withLock { $0 }, bytes.raw))
        } catch {
            return error == .again ? .wouldBlock : .failed
        }
    }

    func waitUntilWritable(for limit: TimeAmount) { waitForOutput(descriptor.withLock { $0 }, atMost: limit) }

    func alone(_ body: () -> Void) { turn.withLock { _ in body() } }

    /// A file that can't be opened leaves the old one in use: better a line in a renamed file than none.
    func reopen() {
        guard let path, let fresh = try? FileDescriptor.openForAppending(path: path).release() else { return }
        let old = descriptor.withLock { current in
            let old = current
            current = fresh
            return old
        }
        _ = FileDescriptor(adopting: old)
    }
}

/// Puts a log's writer to sleep on a semaphore.
private final class SemaphoreWaker: LogWaker {
    private let semaphore = CountingSemaphore()

    func wake() { semaphore.signal() }
    func wait(for limit: TimeAmount) { semaphore.wait(atMost: limit) }
}
