import Base
import EventLoop
import Linux
import Observability

/// Hands a loop's log lines to the writer when they have waited long enough, on a loop that has nothing else to do too.
final class LogFlusher: EventHandler {
    private let accessLog: AccessLog
    private unowned(unsafe) let loop: EventLoop
    private var registration = Registration.none

    init(_ accessLog: AccessLog, loop: EventLoop) {
        self.accessLog = accessLog
        self.loop = loop
        registration = loop.add(self)
    }

    /// A batch was begun.
    func arm() {
        if let due = accessLog.flushTime { loop.wake(registration, at: due) }
    }

    func stop() { loop.remove(registration) }

    func handle(_ events: EventSet) {}

    func timerFired() {
        guard let due = accessLog.flushTime else { return }
        if loop.now >= due { accessLog.flush() } else { loop.wake(registration, at: due) }
    }
}
