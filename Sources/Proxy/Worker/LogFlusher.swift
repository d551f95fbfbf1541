import Base
import EventLoop
import Linux
import Observability

/// A loop's log with its timer: hands lines to the writer when they have waited long enough, on a loop that has nothing
/// else to do too.
final class LogFlusher: EventHandler {
    private let log: LineLog
    private unowned(unsafe) let loop: EventLoop
    private var registration = Registration.none

    init(_ log: LineLog, loop: EventLoop) {
        self.log = log
        self.loop = loop
        registration = loop.add(self)
    }

    func write(_ entry: borrowing AccessLogEntry) {
        if log.write(entry, now: loop.now) { arm() }
    }

    func write(_ entry: borrowing AuditEntry) {
        if log.write(entry, now: loop.now) { arm() }
    }

    /// A batch was begun.
    private func arm() {
        if let due = log.flushTime { loop.wake(registration, at: due) }
    }

    func flush() { log.flush() }

    /// Hands over what there is, and no more after that.
    func stop() {
        loop.remove(registration)
        log.flush()
    }

    func handle(_ events: EventSet) {}

    func timerFired() {
        guard let due = log.flushTime else { return }
        if loop.now >= due { log.flush() } else { loop.wake(registration, at: due) }
    }
}

/// Where every loop writes its lines.
package struct LoopLogs: Sendable {
    /// Nil for no access log.
    package var access: LogOutput?
    /// Nil for no audit log.
    package var audit: LogOutput?
    /// Whether the audit log leaves out requests that were let in.
    package var auditsRefusalsOnly = false

    package init() {}
}

/// One loop's own of them.
struct WorkerLogs {
    private(set) var access: LogFlusher?
    private(set) var audit: LogFlusher?
    private(set) var auditsRefusalsOnly = false

    /// No logs.
    init() {}

    init(_ logs: LoopLogs, loop: EventLoop) {
        access = logs.access.map { LogFlusher($0.makeLog(), loop: loop) }
        audit = logs.audit.map { LogFlusher($0.makeLog(), loop: loop) }
        auditsRefusalsOnly = logs.auditsRefusalsOnly
    }

    func flush() {
        access?.flush()
        audit?.flush()
    }

    func stop() {
        access?.stop()
        audit?.stop()
    }
}
