import Base
import Foundation
import Observability
import Synchronization

/// The bytes of a buffer as text, and a view of a text for the time of a call.
func text(_ buffer: borrowing IOBuffer) -> String { buffer.readable.string }

/// Runs `body` on a view of bytes that live as long as it does.
func withBytes<Result>(_ bytes: [UInt8], _ body: (ByteView) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBytes { try body(ByteView($0)) }
}

/// A literal's bytes, which live for ever.
func view(_ literal: StaticString) -> ByteView { ByteView(literal) }

/// How often a fuzz test goes round.
var fuzzIterations: Int {
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap(Int.init) ?? 2_000
}

func jsonObject(_ text: String) -> [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
}

/// A waker over a semaphore that also counts.
final class SemaphoreWaker: LogWaker {
    private let semaphore = DispatchSemaphore(value: 0)
    let wakes = Atomic<Int>(0)

    func wake() {
        wakes.wrappingAdd(1, ordering: .relaxed)
        semaphore.signal()
    }

    func wait(for limit: TimeAmount) {
        _ = semaphore.wait(timeout: .now() + .nanoseconds(Int(limit.nanoseconds)))
    }
}

/// A sink in memory that answers as it is told: one result for each write, then success.
final class ScriptedSink: LogSink {
    struct State {
        var script: [LogWriteResult] = []
        var written: [UInt8] = []
        var waits: [TimeAmount] = []
        var reopenings: [Int] = []
        var reopensElsewhere = false
        /// Called once, by the next wait.
        var onWait: (@Sendable () -> Void)?
    }

    let state = Lock(State())

    init(_ script: [LogWriteResult] = []) { state.withLock { $0.script = script } }

    var text: String { state.withLock { String(decoding: $0.written, as: UTF8.self) } }
    var waits: [TimeAmount] { state.withLock { $0.waits } }
    /// How much had been written at each reopening.
    var reopenings: [Int] { state.withLock { $0.reopenings } }

    func write(_ bytes: ByteView) -> LogWriteResult {
        state.withLock { state in
            let result = state.script.isEmpty ? .written(bytes.count) : state.script.removeFirst()
            if case .written(let count) = result { state.written += bytes.prefix(min(count, bytes.count)).raw }
            return result
        }
    }

    func waitUntilWritable(for limit: TimeAmount) {
        let event = state.withLock { state in
            state.waits.append(limit)
            let event = state.onWait
            state.onWait = nil
            return event
        }
        event?()
    }
    func reopen() -> Bool {
        state.withLock { state in
            state.reopenings.append(state.written.count)
            return state.reopensElsewhere
        }
    }
}

/// A clock that a test turns by hand.
final class HandClock: Sendable {
    private let nanoseconds = Atomic<Int64>(0)
    var now: MonotonicTime { MonotonicTime(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
    func advance(_ amount: TimeAmount) { nanoseconds.wrappingAdd(amount.nanoseconds, ordering: .relaxed) }
}

/// What a log's sink gets of what `write` puts into the log.
func logged(_ write: (LineLog) -> Void) -> String {
    let sink = ScriptedSink()
    let queue = LogQueue(capacity: 2, waker: SemaphoreWaker())
    let log = LineLog(queue: queue)
    write(log)
    log.flush()
    LogWriter(queue: queue, sink: sink, now: { .zero }).drain()
    return sink.text
}
