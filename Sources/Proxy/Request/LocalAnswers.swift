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
        let answer = handler.respond(
            to: LocalRequest(method: request.method, path: request.path.string, query: request.query.string))
        startLocalAnswer(status: answer.status)
        answer.contentType.withByteView { responseHead.fields.append(.contentType, value: $0) }
        answer.cacheControl.withByteView { responseHead.fields.append(.cacheControl, value: $0) }
        answer.body.withUnsafeBytes { worker.scratch.append(ByteView($0)) }
        sendAnswer()
        return .parked
    }

    /// The gateway's own keys, for whoever verifies its tokens.
    func answer(with document: KeyDocument) -> StepOutcome {
        guard request.method == .get || request.method == .head else {
            return .respond(.methodNotAllowed(allowed: .reading))
        }
        guard let state = worker.signing.state else { return .respond(.keysNotReady) }
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

    /// `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7).
    func answerOptions() -> StepOutcome {
        startLocalAnswer(status: 204)
        responseHead.fields.append(.allow, value: "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS")
        sendAnswer()
        return .parked
    }

    /// Counts `Max-Forwards` of an OPTIONS request down (RFC 9110 section 7.6.2). One that can't be read, or isn't
    /// alone, says nothing, and goes no further.
    ///
    /// - Returns: whether the request ends here.
    func isLastHop() -> Bool {
        guard let line = request.fields.firstIndex(of: .maxForwards) else { return false }
        let isAlone = request.fields.firstIndex(of: .maxForwards, from: line + 1) == nil
        let hops = isAlone ? request.fields.value(at: line).decimalValue() : nil
        if hops == 0 { return true }
        request.fields.removeAll(.maxForwards)
        if let hops {
            request.fields.beginValue(.maxForwards)
            request.fields.appendToValue(decimal: UInt64(hops - 1))
            request.fields.finishValue()
        }
        return false
    }

    func startLocalAnswer(status: Int) {
        worker.scratch.removeAll()
        responseHead.reset()
        responseHead.status = status
    }
}

/// `If-None-Match` (RFC 9110 section 13.1.2).
package enum EntityTags {
    /// Whether the field holds the tag, compared weakly, or `*`.
    package static func hold(_ tag: ByteView, in fields: borrowing HeaderList) -> Bool {
        var line = fields.firstIndex(of: .ifNoneMatch)
        while let index = line {
            let value = fields.value(at: index)
            if value == "*" { return true }
            var start = 0
            while start < value.count {
                let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
                let listed = value[start..<end].trimmingWhitespace()
                if listed == tag || listed.hasPrefix(ByteView("W/")) && listed.from(2) == tag { return true }
                start = end + 1
            }
            line = fields.firstIndex(of: .ifNoneMatch, from: index + 1)
        }
        return false
    }
}
