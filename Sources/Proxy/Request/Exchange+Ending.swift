import Base
import HTTP
import Observability
import Upstream

/// The ways in which an exchange ends: complete, answered by the gateway, or given up. Each one is logged once.
extension Exchange {
    /// The answer is sent to its last byte.
    func complete() {
        response = .complete
        stream?.endContent(trailers: responseTrailers)
        record()
        stream?.finish()
        worker.recycle(self)
    }

    /// A request whose head was wrong: there is no route, and nothing of it is believed. `request` has what was read of
    /// its first line, for the log and for the answer, which has no content for HEAD (RFC 9110 section 9.3.2).
    func refuse(on stream: RequestStream, headStartedAt start: MonotonicTime, with refusal: GatewayAnswer) {
        self.stream = stream
        startTime = start
        progress = .receiving
        worker.metrics.raise(.requestsActive)
        snapshot = worker.snapshot
        route = worker.snapshot.unrouted
        client = stream.connection.peer.address
        answer(refusal)
    }

    /// Answers with problem details, unless an answer is under way: that one is broken off.
    func answer(_ answer: GatewayAnswer) {
        errorCode = answer.code
        releaseUpstream()
        if response != .none { return breakOff() }
        refuser = answer.refuser
        if requestID.isEmpty { RequestID(at: worker.wallNow, using: &worker.random).append(to: &requestID) }
        responseHead.reset()
        responseHead.status = answer.status
        if answer.status == 405 {
            responseHead.fields.append(.allow, value: worker.scratch.readable)
            worker.scratch.removeAll()
        }
        if let identityRefusal, let chain = route.plugins.identity {
            chain.jwt.challenge.append(for: identityRefusal, to: &responseHead.fields)
        }
        appendRetryAfter(seconds: answer.retryAfterSeconds)
        responseHead.fields.append(.contentType, value: "application/problem+json")
        responseHead.fields.append(.cacheControl, value: "no-store")
        responseHead.fields.append(.xRequestID, value: requestID.readable)
        answer.appendMembers(requestID: requestID.readable, to: &worker.scratch)
        appendRateLimitRefusal()
        worker.scratch.append("}\n")
        sendAnswer()
    }

    func appendRetryAfter(seconds: Int) {
        guard seconds > 0 else { return }
        responseHead.fields.beginValue(.retryAfter)
        responseHead.fields.appendToValue(decimal: UInt64(seconds))
        responseHead.fields.finishValue()
    }

    /// Sends `responseHead` with the content that is in the worker's scratch buffer.
    func sendAnswer() { sendAnswer(worker.scratch.readable) }

    func sendAnswer(_ content: ByteView) {
        status = responseHead.status
        responseHead.framing = .length(content.count)
        if status == 204 || status == 304 { responseHead.framing = .none }
        if !responseHead.fields.contains(.date) { responseHead.fields.append(.date, value: worker.date) }
        if let snapshot, !snapshot.serverHeader.isEmpty, !responseHead.fields.contains(.server) {
            responseHead.fields.append(.server, value: snapshot.serverHeader)
        }
        appendRateLimitFields()
        response = .streaming
        stream?.sendHead(responseHead, to: request)
        stream?.sendContent(content)
        worker.scratch.removeAll()
        responseTrailers.removeAll()
        complete()
    }

    /// The upstream, or time, let the exchange down: 502, 503 or 504, or a visibly broken answer.
    func fail(_ failure: Failure) {
        let outcome = outcome(of: failure)
        if attempt.isCounted, case .failed = outcome, let cause = failure.targetFailure {
            target?.metrics.countFailure(cause)
        }
        attemptEnded(outcome)
        worker.logFailure(failure, of: self)
        answer(GatewayAnswer(failure))
    }

    /// Nobody is there any more who could get an answer.
    func abandon(_ failure: Failure) {
        errorCode = failure.code
        releaseUpstream()
        if let lost = stream?.connection.lostBytes { bytesOut -= min(bytesOut, UInt64(lost)) }
        breakOff()
    }

    private func breakOff() {
        record()
        let broken = stream
        broken?.abort()
        worker.recycle(self)
    }

    /// Takes the upstream's connection out of the exchange. What was sent on it has no end now, so it is closed.
    private func releaseUpstream() {
        guard let connection = upstream else { return }
        upstream = nil
        connection.abandon()
    }

    /// Counts the exchange, and writes its line.
    private func record() {
        let now = worker.loop.now
        // Attempts that brought no whole answer took their time as well.
        if upstreamTime == nil, attempt.target >= 0 { upstreamTime = now - upstreamStart }
        worker.metrics.lower(.requestsActive)
        withRoute { route in
            route.metrics.record(
                method: request.method, status: status, total: now - startTime, upstream: upstreamTime,
                bytesIn: bytesIn, bytesOut: bytesOut)
            if let refuser { route.metrics.countRefusal(by: refuser) }
        }
        // Refused, or left, between the decision and the upstream.
        if owesAdmission { recordAdmission(issued: nil) }
        worker.writeAccessLog(self, duration: now - startTime)
        attemptEnded(outcomeAtEnd)
        if issuerTicket != 0 { worker.issuers.leave(self) }
        if gateTicket != 0 || places.isHeld { leaveGates() }
        if replay.isBacked { dropReplay(.off) }
        if keptContent.isBacked { dropKeptAnswer() }
    }
}
