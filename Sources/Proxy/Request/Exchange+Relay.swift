import Base
import HTTP
import Observability

/// Content on its way: from the client's stream to the upstream, and back.
///
/// Each side pushes a piece only when the other side takes it, and each side tells the other when it takes more. What
/// is in memory is then at most one read of each side and what the kernel didn't take of it, whatever the content's
/// size.
extension Exchange {
    // MARK: Towards the upstream

    /// Whether a piece of request content is welcome now; otherwise the stream's `resumeContent` is called when it is.
    var acceptsContent: Bool {
        // Where there will be another attempt, what comes is for that one.
        if attempt.isDiscarding { return false }
        guard let upstream else { return gathersRequest }
        return upstream.acceptsContent
    }

    /// Whether the exchange stands still because the client doesn't send.
    var awaitsClient: Bool { progress == .receiving && acceptsContent }

    /// - Parameter expected: how many bytes the sender has announced to follow these.
    func receiveContent(_ bytes: ByteView, expecting expected: Int) {
        contentBytes += bytes.count
        guard isWithinLimit(expecting: expected) else { return answer(.contentTooLarge) }
        if held != nil, gatherContent(bytes, expecting: expected) { return }
        if replayState == .recording { keepContent(bytes) }
        upstream?.sendContent(bytes)
    }

    /// A chunk that can't fit is refused when its size is read, not when its last byte that fits has been passed on.
    func expectContent(_ expected: Int) {
        if !isWithinLimit(expecting: expected) { answer(.contentTooLarge) }
    }

    private func isWithinLimit(expecting expected: Int) -> Bool {
        contentBytes <= route.bodyBytesMax && expected <= route.bodyBytesMax - contentBytes
    }

    func receiveContentEnd() {
        progress = .complete
        if gathersRequest { return finishGathering() }
        // Trailers are not kept.
        if !requestTrailers.isEmpty { dropReplay(.lost) }
        attempt.sentTime = worker.loop.now
        upstream?.finishRequest()
        requestTrailers.removeAll()
    }

    func flushUpstream() { upstream?.flush() }

    /// The upstream takes content again.
    func requestMayContinue() {
        if progress == .receiving { stream?.resumeContent() }
    }

    // MARK: Towards the client

    /// Whether a piece of response content is welcome now.
    var acceptsResponse: Bool { attempt.isDiscarding || (stream?.acceptsContent ?? false) }

    /// A 1xx of the upstream, which is passed on. - Returns: whether the exchange goes on.
    func receiveInterim() -> Bool {
        interimCount += 1
        if interimCount > Self.interimCountMax {
            fail(.upstream(.malformedResponse))
            return false
        }
        responseHead.fields.removeHopByHop()
        responseHead.fields.removeAll(.identity)
        stream?.sendInterim(responseHead)
        return upstream != nil
    }

    private static let interimCountMax = 16

    /// The final head is in `responseHead`.
    func receiveResponseHead() {
        attempt.answerTime = worker.loop.now
        if responseHead.status >= 429, triesAgain(afterStatus: responseHead.status) { return }
        if replay.isBacked { dropReplay(.off) }
        attemptAnswered(status: responseHead.status)
        passOnResponseHead()
    }

    /// The head in `responseHead` is the client's.
    func passOnResponseHead() {
        responseHead.fields.removeHopByHop()
        responseHead.fields.removeAll(.identity)
        if !responseHead.fields.contains(.date) { responseHead.fields.append(.date, value: worker.date) }
        if let rule = withRoute({ $0.plugins.responseTransform }), !transformResponse(by: rule) { return }
        sendResponseHead()
        // A HEAD that a transform has made a GET: the client has its answer, and waits for no content.
        guard let upstream, !upstream.body.isFinished, let stream, !stream.sendsContent else { return }
        completeBeforeUpstream()
    }

    /// The client has all of its answer, whatever the upstream still has to say.
    func completeBeforeUpstream() {
        upstreamTime = worker.loop.now - upstreamStart
        discardUpstream()
        responseTrailers.removeAll()
        complete()
    }

    /// Lets go of the upstream: what is left of its answer is of no use.
    func discardUpstream() {
        guard let connection = upstream else { return }
        upstream = nil
        connection.discardAnswer()
    }

    func sendResponseHead() {
        appendRateLimitFields()
        status = responseHead.status
        response = .streaming
        stream?.sendHead(responseHead, to: request)
    }

    func receiveResponseContent(_ bytes: ByteView) {
        if attempt.isDiscarding { return discard(bytes) }
        if let held, holdResponseContent(bytes, held) { return }
        stream?.sendContent(bytes)
    }

    /// The upstream's answer is complete. It is told so afterwards: its connection is its own matter.
    func receiveResponseEnd() {
        upstream = nil
        if attempt.isDiscarding { return discardingEnded(isComplete: true) }
        upstreamTime = worker.loop.now - upstreamStart
        if let held, !finishHeldResponse(held) { return }
        complete()
    }

    func flushClient() { stream?.flush() }

    /// The client takes content again.
    func responseMayContinue() { upstream?.resumeContent() }
}
