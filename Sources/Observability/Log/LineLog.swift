import Base

/// A log of lines, one for each request or so, as one loop sees it: lines are put together in the batch at hand, and
/// the batch goes to the writer when it is full or when its first line has waited long enough. Not thread-safe: each
/// loop has its own.
package final class LineLog {
    /// How old a line gets before it is handed to the writer.
    private let flushDelay: TimeAmount
    /// After the writer fell behind, how long lines are dropped before asking for a batch again: with one question for
    /// each line, loops would meet at the queue's lock just when they are busiest.
    private static let retryDelay = TimeAmount.milliseconds(10)

    private let queue: LogQueue
    private var batch: LogBatch?
    private var timestamps = TimestampText()
    private var retryTime = MonotonicTime.zero

    /// When `flush` is due, or nil when nothing waits. The loop arms a timer with it, or looks at it as it goes round.
    package private(set) var flushTime: MonotonicTime?

    /// - Parameter queue: its batches must hold at least one longest line (60 KiB).
    /// - Parameter flushDelay: how old a line may get before it is handed to the writer.
    package init(queue: LogQueue, flushDelay: TimeAmount = .milliseconds(200)) {
        precondition(queue.batchSize >= max(AccessLogEntry.maximumLineLength, AuditEntry.maximumLineLength))
        self.queue = queue
        self.flushDelay = flushDelay
    }

    deinit { flush() }

    /// Adds one line, or drops it when the writer is that far behind. Never blocks, and allocates only while the
    /// queue's batches are being used for the first time.
    /// - Returns: whether the line began a batch, so that `flushTime` is a new one.
    @discardableResult
    package func write(_ entry: borrowing AccessLogEntry, now: MonotonicTime) -> Bool { append(entry, now) }

    /// The same with a line of the audit log.
    @discardableResult
    package func write(_ entry: borrowing AuditEntry, now: MonotonicTime) -> Bool { append(entry, now) }

    /// Inlined, so that each kind of line has a copy of its own without a call through a witness.
    @inline(__always)
    private func append<Line: LogLine & ~Copyable>(_ line: borrowing Line, _ now: MonotonicTime) -> Bool {
        let capacity = line.lineCapacity
        if let batch, batch.buffer.writableCount < capacity { flush() }
        let isFirst = batch == nil
        guard let batch = batch ?? borrow(now) else {
            queue.countDropped(1)
            return false
        }
        line.write(to: &batch.buffer, capacity: capacity, &timestamps)
        batch.lineCount += 1
        if batch.buffer.readableCount >= queue.batchSize - Self.headroom { flush() }
        return isFirst
    }

    /// Hands what there is to the writer: when `flushTime` has come, and before the loop ends.
    package func flush() {
        flushTime = nil
        guard let full = batch else { return }
        batch = nil
        queue.submit(full)
    }

    /// A batch with less room than this counts as full.
    private static let headroom = 4 * 1024

    private func borrow(_ now: MonotonicTime) -> LogBatch? {
        guard now >= retryTime else { return nil }
        guard let fresh = queue.borrow() else {
            retryTime = now + Self.retryDelay
            return nil
        }
        batch = fresh
        flushTime = now + flushDelay
        return fresh
    }
}

/// Where the lines of all loops go.
package struct LogOutput: Sendable {
    let queue: LogQueue
    let flushDelay: TimeAmount

    /// - Parameter flushDelay: how old a line may get before it is handed to the writer.
    package init(queue: LogQueue, flushDelay: TimeAmount) {
        self.queue = queue
        self.flushDelay = flushDelay
    }

    /// One loop's own.
    package func makeLog() -> LineLog { LineLog(queue: queue, flushDelay: flushDelay) }
}
