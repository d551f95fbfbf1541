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
/// SIGHUP ──▶ load and check aside ─┬─ wrong ──▶ log the errors, keep serving
///                                  ├─ equal digest ──▶ nothing
///                                  └─ wait for new names ─▶ apply ──▶ each loop swaps ──▶ log what changed
/// SIGTERM ─▶ not ready ─▶ drain ─┬─ all ended ────────────────────────▶ exit
///                                └─ time is up ─▶ cut off the rest ─▶ exit
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
    private var phase = Phase.serving
    private var reloads = ReloadSequence.idle

    /// Where the process is on its way to its end.
    private enum Phase {
        case serving
        /// Requests under way may end until then.
        case draining(until: MonotonicTime)
        /// They are cut off, and the loops have until then to say that they have written their last lines.
        case cuttingOff(until: MonotonicTime)
    }

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
                sample: { [unowned self] in
                    var sample = ProcessSample.now(
                        accessLog: logs.accessStatistics, auditLog: logs.auditStatistics,
                        errorLog: logs.errorStatistics)
                    sample.displacedAdminConnections = admin.displacedConnections
                    return sample
                }),
            loop: loop, log: log, startTime: startTime)
    }

    func warnOf(_ checked: CheckedConfiguration, descriptorLimit: Int) {
        log.reportWarnings(of: checked)
        let wanted = gateway.blueprint.configuration.limits.connectionsMax.value
        if descriptorLimit < 2 * wanted {
            log.warning("fewer file descriptors than two for each connection allowed") { line in
                line.field("descriptors", descriptorLimit)
                line.field("connections_max", wanted)
            }
        }
    }

    /// - Parameter checked: where the configuration comes from.
    /// - Returns: whether the gateway serves.
    func start(_ checked: CheckedConfiguration) -> Bool {
        let configuration = gateway.blueprint.configuration
        do {
            _ = logs.commit(try logs.prepare(configuration, before: nil, of: checked))
            try gateway.start(logs: logs.outputs(configuration))
            admin.commit(try admin.prepare(at: configuration.admin?.address.value))
            SuppressionReport(of: log, on: loop).start()
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
            case .reload: if reloads.requested() { reload() }
            case .reopenLogs: logs.reopen()
            case .terminate, .interrupt: drain()
            }
        }
    }

    func timerFired() {
        switch phase {
        case .serving: break
        case .draining(let end):
            guard loop.now >= end else { return loop.wake(registration, at: end) }
            log.warning("the drain took too long: what is left is closed")
            cutOff()
        case .cuttingOff(let end):
            guard loop.now >= end else { return loop.wake(registration, at: end) }
            log.error("a loop doesn't answer: its last lines of the logs are lost")
            loop.stop()
        }
    }

    private func drain() {
        guard case .serving = phase else { return cutOff() }
        let limit = gateway.blueprint.configuration.drainTimeout.value
        let end = SystemClock.monotonic() + limit
        phase = .draining(until: end)
        adminState.isDraining = true
        log.info("draining") { $0.field("timeout_ms", Int(limit.milliseconds)) }
        if reloads.ended() { log.warning("reload given up: the gateway drains") }
        loop.wake(registration, at: end)
        let loop = LoopBound(loop)
        gateway.drain { loop.value.stop() }
    }

    /// A loop that works needs some milliseconds.
    private static let cutOffLimit = TimeAmount.seconds(2)

    /// Ends what is under way. The loops tell when they have (`drain`).
    private func cutOff() {
        guard case .draining = phase else { return }
        let end = SystemClock.monotonic() + Self.cutOffLimit
        phase = .cuttingOff(until: end)
        loop.wake(registration, at: end)
        gateway.stopNow()
    }

    // MARK: Reload

    private func reload() {
        let begin = SystemClock.monotonic()
        let checked = ConfigurationCheck.load(with: loader, signingKeys: gateway.signingKeys)
        guard let blueprint = checked.blueprint else {
            reject(checked)
            return reloadFinished()
        }
        let before = gateway.blueprint.configuration
        let after = blueprint.configuration
        // A difference shows sooner in the values than in the digest, which has to go through all of them.
        if after == before, after.digest == before.digest {
            // What is the same may stand elsewhere in the files now, or come out of a reference, which isn't shown.
            gateway.show(blueprint)
            registry.countReload(.unchanged)
            adminState.reloadUnchanged(at: wallNow)
            log.info("reload: the configuration is the same") { $0.field("digest", after.digest) }
            return reloadFinished()
        }
        // Signals and the admin listener are served meanwhile.
        gateway.lookUpNames(of: blueprint) { [unowned self] in
            guard case .underWay = reloads else { return }
            apply(blueprint, checked, begin: begin)
            reloadFinished()
        }
    }

    private func reloadFinished() {
        if reloads.finished() { reload() }
    }

    private func apply(_ blueprint: Blueprint, _ checked: CheckedConfiguration, begin: MonotonicTime) {
        let before = gateway.blueprint.configuration
        let after = blueprint.configuration
        var logChange: LogSet.Change?
        do {
            let fresh = try logs.prepare(after, before: before, of: checked)
            logChange = fresh
            let transfer = LoopBound(self)
            // Whatever can fail comes first: then all of the new configuration takes effect, or nothing of it.
            let adminChange = try admin.prepare(at: after.admin?.address.value)
            try gateway.apply(blueprint) { transfer.value.reloaded(from: before, to: after, begin: begin) }
            admin.commit(adminChange)
            switchLogs(fresh, from: before, to: after)
            log.level = .init(after.errorLog.level.value)
            if after.workers != before.workers { log.warning("reload: workers takes effect at the next start") }
            log.reportWarnings(of: checked)
        } catch {
            logChange?.cancel()
            gateway.forgetNewNames()
            registry.countReload(.rejected)
            let text = Self.description(of: error, reloading: before)
            adminState.reloadRejected(errors: [text], count: 1, at: wallNow)
            log.log(.error, "reload rejected: the running configuration stays", isLimited: false) {
                $0.field("error", text)
            }
        }
    }

    private static func description(of error: any Error, reloading running: GatewayConfiguration) -> String {
        switch error {
        case let failure as ListenFailure: failure.description(reloading: running)
        case GatewayFailure.listening(let failure): failure.description(reloading: running)
        default: "\(error)"
        }
    }

    private func reject(_ checked: CheckedConfiguration) {
        registry.countReload(.rejected)
        let errors = checked.diagnostics.filter { $0.severity == .error }
        adminState.reloadRejected(
            errors: errors.map { checked.renderer.summary($0) }, count: checked.findings.errorCount, at: wallNow)
        log.reportRejected(checked)
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
        // The loops hand in their last lines before they switch; the old writers end when those are written, or when
        // their time is up.
        if !old.isEmpty {
            let logs = LoopBound(logs)
            gateway.afterAllLoops { logs.value.retire(old) }
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
