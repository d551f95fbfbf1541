import Base
import Upstream

/// How an attempt at a target ended.
enum AttemptOutcome: Equatable {
    /// The target answered. What came after its head broke off on the client's side at most.
    case answered(status: Int)
    /// The target gave no answer, or no whole one.
    case failed(UpstreamError)
    /// It says nothing about the target: the client left, or the gateway itself gave up.
    case dropped
}

/// The one place where it is told how an attempt at a target ended.
extension Exchange {
    /// The attempt that the balancer counts is over. Whoever comes first is right: calls after it do nothing, until the
    /// next target is picked. The log still knows which target it was.
    func attemptEnded(_ outcome: AttemptOutcome) {
        guard attempt.isCounted else { return }
        attempt.isCounted = false
        cluster?.attemptEnded(attempt, outcome, now: worker.loop.now)
    }

    /// The head of the target's answer has come.
    func attemptAnswered(status: Int) {
        attempt.status = status
        attempt.answerTime = worker.loop.now
        guard attempt.upstreamTicket.isProbe || attempt.targetTicket.isProbe else { return }
        cluster?.attemptAnswered(&attempt, now: worker.loop.now)
    }

    /// Whether a further attempt would find a target now. The breakers are told of this one's answer before.
    func mayFindTarget(afterStatus status: Int) -> Bool {
        guard let cluster else { return false }
        attempt.status = status
        cluster.attemptAnswered(&attempt, now: worker.loop.now)
        return cluster.mayPick(now: worker.loop.now)
    }

    /// No target may be asked now. A request that has failed at another one before fails with that.
    func refuseByBreaker(_ cluster: UpstreamCluster, _ retryAfter: TimeAmount) {
        if let error = attempt.lastError { return fail(.upstream(error)) }
        var refusal = GatewayAnswer.circuitOpen
        // At least 1, so that "in no time" isn't said.
        refusal.retryAfterSeconds = max(retryAfter.secondsUp, 1)
        guard let fallback = cluster.fallback else { return answer(refusal) }
        errorCode = refusal.code
        refuser = refusal.refuser
        startLocalAnswer(status: fallback.status)
        for field in fallback.fields { responseHead.fields.append(name: field.name, value: field.value) }
        if fallback.status >= 500 { appendRetryAfter(seconds: refusal.retryAfterSeconds) }
        transformLocalAnswer()
        worker.scratch.append(fallback.body)
        sendAnswer()
    }

    /// What is told when the exchange ends and nothing worse is known of the attempt.
    var outcomeAtEnd: AttemptOutcome { attempt.status > 0 ? .answered(status: attempt.status) : .dropped }

    /// What a failure of the exchange says about the target at work.
    func outcome(of failure: Failure) -> AttemptOutcome {
        guard case .upstream(let error) = failure, error.isOfTarget else { return outcomeAtEnd }
        // The whole request's time may have gone by with the client sending or reading, with a long answer, at the
        // gateway's own queues, or with other targets.
        if error == .requestTimedOut, attempt.status > 0 || !targetHadItsTime { return outcomeAtEnd }
        return .failed(error)
    }

    /// Whether the target at work had half of the whole request's time for itself: with all of the request in its
    /// hands, or with content waiting that it doesn't take.
    private var targetHadItsTime: Bool {
        if awaitsClient { return false }
        var since = attempt.sentTime
        if progress == .receiving, let upstream { since = max(since, upstream.lastActivity) }
        return (worker.loop.now - since).nanoseconds >= withRoute { $0.requestTimeout.nanoseconds } / 2
    }
}

extension UpstreamError {
    /// Whether a target is to blame, not the lack of one.
    var isOfTarget: Bool {
        switch self {
        case .noTargetAvailable, .poolExhausted: false
        case .connectRefused, .connectTimedOut, .connectFailed, .nameNotResolved, .responseHeaderTimedOut,
            .attemptTimedOut, .idleTimedOut, .requestTimedOut, .resetBeforeResponse, .closedBeforeResponse,
            .malformedResponse, .unexpectedUpgrade, .responseTruncated:
            true
        }
    }
}
