import Base
import EventLoop
import Linux
import Observability

/// Has the error log tell, while the process runs, how many messages of a flood that is over it has held back.
package final class SuppressionReport: EventHandler {
    private let log: ErrorLog
    private let loop: EventLoop
    private let interval: TimeAmount
    private var registration = Registration.none

    /// - Parameter interval: how often the log is asked.
    package init(of log: ErrorLog, on loop: EventLoop, every interval: TimeAmount = .seconds(5)) {
        self.log = log
        self.loop = loop
        self.interval = interval
    }

    /// Begins. The loop keeps the report alive.
    package func start() {
        registration = loop.add(self)
        loop.wake(registration, at: loop.now + interval)
    }

    package func handle(_ events: EventSet) {}

    package func timerFired() {
        log.reportSuppressed()
        loop.wake(registration, at: loop.now + interval)
    }
}
