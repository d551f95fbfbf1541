import Base
import EventLoop
import Observability
import Testing
import portcullis

@Suite("What floods have held back", .timeLimit(.minutes(1)))
struct SuppressionReportTests {
    private final class SilentWaker: LogWaker {
        func wake() {}
        func wait(for limit: TimeAmount) {}
    }

    private final class Sink: LogSink {
        let text = Lock("")

        func write(_ bytes: ByteView) -> LogWriteResult {
            text.withLock { $0 += bytes.string }
            return .written(bytes.count)
        }
        func waitUntilWritable(for limit: TimeAmount) {}
        func reopen() -> Bool { false }
    }

    @Test("it is told while the process runs, when the flood is over")
    func report() throws {
        let queue = LogQueue(capacity: 200, batchSize: 512, waker: SilentWaker())
        let now = Lock(MonotonicTime.zero)
        let log = ErrorLog(queue: queue, level: .info) {
            .init(wall: WallTime(seconds: 0), monotonic: now.withLock { $0 })
        }
        let sink = Sink()
        let writer = LogWriter(queue: queue, sink: sink, now: { .zero })
        let loop = try EventLoop()
        SuppressionReport(of: log, on: loop, every: .milliseconds(1)).start()
        for _ in 0..<100 { log.error("flood") }
        now.withLock { $0 = .zero + .seconds(60) }
        while !sink.text.withLock({ $0.contains("messages suppressed") }) {
            loop.turn(waitingAtMost: .seconds(1))
            writer.drain()
        }
        #expect(sink.text.withLock { $0.contains(#""kind":"flood","suppressed":80"#) })
    }
}
