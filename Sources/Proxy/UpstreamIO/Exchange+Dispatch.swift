import Base
import HTTP
import Linux
import Observability
import Upstream

/// How an attempt ended that brought no whole answer.
struct ConnectionLoss {
    let error: UpstreamError
    /// Whether the connection had served another request before.
    let isReusedConnection: Bool
    /// Bytes of the request that the kernel took.
    let writtenBytes: Int
    /// Bytes of the response that came.
    let receivedBytes: Int
}

/// Getting a request to a target: pick one, take or open a connection, and try again where `RetryRule`
/// or the route's `RetryLaw` says so.
extension Exchange {
    /// The target at work.
    var target: TargetPool? {
        guard attempt.target >= 0, let cluster else { return nil }
        return cluster.targets[attempt.target]
    }

    var cluster: UpstreamCluster? {
        guard upstreamIndex >= 0, let snapshot else { return nil }
        return snapshot.upstreams[upstreamIndex]
    }

    func dispatch() -> StepOutcome {
        upstreamStart = worker.loop.now
        prepareRetries()
        connectToNext()
        return .parked
    }

    /// Picks a target and takes a connection to it, idle or new.
    func connectToNext() {
        guard let cluster else { return fail(.upstream(.noTargetAvailable)) }
        switch pick(in: cluster) {
        case .target(let index):
            // Requests that no target gets are nothing to take retries from.
            if attempt.target < 0 { countForRetries() }
            dropComingAnswer()
            connect(to: index, in: cluster)
        case .refused where attempt.keptAnswer != .none, .none where attempt.keptAnswer != .none: passOnKeptAnswer()
        case .refused(let retryAfter): refuseByBreaker(cluster, retryAfter)
        case .none: fail(.upstream(attempt.lastError ?? .noTargetAvailable))
        }
    }

    /// Another target than those tried; where there is none, and the law wants a further attempt, another than the last
    /// one; and where there is none, that one.
    private func pick(in cluster: UpstreamCluster) -> TargetChoice {
        let choice = cluster.pick(for: self)
        guard attempt.mayRepeatTargets, !choice.isTarget else { return choice }
        attempt.excludedTargets = TargetSet()
        if attempt.target >= 0 { attempt.excludedTargets.insert(attempt.target) }
        let again = cluster.pick(for: self)
        if again.isTarget { return again }
        attempt.excludedTargets = TargetSet()
        let last = cluster.pick(for: self)
        return last.isTarget ? last : choice
    }

    private func connect(to picked: Int, in cluster: UpstreamCluster) {
        if attempt.retries > 0 || attempt.isRetry { restateIdentity() }
        attempt.target = picked
        attempt.isCounted = true
        attempt.sentTime = worker.loop.now
        attempt.status = 0
        attempt.connectFailures = 0
        let pool = cluster.targets[picked]
        while let idle = pool.takeIdle() {
            // What must not be sent twice goes on no connection that the target has closed already. For other requests
            // the events of this turn tell of it in time (`idleUntil`), unless some are still to be fetched.
            if !upstreamMethod.isIdempotent || worker.loop.isBehind, !idle.socket.isQuiet {
                idle.close()
                continue
            }
            return start(on: idle)
        }
        open(to: pool)
    }

    /// There is a connection for the attempt, or none can be had: what came of the one before counts no more.
    private func attemptBegins() {
        if attempt.keptAnswer != .none { dropKeptAnswer() }
        guard attempt.isRetry else { return }
        attempt.isRetry = false
        attempt.retries += 1
        worker.metrics.count(.upstreamRetries)
    }

    private func begin(on connection: UpstreamConnection) {
        attemptBegins()
        connection.pool.metrics.countRequest()
        upstream = connection
        connection.begin(self)
    }

    /// - Parameter connection: one that has served other requests.
    private func start(on connection: UpstreamConnection) {
        worker.metrics.count(.upstreamConnectionsReused)
        begin(on: connection)
        if progress != .complete { return requestMayContinue() }
        // Between the look at the idle connection and the write nothing else happens, where a second try isn't allowed.
        if upstreamMethod.isIdempotent { connection.sendLater() } else { connection.flush() }
    }

    private func open(to pool: TargetPool) {
        do throws(TargetPool.OpenFailure) {
            begin(on: try pool.open())
        } catch {
            switch error {
            case .overBudget: connectionIsLacking(to: pool)
            case .unresolved: connectFailed(.nameNotResolved)
            case .failed(let errno): connectFailed(UpstreamError(connecting: errno))
            }
        }
    }

    /// The upstream has as many connections as it may have. Idle ones, of this loop or of another, give way.
    private func connectionIsLacking(to pool: TargetPool) {
        if cluster?.yieldIdle() == true { return open(to: pool) }
        guard worker.starved.wait(self, for: pool.budget) else {
            guard attempt.keptAnswer != .none else { return fail(.upstream(.poolExhausted)) }
            attemptEnded(.dropped)
            return passOnKeptAnswer()
        }
        // Until then no target is asked.
        attemptEnded(.dropped)
        attempt.retryAt = worker.loop.now + StarvedRequests.waitMax
        stream?.connection.wake(at: attempt.retryAt)
    }

    /// No connection could be had.
    func connectFailed(_ error: UpstreamError) {
        attemptBegins()
        if attempt.connectFailures + 1 < target?.endpoints.count ?? 0, attempt.retries < route.connectRetriesMax,
            let pool = target
        {
            // The name has further addresses.
            attempt.connectFailures += 1
            attempt.isRetry = true
            return open(to: pool)
        }
        connectionLost(ConnectionLoss(error: error, isReusedConnection: false, writtenBytes: 0, receivedBytes: 0))
    }

    /// The attempt brought no whole answer: tries again where that is safe, else fails.
    func connectionLost(_ loss: ConnectionLoss) {
        upstream = nil
        if attempt.isDiscarding { return discardingEnded(isComplete: false) }
        attempt.lastError = loss.error
        guard response == .none, !gathersResponse else { return fail(.upstream(loss.error)) }
        switch decision(on: loss) {
        case .retryFresh: return retryFresh()
        case .tryAnotherTarget: if triesAnotherTarget(after: loss.error) { return }
        case .fail: break
        }
        if !triesAgain(after: loss) { fail(.upstream(loss.error)) }
    }

    /// What is done at once, whatever the route says of further attempts.
    private func decision(on loss: ConnectionLoss) -> RetryRule.Decision {
        let isLostConnection = loss.error.isLostConnection
        let isReplayable = isBodyReplayable
        if isLostConnection, !route.retriesStaleConnection { return .fail }
        let rule = RetryRule(attemptLimit: isLostConnection ? .max : route.connectRetriesMax + 1)
        let decision = rule.decide(
            RetryRule.Attempt(
                error: loss.error, number: attempt.retries + 1, isReusedConnection: loss.isReusedConnection,
                wasRetriedFresh: attempt.wasRetriedFresh, writtenBytes: loss.writtenBytes,
                receivedBytes: loss.receivedBytes, isIdempotent: upstreamMethod.isIdempotent,
                isBodyReplayable: isReplayable))
        return isReplayable ? decision : .fail
    }

    private func retryFresh() {
        countFailure(attempt.lastError)
        attempt.isRetry = true
        // The target had closed an idle connection, as it may: the attempt at it goes on.
        attempt.wasRetriedFresh = true
        guard let pool = target else { return fail(.upstream(.noTargetAvailable)) }
        open(to: pool)
    }

    /// - Returns: whether there is one that wasn't tried yet.
    private func triesAnotherTarget(after error: UpstreamError) -> Bool {
        attemptFailed(error)
        attempt.excludedTargets.insert(attempt.target)
        guard let cluster, case .target(let index) = cluster.pick(for: self) else { return false }
        attempt.isRetry = true
        connect(to: index, in: cluster)
        return true
    }

    /// Tells of an attempt that failed, unless that is done.
    func attemptFailed(_ error: UpstreamError) {
        guard attempt.isCounted else { return }
        countFailure(error)
        attemptEnded(.failed(error))
    }

    private func countFailure(_ error: UpstreamError?) {
        guard let error, let cause = Failure.upstream(error).targetFailure else { return }
        target?.metrics.countFailure(cause)
    }
}

extension UpstreamError {
    /// What an error number means for an attempt to connect.
    init(connecting error: Errno) {
        switch error {
        case .connectionRefused: self = .connectRefused
        case .timedOut: self = .connectTimedOut
        default: self = .connectFailed
        }
    }
}
