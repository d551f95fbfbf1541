import Base
import HTTP
import Routing

/// Answers that need no upstream: redirects, fixed responses, and endpoints of the gateway itself.
extension Exchange {
    func answer(with redirect: CompiledRedirect, in snapshot: Snapshot) -> StepOutcome {
        startLocalAnswer(status: redirect.status)
        withholdQueryToken()
        let asked = snapshot.forwarding.asked(request)
        guard
            redirect.appendLocation(request, asked: asked, query: upstreamQuery, parameters: match, to: &worker.scratch)
        else { return .respond(.redirectWithoutHost) }
        responseHead.fields.append(.location, value: worker.scratch.readable)
        worker.scratch.removeAll()
        transformLocalAnswer()
        sendAnswer()
        return .parked
    }

    func answer(with fixed: CompiledResponse) -> StepOutcome {
        startLocalAnswer(status: fixed.status)
        for field in fixed.fields { responseHead.fields.append(name: field.name, value: field.value) }
        transformLocalAnswer()
        worker.scratch.append(fixed.body)
        sendAnswer()
        return .parked
    }

    func answer(with handler: any LocalHandler) -> StepOutcome {
        if handler.grows, worker.unreadBytes > LocalSite.unreadBytesMax { return .respond(.answersUnread) }
        let answer = handler.respond(
            to: LocalRequest(method: request.method, path: request.path.string, query: request.query.string))
        startLocalAnswer(status: answer.status)
        answer.contentType.withByteView { responseHead.fields.append(.contentType, value: $0) }
        answer.cacheControl.withByteView { responseHead.fields.append(.cacheControl, value: $0) }
        // Not by way of the scratch buffer, which would keep the size of the largest answer.
        answer.body.withUnsafeBytes { sendAnswer(ByteView($0)) }
        return .parked
    }

    /// The gateway's own keys, for whoever verifies its tokens.
    func answer(with document: KeyDocument) -> StepOutcome {
        guard request.method == .get || request.method == .head else {
            worker.scratch.removeAll()
            worker.scratch.append("GET, HEAD")
            return .respond(.methodNotAllowed)
        }
        guard let state = worker.signingState else { return .respond(.keysNotReady) }
        let tag = state.tag(of: document)
        let isKnown = tag.withByteView { EntityTags.hold($0, in: request.fields) }
        startLocalAnswer(status: isKnown ? 304 : 200)
        tag.withByteView { responseHead.fields.append(.etag, value: $0) }
        state.cacheControl.withByteView { responseHead.fields.append(.cacheControl, value: $0) }
        if !isKnown {
            responseHead.fields.append(.contentType, value: document.mediaType)
            state.text(of: document).withByteView { worker.scratch.append($0) }
        }
        sendAnswer()
        return .parked
    }

    /// About the gateway as a whole.
    func answerOptions() -> StepOutcome {
        startLocalAnswer(status: 204)
        responseHead.fields.append(.allow, value: "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS")
        sendAnswer()
        return .parked
    }

    func startLocalAnswer(status: Int) {
        worker.scratch.removeAll()
        responseHead.reset()
        responseHead.status = status
    }
}
