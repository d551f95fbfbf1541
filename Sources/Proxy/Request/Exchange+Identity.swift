import Base
import HTTP
import Observability
import Plugins

/// The identity plugins' part in an exchange: who sends the request, and what the upstream is told about it.
extension Exchange {
    /// Finds out who sends the request, as far as the route wants to know.
    func authenticate(in snapshot: Snapshot) -> StepOutcome {
        guard let chain = route.plugins.identity else { return .next(.act) }
        let verdict = worker.identity.check(
            request, by: chain, issuers: snapshot.issuers, parameters: match, now: worker.wallNow, caller: &caller)
        switch verdict {
        case .proceed: return .next(.act)
        case .refuse(let refusal): return refuse(refusal, by: chain)
        case .wait(let issuer): return wait(for: issuer, by: chain)
        }
    }

    /// Gives the request the identity that the upstream shall see, in place of the client's token.
    func stateIdentity() -> StepOutcome {
        guard let chain = route.plugins.identity else { return .next(.dispatch) }
        guard let refusal = worker.identity.state(caller, by: chain, now: worker.wallNow, in: &request) else {
            audit(.allowed, by: chain)
            return .next(.dispatch)
        }
        return refuse(refusal, by: chain)
    }

    private func refuse(_ refusal: IdentityRefusal, by chain: IdentityChain) -> StepOutcome {
        identityRefusal = refusal
        audit(.refused(refusal), by: chain)
        return .respond(GatewayAnswer(refusal.status, refusal.code, refusal.detail))
    }

    /// The token's key isn't known, or not yet: the control thread finds out, and the request waits for that.
    private func wait(for issuer: IssuerKeys, by chain: IdentityChain) -> StepOutcome {
        guard worker.issuerWaits.add(self, for: issuer) else { return refuse(.issuerUnavailable, by: chain) }
        return .parked
    }

    /// The control thread is done with the issuer.
    func issuerSettled() {
        guard let snapshot else { return }
        hasWaitedForIssuer = true
        run(from: .authenticate, in: snapshot)
    }
}
