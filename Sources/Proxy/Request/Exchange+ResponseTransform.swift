import Base
import HTTP
import Plugins

/// The transforms' part in an exchange, towards the client. An answer whose body is edited is held back, head and all,
/// until its content is here or too long.
extension Exchange {
    /// Changes the upstream's final head, which is in `responseHead`.
    /// - Returns: whether it is sent on now. If not, the exchange may be over.
    func transformResponse(by rule: ResponseTransformRule) -> Bool {
        let original = responseHead.status
        guard rule.applies(to: original) else { return true }
        var status = rule.mapped(original)
        var isGathered = false
        var replacement: ByteView?
        switch rule.body(for: original) {
        case nil: break
        case .text(let text, let contentType):
            if Self.isWithoutContent(status) { break }
            replaceContent(by: text, contentType)
            replacement = text
            // It is no part of anything.
            if status == 206 { status = 200 }
        case .json(let body):
            if upstreamMethod == .head || request.method == .head || original == 304 {
                describeEdited(by: body)
            } else if responseHead.framing != .none, responseHead.framing != .length(0) {
                let length: Int? = if case .length(let length) = responseHead.framing { length } else { nil }
                if let problem = original == 206 ? .notJSON : body.problem(responseHead.fields, length: length) {
                    worker.noteUnfitBody(problem, body.refusesUnfit ? .responseRefused : .responsePassed, of: self)
                    if body.refusesUnfit {
                        answer(.unfitResponse)
                        return false
                    }
                } else {
                    isGathered = true
                    hold().responseBody = .gathering
                }
            }
        }
        applyResponseFields(of: rule)
        if status != original {
            responseHead.changeStatus(to: status)
            // It has a meaning with these two only (RFC 9110 section 14.4).
            if original == 206 || original == 416 { responseHead.fields.removeAll(KnownFieldSet(.contentRange)) }
            // What had no content by its status has none now, and says so.
            if responseHead.framing == .none, Self.isWithoutContent(original), request.method != .head {
                responseHead.framing = .length(0)
            }
        }
        if let replacement {
            answer(inPlaceOfUpstream: replacement)
            return false
        }
        return !isGathered
    }

    /// Makes a head without content tell what one with it would: nothing that is true of the unedited body only.
    private func describeEdited(by body: BodyEditRule) {
        responseHead.declaredLength = nil
        responseHead.framing = .none
        if responseHead.status == 304 || body.problem(responseHead.fields, length: nil) == nil {
            responseHead.fields.removeDigests()
        }
    }

    /// Changes the head of an answer that the gateway gives for the route.
    func transformLocalAnswer() {
        guard let rule = route.plugins.responseTransform, rule.applies(to: responseHead.status) else { return }
        // Behind the transforms the request is another one: then its values have been read already.
        if rule.readsAhead, (held?.responseTexts.count ?? 0) == 0 { readAheadForAnswer() }
        applyResponseFields(of: rule)
    }

    /// Reads what the answer's transform needs of a request that may be changed.
    func readAheadForAnswer() {
        guard let rule = withRoute({ $0.plugins.responseTransform }) else { return }
        rule.render(
            facts(rule.needs), fields: request.fields, parameters: match, into: &hold().responseTexts)
    }

    private func applyResponseFields(of rule: ResponseTransformRule) {
        if rule.readsAhead, let held {
            rule.apply(to: &responseHead.fields, held.responseTexts)
        } else {
            rule.apply(
                to: &responseHead.fields, facts(rule.needs), request: request.fields, parameters: match)
        }
    }

    private static func isWithoutContent(_ status: Int) -> Bool { status == 204 || status == 205 || status == 304 }

    private func replaceContent(by text: ByteView, _ contentType: ByteView) {
        let described = KnownFieldSet(.contentType).and(.contentEncoding).and(.contentLanguage).and(.contentRange)
            .and(.contentLocation).and(.etag).and(.lastModified)
        responseHead.fields.removeAll(described)
        responseHead.fields.removeDigests()
        responseHead.fields.append(.contentType, value: contentType)
        responseHead.framing = .length(text.count)
        responseHead.declaredLength = text.count
    }

    /// Sends the answer with content of the gateway's own. That is all of it, whatever the upstream still has to say.
    private func answer(inPlaceOfUpstream text: ByteView) {
        upstreamTime = worker.loop.now - upstreamStart
        discardUpstream()
        responseTrailers.removeAll()
        sendResponseHead()
        stream?.sendContent(text)
        complete()
    }

    // MARK: A body that is edited

    /// Whether an answer is held back: the upstream has given it, although the client has nothing of it.
    var gathersResponse: Bool {
        if let held, case .gathering = held.responseBody { return true }
        return false
    }

    private var gatheredRule: BodyEditRule? {
        if case .json(let rule)? = route.plugins.responseTransform?.body(for: attempt.status) { return rule }
        return nil
    }

    /// - Returns: whether the content is taken: the exchange may be over then.
    func holdResponseContent(_ bytes: ByteView, _ held: HeldTransform) -> Bool {
        switch held.responseBody {
        case .none: return false
        case .gathering:
            guard let rule = gatheredRule else { return false }
            if bytes.count <= rule.bytesMax - held.responseContent.readableCount {
                held.responseContent.append(bytes)
                return true
            }
            worker.noteUnfitBody(.tooLarge, rule.refusesUnfit ? .responseRefused : .responsePassed, of: self)
            if rule.refusesUnfit {
                answer(.unfitResponse)
            } else {
                sendHeldResponse(held)
                stream?.sendContent(bytes)
            }
            return true
        }
    }

    /// The content is here to its last byte. - Returns: whether the answer goes on; if not, the exchange is over.
    func finishHeldResponse(_ held: HeldTransform) -> Bool {
        guard case .gathering = held.responseBody, let rule = gatheredRule else { return true }
        if held.responseContent.isEmpty {
            // Nothing to edit.
        } else if let problem = held.editResponse(by: rule) {
            worker.noteUnfitBody(problem, rule.refusesUnfit ? .responseRefused : .responsePassed, of: self)
            if rule.refusesUnfit {
                answer(.unfitResponse)
                return false
            }
        } else {
            responseTrailers.removeAll()
            responseHead.fields.removeDigests()
            responseHead.framing = .length(held.responseContent.readableCount)
        }
        sendHeldResponse(held)
        return true
    }

    /// From here on the answer is passed on as it comes.
    private func sendHeldResponse(_ held: HeldTransform) {
        held.responseBody = .none
        sendResponseHead()
        stream?.sendContent(held.responseContent.readable)
        held.responseContent.removeAll()
    }
}
