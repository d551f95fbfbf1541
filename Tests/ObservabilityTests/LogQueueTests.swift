import Base
import Foundation
import Observability
import Testing

@Suite("Log batches, queue and writer")
struct LogQueueTests {
    private func entry(_ path: StaticString = "/") -> AccessLogEntry {
        var entry = AccessLogEntry()
        entry.path = view(path)
        return entry
    }

    private func lineCount(_ text: String) -> Int { text.utf8.filter { $0 == 0x0a }.count }

    @Test("a batch waits 200 ms at most, or until it is full")
    func batching() {
        let waker = SemaphoreWaker()
        let sink = ScriptedSink()
        let queue = LogQueue(capacity: 4, waker: waker)
        let writer = LogWriter(queue: queue, sink: sink, now: { .zero })
        let log = LineLog(queue: queue)
        #expect(log.flushTime == nil)
        log.write(entry(), now: MonotonicTime(nanoseconds: 5))
        log.write(entry(), now: MonotonicTime(nanoseconds: 70))
        #expect(log.flushTime == MonotonicTime(nanoseconds: 200_000_005))
        writer.drain()
        #expect(sink.text.isEmpty)
        log.flush()
        #expect(log.flushTime == nil)
        writer.drain()
        #expect(lineCount(sink.text) == 2)
        for _ in 0..<1_000 { log.write(entry(), now: .zero) }
        writer.drain()
        let full = lineCount(sink.text)
        #expect(full > 300 && full < 1_002)
        log.flush()
        log.flush()
        writer.drain()
        #expect(lineCount(sink.text) == 1_002)
        #expect(queue.statistics.writtenLines == 1_002 && queue.statistics.droppedLines == 0)
    }

    @Test("a writer that falls behind costs lines, which are counted, and never a wait")
    func overflow() {
        let sink = ScriptedSink()
        let queue = LogQueue(capacity: 2, waker: SemaphoreWaker())
        let writer = LogWriter(queue: queue, sink: sink, now: { .zero })
        let log = LineLog(queue: queue)
        let total = 5_000
        for _ in 0..<total { log.write(entry(), now: .zero) }
        let lost = queue.statistics.droppedLines
        #expect(lost > 0)
        writer.drain()
        // Until the retry time even free batches are not asked for.
        log.write(entry(), now: MonotonicTime(nanoseconds: 9_999_999))
        #expect(queue.statistics.droppedLines == lost + 1)
        log.write(entry(), now: MonotonicTime(nanoseconds: 10_000_000))
        log.flush()
        writer.drain()
        let statistics = queue.statistics
        #expect(statistics.droppedLines == lost + 1)
        #expect(statistics.writtenLines + statistics.droppedLines == UInt64(total + 2))
        #expect(UInt64(lineCount(sink.text)) == statistics.writtenLines)
    }

    @Test("the writer is woken once, not for each batch, and only when it waits")
    func waking() {
        let waker = SemaphoreWaker()
        let queue = LogQueue(capacity: 4, waker: waker)
        let writer = LogWriter(queue: queue, sink: ScriptedSink(), now: { .zero })
        let log = LineLog(queue: queue)
        func batch() {
            log.write(entry(), now: .zero)
            log.flush()
        }
        batch()
        #expect(waker.wakes.load(ordering: .relaxed) == 0)
        writer.drain()
        batch()
        batch()
        #expect(waker.wakes.load(ordering: .relaxed) == 1)
    }

    /// Writes `count` batches of one line each through a scripted sink.
    private func run(_ script: [LogWriteResult], batches count: Int) -> (ScriptedSink, LogStatistics) {
        let sink = ScriptedSink(script)
        let queue = LogQueue(capacity: 8, waker: SemaphoreWaker())
        let log = LineLog(queue: queue)
        for _ in 0..<count {
            log.write(entry(), now: .zero)
            log.write(entry(), now: .zero)
            log.flush()
        }
        LogWriter(queue: queue, sink: sink, now: { .zero }).drain()
        return (sink, queue.statistics)
    }

    @Test(
        "short writes, interruptions and full pipes lose nothing",
        arguments: [
            [], [.written(1)], [.written(1), .interrupted, .written(2)], [.interrupted, .interrupted],
            [.wouldBlock, .written(10), .wouldBlock, .wouldBlock], Array(repeating: .written(1), count: 300),
        ] as [[LogWriteResult]])
    func persistence(script: [LogWriteResult]) {
        let (sink, statistics) = run(script, batches: 3)
        let (reference, _) = run([], batches: 3)
        #expect(sink.text == reference.text)
        #expect(statistics.writtenLines == 6 && statistics.droppedLines == 0)
        #expect(sink.waits.count == script.filter { $0 == .wouldBlock }.count)
    }

    @Test("a failed write costs the rest of its batch; the next batch starts on a line of its own")
    func failure() {
        let (reference, _) = run([], batches: 1)
        let length = reference.text.utf8.count / 2
        let oneLine = String(reference.text.prefix(length))
        // Nothing of the first batch.
        var (sink, statistics) = run([.failed], batches: 2)
        #expect(sink.text == oneLine + oneLine)
        #expect(statistics.writtenLines == 2 && statistics.droppedLines == 2)
        // Between two lines.
        (sink, statistics) = run([.written(length), .failed], batches: 2)
        #expect(sink.text == oneLine + oneLine + oneLine)
        #expect(statistics.writtenLines == 3 && statistics.droppedLines == 1)
        // Inside the second line; then the line feed that mends it fails once, too.
        (sink, statistics) = run([.written(length + 5), .failed, .failed], batches: 3)
        #expect(sink.text == oneLine + oneLine.prefix(5) + "\n" + oneLine + oneLine)
        #expect(statistics.writtenLines == 3 && statistics.droppedLines == 3)
    }

    @Test("reopening happens between batches, also when nothing is written")
    func reopening() {
        let sink = ScriptedSink()
        let queue = LogQueue(capacity: 2, waker: SemaphoreWaker())
        let writer = LogWriter(queue: queue, sink: sink, now: { .zero })
        writer.requestReopen()
        writer.drain()
        let log = LineLog(queue: queue)
        log.write(entry(), now: .zero)
        log.flush()
        writer.requestReopen()
        writer.requestReopen()
        writer.drain()
        writer.drain()
        #expect(sink.reopenings == [0, 0])
    }

    @Test(
        "a sink that stands still is reopened all the same; elsewhere the torn line begins anew",
        arguments: [
            (elsewhere: false, cut: 5, again: 0), (elsewhere: true, cut: 5, again: 5),
            (elsewhere: true, cut: 0, again: 0),
        ])
    func reopeningWhileStuck(elsewhere: Bool, cut: Int, again: Int) throws {
        let reference = logged { $0.write(entry(), now: .zero) }
        let sink = ScriptedSink([.written(reference.utf8.count + cut), .wouldBlock, .wouldBlock])
        sink.state.withLock { $0.reopensElsewhere = elsewhere }
        let queue = LogQueue(capacity: 2, waker: SemaphoreWaker())
        let writer = LogWriter(queue: queue, sink: sink, now: { .zero })
        let log = LineLog(queue: queue)
        for _ in 0..<3 { log.write(entry(), now: .zero) }
        log.flush()
        sink.state.withLock { $0.onWait = { writer.requestReopen() } }
        writer.drain()
        #expect(sink.reopenings == [reference.utf8.count + cut])
        #expect(sink.text == reference + reference.prefix(again) + reference + reference)
        #expect(queue.statistics.writtenLines == 3 && queue.statistics.droppedLines == 0)
    }

    @Test("stopping writes what was submitted; a sink that stands still ends at the deadline and is accounted for")
    func stopping() {
        let clock = HandClock()
        let queue = LogQueue(capacity: 4, waker: SemaphoreWaker())
        let log = LineLog(queue: queue)
        for _ in 0..<2 {
            log.write(entry(), now: .zero)
            log.flush()
        }
        let good = LogWriter(queue: queue, sink: ScriptedSink(), now: { clock.now })
        good.stop(by: MonotonicTime(nanoseconds: 1_000))
        good.run()
        #expect(queue.statistics.writtenLines == 2)

        final class StuckSink: LogSink {
            let clock: HandClock
            init(_ clock: HandClock) { self.clock = clock }
            func write(_ bytes: ByteView) -> LogWriteResult { .wouldBlock }
            func waitUntilWritable(for limit: TimeAmount) { clock.advance(limit) }
            func reopen() -> Bool { false }
        }
        for _ in 0..<3 {
            log.write(entry(), now: .zero)
            log.flush()
        }
        let stuck = LogWriter(queue: queue, sink: StuckSink(clock), now: { clock.now })
        stuck.stop(by: MonotonicTime(nanoseconds: 3_500_000_000))
        stuck.run()
        #expect(clock.now == MonotonicTime(nanoseconds: 3_500_000_000))
        #expect(queue.statistics.droppedLines == 3)
    }

    @Test(
        "many loops and one writer on threads of their own: each line arrives whole, or is counted",
        .timeLimit(.minutes(1)))
    func threads() async {
        let waker = SemaphoreWaker()
        let sink = ScriptedSink()
        let queue = LogQueue(capacity: 3, waker: waker)
        let writer = LogWriter(queue: queue, sink: sink, now: { .zero })
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            writer.run()
            ended.signal()
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    let log = LineLog(queue: queue)
                    for turn in 0..<5_000 {
                        log.write(self.entry("/some/path"), now: MonotonicTime(nanoseconds: Int64(turn) * 100_000))
                    }
                }
            }
        }
        writer.stop(by: .distantFuture)
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                ended.wait()
                continuation.resume()
            }
        }
        let statistics = queue.statistics
        #expect(statistics.writtenLines + statistics.droppedLines == 15_000)
        let lines = sink.text.split(separator: "\n")
        #expect(UInt64(lines.count) == statistics.writtenLines)
        #expect(Set(lines).count == 1)
    }
}
