import Base
import Foundation
import Observability
import Testing

@Suite("Access log lines")
struct AccessLogLineTests {
    private func line(_ entry: AccessLogEntry) -> String {
        let sink = ScriptedSink()
        let queue = LogQueue(capacity: 2, waker: SemaphoreWaker())
        let log = AccessLog(queue: queue)
        log.write(entry, now: .zero)
        log.flush()
        LogWriter(queue: queue, sink: sink, now: { .zero }).drain()
        return sink.text
    }

    @Test("a full line, field by field in its order")
    func full() {
        var entry = AccessLogEntry()
        entry.time = WallTime(nanoseconds: 1_793_613_600_123_999_999)
        entry.requestID = view("0190-abc")
        entry.traceID = TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736)
        entry.client = view("192.0.2.1")
        entry.listener = view("external")
        entry.protocolVersion = view("HTTP/1.1")
        entry.method = view("GET")
        entry.host = view("api.example.com")
        entry.path = view("/accounts/1")
        entry.query = view("a=\"b\"")
        entry.status = 200
        entry.bytesIn = 321
        entry.bytesOut = 18_446_744_073_709_551_615
        entry.duration = .nanoseconds(1_234_567)
        entry.route = view("bank-a/read")
        entry.upstreamTarget = view("http://10.1.0.11:8080")
        entry.upstreamDuration = .nanoseconds(999)
        entry.retries = 1
        entry.error = view("head_timeout")
        entry.userAgent = view("curl/8")
        entry.referer = view("https://example.com/")
        #expect(
            line(entry) == #"{"time":"2026-11-02T10:00:00.123Z","request_id":"0190-abc","#
                + #""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","client":"192.0.2.1","listener":"external","#
                + #""protocol":"HTTP/1.1","method":"GET","host":"api.example.com","path":"/accounts/1","#
                + #""query":"a=\"b\"","status":200,"bytes_in":321,"bytes_out":18446744073709551615,"#
                + #""duration_ms":1.234,"route":"bank-a/read","upstream":"http://10.1.0.11:8080","upstream_ms":0.000,"#
                + #""retries":1,"error":"head_timeout","user_agent":"curl/8","referer":"https://example.com/"}"# + "\n")
    }

    @Test("what is not known is left out")
    func least() {
        #expect(
            line(AccessLogEntry()) == #"{"time":"1970-01-01T00:00:00.000Z","request_id":"","client":"","listener":"","#
                + #""protocol":"","method":"","path":"","status":0,"bytes_in":0,"bytes_out":0,"duration_ms":0.000}"# + "\n")
    }

    @Test("all 256 bytes in every field, each far too long: valid JSON within the longest line, and marked")
    func hostile() throws {
        for byte in UInt8.min...UInt8.max {
            try withBytes([UInt8](repeating: byte, count: 20_000)) { long in
                var entry = AccessLogEntry()
                entry.time = WallTime(nanoseconds: .max)
                entry.traceID = TraceID(high: .max, low: .max)
                for field in [
                    \AccessLogEntry.requestID, \.client, \.listener, \.protocolVersion, \.method, \.host, \.path, \.route,
                    \.upstreamTarget, \.error, \.userAgent, \.referer,
                ] { entry[keyPath: field] = long }
                entry.query = long
                entry.status = .max
                entry.retries = .max
                entry.bytesIn = .max
                entry.bytesOut = .max
                entry.duration = .nanoseconds(.max)
                entry.upstreamDuration = .nanoseconds(.max)
                let line = line(entry)
                let object = try #require(jsonObject(line), "byte \(byte)")
                #expect(line.utf8.count < 46_000 && line.utf8.filter { $0 == 0x0a }.count == 1)
                #expect(object["truncated"] as? Bool == true)
                let expected = String(decoding: [UInt8](repeating: byte, count: 2_048), as: UTF8.self)
                #expect(object["path"] as? String == expected)
            }
        }
    }

    @Test(
        "instants as RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1_000_000, "1969-12-31T23:59:59.999Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999_000_000, "2000-02-28T23:59:59.999Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000Z"), (1_735_689_599_000_000_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"), (Int64.max, "2262-04-11T23:47:16.854Z"),
            (Int64.min, "1677-09-21T00:12:43.145Z"),
        ] as [(Int64, String)])
    func instants(nanoseconds: Int64, expected: String) {
        var entry = AccessLogEntry()
        entry.time = WallTime(nanoseconds: nanoseconds)
        #expect(jsonObject(line(entry))?["time"] as? String == expected)
    }

    @Test("any second is the calendar's")
    func calendar() {
        let formatter = ISO8601DateFormatter()
        var random = RandomSource(seed: 11)
        for _ in 0..<fuzzIterations {
            let seconds = Int64.random(in: -9_000_000_000...9_000_000_000, using: &random)
            var entry = AccessLogEntry()
            entry.time = WallTime(seconds: seconds)
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds))).dropLast() + ".000Z"
            #expect(jsonObject(line(entry))?["time"] as? String == String(expected))
        }
    }
}

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
        let log = AccessLog(queue: queue)
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
        let log = AccessLog(queue: queue)
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
        let log = AccessLog(queue: queue)
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
    private func run(_ script: [LogWriteResult], batches count: Int, now: MonotonicTime = .zero) -> (ScriptedSink, LogStatistics) {
        let sink = ScriptedSink(script)
        let queue = LogQueue(capacity: 8, waker: SemaphoreWaker())
        let log = AccessLog(queue: queue)
        for _ in 0..<count {
            log.write(entry(), now: .zero)
            log.write(entry(), now: .zero)
            log.flush()
        }
        LogWriter(queue: queue, sink: sink, now: { now }).drain()
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
        let log = AccessLog(queue: queue)
        log.write(entry(), now: .zero)
        log.flush()
        writer.requestReopen()
        writer.requestReopen()
        writer.drain()
        writer.drain()
        #expect(sink.reopenings == [0, 0])
    }

    @Test("stopping writes what was submitted; a sink that stands still ends at the deadline and is accounted for")
    func stopping() {
        let clock = HandClock()
        let queue = LogQueue(capacity: 4, waker: SemaphoreWaker())
        let log = AccessLog(queue: queue)
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
            func reopen() {}
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

    @Test("many loops and one writer on threads of their own: each line arrives whole, or is counted", .timeLimit(.minutes(1)))
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
                    let log = AccessLog(queue: queue)
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
