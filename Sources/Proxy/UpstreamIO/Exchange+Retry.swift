import Base
import HTTP
import Upstream

/// Whether the request's content, from its beginning, can be sent again.
enum ReplayState {
    /// None was kept: only a request of which no content was passed on can be sent again.
    case off
    /// What is passed on is kept.
    case recording
    /// Something that was passed on is gone.
    case lost
}

/// Further attempts by the route's `RetryLaw`: after a pause, at another target where there is one, within the
/// upstream's budget and the request's time.
///
/// ```
///                        ┌─ failed ───────────────────┐
/// attempt ─▶ ended ──────┤                            ├─▶ paused ─┬─▶ attempt
///                        └─ status ─▶ keeping answer ─┘           └─▶ no target: the answer, or a refusal
/// ```
extension Exchange {
    /// The request's first attempt is about to begin.
    func prepareRetries() {
        guard let law = withRoute({ $0.retryLaw }) else { return }
        guard progress == .receiving, law.bodyBytesMax > 0, isRepeatable else { return }
        if case .length(let length) = request.framing, length > law.bodyBytesMax { return }
        replayState = .recording
    }

    /// The first attempt has a target.
    func countForRetries() {
        guard withRoute({ $0.retryLaw != nil }) else { return }
        cluster?.retryBudget?.countRequest(now: worker.loop.now)
    }

    // MARK: Content

    /// Keeps content that is passed on, as long as it isn't too much.
    func keepContent(_ bytes: ByteView) {
        let limit = withRoute { $0.retryLaw?.bodyBytesMax ?? 0 }
        guard bytes.count <= limit - replay.readableCount else { return dropReplay(.lost) }
        worker.buffers.back(&replay)
        if replay.writableCount < bytes.count { worker.buffers.enlarge(&replay) }
        replay.append(bytes)
    }

    func dropReplay(_ state: ReplayState) {
        replayState = state
        worker.buffers.recycle(&replay)
    }

    /// Whether the content, from its beginning, is at hand.
    var isBodyReplayable: Bool {
        switch replayState {
        case .off: contentBytes == 0 || holdsContent
        case .recording: true
        case .lost: false
        }
    }

    // MARK: Whether

    /// Whether requests of this method may be sent again although the upstream may have acted on them.
    private var isRepeatable: Bool {
        withRoute { $0.retryMethods.contains(upstreamMethod, token: upstreamMethodToken) }
    }

    /// The attempt failed. - Returns: whether there will be another one; it has been taken from the budget then.
    func triesAgain(after loss: ConnectionLoss) -> Bool {
        guard let law = withRoute({ $0.retryLaw }), let cause = RetryCauses(loss.error) else { return false }
        let isWritten = !loss.error.isBeforeConnection && loss.writtenBytes > 0
        guard allows(cause, isWritten: isWritten, law), schedule(law, after: .zero) else { return false }
        attemptFailed(loss.error)
        goOnWhenDue()
        return true
    }

    /// The target's answer has this status, and its head is in `responseHead`.
    /// - Returns: whether there will be another attempt: then the answer is kept until that begins, and dropped.
    func triesAgain(afterStatus status: Int) -> Bool {
        guard let law = withRoute({ $0.retryLaw }), let cause = RetryCauses(status: status),
            allows(cause, isWritten: true, law)
        else { return false }
        var wait = TimeAmount.zero
        if let index = responseHead.fields.firstIndex(of: .retryAfter) {
            guard let asked = law.wait(retryAfter: responseHead.fields.value(at: index).decimalValue()) else {
                return false
            }
            wait = asked
        }
        guard mayFindTarget(afterStatus: status), schedule(law, after: wait) else { return false }
        attemptEnded(.answered(status: status))
        attempt.isDiscarding = true
        attempt.keptAnswer = .coming
        attempt.keptTarget = attempt.target
        attempt.discardedBytes = 0
        // Whatever comes of the answer until then: the connection may be used again if all of it has.
        stream?.connection.wake(at: attempt.retryAt)
        return true
    }

    private func allows(_ cause: RetryCauses, isWritten: Bool, _ law: RetryLaw) -> Bool {
        law.allows(
            RetryLaw.Attempt(
                cause: cause, number: attempt.retries + (attempt.wasRetriedFresh ? 0 : 1),
                hasAnswered: response != .none || interimCount > 0, isWritten: isWritten, isRepeatable: isRepeatable,
                isBodyReplayable: isBodyReplayable))
    }

    /// - Returns: whether there is time and budget for a further attempt.
    private func schedule(_ law: RetryLaw, after wait: TimeAmount) -> Bool {
        let pause = law.backoff.fullJitter(retry: attempt.further + 1, random: worker.random.next())
        let due = worker.loop.now + max(pause, wait)
        guard due < deadline, cluster?.retryBudget?.take(now: worker.loop.now) ?? true else { return false }
        attempt.further += 1
        attempt.isRetry = true
        attempt.retryAt = due
        attempt.mayRepeatTargets = true
        if attempt.target >= 0 { attempt.excludedTargets.insert(attempt.target) }
        return true
    }

    // MARK: When

    /// A piece of an answer that nobody will get if there is another attempt.
    func discard(_ bytes: ByteView) {
        attempt.discardedBytes += bytes.count
        guard attempt.discardedBytes > UpstreamConnection.discardedBytesMax else { return keepAnswerContent(bytes) }
        dropKeptAnswer()
        dropConnection()
        goOnWhenDue()
    }

    /// The answer is complete, or its connection is gone.
    func discardingEnded(isComplete: Bool) {
        attempt.isDiscarding = false
        if isComplete, attempt.keptAnswer == .coming { attempt.keptAnswer = .complete } else { dropKeptAnswer() }
        responseTrailers.removeAll()
        goOnWhenDue()
    }

    private func goOnWhenDue() {
        if worker.loop.now >= attempt.retryAt { return retryIsDue() }
        stream?.connection.wake(at: attempt.retryAt)
    }

    /// The pause is over.
    func retryIsDue() {
        attempt.retryAt = .distantFuture
        attempt.starvedTicket = 0
        connectToNext()
    }

    func dropConnection() {
        attempt.isDiscarding = false
        guard let connection = upstream else { return }
        upstream = nil
        connection.abandon()
    }
}
