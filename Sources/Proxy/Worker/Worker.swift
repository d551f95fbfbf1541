import Base
import EventLoop
import HTTP
import Identity
import JOSE
import Linux
import Observability
import Plugins
import Traffic
import Upstream

/// One event loop and all that belongs to it: listening sockets, connections, pools, counters, its copy of the
/// snapshot.
///
/// Workers share nothing that a request touches. Everything here is used on the loop's own thread, except `mailbox`.
package final class Worker: @unchecked Sendable {
    // Sendable so that the control thread can start it and post to its mailbox; everything else is the loop's.

    let loop: EventLoop
    let metrics: MetricsShard
    let limits: ConnectionLimits
    let log: ErrorLog
    let identity: LoopIdentity
    let issuers: WorkerIssuers
    let gates: GateKeeper
    let starved: StarvedRequests
    let stores: WorkerStores
    /// What this loop's requests are signed with, and what is shown of that; nil until the control thread has said.
    private(set) var signingState: SigningState?
    /// Counts requests whose token is nobody's, and those without one.
    private(set) lazy var unknownIssuer = DecisionMetrics(issuer: DecisionMetrics.unknownIssuer, in: metrics)
    private(set) lazy var noIssuer = DecisionMetrics(issuer: DecisionMetrics.noIssuer, in: metrics)
    private let displacesIdle: Bool
    private(set) var displacedCount: UInt64 = 0
    private var logs = WorkerLogs()
    let buffers = BufferPool()
    /// What requests that begin now are served by.
    private(set) var snapshot: Snapshot
    private(set) var isDraining = false
    /// Called once when the worker has drained.
    var onDrained: (@Sendable () -> Void)?
    private(set) var pools: [PoolKey: TargetPool] = [:]
    /// Pools of targets that no snapshot names any more, as long as they have requests to answer.
    private(set) var draining: [TargetPool] = []
    private(set) var listeners: [ListenerPort] = []

    /// For building a value: whoever uses it leaves it empty.
    var scratch = IOBuffer(capacity: 4096)
    /// The same for lines of logs.
    var logScratch = IOBuffer(capacity: 4096)
    var random: RandomSource

    private var connections: [ClientConnection] = []
    private var freeExchanges: [Exchange] = []
    private var freeHeldTransforms: [HeldTransform] = []
    private var clock: WorkerClock

    /// The door for other threads.
    package var mailbox: Mailbox { loop.mailbox }
    /// Client connections now.
    package var connectionCount: Int { connections.count }

    /// - Parameter loop: a fresh one, or one that the worker shares with other handlers.
    package init(_ parts: WorkerParts, snapshot: Snapshot, loop: EventLoop) {
        self.loop = loop
        metrics = parts.metrics
        limits = parts.limits
        log = parts.log
        random = RandomSource(seed: parts.seed)
        identity = LoopIdentity(random: &random, metrics: parts.metrics)
        issuers = WorkerIssuers(loop: loop, metrics: parts.metrics, lookUp: parts.lookUpKey)
        gates = GateKeeper(loop: loop, seat: parts.seat, tell: parts.tellOfPlace)
        starved = StarvedRequests(loop: loop, ask: parts.askForConnection)
        stores = WorkerStores(loop: loop, log: parts.log)
        displacesIdle = parts.displacesIdle
        self.snapshot = snapshot
        clock = WorkerClock(loop.now)
        freeExchanges.reserveCapacity(Self.freeExchangesMax)
    }

    /// Runs the loop until the worker has drained.
    package func run() { loop.run() }

    // MARK: Time

    /// The wall clock, as of the loop's present turn.
    var wallNow: WallTime { clock.wall(at: loop.now) }

    /// The present `Date` value.
    var date: ByteView { clock.date(at: loop.now) }

    // MARK: Exchanges

    private static let freeExchangesMax = 1024

    func takeExchange() -> Exchange {
        if let exchange = freeExchanges.popLast() { return exchange }
        return Exchange(worker: self, unrouted: snapshot.unrouted)
    }

    func recycle(_ exchange: Exchange) {
        exchange.reset(unrouted: snapshot.unrouted)
        guard freeExchanges.count < Self.freeExchangesMax else { return }
        freeExchanges.append(exchange)
    }

    private static let freeHeldTransformsMax = 256

    func takeHeldTransform() -> HeldTransform { freeHeldTransforms.popLast() ?? HeldTransform() }

    func recycle(_ held: HeldTransform) {
        held.reset()
        if freeHeldTransforms.count < Self.freeHeldTransformsMax { freeHeldTransforms.append(held) }
    }

    // MARK: Connections

    func add(_ connection: ClientConnection) {
        connection.place = connections.count
        connections.append(connection)
        metrics.raise(.connectionsOpen)
        connection.start()
    }

    func connectionClosed(_ connection: ClientConnection) {
        let place = connection.place
        guard place >= 0 else { return }
        connection.place = -1
        metrics.lower(.connectionsOpen)
        connection.listener.connectionClosed(connection)
        let last = connections.removeLast()
        if last !== connection {
            connections[place] = last
            last.place = place
        }
        if isDraining { endIfDrained() }
    }

    /// How much of answers waits for clients to read it, in bytes.
    var unreadBytes: Int { connections.reduce(0) { $0 + $1.output.readableCount } }

    /// Who neither reads nor sends for so long may have to make room.
    private static let stallTime = TimeAmount.seconds(1)

    /// Makes room for a client, where that is wanted: closes the connection that has waited for a request for longest,
    /// or else the one that has stood still within one.
    /// - Returns: whether there was one.
    func displaceIdle() -> Bool {
        guard displacesIdle else { return false }
        let waiting = connections.filter(\.isUnused).min { $0.lastActivity < $1.lastActivity }
        let stalled = connections.min { $0.lastActivity < $1.lastActivity }
        guard let chosen = waiting ?? stalled else { return false }
        if waiting == nil, loop.now - chosen.lastActivity < Self.stallTime { return false }
        displacedCount += 1
        log.warning("too many admin connections: the one that did nothing for longest is closed")
        chosen.cutOff()
        return true
    }

    // MARK: Logs

    /// Writes lines there from now on.
    package func setLogs(_ new: LoopLogs) {
        logs.stop()
        logs = WorkerLogs(new, loop: loop)
    }

    func writeAccessLog(_ exchange: Exchange, duration: TimeAmount) {
        guard let log = logs.access else { return }
        exchange.withLogEntry(duration: duration) { log.write($0) }
    }

    /// The log that a decision belongs in; nil when it isn't logged.
    func auditLog(for decision: AuditDecision) -> LogFlusher? {
        logs.auditsRefusalsOnly && decision != .refused ? nil : logs.audit
    }

    // MARK: Changes from outside

    /// Signs internal tokens by `state`, and shows its keys, from now on.
    func adopt(_ state: SigningState) {
        signingState = state
        do throws(KeyError) {
            try identity.mint.adopt(state)
        } catch {
            log.error("a signing key can't be used") { $0.field("key", state.signer.id) }
        }
    }

    /// Serves by `update` from the next request on. Called on the loop's thread.
    package func adopt(_ update: WorkerUpdate) {
        bind(update.snapshot, to: update.upstreams)
        update.snapshot.issuers = issuers.bind(update.issuers)
        bindGates(update)
        update.snapshot.stores = stores.bind(update.stores, random: &random)
        let previous = snapshot
        snapshot = update.snapshot
        updateListeners(update, previous: previous)
    }

    private func bind(_ snapshot: Snapshot, to plans: [UpstreamPlan]) {
        var named = Set<PoolKey>()
        let previous = Dictionary(self.snapshot.upstreams.map { ($0.name, $0) }) { first, _ in first }
        snapshot.upstreams = plans.map { plan in
            let targets = plan.targets.map { target in
                named.insert(target.key)
                let pool =
                    pools[target.key]
                    ?? TargetPool(
                        key: target.key, authority: target.authority, endpoints: target.endpoints, budget: plan.budget,
                        worker: self)
                if !target.endpoints.isEmpty { pool.resolve(to: target.endpoints) }
                pool.settings = plan.settings
                pools[target.key] = pool
                return pool
            }
            return UpstreamCluster(
                name: plan.name, targets: targets,
                balancer: Balancer(
                    policy: plan.policy, targets: plan.weights, loads: targets.map(\.load), ring: plan.ring,
                    seed: random.next(), after: previous[plan.name]?.balancer),
                hashKey: plan.hashKey, retryBudget: plan.traffic.retryBudget,
                gate: plan.traffic.concurrency.map { gates.gate(for: $0) },
                watch: plan.health.map { UpstreamWatch($0, weights: plan.weights.map(\.weight)) },
                fallback: plan.health?.fallback.map { snapshot.compile($0) })
        }
        draining.removeAll { $0.connectionCount == 0 }
        for (key, pool) in pools where !named.contains(key) {
            pool.retire()
            pools[key] = nil
            if pool.connectionCount > 0 { draining.append(pool) }
        }
    }

    private func bindGates(_ update: WorkerUpdate) {
        let snapshot = update.snapshot
        for (route, limit) in update.routeLimits { snapshot.routes[route].gate = gates.gate(for: limit) }
        snapshot.hasGates = !update.routeLimits.isEmpty || snapshot.upstreams.contains { $0.gate != nil }
        gates.reloaded()
    }

    private func updateListeners(_ update: WorkerUpdate, previous: Snapshot) {
        var kept: [ListenerPort] = []
        for plan in update.takeListeners() {
            if let socket = plan.takeSocket() {
                let port = ListenerPort(
                    socket, index: plan.index, settings: plan.settings, shared: plan.count, worker: self)
                port.start()
                kept.append(port)
            } else if let port = listeners.first(where: { $0.endpoint == plan.endpoint }) {
                port.index = plan.index
                let isSooner = plan.settings.endsSooner(than: port.settings)
                port.settings = plan.settings
                kept.append(port)
                // Their timers are set for the former time-outs.
                if isSooner { for connection in connections where connection.listener === port { connection.look() } }
            }
        }
        let removed = listeners.filter { old in !kept.contains { $0 === old } }
        listeners = kept
        for port in removed {
            port.close(servedBy: previous)
            for connection in connections where connection.listener === port { connection.drain() }
        }
    }

    /// A name resolves to other addresses from now on.
    package func resolve(_ endpoints: [String: [IPEndpoint]]) {
        for pool in pools.values {
            if let found = endpoints[pool.key.target], !found.isEmpty { pool.resolve(to: found) }
        }
    }

    /// Another loop lacks a connection that `budget` pays for: gives up an idle one while there is no room for it.
    func yieldIdle(of budget: SharedBudget) {
        for pool in pools.values where pool.budget === budget {
            if budget.hasRoom || pool.yieldIdle() { return }
        }
    }

    /// Takes no more connections, lets requests end, and then stops the loop.
    package func drain() {
        guard !isDraining else { return }
        isDraining = true
        let closing = listeners
        listeners = []
        for port in closing { port.close() }
        for connection in connections { connection.drain() }
        endIfDrained()
    }

    private func endIfDrained() {
        guard connections.isEmpty else { return }
        stop()
    }

    private func stop() {
        logs.flush()
        loop.stop()
        onDrained?()
        onDrained = nil
    }

    /// Ends at once what a drain has left.
    package func stopNow() {
        isDraining = true
        for connection in connections { connection.cutOff() }
        if !connections.isEmpty { stop() }
    }
}

/// What a worker is made with, besides its first snapshot.
package struct WorkerParts {
    package var metrics: MetricsShard
    package var limits: ConnectionLimits
    package var log: ErrorLog
    package var seed: UInt64
    /// Asks the control thread for an issuer's key.
    var lookUpKey: WorkerIssuers.LookUp = { _, _ in }
    /// The loop's number among those that share limits.
    var seat = 0
    /// Tells another loop that there may be a place at a limit.
    var tellOfPlace: GateKeeper.Tell = { _, _ in }
    /// Has the other loops give up idle connections.
    var askForConnection: StarvedRequests.Ask = { _ in false }
    /// Whether a client for whom there is no room takes the place of the one that has done nothing for longest.
    var displacesIdle = false

    package init(metrics: MetricsShard, limits: ConnectionLimits, log: ErrorLog, seed: UInt64) {
        self.metrics = metrics
        self.limits = limits
        self.log = log
        self.seed = seed
    }
}
