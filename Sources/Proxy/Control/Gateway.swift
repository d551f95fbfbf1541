import Base
import Configuration
import EventLoop
import Identity
import JOSE
import Linux
import Observability
import Traffic
import Upstream

/// The data plane as the control thread sees it: makes the workers, and gives them new configurations.
///
/// A configuration is applied in three parts. `lookUpNames` has new names resolved, while everything goes on. `prepare`
/// builds the whole new world aside: sockets are opened, every loop's snapshot is compiled; any error leaves everything
/// as it was. Then each loop takes its part over, between two of its turns, without waiting for the others.
package final class Gateway {
    package let registry: MetricsRegistry
    package let limits: ConnectionLimits
    /// What is served now.
    package private(set) var blueprint: Blueprint
    /// Where the listeners are, by name.
    package private(set) var endpoints: [String: IPEndpoint] = [:]
    /// How many event loops there are.
    package var workerCount: Int { workers.count }
    /// The keys of the issuers whose tokens are accepted.
    package let issuers: IssuerDirectory
    /// The buckets of the rate limits.
    package let rateLimits: LimitRegistry
    /// What is known of upstreams and targets.
    package let health: HealthDirectory

    private let log: Observability.ErrorLog
    private let loop: EventLoop
    private var workers: [Worker] = []
    private var shards: [MetricsShard] = []
    private var listeners = ListenerSet()
    private var budgets: [String: SharedBudget] = [:]
    private var rings = HashRings()
    private(set) var traffic = TrafficState(loops: 1)
    private let directory = WorkerDirectory()
    private let names: NameDirectory
    private let signing: SigningKeys
    private let stores: StoreDirectory

    /// - Parameter loop: the control thread's, on which everything here is called.
    package init(
        _ blueprint: Blueprint, loop: EventLoop, registry: MetricsRegistry, log: Observability.ErrorLog
    ) {
        self.blueprint = blueprint
        self.loop = loop
        self.registry = registry
        self.log = log
        let configuration = blueprint.configuration
        limits = ConnectionLimits(
            totalMax: configuration.limits.connectionsMax.value,
            perClientMax: configuration.limits.connectionsPerClientMax.value)
        names = NameDirectory(loop: loop, log: log, registry: registry)
        issuers = IssuerDirectory(loop: loop, log: log)
        health = HealthDirectory(loop: loop, log: log)
        signing = SigningKeys(loop: loop)
        stores = StoreDirectory(log: log)
        rateLimits = LimitRegistry(
            hash: KeyedHash(first: systemEntropy(), second: systemEntropy()), start: SystemClock.monotonic())
        issuers.onKeys = { [unowned self] name, keys in issuerHasKeys(name, keys) }
        issuers.onNews = { [unowned self] name, news in issuerHasNews(name, news) }
        signing.onChange = { [unowned self] state in signs(by: state) }
        names.onChange = { [unowned self] name, addresses in namesChanged(name, addresses) }
    }

    // MARK: Start

    /// Opens the listeners and starts the loops.
    package func start(logs: LoopLogs) throws(GatewayFailure) {
        let count = Self.workerCount(blueprint.configuration)
        shards = (0..<count).map { _ in registry.makeShard() }
        traffic = TrafficState(loops: count)
        // Nobody is served yet, so nobody waits with us.
        var areNamesThere = false
        lookUpNames(of: blueprint) { areNamesThere = true }
        while !areNamesThere { loop.turn(waitingAtMost: nil) }
        let change = try prepare(blueprint)
        // The loops must not begin without the keys that their first requests may need.
        try take(blueprint.signingKeys, by: blueprint.configuration)
        share(change)
        for (index, update) in change.updates.enumerated() {
            do throws(Errno) {
                var parts = WorkerParts(metrics: shards[index], limits: limits, log: log, seed: systemEntropy())
                parts.lookUpKey = lookUpKey
                parts.seat = index
                parts.askForConnection = { [directory] budget in directory.askForConnection(budget, for: index) }
                parts.tellOfPlace = { [directory] seat, limit in directory.tell(seat, limit) }
                let worker = Worker(
                    parts, snapshot: update.snapshot, loop: try EventLoop())
                workers.append(worker)
                directory.set(workers)
                worker.setLogs(logs)
                worker.adopt(update)
                if let state = signing.state { worker.adopt(state) }
                try Thread.start(name: "worker-\(index)") { worker.run() }
            } catch {
                throw .worker(index, error)
            }
        }
        commit(change)
    }

    // MARK: Identity

    /// How a loop asks for an issuer's key.
    private var lookUpKey: WorkerIssuers.LookUp {
        let mailbox = loop.mailbox
        let directory = LoopBound(issuers)
        return { issuer, keyID in mailbox.post { directory.value.lookUp(issuer: issuer, kid: keyID) } }
    }

    /// An issuer without keys any more is gone, or another one now: the loops have forgotten its keys with its
    /// settings.
    private func issuerHasKeys(_ name: String, _ keys: KeySet?) {
        guard let keys else { return }
        for worker in workers { worker.mailbox.post { worker.issuers.adopt(keys, of: name) } }
    }

    private func issuerHasNews(_ name: String, _ news: KeyNews) {
        for worker in workers { worker.mailbox.post { worker.issuers.take(news, of: name) } }
    }

    private func signs(by state: SigningState) {
        for worker in workers { worker.mailbox.post { worker.adopt(state) } }
    }

    /// What is published of the gateway's own keys; nil when it issues no tokens.
    package var signingState: SigningState? { signing.state }
    /// Beside which the keys of a new configuration have to stand, see `ConfigurationCheck.load`.
    package var signingKeys: SigningKeyRing { signing.ring }

    private static func workerCount(_ configuration: GatewayConfiguration) -> Int {
        switch configuration.workers.value {
        case .automatic: ProcessResources.usableProcessorCount
        case .count(let count): count
        }
    }

    // MARK: Reload

    /// Shows `blueprint` from now on, which says the same as the present one in other places of the files.
    package func show(_ blueprint: Blueprint) { self.blueprint = blueprint }

    /// Looks up the names that are new with `blueprint`. One blueprint at a time.
    /// - Parameter done: called on the control thread when all are known, or when `dns.timeout` is over: at once when
    ///   there are none.
    package func lookUpNames(of blueprint: Blueprint, then done: @escaping () -> Void) {
        let configuration = blueprint.configuration
        names.addNames(
            configuration.targetNames, refreshedEvery: configuration.dns.refresh.value,
            waitingAtMost: configuration.dns.timeout.value, then: done)
    }

    /// What `lookUpNames` has brought isn't needed: its blueprint won't be served.
    package func forgetNewNames() { names.keepOnly(blueprint.configuration.targetNames) }

    /// Serves by `blueprint`, whose names were looked up, from now on.
    /// - Parameter done: called on the control thread when every loop does.
    /// - Throws: what can't be had; then nothing has changed.
    package func apply(_ blueprint: Blueprint, done: @escaping @Sendable () -> Void) throws(GatewayFailure) {
        let change = try prepare(blueprint)
        // Takes all keys or none, so it comes before what can't fail; posted before the routes that may need them.
        try take(blueprint.signingKeys, by: blueprint.configuration)
        share(change)
        let left = Countdown(workers.count)
        let mailbox = loop.mailbox
        for (worker, update) in zip(workers, change.updates) {
            worker.mailbox.post {
                worker.adopt(update)
                if left.decrement() { mailbox.post(done) }
            }
        }
        self.blueprint = blueprint
        commit(change)
    }

    /// All that a new configuration brings. Nothing that is in force knows of it before `share` and `commit`.
    private struct Change {
        let updates: [WorkerUpdate]
        let listeners: ListenerSet.Plan
        let budgets: [String: (budget: SharedBudget, limit: Int)]
        let rings: HashRings
        let rateLimits: [String: LimitTable]
        let traffic: TrafficState.Plan
        let health: HealthDirectory.Additions
        let stores: StoreDirectory.Plan
    }

    private func take(
        _ keys: [SigningKeyEntry], by configuration: GatewayConfiguration
    ) throws(GatewayFailure) {
        do throws(SigningKeyProblem) { try signing.update(keys, by: configuration.internalTokens) } catch {
            throw .signingKeys(error)
        }
    }

    private func prepare(_ blueprint: Blueprint) throws(GatewayFailure) -> Change {
        let configuration = blueprint.configuration
        let plan: ListenerSet.Plan
        do throws(ListenFailure) {
            plan = try listeners.plan(configuration.listeners, workerCount: shards.count)
        } catch {
            throw .listening(error)
        }
        var budgets: [String: (budget: SharedBudget, limit: Int)] = [:]
        var rings = HashRings(after: self.rings)
        var additions = HealthDirectory.Additions()
        let traffic = traffic.plan(blueprint)
        var shared = traffic.upstreams.makeIterator()
        let upstreams = configuration.domains.flatMap { domain in
            domain.upstreams.compactMap { upstream -> UpstreamPlan? in
                guard let shared = shared.next() else { return nil }
                let name = upstream.identity(in: domain.name)
                let limit = upstream.connectionsMax.value
                let budget = self.budgets[name] ?? SharedBudget(limit: limit)
                budgets[name] = (budget, limit)
                return UpstreamPlan(
                    upstream, name: name, names: names, budget: budget, traffic: shared,
                    health: health.plan(upstream, name: name, adding: &additions), rings: &rings)
            }
        }
        let limits = rateLimits.prepare(configuration)
        let updates = shards.enumerated().map { index, shard in
            WorkerUpdate(
                snapshot: blueprint.makeSnapshot(metrics: shard, limits: limits, hash: rateLimits.hash),
                upstreams: upstreams, issuers: configuration.issuerDefinitions, routeLimits: traffic.routes,
                signs: configuration.internalTokens != nil, listeners: plan.byWorker[index])
        }
        let storePlan = stores.plan(configuration.stores, workerCount: shards.count, names: names)
        for (update, plans) in zip(updates, storePlan.byWorker) { update.stores = plans }
        return Change(
            updates: updates, listeners: plan, budgets: budgets, rings: rings, rateLimits: limits, traffic: traffic,
            health: additions, stores: storePlan)
    }

    /// What all loops share goes by the new configuration; they are about to take over their own parts.
    private func share(_ change: Change) {
        rateLimits.commit(change.rateLimits, now: SystemClock.monotonic())
        traffic.commit(change.traffic)
        for (budget, limit) in change.budgets.values { budget.setLimit(limit) }
        // What an upstream that is gone still has open counts when it comes back.
        let leaving = budgets.filter { $0.value.count > 0 }
        budgets = change.budgets.mapValues { $0.budget }.merging(leaving) { present, _ in present }
        rings = change.rings
    }

    private func commit(_ change: Change) {
        let secrets = blueprint.configuration.secrets
        issuers.update(blueprint.configuration.issuers.map { IssuerSettings($0, secrets: secrets) })
        listeners.commit(change.listeners)
        endpoints = change.listeners.endpoints
        health.commit(blueprint.configuration, adding: change.health) { [unowned self] in
            UpstreamPlan.endpoints(of: $0, names)
        }
        stores.commit(change.stores)
        names.keepOnly(blueprint.configuration.targetNames)
        names.setRefreshInterval(blueprint.configuration.dns.refresh.value)
        limits.set(
            totalMax: blueprint.configuration.limits.connectionsMax.value,
            perClientMax: blueprint.configuration.limits.connectionsPerClientMax.value)
    }

    private func namesChanged(_ name: String, _ addresses: [IPAddress]) {
        var endpoints: [String: [IPEndpoint]] = [:]
        for domain in blueprint.configuration.domains {
            for upstream in domain.upstreams {
                for target in upstream.targets where target.host == .name(name) {
                    endpoints[target.url] = addresses.map {
                        IPEndpoint(address: $0, port: target.port)
                    }
                }
            }
        }
        let found = endpoints
        for worker in workers {
            worker.mailbox.post {
                worker.resolve(found)
                worker.stores.resolve(name, addresses)
            }
        }
    }

    /// Where a target is, as far as that is known.
    package func endpoints(of target: Configuration.Target) -> [IPEndpoint] {
        UpstreamPlan.endpoints(of: target, names)
    }

    /// How every loop stands with the shared stores, by their names.
    package var storeStatus: [(name: String, loops: [StoreStatus])] { stores.status }

    // MARK: Logs and end

    /// Every loop writes its lines there from now on.
    package func setLogs(_ logs: LoopLogs) {
        for worker in workers { worker.mailbox.post { worker.setLogs(logs) } }
    }

    /// Calls `done` on the control thread when every loop has read its mail up to now.
    package func afterAllLoops(_ done: @escaping @Sendable () -> Void) {
        let left = Countdown(workers.count)
        let mailbox = loop.mailbox
        for worker in workers { worker.mailbox.post { if left.decrement() { mailbox.post(done) } } }
    }

    /// Takes no more connections and lets requests end.
    /// - Parameter done: called on the control thread when all have.
    package func drain(done: @escaping @Sendable () -> Void) {
        issuers.quiesce()
        let left = Countdown(workers.count)
        let mailbox = loop.mailbox
        for worker in workers {
            worker.mailbox.post { worker.drain { if left.decrement() { mailbox.post(done) } } }
        }
    }

    /// Ends at once what a drain has left.
    package func stopNow() {
        for worker in workers { worker.mailbox.post { worker.stopNow() } }
    }
}

/// Why the gateway can't serve by a configuration.
package enum GatewayFailure: Error, CustomStringConvertible {
    /// An address can't be listened on.
    case listening(ListenFailure)
    /// A loop can't be made, or its thread.
    case worker(Int, Errno)
    /// The signing keys can't stand beside those that verifiers know.
    case signingKeys(SigningKeyProblem)

    package var description: String {
        switch self {
        case .listening(let failure): failure.description
        case .worker(let index, let error): "event loop \(index): \(error)"
        case .signingKeys(let problem): problem.message
        }
    }
}

extension GatewayConfiguration {
    /// The names that targets of all upstreams and servers of stores go by.
    var targetNames: Set<String> {
        var names = Set(stores.flatMap(\.hostNames))
        for domain in domains {
            for upstream in domain.upstreams {
                for target in upstream.targets {
                    if case .name(let name) = target.host { names.insert(name) }
                }
            }
        }
        return names
    }
}
