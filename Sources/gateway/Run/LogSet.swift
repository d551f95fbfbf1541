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
    /// Nil when the configuration wants none.
    private var access: LogService?
    private var audit: LogService?
    /// Out of use; they may have lines to write yet.
    private var retired: [LogService] = []
    private let standardOutput = LogFile.stream(1)
    private let standardError = LogFile.stream(2)

    init(level: LogLevel) throws(Errno) {
        error = try LogService(name: "error-log", to: standardError, capacity: 256, batchSize: 4096)
        log = ErrorLog(queue: error.queue, level: .init(level)) {
            ErrorLog.Instant(
                wall: WallTime(nanoseconds: SystemClock.wallNanoseconds()), monotonic: SystemClock.monotonic())
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
            var audit = self.audit
            if replacesAudit {
                audit =
                    configuration.auditLog.enabled.value
                    ? try open("audit-log", configuration.auditLog.destination, field: "audit_log.file", checked) : nil
            }
            return Change(
                access: replacesAccess ? fresh : access, audit: audit, replacesAccess: replacesAccess,
                replacesAudit: replacesAudit)
        } catch {
            fresh?.end(by: SystemClock.monotonic())
            throw error
        }
    }

    /// - Returns: logs that are out of use, to be retired when all loops have handed in their last lines.
    func commit(_ change: Change) -> [LogService] {
        var old: [LogService] = []
        if change.replacesAccess, let access { old.append(access) }
        if change.replacesAudit, let audit { old.append(audit) }
        access = change.access
        audit = change.audit
        return old
    }

    /// Has logs that get no more lines write what waits, without waiting for that.
    func retire(_ old: [LogService]) {
        let limit = SystemClock.monotonic() + Self.endLimit
        for log in old { log.end(by: limit) }
        retired.removeAll(where: \.hasEnded)
        retired += old
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
        logs.access = access.map {
            LogOutput(queue: $0.queue, flushDelay: configuration.accessLog.flushInterval.value)
        }
        logs.audit = audit.map { LogOutput(queue: $0.queue, flushDelay: Self.auditFlushDelay) }
        logs.auditsRefusalsOnly = configuration.auditLog.decisions.value == .refused
        return logs
    }

    private static let auditFlushDelay = TimeAmount.milliseconds(100)
    /// How long a log may take to write what waits at its end. Then its reader stands still.
    private static let endLimit = TimeAmount.seconds(2)

    /// Opens all files anew.
    func reopen() {
        access?.reopen()
        audit?.reopen()
    }

    /// Writes what waits, and ends the writers.
    func stop() {
        let limit = SystemClock.monotonic() + Self.endLimit
        let all = [access, audit, error].compactMap(\.self) + retired
        for log in all { log.end(by: limit) }
        for log in all { log.waitForEnd(by: limit) }
    }

    var accessStatistics: LogStatistics { access?.queue.statistics ?? LogStatistics() }
    var auditStatistics: LogStatistics { audit?.queue.statistics ?? LogStatistics() }
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
