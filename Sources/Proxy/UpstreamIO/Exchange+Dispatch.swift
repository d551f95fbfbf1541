import Base
import HTTP
import Linux
import Observability
import Upstream

/// Getting a request to a target: pick one, take or open a connection, and try again where that is safe.
extension Exchange {
    /// The target at work.
    var target: TargetPool? {
        guard attempt.target >= 0, let cluster else { return nil }
        return cluster.targets[attempt.target]
    }

    private var cluster: UpstreamCluster? {
        guard case .proxy(let index) = route.action, let snapshot else { return nil }
        return snapshot.upstreams[index]
    }

    func dispatch(in snapshot: Snapshot) -> StepOutcome {
        upstreamStart = worker.preciseNow()
        connectToNext()
        return .parked
    }

    /// Picks a target and takes a connection to it, idle or new.
    private func connectToNext() {
        guard let cluster else { return fail(.noTarget) }
        guard let picked = cluster.pick(for: self) else { return fail(attempt.lastFailure ?? .noTarget) }
        attempt.target = picked
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
        pool(of: connection).countRequest()
        upstream = connection
        connection.begin(self)
        if progress == .complete { connection.flush() }
    }

    private func pool(of connection: UpstreamConnection) -> TargetMetrics { connection.pool.metrics }

    private func open(to pool: TargetPool) {
        do throws(TargetPool.OpenFailure) {
            let connection = try pool.open()
            pool.metrics.countRequest()
            upstream = connection
            connection.begin(self)
        } catch {
            switch error {
            case .overBudget: fail(.connectionLimit)
            case .unresolved: connectFailed(.nameNotResolved)
            case .failed: connectFailed(.connectRefused)
            }
        }
    }

    /// No connection could be had: nothing was sent, so another target may have any request (RFC 9110 section 9.2.2).
    func connectFailed(_ failure: Failure) {
        upstream = nil
        if let cause = failure.targetFailure { target?.metrics.countFailure(cause) }
        attempt.lastFailure = failure
        guard attempt.target >= 0, attempt.retries < route.connectRetriesMax else { return giveUp(failure) }
        attempt.retries += 1
        worker.metrics.count(.upstreamRetries)
        if let pool = target, attempt.connectFailures + 1 < pool.endpoints.count {
            // The name has further addresses.
            attempt.connectFailures += 1
            return open(to: pool)
        }
        attempt.connectFailures = 0
        attempt.excludedTargets |= 1 << UInt64(min(attempt.target, 63))
        cluster?.release(attempt.target)
        attempt.target = -1
        connectToNext()
    }

    private func giveUp(_ failure: Failure) {
        worker.logFailure(failure, of: self)
        answer(GatewayAnswer(failure))
    }

    /// Whether the request may go out once more, after a reused connection ended before any byte of an answer.
    ///
    /// The target closed it, most likely, while the request was on its way: it never saw it. That is certain only when
    /// nothing was written; otherwise only a request which may be repeated is (RFC 9110 section 9.2.2), and only while
    /// none of its content is gone.
    func mayRetryStale(writtenBytes: Int) -> Bool {
        guard route.retriesStaleConnection, !attempt.hasRetriedStale, response == .none, contentBytes == 0 else {
            return false
        }
        return writtenBytes == 0 || request.method.isIdempotent
    }

    /// Sends the request once more, on a connection that is new.
    func retryStale() {
        upstream = nil
        attempt.hasRetriedStale = true
        attempt.retries += 1
        worker.metrics.count(.upstreamRetries)
        guard let pool = target else { return fail(.noTarget) }
        open(to: pool)
    }

    /// Tells the balancer that the attempt is over.
    func releaseTarget() {
        guard attempt.target >= 0 else { return }
        cluster?.release(attempt.target)
    }
}
