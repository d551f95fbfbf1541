import Base
import Synchronization

/// What became of one attempt to write.
package enum LogWriteResult: Sendable, Equatable {
    /// That many bytes are written, at least one; the rest has to be tried again.
    case written(Int)
    /// A signal came first (EINTR): try again.
    case interrupted
    /// The pipe or terminal is full (EAGAIN): wait, then try again.
    case wouldBlock
    /// It will not be written (no space, broken pipe, I/O error …).
    case failed
}

/// Where a log ends: a file, a pipe or, in tests, memory. Called by the writer's thread only.
package protocol LogSink: Sendable {
    /// Writes some of `bytes`, which are not empty.
    func write(_ bytes: ByteView) -> LogWriteResult
    /// Waits until a write may succeed again, at most for `limit`.
    func waitUntilWritable(for limit: TimeAmount)
    /// Opens the file again under its name, for log rotation. A sink that cannot keeps what it has.
    /// - Returns: whether lines end elsewhere from now on: nothing that was written before is there.
    func reopen() -> Bool
    /// Calls `body`, during which nobody else writes to where this sink ends. For sinks that several logs share: a
    /// batch may take several writes, and the lines of another log must not come between.
    func alone(_ body: () -> Void)
}

extension LogSink {
    package func alone(_ body: () -> Void) { body() }
}

/// Takes a queue's batches to its sink, on a thread of its own that the caller makes.
package final class LogWriter: Sendable {
    private let queue: LogQueue
    private let sink: any LogSink
    private let now: @Sendable () -> MonotonicTime
    private let isReopenRequested = Atomic<Bool>(false)
    /// In nanoseconds of the monotonic clock; `running` until `stop`.
    private let deadline = Atomic<Int64>(LogWriter.running)
    /// The last batch that failed did so inside a line.
    private let isLineTorn = Atomic<Bool>(false)

    private static let running = Int64.max
    /// How long one wait lasts; wakes end it, so it only bounds the damage of a lost one.
    private static let waitLimit = TimeAmount.seconds(1)

    /// - Parameter now: the monotonic clock, for the deadline of `stop` and for sinks that stand still.
    package init(queue: LogQueue, sink: any LogSink, now: @escaping @Sendable () -> MonotonicTime) {
        self.queue = queue
        self.sink = sink
        self.now = now
    }

    /// Has the sink reopened before the next batch, or while the present one waits for a reader. From any thread.
    package func requestReopen() {
        isReopenRequested.store(true, ordering: .releasing)
        queue.wake()
    }

    /// Makes `run` return as soon as everything submitted is written, or at `limit`; what is left then counts as
    /// dropped. Producers flush before. From any thread, once.
    package func stop(by limit: MonotonicTime) {
        deadline.store(min(limit.nanoseconds, Self.running - 1), ordering: .releasing)
        queue.wake()
    }

    /// Writes until stopped. Blocks its thread.
    package func run() {
        while true {
            let isStopping = deadline.load(ordering: .acquiring) != Self.running
            // Stopping was seen first: what was submitted before it is still drained.
            if drain() { continue }
            if isStopping { return }
            queue.wait(for: Self.waitLimit)
        }
    }

    /// Writes everything submitted so far, on the calling thread. For a process that has no writer thread (yet).
    /// - Returns: whether there was anything.
    @discardableResult
    package func drain() -> Bool {
        _ = reopenIfRequested()
        var any = false
        while let batch = queue.take() {
            any = true
            sink.alone { write(batch) }
            queue.recycle(batch)
            _ = reopenIfRequested()
        }
        return any
    }

    /// - Returns: whether lines end elsewhere from now on.
    private func reopenIfRequested() -> Bool {
        guard isReopenRequested.exchange(false, ordering: .acquiringAndReleasing), sink.reopen() else { return false }
        isLineTorn.store(false, ordering: .relaxed)
        return true
    }

    private func write(_ batch: LogBatch) {
        if isLineTorn.load(ordering: .relaxed) {
            guard write(ByteView("\n")) == 1 else { return queue.countDropped(batch.lineCount) }
            isLineTorn.store(false, ordering: .relaxed)
        }
        let bytes = batch.buffer.readable
        let count = write(bytes)
        if count == bytes.count { return queue.countWritten(batch.lineCount) }
        let whole = bytes.prefix(count)
        var lines = 0
        for index in 0..<count where whole[index] == ASCII.lf { lines += 1 }
        queue.countWritten(lines)
        queue.countDropped(batch.lineCount - lines)
        if count > 0, whole[count - 1] != ASCII.lf { isLineTorn.store(true, ordering: .relaxed) }
    }

    /// Writes until all is written, the sink fails or the deadline passes. A reader that stands still is left for
    /// another file when that is asked for: there, the line that was torn begins anew.
    /// - Returns: how many bytes were written.
    private func write(_ bytes: ByteView) -> Int {
        var done = 0
        while done < bytes.count {
            switch sink.write(bytes.from(done)) {
            case .written(let count): done += min(max(count, 0), bytes.count - done)
            case .interrupted: break
            case .failed: return done
            case .wouldBlock:
                let left = MonotonicTime(nanoseconds: deadline.load(ordering: .acquiring)) - now()
                guard left > .zero else { return done }
                if reopenIfRequested() {
                    while done > 0, bytes[done - 1] != ASCII.lf { done -= 1 }
                    break
                }
                sink.waitUntilWritable(for: min(left, Self.waitLimit))
            }
        }
        return done
    }
}
