import Base
import HTTP
import Routing

/// Answers that need no upstream: redirects, fixed responses, and endpoints of the gateway itself.
extension Exchange {
    func answer(with redirect: CompiledRedirect) -> StepOutcome {
        startLocalAnswer(status: redirect.status)
        withholdQueryToken()
        redirect.appendLocation(of: self, to: &worker.scratch)
        responseHead.fields.append(.location, value: worker.scratch.readable)
        worker.scratch.removeAll()
        route.plugins.transformResponse(&responseHead.fields)
        sendAnswer()
        return .parked
    }

    func answer(with fixed: CompiledResponse) -> StepOutcome {
        startLocalAnswer(status: fixed.status)
        for field in fixed.fields { responseHead.fields.append(name: field.name, value: field.value) }
        route.plugins.transformResponse(&responseHead.fields)
        worker.scratch.append(fixed.body)
        sendAnswer()
        return .parked
    }

    func answer(with handler: any LocalHandler) -> StepOutcome {
        let answer = handler.respond(
            to: LocalRequest(method: request.method, path: request.path.string, query: request.query.string))
        startLocalAnswer(status: answer.status)
        answer.contentType.withByteView { responseHead.fields.append(.contentType, value: $0) }
        responseHead.fields.append(.cacheControl, value: "no-store")
        answer.body.withUnsafeBytes { worker.scratch.append(ByteView($0)) }
        sendAnswer()
        return .parked
    }

    /// `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7).
    func answerOptions() -> StepOutcome {
        startLocalAnswer(status: 204)
        responseHead.fields.append(.allow, value: "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS")
        sendAnswer()
        return .parked
    }

    private func startLocalAnswer(status: Int) {
        worker.scratch.removeAll()
        responseHead.reset()
        responseHead.status = status
    }
}
