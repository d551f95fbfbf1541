import Base
import Synchronization

/// The process's own log: one JSON line for each message, `{"time":…,"level":…,"message":…, fields …}`.
///
/// Safe from every thread and never blocking: lines go through a `LogQueue`. A message is a literal, and so its own
/// kind; each kind has a token bucket, so that a flood of one (bad responses of an upstream, say) cannot fill a disk or
/// hide the others. What was held back is counted in the next line of the kind, or by `reportSuppressed`.
package final class ErrorLog: Sendable {
    package enum Level: UInt8, Comparable, CaseIterable, Sendable {
        case debug, info, warning, error

        /// As the `level` member of a line.
        package var label: StaticString {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// Both clocks at one moment.
    package struct Instant: Sendable {
        package var wall: WallTime
        package var monotonic: MonotonicTime

        package init(wall: WallTime, monotonic: MonotonicTime) {
            self.wall = wall
            self.monotonic = monotonic
        }
    }

    /// Lines of one kind that may come at once.
    package static let burst = 20
    /// After that, one line of the kind in this time.
    package static let refillInterval = TimeAmount.seconds(1)

    private let queue: LogQueue
    private let now: @Sendable () -> Instant
    private let threshold: Atomic<UInt8>
    private let limiter = Lock(MessageLimiter(burst: ErrorLog.burst, refillInterval: ErrorLog.refillInterval))

    /// - Parameters:
    ///   - queue: its batches carry one line each, so a batch size of 4 KiB is plenty.
    ///   - now: the clocks.
    package init(queue: LogQueue, level: Level, now: @escaping @Sendable () -> Instant) {
        self.queue = queue
        self.now = now
        threshold = Atomic(level.rawValue)
    }

    /// Messages below this level are not written. A reload may change it.
    package var level: Level {
        get { Level(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    package func isEnabled(_ level: Level) -> Bool { level.rawValue >= threshold.load(ordering: .relaxed) }

    /// Writes one line.
    /// - Parameters:
    ///   - message: what happened, in words that stay the same each time; what varies belongs in the fields.
    ///   - isLimited: false for messages that come in numbers for a reason, such as each error of a configuration.
    ///   - fields: adds members to the line. Texts should be short; the line is cut nowhere.
    package func log(
        _ level: Level, _ message: StaticString, isLimited: Bool = true,
        _ fields: (inout JSONWriter) -> Void = { _ in }
    ) {
        guard isEnabled(level) else { return }
        let instant = now()
        var suppressed = 0
        if isLimited {
            guard let admitted = limiter.withLock({ $0.admit(message, at: instant.monotonic) }) else { return }
            suppressed = admitted
        }
        write(level, message, at: instant.wall) { json in
            fields(&json)
            if suppressed > 0 { json.field("suppressed", suppressed) }
        }
    }

    package func info(_ message: StaticString, _ fields: (inout JSONWriter) -> Void = { _ in }) {
        log(.info, message, isLimited: true, fields)
    }
    package func warning(_ message: StaticString, _ fields: (inout JSONWriter) -> Void = { _ in }) {
        log(.warning, message, isLimited: true, fields)
    }
    package func error(_ message: StaticString, _ fields: (inout JSONWriter) -> Void = { _ in }) {
        log(.error, message, isLimited: true, fields)
    }

    /// Writes a line for each kind whose flood has ended with messages held back. To be called every few seconds and
    /// before the process ends.
    package func reportSuppressed() {
        let instant = now()
        for kind in limiter.withLock({ $0.takeSuppressed(at: instant.monotonic) }) {
            write(.warning, "messages suppressed", at: instant.wall) { json in
                json.field("kind", ByteView(kind.message))
                json.field("suppressed", kind.suppressed)
            }
        }
    }

    private func write(
        _ level: Level, _ message: StaticString, at time: WallTime, _ fields: (inout JSONWriter) -> Void
    ) {
        guard let batch = queue.borrow() else { return queue.countDropped(1) }
        var buffer = IOBuffer()
        swap(&buffer, &batch.buffer)
        var stamp = IOBuffer(capacity: TimestampText.length)
        var timestamps = TimestampText()
        var cursor = TextCursor(reserving: TimestampText.length, in: &stamp)
        timestamps.write(time, to: &cursor)
        cursor.commit(to: &stamp)
        var json = JSONWriter(into: buffer)
        json.object { json in
            json.field("time", stamp.readable)
            json.field("level", ByteView(level.label))
            json.field("message", ByteView(message))
            fields(&json)
        }
        batch.buffer = json.finish()
        batch.buffer.append(byte: ASCII.lf)
        batch.lineCount = 1
        queue.submit(batch)
    }
}
