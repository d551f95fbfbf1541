import Base
import Observability
import Testing

@Suite("Error log")
struct ErrorLogTests {
    private struct Bench {
        let sink = ScriptedSink()
        let clock = HandClock()
        let queue = LogQueue(capacity: 200, batchSize: 512, waker: SemaphoreWaker())
        let log: ErrorLog
        let writer: LogWriter

        init(level: ErrorLog.Level = .info) {
            let clock = clock
            log = ErrorLog(queue: queue, level: level) {
                ErrorLog.Instant(wall: WallTime(nanoseconds: clock.now.nanoseconds), monotonic: clock.now)
            }
            writer = LogWriter(queue: queue, sink: sink, now: { clock.now })
        }

        var lines: [String] {
            writer.drain()
            return sink.text.split(separator: "\n").map(String.init)
        }
    }

    @Test("a line has time, level, message and fields")
    func line() {
        let bench = Bench()
        bench.log.warning("upstream response refused") { json in
            json.field("upstream", "bank-a/accounts")
            json.field("status", 502)
        }
        #expect(
            bench.lines == [
                #"{"time":"1970-01-01T00:00:00.000Z","level":"warning","message":"upstream response refused","#
                    + #""upstream":"bank-a/accounts","status":502}"#
            ])
    }

    @Test("levels below the threshold are not written, and the threshold moves", arguments: ErrorLog.Level.allCases)
    func levels(threshold: ErrorLog.Level) {
        let bench = Bench(level: .error)
        bench.log.level = threshold
        for level in ErrorLog.Level.allCases { bench.log.log(level, "event") }
        #expect(bench.lines.count == ErrorLog.Level.allCases.filter { $0 >= threshold }.count)
        #expect(bench.log.level == threshold)
    }

    @Test("a flood of one kind is cut to its bucket, counted, and hides no other kind")
    func flood() {
        let bench = Bench()
        for _ in 0..<1_000 { bench.log.error("flood") }
        bench.log.error("other")
        var lines = bench.lines
        #expect(lines.count == ErrorLog.burst + 1)
        #expect(lines.last?.contains("other") == true)
        bench.clock.advance(ErrorLog.refillInterval)
        bench.log.error("flood")
        bench.log.error("flood")
        lines = bench.lines
        #expect(lines.count == ErrorLog.burst + 2)
        #expect(lines.last.flatMap(jsonObject)?["suppressed"] as? Int == 1_000 - ErrorLog.burst)
        // The flood ends: what the last second held back is told when the bucket is full again.
        bench.log.reportSuppressed()
        #expect(bench.lines.count == lines.count)
        bench.clock.advance(.seconds(60))
        bench.log.reportSuppressed()
        bench.log.reportSuppressed()
        lines = bench.lines
        #expect(lines.count == ErrorLog.burst + 3)
        let last = lines.last.flatMap(jsonObject)
        #expect(last?["kind"] as? String == "flood" && last?["suppressed"] as? Int == 1)
        for _ in 0..<100 { bench.log.error("flood") }
        #expect(bench.lines.count == 2 * ErrorLog.burst + 3)
    }

    @Test("at the end, what a flood has held back is told although it isn't over")
    func lastReport() {
        let bench = Bench()
        for _ in 0..<100 { bench.log.error("flood") }
        bench.log.reportSuppressed()
        #expect(bench.lines.count == ErrorLog.burst)
        bench.log.reportSuppressed(isLast: true)
        bench.log.reportSuppressed(isLast: true)
        let lines = bench.lines
        #expect(lines.count == ErrorLog.burst + 1)
        #expect(lines.last.flatMap(jsonObject)?["suppressed"] as? Int == 100 - ErrorLog.burst)
    }

    @Test("unlimited messages all come, up to the queue, and any text is valid JSON")
    func unlimited() {
        let bench = Bench()
        for byte in UInt8.min...UInt8.max {
            bench.log.log(.error, "configuration error", isLimited: false) { json in
                withBytes([UInt8](repeating: byte, count: 600)) { json.field("text", $0) }
            }
        }
        let lines = bench.lines
        #expect(lines.count == 200 && lines.allSatisfy { jsonObject($0) != nil })
        #expect(bench.queue.statistics.droppedLines == 56)
    }

    @Test("all threads may log at once")
    func threads() async {
        let bench = Bench()
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    for _ in 0..<40 { bench.log.log(.error, "event", isLimited: false) { $0.field("worker", worker) } }
                }
            }
        }
        let lines = bench.lines
        #expect(lines.count == 160 && lines.allSatisfy { jsonObject($0) != nil })
    }
}
