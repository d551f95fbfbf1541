import Base
import HTTP
import Observability
import Plugins

/// What is counted and written down of each identity decision, once for each request: when the identity plugins refuse
/// it, when it is sent on, or when something else refuses it after they have let it in.
extension Exchange {
    /// The identity plugins let the request in, as somebody's or nobody's.
    /// - Parameter issued: the internal token that the upstream gets.
    func recordAdmission(issued: MintedToken?) {
        owesAdmission = false
        let decision: AuditDecision
        if let token = caller.token {
            decision = .accepted
            token.issuer.metrics?.countAccepted()
        } else {
            decision = .anonymous
            worker.noIssuer.countAnonymous()
        }
        guard let log = worker.auditLog(for: decision) else { return }
        withAuditEntry(decision) { entry in
            if let issued {
                entry.internalTokenID = issued.id
                if issued.id.isEmpty { entry.internalTokenDigest = issued.digest }
            }
            log.write(entry)
        }
    }

    func recordRefusal(_ refusal: IdentityRefusal) {
        owesAdmission = false
        issuerMetrics(of: refusal).countRefused(refusal.code)
        guard let log = worker.auditLog(for: .refused) else { return }
        withAuditEntry(.refused) { entry in
            entry.reason = ByteView(refusal.code)
            entry.status = refusal.status
            if refusal == .tenantRefused(.foreign), let chain = route.plugins.identity {
                entry.routeTenant = worker.identity.routeTenant(chain, of: request, parameters: match)
            }
            log.write(entry)
        }
    }

    private func issuerMetrics(of refusal: IdentityRefusal) -> DecisionMetrics {
        switch refusal {
        case .tokenMissing, .requestMalformed: return worker.noIssuer
        default: return caller.token?.issuer.metrics ?? caller.refused?.issuer.metrics ?? worker.unknownIssuer
        }
    }

    private func withAuditEntry(_ decision: AuditDecision, _ body: (inout AuditEntry) -> Void) {
        guard let connection = stream?.connection else { return }
        worker.logScratch.removeAll()
        appendClient(to: &worker.logScratch)
        var entry = AuditEntry()
        entry.time = worker.wallNow
        entry.decision = decision
        entry.requestID = requestID.readable
        entry.traceID = traceID
        entry.client = worker.logScratch.readable
        entry.listener = connection.listener.settings.name
        entry.method = request.methodToken
        entry.host = request.host
        entry.path = request.path
        entry.route = withRoute { $0.identity }
        describeCaller(in: &entry)
        body(&entry)
    }

    private func describeCaller(in entry: inout AuditEntry) {
        if let token = caller.token {
            entry.issuer = token.issuer.name
            entry.subject = token.subject
            entry.keyID = token.keyID
            if let identity = caller.identity {
                entry.scopes = identity.scopes
                entry.spiffeID = identity.spiffeID
                entry.tenant = identity.tenant
            }
        } else if let refused = caller.refused {
            if refused.isSigned {
                entry.issuer = refused.issuer.name
                entry.subject = refused.subject
                entry.keyID = refused.keyID
            } else {
                entry.claimedIssuer = refused.issuer.name
                entry.claimedKeyID = refused.keyID
            }
        }
    }
}
