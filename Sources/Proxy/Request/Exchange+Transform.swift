import Base
import HTTP
import Observability
import Plugins

/// The transforms' part in an exchange, towards the upstream: everything is read before the first change; a body that
/// is edited is gathered first, within its limit, and the request waits for it.
extension Exchange {
    /// What templates read, as far as they need it.
    func facts(_ needs: RequestFactSet) -> RequestFacts {
        var facts = RequestFacts()
        if needs.contains(.path) { facts.path = request.path }
        if needs.contains(.query), let query = upstreamQuery { facts.query = query }
        if needs.contains(.host) {
            facts.host = request.host
            facts.authority = request.authority
        }
        if needs.contains(.method) { facts.method = request.methodToken }
        if needs.contains(.requestID) { facts.requestID = requestID.readable }
        if needs.contains(.client) { facts.client = client }
        if needs.contains(.identity) { facts.identity = caller.identity }
        return facts
    }

    /// What the exchange keeps, from now on.
    func hold() -> HeldTransform {
        if let held { return held }
        let fresh = worker.takeHeldTransform()
        held = fresh
        return fresh
    }

    func transformRequest() -> StepOutcome {
        if withRoute({ $0.plugins.readsAheadForAnswer }) { readAheadForAnswer() }
        guard let rule = withRoute({ $0.plugins.requestTransform }) else {
            withholdTokens()
            withholdForAnswer()
            return .next(.admit)
        }
        var isGathered = false
        if let body = rule.body, hasContent {
            let length: Int? = if case .length(let length) = request.framing { length } else { nil }
            if let problem = body.problem(request.fields, length: length) {
                worker.noteUnfitBody(problem, body.refusesUnfit ? .requestRefused : .requestPassed, of: self)
                if body.refusesUnfit { return .respond(GatewayAnswer(problem)) }
            } else {
                isGathered = true
            }
        }
        let problem =
            isGathered
            ? rule.render(
                facts(rule.bodyNeeds), fields: request.fields, parameters: match, bodyValues: &hold().requestTexts)
            : rule.render(facts(rule.needs), fields: request.fields, parameters: match)
        if let problem { return .respond(GatewayAnswer(problem.refusal, by: .transform)) }
        withholdTokens()
        if let refusal = change(by: rule) { return .respond(refusal) }
        withholdForAnswer()
        return isGathered ? gather() : .next(.admit)
    }

    /// Keeps back what asks for an answer that couldn't be edited.
    private func withholdForAnswer() {
        guard let fields = withRoute({ $0.plugins.responseTransform?.withheldFields }), !fields.isEmpty else { return }
        request.fields.removeAll(fields)
        // Another charset couldn't be edited either; nobody has asked for one in years.
        request.fields.removeAll(named: ByteView("Accept-Charset"))
    }

    private var hasContent: Bool { progress == .receiving && request.framing != .length(0) }

    /// Changes everything but the body.
    private func change(by rule: RequestTransformRule) -> GatewayAnswer? {
        rule.apply(to: &request.fields)
        if rule.changesQuery {
            let edited = rule.editedQuery(upstreamQuery ?? ByteView())
            rewrittenQuery.removeAll()
            rewrittenQuery.append(edited)
            hasRewrittenQuery = true
        }
        if rule.changesPath {
            rewrittenPath.removeAll()
            if let problem = rule.appendPath(parameters: match, original: request.path, to: &rewrittenPath) {
                return GatewayAnswer(problem.refusal, by: .transform)
            }
        }
        guard let method = rule.method else { return nil }
        // Content behind such a method means nothing, and servers differ on where it ends (RFC 9110 section 9.3.1).
        if method == .get || method == .delete, hasContent {
            return GatewayAnswer(TransformProblem.methodWithoutContent.refusal, by: .transform)
        }
        transformedMethod = method
        // Servers may want to be told that such a method comes without content (RFC 9110 section 8.6).
        if method != .get, method != .delete, request.framing == .none { request.framing = .length(0) }
        return nil
    }

    // MARK: A body that is edited

    private func gather() -> StepOutcome {
        hold().requestBody = .gathering
        if request.expectsContinue {
            // Nobody else will say so: the upstream gets the request when all of it is here.
            request.fields.removeAll(.expect)
            responseHead.reset()
            responseHead.status = 100
            stream?.sendInterim(responseHead)
        }
        // The request may have waited already, and nobody reads then.
        requestMayContinue()
        return .parked
    }

    /// Whether content is gathered now.
    var gathersRequest: Bool {
        if let held, case .gathering = held.requestBody { return true }
        return false
    }

    /// Whether all content that has come is kept, so that it can be sent again.
    var holdsContent: Bool {
        if let held, case .held = held.requestBody { return held.gatheredBytes == contentBytes }
        return false
    }

    /// - Returns: whether the content is taken: the exchange may be over then.
    func gatherContent(_ bytes: ByteView, expecting expected: Int) -> Bool {
        guard gathersRequest, let held, let rule = route.plugins.requestTransform?.body else { return false }
        let room = rule.bytesMax - held.requestContent.readableCount
        if bytes.count <= room, expected <= room - bytes.count {
            held.requestContent.append(bytes)
            return true
        }
        worker.noteUnfitBody(.tooLarge, rule.refusesUnfit ? .requestRefused : .requestPassed, of: self)
        if rule.refusesUnfit {
            answer(GatewayAnswer(BodyProblem.tooLarge))
        } else {
            held.requestContent.append(bytes)
            goOn(holding: held)
        }
        return true
    }

    /// The content is here to its last byte.
    func finishGathering() {
        guard let held, let rule = route.plugins.requestTransform?.body else { return }
        if held.requestContent.isEmpty {
            // Nothing to edit.
        } else if let problem = held.editRequest(by: rule) {
            worker.noteUnfitBody(problem, rule.refusesUnfit ? .requestRefused : .requestPassed, of: self)
            if rule.refusesUnfit { return answer(GatewayAnswer(problem)) }
        } else {
            // What comes behind edited content was about another one.
            requestTrailers.removeAll()
            request.fields.removeDigests()
            request.framing = .length(held.requestContent.readableCount)
        }
        goOn(holding: held)
    }

    private func goOn(holding held: HeldTransform) {
        held.requestBody = .held
        held.gatheredBytes = contentBytes
        resume(with: .next(.admit))
    }
}

extension GatewayAnswer {
    init(_ refusal: PluginRefusal, by refuser: Refuser) {
        self.init(refusal.status, refusal.code, refusal.detail, by: refuser)
    }

    /// The answer to a request whose body can't be edited.
    init(_ problem: BodyProblem) { self.init(problem.status, problem.code, problem.detail, by: .transform) }

    /// The answer when the upstream's can't be edited.
    static var unfitResponse: GatewayAnswer {
        GatewayAnswer(502, "response-body-unfit", "The service gave an answer that can't be used here.", by: .transform)
    }
}

extension HeaderList {
    /// Removes what is true of the bytes as they were only (RFC 9530, RFC 3230, RFC 1864).
    mutating func removeDigests() {
        for name: StaticString in ["Content-Digest", "Repr-Digest", "Digest", "Content-MD5"] {
            removeAll(named: ByteView(name))
        }
    }
}
