import Base
import Synchronization

/// Whole lines on their way from a producer to the writer. One side owns it at a time.
package final class LogBatch: @unchecked Sendable {
    // Sendable because a batch is handed over through the queue's lock; whoever hands it over forgets it.
    var buffer = IOBuffer()
    var lineCount = 0

    fileprivate init() {}
}

/// How many lines a log wrote and lost since the process started.
package struct LogStatistics: Sendable, Equatable {
    package var writtenLines: UInt64 = 0
    package var droppedLines: UInt64 = 0
    package init() {}

    package static func += (sum: inout LogStatistics, more: LogStatistics) {
        sum.writtenLines &+= more.writtenLines
        sum.droppedLines &+= more.droppedLines
    }
}

/// Sleeps and wakes the writer's thread. Implemented over whatever the caller has (an eventfd, a semaphore).
package protocol LogWaker: Sendable {
    /// Ends the wait under way, or the next one when there is none. Never blocks; called by loops.
    func wake()
    /// Blocks until `wake` or until `limit` has passed; may return early. Called by the writer only.
    func wait(for limit: TimeAmount)
}

/// The way of one log from many producers to its one writer: a fixed number of batches that go round.
///
/// ```
/// producer: borrow → fill → submit ─→ ring ─→ writer: take → write → recycle ─→ free ─→ borrow …
/// ```
/// As many batches exist as `capacity` says, so nothing grows, nothing is allocated once all are in use, and `submit`
/// always finds room. A writer that falls behind shows as `borrow` giving nil: the producer then drops lines and counts
/// them, and no loop ever waits for a disk. The lock is taken once for each batch and held for a few moves.
package final class LogQueue: Sendable {
    /// What one batch is to hold before it is submitted, in bytes.
    package let batchSize: Int

    private let state: Lock<State>
    private let waker: any LogWaker
    private let written = Atomic<UInt64>(0)
    private let dropped = Atomic<UInt64>(0)

    private struct State {
        var free: [LogBatch] = []
        var ring: [LogBatch?]
        var first = 0
        var count = 0
        var made = 0
        var writerSleeps = false
    }

    /// - Parameters:
    ///   - capacity: how many batches may exist; at least two for each producer keeps all of them busy.
    ///   - batchSize: in bytes. Memory is at most `capacity` times this (error lines that are longer aside).
    package init(capacity: Int, batchSize: Int = 64 * 1024, waker: any LogWaker) {
        precondition(capacity > 0 && batchSize > 0)
        self.batchSize = batchSize
        self.waker = waker
        var empty = State(ring: Array(repeating: nil, count: capacity))
        empty.free.reserveCapacity(capacity)
        state = Lock(empty)
    }

    /// Lines written and lost so far. From any thread.
    package var statistics: LogStatistics {
        var result = LogStatistics()
        result.writtenLines = written.load(ordering: .relaxed)
        result.droppedLines = dropped.load(ordering: .relaxed)
        return result
    }

    /// An empty batch, or nil when all are with the writer.
    func borrow() -> LogBatch? {
        let batch: LogBatch? = state.withLock { state in
            if let recycled = state.free.popLast() { return recycled }
            guard state.made < state.ring.count else { return nil }
            state.made += 1
            return LogBatch()
        }
        if let batch, !batch.buffer.isBacked { batch.buffer = IOBuffer(capacity: batchSize) }
        return batch
    }

    /// Hands a borrowed batch to the writer.
    func submit(_ batch: LogBatch) {
        let wakes = state.withLock { state in
            let index = (state.first + state.count) % state.ring.count
            state.ring[index] = batch
            state.count += 1
            let sleeps = state.writerSleeps
            state.writerSleeps = false
            return sleeps
        }
        if wakes { waker.wake() }
    }

    /// The oldest batch submitted, for the writer. After nil the next `submit` wakes it.
    func take() -> LogBatch? {
        state.withLock { state in
            guard state.count > 0 else {
                state.writerSleeps = true
                return nil
            }
            let batch = state.ring[state.first]
            state.ring[state.first] = nil
            state.first = (state.first + 1) % state.ring.count
            state.count -= 1
            return batch
        }
    }

    /// Gives a batch back, written, given up or never filled.
    func recycle(_ batch: LogBatch) {
        // A line that was longer than a batch has made it grow: that memory goes.
        if batch.buffer.capacity > batchSize { batch.buffer = IOBuffer() }
        batch.buffer.removeAll()
        batch.lineCount = 0
        state.withLock { $0.free.append(batch) }
    }

    /// Blocks the writer until there may be something to do.
    func wait(for limit: TimeAmount) { waker.wait(for: limit) }

    /// Wakes the writer whatever it waits for.
    func wake() { waker.wake() }

    func countWritten(_ lines: Int) { written.wrappingAdd(UInt64(lines), ordering: .relaxed) }
    func countDropped(_ lines: Int) { dropped.wrappingAdd(UInt64(lines), ordering: .relaxed) }
}
