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

/// Getting a request to a target: pick one, take or open a connection, and try again where `RetryRule` says so.
extension Exchange {
    /// The target at work.
    var target: TargetPool? {
        guard attempt.target >= 0, let cluster else { return nil }
        return cluster.targets[attempt.target]
    }

    var cluster: UpstreamCluster? {
        let index = withRoute { $0.upstreamIndex }
        guard index >= 0, let snapshot else { return nil }
        return snapshot.upstreams[index]
    }

    func dispatch(in snapshot: Snapshot) -> StepOutcome {
        upstreamStart = worker.loop.now
        connectToNext()
        return .parked
    }

    /// Picks a target and takes a connection to it, idle or new.
    private func connectToNext() {
        guard let cluster else { return fail(.upstream(.noTargetAvailable)) }
        let picked: Int
        switch cluster.pick(for: self) {
        case .target(let index): picked = index
        case .refused(let retryAfter): return refuseByBreaker(retryAfter)
        case .none: return fail(.upstream(attempt.lastError ?? .noTargetAvailable))
        }
        attempt.target = picked
        attempt.isCounted = true
        attempt.start = worker.loop.now
        attempt.status = 0
        attempt.connectFailures = 0
        let pool = cluster.targets[picked]
        while let idle = pool.takeIdle() {
            // What must not be sent twice goes on no connection that the target has closed already.
            if !request.method.isIdempotent, !idle.socket.isQuiet {
                idle.close()
                continue
            }
            return start(on: idle)
        }
        open(to: pool)
    }

    private func start(on connection: UpstreamConnection) {
        connection.pool.metrics.countRequest()
        upstream = connection
        connection.begin(self)
        if progress == .complete { connection.flush() } else { requestMayContinue() }
    }

    private func open(to pool: TargetPool) {
        do throws(TargetPool.OpenFailure) {
            let connection = try pool.open()
            pool.metrics.countRequest()
            upstream = connection
            connection.begin(self)
        } catch {
            switch error {
            case .overBudget: fail(.upstream(.poolExhausted))
            case .unresolved: connectFailed(.nameNotResolved)
            case .failed(let errno): connectFailed(UpstreamError(connecting: errno))
            }
        }
    }

    /// No connection could be had.
    func connectFailed(_ error: UpstreamError) {
        if attempt.connectFailures + 1 < target?.endpoints.count ?? 0, attempt.retries < route.connectRetriesMax,
            let pool = target
        {
            // The name has further addresses.
            attempt.connectFailures += 1
            attempt.retries += 1
            worker.metrics.count(.upstreamRetries)
            return open(to: pool)
        }
        connectionLost(ConnectionLoss(error: error, isReusedConnection: false, writtenBytes: 0, receivedBytes: 0))
    }

    /// The attempt brought no whole answer: tries again where that is safe, else fails.
    func connectionLost(_ loss: ConnectionLoss) {
        upstream = nil
        attempt.lastError = loss.error
        guard response == .none else { return fail(.upstream(loss.error)) }
        let isLostConnection = loss.error.isLostConnection
        if isLostConnection, !route.retriesStaleConnection { return fail(.upstream(loss.error)) }
        let rule = RetryRule(attemptLimit: isLostConnection ? .max : route.connectRetriesMax + 1)
        let decision = rule.decide(
            RetryRule.Attempt(
                error: loss.error, number: attempt.retries + 1, isReusedConnection: loss.isReusedConnection,
                wasRetriedFresh: attempt.wasRetriedFresh, writtenBytes: loss.writtenBytes,
                receivedBytes: loss.receivedBytes, isIdempotent: request.method.isIdempotent,
                // Content that was passed on is gone.
                isBodyReplayable: contentBytes == 0))
        switch decision {
        case .fail(let error): fail(.upstream(error))
        case .retryFresh where contentBytes == 0: retryFresh()
        case .tryAnotherTarget where contentBytes == 0: retryElsewhere()
        case .retryFresh, .tryAnotherTarget: fail(.upstream(loss.error))
        }
    }

    private func retryFresh() {
        countRetry()
        // The target had closed an idle connection, as it may: the attempt at it goes on.
        attempt.wasRetriedFresh = true
        guard let pool = target else { return fail(.upstream(.noTargetAvailable)) }
        open(to: pool)
    }

    private func retryElsewhere() {
        countRetry()
        attempt.excludedTargets.insert(attempt.target)
        attemptEnded(attempt.lastError.map { .failed($0) } ?? outcomeAtEnd)
        connectToNext()
    }

    private func countRetry() {
        if let cause = Failure.upstream(attempt.lastError ?? .noTargetAvailable).targetFailure {
            target?.metrics.countFailure(cause)
        }
        attempt.retries += 1
        worker.metrics.count(.upstreamRetries)
    }

    /// No target may be asked now. A request that has failed at another one before fails with that.
    private func refuseByBreaker(_ retryAfter: TimeAmount) {
        fail(.upstream(attempt.lastError ?? .noTargetAvailable))
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
