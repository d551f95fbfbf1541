import Admin
import Base
import Configuration
import EventLoop
import Linux
import Observability
import Proxy

/// The running gateway: the control thread's loop with the signals, the admin listener and the logs around the data
/// plane.
///
/// ```
/// SIGHUP ──▶ load and check aside ─┬─ wrong ──▶ log every error, keep serving
///                                  ├─ equal digest ──▶ nothing
///                                  └─ apply ──▶ each loop swaps ──▶ log what changed
/// SIGTERM ─▶ not ready ─▶ drain ─┬─ all ended ──▶ exit
///                                └─ time is up ─▶ close the rest, exit
/// ```
final class ServerProcess: EventHandler {
    let gateway: Gateway
    private let loop: EventLoop
    private let signals: SignalQueue
    private let loader: ConfigurationLoader
    private let registry: MetricsRegistry
    private let startTime: WallTime
    /// Made when the gateway serves already: its clients can wait for the milliseconds that it takes.
    private lazy var admin = makeAdmin()
    private let adminState: AdminState
    private let logs: LogSet
    private let log: Observability.ErrorLog
    private var registration = Registration.none
    private var drainEnd: MonotonicTime?

    init(
        _ blueprint: Blueprint, loader: ConfigurationLoader, signals: consuming SignalQueue, startTime: WallTime
    ) throws(Errno) {
        self.signals = signals
        self.loader = loader
        loop = try EventLoop()
        logs = try LogSet(level: blueprint.configuration.errorLog.level.value)
        log = logs.log
        registry = MetricsRegistry(version: programVersion, startTime: startTime)
        gateway = Gateway(blueprint, loop: loop, registry: registry, log: log)
        adminState = AdminState(startTime: startTime)
        self.startTime = startTime
    }

    private func makeAdmin() -> LocalSite {
        LocalSite(
            AdminEndpoints.make(
                gateway: gateway, state: adminState,
                sample: { [logs] in
                    ProcessSample.now(
                        accessLog: logs.accessStatistics, auditLog: logs.auditStatistics,
                        errorLog: logs.errorStatistics)
                }),
            loop: loop, log: log, startTime: startTime)
    }

    func warnOf(_ checked: CheckedConfiguration, descriptorLimit: Int) {
        for diagnostic in checked.diagnostics { write(diagnostic, of: checked) }
        let wanted = gateway.blueprint.configuration.limits.connectionsMax.value
        if descriptorLimit < 2 * wanted {
            log.warning("fewer file descriptors than two for each connection allowed") { line in
                line.field("descriptors", descriptorLimit)
                line.field("connections_max", wanted)
            }
        }
    }

    /// - Parameter files: the configuration's.
    /// - Returns: whether the gateway serves.
    func start(files: SourceFiles) -> Bool {
        let configuration = gateway.blueprint.configuration
        do {
            _ = logs.commit(try logs.prepare(configuration, before: nil, files: files))
            try gateway.start(logs: logs.outputs(configuration))
            admin.commit(try admin.prepare(at: configuration.admin?.address.value))
            registration = loop.add(self)
            try loop.watch(signals.number, .readable, for: registration)
        } catch {
            log.error("the gateway can't start") { $0.field("error", "\(error)") }
            logs.stop()
            return false
        }
        adminState.applied(digest: configuration.digest, at: wallNow)
        registry.configurationApplied(digest: configuration.digest, at: wallNow)
        log.info("serving") { line in
            line.field("version", programVersion)
            line.field("digest", configuration.digest)
            line.field("workers", gateway.workerCount)
            line.field("routes", gateway.blueprint.routes.count)
            line.object("listeners") { line in
                for listener in configuration.listeners {
                    line.field(named: listener.name, gateway.endpoints[listener.name]?.description ?? "")
                }
            }
            if let endpoint = admin.endpoint { line.field("admin", endpoint.description) }
        }
        return true
    }

    /// Runs until the gateway has drained. - Returns: the exit status.
    func serve() -> Int32 {
        loop.run()
        log.info("ended")
        logs.stop()
        return 0
    }

    private var wallNow: WallTime { WallTime(nanoseconds: SystemClock.wallNanoseconds()) }

    // MARK: Signals

    func handle(_ events: EventSet) {
        while let signal = signals.next() {
            switch signal {
            case .reload: reload()
            case .reopenLogs: logs.reopen()
            case .terminate, .interrupt: drain()
            }
        }
    }

    func timerFired() {
        guard let drainEnd else { return }
        guard loop.now >= drainEnd else { return loop.wake(registration, at: drainEnd) }
        log.warning("the drain took too long: what is left is closed")
        gateway.stopNow()
        loop.stop()
    }

    private func drain() {
        guard drainEnd == nil else { return gateway.stopNow() }
        let limit = gateway.blueprint.configuration.drainTimeout.value
        let end = SystemClock.monotonic() + limit
        drainEnd = end
        adminState.isDraining = true
        log.info("draining") { $0.field("timeout_ms", Int(limit.milliseconds)) }
        loop.wake(registration, at: end)
        let loop = LoopBound(loop)
        gateway.drain { loop.value.stop() }
    }

    // MARK: Reload

    private func reload() {
        let begin = SystemClock.monotonic()
        guard drainEnd == nil else { return }
        let checked = ConfigurationCheck.load(with: loader)
        guard let blueprint = checked.blueprint else { return reject(checked) }
        let before = gateway.blueprint.configuration
        let after = blueprint.configuration
        // A difference shows sooner in the values than in the digest, which has to go through all of them.
        if after == before, after.digest == before.digest {
            // What is the same may stand elsewhere in the files now, or come out of a reference, which isn't shown.
            gateway.show(blueprint)
            registry.countReload(.unchanged)
            adminState.reloadUnchanged(at: wallNow)
            log.info("reload: the configuration is the same") { $0.field("digest", after.digest) }
            return
        }
        var logChange: LogSet.Change?
        do {
            let fresh = try logs.prepare(after, before: before, files: checked.files)
            logChange = fresh
            let transfer = LoopBound(self)
            // Whatever can fail comes first: then all of the new configuration takes effect, or nothing of it.
            let adminChange = try admin.prepare(at: after.admin?.address.value)
            try gateway.apply(blueprint) { transfer.value.reloaded(from: before, to: after, begin: begin) }
            admin.commit(adminChange)
            switchLogs(fresh, from: before, to: after)
            log.level = .init(after.errorLog.level.value)
            if after.workers != before.workers { log.warning("reload: workers takes effect at the next start") }
            for diagnostic in checked.diagnostics { write(diagnostic, of: checked) }
        } catch {
            logChange?.cancel()
            registry.countReload(.rejected)
            adminState.reloadRejected(errors: ["\(error)"], at: wallNow)
            log.error("reload rejected: the running configuration stays") { $0.field("error", "\(error)") }
        }
    }

    private func reject(_ checked: CheckedConfiguration) {
        registry.countReload(.rejected)
        let errors = checked.diagnostics.filter { $0.severity == .error }
        adminState.reloadRejected(errors: errors.map { checked.renderer.summary($0) }, at: wallNow)
        for error in errors { write(error, of: checked) }
        log.error("reload rejected: the running configuration stays") { $0.field("errors", errors.count) }
    }

    private func reloaded(from before: GatewayConfiguration, to after: GatewayConfiguration, begin: MonotonicTime) {
        // The digest, which is worked out now, takes a part of its own.
        let took = SystemClock.monotonic() - begin
        registry.countReload(.applied)
        registry.configurationApplied(digest: after.digest, at: wallNow)
        adminState.applied(digest: after.digest, at: wallNow)
        let changes = ConfigurationChanges.between(before, after)
        log.info("reload applied") { line in
            line.field("digest", after.digest)
            line.field("took_us", Int(took.microseconds))
            line.append(changes)
        }
    }

    private func switchLogs(_ change: LogSet.Change, from before: GatewayConfiguration, to after: GatewayConfiguration)
    {
        let old = logs.commit(change)
        if after.accessLog == before.accessLog, after.auditLog == before.auditLog { return }
        gateway.setLogs(logs.outputs(after))
        // The loops hand in their last lines before they switch; the old writers end when those are written, or their time is up.
        if !old.isEmpty {
            let logs = LoopBound(logs)
            gateway.afterAllLoops { logs.value.retire(old) }
        }
    }

    private func write(_ diagnostic: Diagnostic, of checked: CheckedConfiguration) {
        let level: Observability.ErrorLog.Level = diagnostic.severity == .error ? .error : .warning
        log.log(level, "configuration", isLimited: false) { line in
            line.field("place", checked.files.describe(diagnostic.location))
            line.field("field", diagnostic.path)
            line.field("problem", checked.renderer.summary(diagnostic))
        }
    }
}

extension Observability.ErrorLog.Level {
    init(_ level: LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}

extension CheckedConfiguration {
    /// Writes the findings for people.
    var renderer: DiagnosticRenderer { DiagnosticRenderer(files: files, contents: contents) }
}
