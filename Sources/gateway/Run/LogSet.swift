import Base
import Configuration
import Linux
import Observability
import Proxy

/// The process's logs.
final class LogSet {
    /// The process's own log.
    let log: Observability.ErrorLog
    private let error: LogService
    private var access = Succession()
    private var audit = Succession()
    private let standardOutput = LogFile.stream(1)
    private let standardError = LogFile.stream(2)

    init(level: LogLevel) throws(Errno) {
        error = try LogService(name: "error-log", to: standardError, capacity: 256, batchSize: 4096)
        log = ErrorLog(queue: error.queue, level: .init(level), monotonic: SystemClock.monotonic) {
            ErrorLog.Instant(
                wall: WallTime(nanoseconds: SystemClock.wallNanoseconds()), monotonic: SystemClock.monotonic())
        }
    }

    /// A log with all the places that it has gone to since the start.
    private struct Succession {
        /// Nil when the configuration wants no such log.
        private(set) var present: LogService?
        /// Out of use; they may get lines yet, until all loops have handed in their last ones, and write them.
        private(set) var former: [LogService] = []
        /// Of those that have ended.
        private var past = LogStatistics()

        /// - Returns: the service that is out of use now.
        mutating func proceed(to next: LogService?) -> LogService? {
            forgetEnded()
            let last = present
            if let last { former.append(last) }
            present = next
            return last
        }

        private mutating func forgetEnded() {
            // Asked once of each: it may end meanwhile.
            former.removeAll { service in
                guard service.hasEnded else { return false }
                past += service.queue.statistics
                return true
            }
        }

        /// Counters never go back, whatever a reload does to the log.
        var statistics: LogStatistics {
            (former + [present].compactMap(\.self)).reduce(into: past) { $0 += $1.queue.statistics }
        }
    }

    /// Logs that are open already, for a configuration that isn't served yet.
    struct Change {
        fileprivate let access: LogService?
        fileprivate let audit: LogService?
        fileprivate let replacesAccess: Bool
        fileprivate let replacesAudit: Bool

        /// Closes what was opened: the configuration won't be served.
        func cancel() {
            let now = SystemClock.monotonic()
            if replacesAccess { access?.end(by: now) }
            if replacesAudit { audit?.end(by: now) }
        }
    }

    /// Opens what `configuration` wants, but for logs that stay as they are.
    /// - Parameters:
    ///   - before: what is served now; nil at the start.
    ///   - checked: where `configuration` comes from, to tell of a file that can't be opened.
    func prepare(
        _ configuration: GatewayConfiguration, before: GatewayConfiguration?, of checked: CheckedConfiguration
    ) throws(LogFailure) -> Change {
        let replacesAccess =
            before.map { !$0.accessLog.goesWhere(configuration.accessLog) } ?? true
        let replacesAudit = before.map { !$0.auditLog.goesWhere(configuration.auditLog) } ?? true
        var fresh: LogService?
        if replacesAccess, configuration.accessLog.enabled.value {
            fresh = try open("access-log", configuration.accessLog.destination, field: "access_log.file", checked)
        }
        do throws(LogFailure) {
            var audit = self.audit.present
            if replacesAudit {
                audit =
                    configuration.auditLog.enabled.value
                    ? try open("audit-log", configuration.auditLog.destination, field: "audit_log.file", checked) : nil
            }
            return Change(
                access: replacesAccess ? fresh : access.present, audit: audit, replacesAccess: replacesAccess,
                replacesAudit: replacesAudit)
        } catch {
            fresh?.end(by: SystemClock.monotonic())
            throw error
        }
    }

    /// - Returns: logs that are out of use, to be retired when all loops have handed in their last lines.
    func commit(_ change: Change) -> [LogService] {
        var old: [LogService] = []
        if change.replacesAccess, let last = access.proceed(to: change.access) { old.append(last) }
        if change.replacesAudit, let last = audit.proceed(to: change.audit) { old.append(last) }
        return old
    }

    /// Has logs that get no more lines write what waits, without waiting for that.
    func retire(_ old: [LogService]) {
        let limit = SystemClock.monotonic() + Self.endLimit
        for log in old { log.end(by: limit) }
    }

    private func open(
        _ name: String, _ destination: Setting<LogDestination>, field: String, _ checked: CheckedConfiguration
    ) throws(LogFailure) -> LogService {
        let shownPath = checked.referenced.masked(destination.value.name)
        do throws(Errno) {
            let file: LogFile
            switch destination.value {
            case .standardOutput: file = standardOutput
            case .standardError: file = standardError
            case .file(let path):
                file = try .file(path) { [log] error in
                    log.warning("a log can't be opened anew: the old file stays in use") { line in
                        line.field("log", name)
                        line.field("file", shownPath)
                        line.field("error", LogFailure.text(error))
                    }
                }
            }
            return try LogService(name: name, to: file, capacity: 64, batchSize: 64 * 1024)
        } catch {
            throw LogFailure(
                field: field, place: checked.files.describe(destination.origin), path: shownPath, error: error)
        }
    }

    /// Where the loops write, and how long a line may wait there.
    func outputs(_ configuration: GatewayConfiguration) -> LoopLogs {
        var logs = LoopLogs()
        logs.access = access.present.map {
            LogOutput(queue: $0.queue, flushDelay: configuration.accessLog.flushInterval.value)
        }
        logs.audit = audit.present.map { LogOutput(queue: $0.queue, flushDelay: Self.auditFlushDelay) }
        logs.auditsRefusalsOnly = configuration.auditLog.decisions.value == .refused
        return logs
    }

    private static let auditFlushDelay = TimeAmount.milliseconds(100)
    /// How long a log may take to write what waits at its end. Then its reader stands still.
    private static let endLimit = TimeAmount.seconds(2)

    /// Opens all files anew.
    func reopen() {
        access.present?.reopen()
        audit.present?.reopen()
    }

    /// Writes what waits, and ends the writers.
    func stop() {
        log.reportSuppressed(isLast: true)
        let limit = SystemClock.monotonic() + Self.endLimit
        let all = [access.present, audit.present, error].compactMap(\.self) + access.former + audit.former
        for log in all { log.end(by: limit) }
        for log in all { log.waitForEnd(by: limit) }
    }

    var accessStatistics: LogStatistics { access.statistics }
    var auditStatistics: LogStatistics { audit.statistics }
    var errorStatistics: LogStatistics { error.queue.statistics }
}

extension LogDestination {
    /// As in the configuration.
    fileprivate var name: String {
        switch self {
        case .standardOutput: "stdout"
        case .standardError: "stderr"
        case .file(let path): path
        }
    }
}

extension AccessLog {
    fileprivate func goesWhere(_ other: AccessLog) -> Bool {
        enabled.value == other.enabled.value && destination.value == other.destination.value
    }
}

extension AuditLog {
    fileprivate func goesWhere(_ other: AuditLog) -> Bool {
        enabled.value == other.enabled.value && destination.value == other.destination.value
    }
}
