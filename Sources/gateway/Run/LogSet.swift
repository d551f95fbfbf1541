import Base
import Configuration
import Linux
import Observability
import Proxy

/// The process's logs.
final class LogSet {
    let error: LogService
    /// Nil when the configuration wants none.
    private var access: LogService?
    private var audit: LogService?
    private let standardOutput = LogFile.stream(1)
    private let standardError = LogFile.stream(2)

    init() throws(Errno) {
        error = try LogService(name: "error-log", to: standardError, capacity: 256, batchSize: 4096)
    }

    /// Logs that are open already, for a configuration that isn't served yet.
    struct Change {
        fileprivate let access: LogService?
        fileprivate let audit: LogService?
        fileprivate let replacesAccess: Bool
        fileprivate let replacesAudit: Bool

        /// Closes what was opened: the configuration won't be served.
        func cancel() {
            if replacesAccess { access?.stop(within: .zero) }
            if replacesAudit { audit?.stop(within: .zero) }
        }
    }

    /// Opens what `configuration` wants, but for logs that stay as they are.
    /// - Parameter before: what is served now; nil at the start.
    func prepare(_ configuration: GatewayConfiguration, before: GatewayConfiguration?) throws(Errno) -> Change {
        let replacesAccess =
            before.map { !$0.accessLog.goesWhere(configuration.accessLog) } ?? true
        let replacesAudit = before.map { !$0.auditLog.goesWhere(configuration.auditLog) } ?? true
        var fresh: LogService?
        if replacesAccess, configuration.accessLog.enabled.value {
            fresh = try open("access-log", configuration.accessLog.destination.value)
        }
        do throws(Errno) {
            var audit = self.audit
            if replacesAudit {
                audit =
                    configuration.auditLog.enabled.value
                    ? try open("audit-log", configuration.auditLog.destination.value) : nil
            }
            return Change(
                access: replacesAccess ? fresh : access, audit: audit, replacesAccess: replacesAccess,
                replacesAudit: replacesAudit)
        } catch {
            fresh?.stop(within: .zero)
            throw error
        }
    }

    /// - Returns: logs that are out of use, to be stopped when all loops have handed in their last lines.
    func commit(_ change: Change) -> [LogService] {
        var old: [LogService] = []
        if change.replacesAccess, let access { old.append(access) }
        if change.replacesAudit, let audit { old.append(audit) }
        access = change.access
        audit = change.audit
        return old
    }

    private func open(_ name: String, _ destination: LogDestination) throws(Errno) -> LogService {
        let file: LogFile
        switch destination {
        case .standardOutput: file = standardOutput
        case .standardError: file = standardError
        case .file(let path): file = try .file(path)
        }
        return try LogService(name: name, to: file, capacity: 64, batchSize: 64 * 1024)
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

    /// Opens all files anew.
    func reopen() {
        access?.reopen()
        audit?.reopen()
    }

    /// Writes what waits, and ends the writers.
    func stop() {
        access?.stop(within: .seconds(2))
        audit?.stop(within: .seconds(2))
        error.stop(within: .seconds(1))
    }

    var accessStatistics: LogStatistics { access?.queue.statistics ?? LogStatistics() }
    var auditStatistics: LogStatistics { audit?.queue.statistics ?? LogStatistics() }
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
