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
    private let monotonic: @Sendable () -> MonotonicTime
    private let mutes = (0..<256).map { _ in Mute() }
    private let threshold: Atomic<UInt8>
    private let limiter = Lock(MessageLimiter(burst: ErrorLog.burst, refillInterval: ErrorLog.refillInterval))

    /// - Parameters:
    ///   - queue: its batches carry one line each, so a batch size of 4 KiB is plenty.
    ///   - now: the clocks.
    ///   - monotonic: the one of them that is enough to hold a message back.
    package init(
        queue: LogQueue, level: Level, monotonic: (@Sendable () -> MonotonicTime)? = nil,
        now: @escaping @Sendable () -> Instant
    ) {
        self.queue = queue
        self.now = now
        self.monotonic = monotonic ?? { now().monotonic }
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
        var suppressed = 0
        if isLimited {
            guard let admitted = admit(message) else { return }
            suppressed = admitted
        }
        let instant = now()
        write(level, message, at: instant.wall) { json in
            fields(&json)
            if suppressed > 0 { json.field("suppressed", suppressed) }
        }
    }

    /// - Returns: nil when the message is held back, else how many of its kind were, since the last one.
    private func admit(_ message: StaticString) -> Int? {
        let key = MessageLimiter.key(of: message)
        let mute = mutes[Int(key & 255)]
        let now = monotonic()
        if mute.holdsBack(key, at: now) { return nil }
        let held = mute.takeHeld(of: key)
        switch limiter.withLock({ $0.admit(message, key: key, held: held, at: now) }) {
        case .admitted(let suppressed): return suppressed
        case .heldBack(let end):
            mute.begin(key, until: end)
            return nil
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
    /// - Parameter isLast: whether it is the end, and so that of all floods.
    package func reportSuppressed(isLast: Bool = false) {
        let instant = now()
        let ended = limiter.withLock { limiter in
            for mute in mutes {
                let (key, held) = mute.takeHeld()
                if held > 0 { limiter.note(held: held, key: key) }
            }
            return limiter.takeSuppressed(at: isLast ? .distantFuture : instant.monotonic)
        }
        for kind in ended {
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

/// Holds messages of one kind back until the limiter would admit one again, without its lock: when an upstream is down,
/// all loops have the same to say at once.
private final class Mute: Sendable {
    /// The kind that came here first, for good; 0 for none yet. Another with this place always asks the limiter.
    private let key = Atomic<UInt64>(0)
    private let end = Atomic<Int64>(.min)
    private let held = Atomic<Int>(0)

    /// Whether a message of this kind is held back now; it is counted then.
    func holdsBack(_ kind: UInt64, at now: MonotonicTime) -> Bool {
        guard key.load(ordering: .relaxed) == kind, now.nanoseconds < end.load(ordering: .relaxed) else { return false }
        held.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    func begin(_ kind: UInt64, until time: MonotonicTime) {
        let owner = key.compareExchange(expected: 0, desired: kind, ordering: .relaxed).original
        if owner == 0 || owner == kind { end.store(time.nanoseconds, ordering: .relaxed) }
    }

    func takeHeld(of kind: UInt64) -> Int { key.load(ordering: .relaxed) == kind ? takeHeld().count : 0 }

    func takeHeld() -> (key: UInt64, count: Int) {
        (key.load(ordering: .relaxed), held.exchange(0, ordering: .relaxed))
    }
}
