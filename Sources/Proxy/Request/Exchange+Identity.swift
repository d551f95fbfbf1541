import Base
import HTTP
import Observability
import Plugins

/// The identity plugins' part in an exchange: who sends the request, and what the upstream is told about it.
extension Exchange: KeyWaiter {
    /// Finds out who sends the request, as far as the route wants to know.
    func authenticate(in snapshot: Snapshot) -> StepOutcome {
        guard let chain = route.plugins.identity else { return applyRateLimits(.identified, then: .act) }
        let verdict = worker.identity.check(
            request, by: chain, issuers: snapshot.issuers, parameters: match, now: worker.wallNow, caller: &caller)
        switch verdict {
        case .proceed:
            owesAdmission = true
            // Where nothing is sent on, no token is issued, so all is known.
            if withRoute({ $0.upstreamIndex < 0 }) { recordAdmission(issued: nil) }
            return applyRateLimits(.identified, then: .act)
        case .refuse(let refusal): return refuse(refusal)
        case .wait(let issuer): return wait(for: issuer)
        }
    }

    /// Gives the request the identity that the upstream shall see, in place of the client's token. The last thing
    /// before it is sent, because internal tokens are short-lived, and a place at a concurrency limit may be waited
    /// for.
    func stateIdentity() -> StepOutcome {
        guard let chain = route.plugins.identity else { return .next(.dispatch) }
        if let refusal = worker.identity.state(caller, by: chain, now: worker.wallNow, in: &request.fields) {
            return refuse(refusal)
        }
        recordAdmission(issued: worker.identity.issued)
        return .next(.dispatch)
    }

    /// Another attempt is about to begin, maybe long after the first: the upstream gets a token that is still good. If
    /// the caller's own has ended meanwhile there is none, and the upstream sees the one that ended with it.
    func restateIdentity() {
        guard let chain = route.plugins.identity, chain.internalToken != nil else { return }
        _ = worker.identity.state(caller, by: chain, now: worker.wallNow, in: &request.fields)
    }

    /// A token in the query ends here, whatever becomes of the request: URLs end up in other people's logs.
    func withholdQueryToken() {
        guard request.hasQuery, let chain = route.plugins.identity, chain.jwt.hasQuerySource else { return }
        rewrittenQuery.removeAll()
        hasRewrittenQuery = TokenRemoval.appendQuery(request.query, without: chain.jwt.sources, to: &rewrittenQuery)
    }

    /// On routes with `internal_jwt`, what the client has sent in the places of tokens ends here. Templates have read
    /// it by then, and nothing is written yet: what the route sets in such a place goes on.
    func withholdTokens() {
        withRoute { route in
            if let chain = route.plugins.identity { chain.withholdTokens(in: &request.fields) }
        }
    }

    private func refuse(_ refusal: IdentityRefusal) -> StepOutcome {
        identityRefusal = refusal
        recordRefusal(refusal)
        return .respond(
            GatewayAnswer(
                refusal.status, refusal.code, refusal.detail, by: .identity,
                retryAfterSeconds: refusal.retryAfterSeconds))
    }

    /// The token's key isn't known: the control thread looks for it, and the request waits for that.
    private func wait(for issuer: IssuerKeys) -> StepOutcome {
        if !hasWaitedForIssuer, worker.issuers.wait(self, for: issuer, keyID: worker.identity.missingKeyID) {
            return .parked
        }
        return refuse(issuer.hasKeys ? .tokenInvalid(.keyUnknown) : .issuerUnavailable)
    }

    package func issuerSettled(mayAskAgain: Bool) {
        issuerTicket = 0
        hasWaitedForIssuer = !mayAskAgain
        resume(with: .next(.authenticate))
    }
}
