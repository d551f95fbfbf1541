import Base
import Linux
import Observability
import Traffic
import Upstream

/// The connections of one loop to one target of an upstream.
///
/// A pool is known by its upstream and target, not by a snapshot: a reload that keeps the target keeps its connections.
/// Idle ones are used last in, first out, so that those which a lull leaves over grow old and close.
final class TargetPool {
    /// What a configuration says of the target; a reload may change it.
    struct Settings: Equatable {
        var connectTimeout = TimeAmount.seconds(2)
        var idleTimeout = TimeAmount.seconds(30)
        var idleConnectionsMax = 256
        var requestsPerConnectionMax = Int.max
    }

    /// `domain/upstream` and the target's URL.
    let key: PoolKey
    /// `host:port`, for `Host` where the route or upstream wants the target's own.
    let authority: ByteView
    let metrics: TargetMetrics
    /// What balancers go by.
    let load = TargetLoad()
    var settings = Settings()
    /// Where the target is now; empty while its name is not resolved.
    private(set) var endpoints: [IPEndpoint]
    /// Rises when they change: a connection of an earlier age may lead to where the target is no more.
    private var age = 0
    /// Begins anywhere, so that the first connections of all loops don't go to one address.
    private var nextEndpoint: Int
    private var idle: [UpstreamConnection] = []
    /// Those that wait for the rest of an answer that nobody will get.
    private var discarding: [UpstreamConnection] = []
    /// Connections, idle ones included.
    private(set) var connectionCount = 0
    /// Whether no snapshot names the target any more.
    private(set) var isRetired = false

    private let worker: Worker
    /// What the connections of all of the upstream's targets on all loops are taken from, idle ones too.
    let budget: SharedBudget
    private let lease: MetricsLease
    private let texts = TextArena()

    init(key: PoolKey, authority: String, endpoints: [IPEndpoint], budget: SharedBudget, worker: Worker) {
        self.key = key
        self.worker = worker
        self.budget = budget
        self.endpoints = endpoints
        nextEndpoint = Self.anyIndex(of: endpoints, worker)
        self.authority = texts.keep(authority)
        lease = worker.metrics.lease()
        metrics = lease.targetMetrics(upstream: key.upstream, target: key.target)
        idle.reserveCapacity(16)
    }

    /// Connections that no request is at.
    var spareCount: Int { idle.count + discarding.count }

    // MARK: Taking and giving

    /// The idle connection that was used last.
    func takeIdle() -> UpstreamConnection? {
        guard let connection = idle.popLast() else { return nil }
        connection.idlePlace = -1
        metrics.connectionBusy()
        return connection
    }

    /// Opens a connection; it is usable once its exchange hears of it.
    func open() throws(OpenFailure) -> UpstreamConnection {
        guard !endpoints.isEmpty else { throw .unresolved }
        guard budget.take() else { throw .overBudget }
        if nextEndpoint >= endpoints.count { nextEndpoint = 0 }
        let endpoint = endpoints[nextEndpoint]
        nextEndpoint += 1
        do throws(Errno) {
            let connection = UpstreamConnection(
                socket: try StreamSocket.connecting(to: endpoint), endpoint: endpoint, age: age, pool: self,
                worker: worker)
            try connection.start()
            connectionCount += 1
            return connection
        } catch {
            budget.giveBack()
            throw .failed(error)
        }
    }

    enum OpenFailure: Error {
        case unresolved
        case overBudget
        case failed(Errno)
    }

    /// Keeps `connection`, whose answer is complete, for the next request.
    func giveBack(_ connection: UpstreamConnection) {
        guard !isRetired, idle.count < settings.idleConnectionsMax,
            connection.requestCount < settings.requestsPerConnectionMax, isCurrent(connection),
            !budget.wantsBack()
        else { return connection.close() }
        forgetDiscarding(connection)
        connection.state = .idle
        connection.idlePlace = idle.count
        idle.append(connection)
        metrics.connectionIdle()
        connection.touch(settings.idleTimeout)
    }

    /// `connection` closes.
    func forget(_ connection: UpstreamConnection) {
        connectionCount -= 1
        budget.giveBack()
        forgetDiscarding(connection)
        let place = connection.idlePlace
        guard place >= 0 else { return }
        metrics.connectionBusy()
        idle.remove(at: place)
        for index in place..<idle.count { idle[index].idlePlace = index }
        connection.idlePlace = -1
    }

    /// `connection` waits for the rest of an answer that nobody will get.
    func noteDiscarding(_ connection: UpstreamConnection) { discarding.append(connection) }

    @inline(__always)
    private func forgetDiscarding(_ connection: UpstreamConnection) {
        if connection.state == .discarding { discarding.removeAll { $0 === connection } }
    }

    /// Gives a connection up that no request is at, for one to another target, or of another loop: one whose answer
    /// nobody waits for, or the idle one that was used longest ago.
    /// - Returns: whether there was one.
    func yieldIdle() -> Bool {
        guard let spare = discarding.first ?? idle.first else { return false }
        spare.close()
        return true
    }

    // MARK: Changes from outside

    /// The target's name resolves to these addresses from now on. Idle connections to others close now, busy ones after
    /// their answer.
    func resolve(to endpoints: [IPEndpoint]) {
        if endpoints == self.endpoints { return }
        self.endpoints = endpoints
        age += 1
        nextEndpoint = Self.anyIndex(of: endpoints, worker)
        var index = idle.count
        while index > 0 {
            index -= 1
            if !isCurrent(idle[index]) { idle[index].close() }
        }
    }

    /// Whether the connection leads to where the target is now.
    @inline(__always)
    private func isCurrent(_ connection: UpstreamConnection) -> Bool {
        if connection.age == age { return true }
        guard endpoints.contains(connection.endpoint) else { return false }
        connection.age = age
        return true
    }

    private static func anyIndex(of endpoints: [IPEndpoint], _ worker: Worker) -> Int {
        endpoints.count < 2 ? 0 : Int(worker.random.next() % UInt64(endpoints.count))
    }

    /// No snapshot names the target: idle connections close now, the others after their answer.
    func retire() {
        isRetired = true
        while let connection = idle.last { connection.close() }
    }

    /// What `Host` must say, where it isn't byte for byte what the client sent.
    func hostHeader(for exchange: Exchange) -> ByteView? {
        switch exchange.hostHeader {
        case .preserve:
            if exchange.request.authority.isEmpty { return authority }
            return exchange.request.hasCanonicalHost ? nil : exchange.request.authority
        case .target: return authority
        case .fixed(let host): return host
        }
    }
}

/// What identifies a pool over reloads.
struct PoolKey: Hashable, Sendable {
    /// `domain/upstream`.
    let upstream: String
    /// `http://host:port`.
    let target: String
}
