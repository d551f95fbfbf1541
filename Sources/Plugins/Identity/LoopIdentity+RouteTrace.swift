import Base
import HTTP
import Identity
import JOSE
import Routing

/// What a route makes of a token, told one decision at a time.
extension LoopIdentity {
    func noteRoute(
        _ token: VerifiedToken, _ caller: Caller, _ request: borrowing RequestHead,
        parameters: RouteMatch, _ traced: TracedRequest, _ trace: inout IdentityTrace
    ) {
        guard let claims = checker.claims(of: token) else { return }
        var buffer = IOBuffer()
        ScopeList.append(from: claims, paths: token.issuer.policy.scopePaths, to: &buffer)
        let scopes = ScopeList(buffer.readable)
        trace.scopes = scopes.text.string
        traced.chain.jwt.trace(claims, scopes: scopes, &trace)
        guard traced.chain.jwt.refusal(claims, scopes: scopes) == nil, let spiffe = traced.chain.spiffe else { return }
        guard let identity = caller.identity else { return }
        trace.tenant = identity.tenant.string
        if case .tenantRefused(let refusal)? = identity.refusal {
            return trace.note(.tenant, .bad, refusal.message)
        }
        let hasTenant = !identity.tenant.isEmpty
        trace.note(.tenant, hasTenant ? .good : .neutral, hasTenant ? trace.tenant : "the token has none")
        noteRules(spiffe.rule, claims, &trace)
        if case .identityUnmapped(let refusal)? = identity.refusal {
            return trace.note(.identity, .bad, refusal.message)
        }
        trace.spiffeID = identity.spiffeID.string
        trace.note(.identity, .good, trace.spiffeID)
        guard let boundary = spiffe.routeTenant else { return }
        var wanted = IOBuffer()
        boundary.append(parameters: parameters, path: request.path, host: request.host, to: &wanted)
        let isHome = boundary.admits(
            identity.tenant, parameters: parameters, path: request.path, host: request.host)
        let held = hasTenant ? "the token's is \(trace.tenant)" : "the token has none"
        trace.note(.routeTenant, isGood: isHome, "\(held), wanted \(wanted.readable.string)")
    }

    private func noteRules(_ rule: SPIFFERule, _ claims: JSONValue, _ trace: inout IdentityTrace) {
        for (index, entry) in rule.cases.enumerated() {
            guard let broken = entry.conditions.first(where: { !$0.holds(in: claims) }) else {
                let isAlways = entry.conditions.isEmpty
                return trace.note(.rule(index), .good, isAlways ? "always matches" : "all its conditions hold")
            }
            let shown = Self.text(broken.path.value(in: claims))
            trace.note(.rule(index), .neutral, "not it: \(broken.path.text) is \(shown), wanted \(broken.test.text)")
        }
    }

    func noteInternalToken(_ caller: Caller, _ traced: TracedRequest, _ trace: inout IdentityTrace) {
        guard traced.chain.internalToken != nil, let token = caller.token else { return }
        if let refusal = trace.refusal { return trace.note(.internalToken, .bad, "\(refusal.code): \(refusal.detail)") }
        guard let reference = caller.identity?.minted,
            let minted = mint.token(justMinted: reference)
        else { return }
        let compact = CompactToken()
        guard (try? compact.read(minted.token, maximumCount: minted.token.count)) != nil else { return }
        trace.internalHeader = compact.header.string
        trace.internalClaims = compact.payload.string
        let life = minted.expiry - minted.issuedAt
        trace.note(
            .internalToken, .good,
            "lives \(life)s\(minted.expiry == token.expiry ? ", as long as the caller's token" : "")")
    }
}

extension JWTRule {
    /// What `refusal` asks, one by one.
    fileprivate func trace(_ claims: JSONValue, scopes held: ScopeList, _ trace: inout IdentityTrace) {
        if !audiences.isEmpty {
            let problem = TokenPolicy.audienceProblem(claims, audiences)
            trace.note(.audiences, isGood: problem == nil, "aud is \(LoopIdentity.text(claims.member("aud")))")
        }
        let has = held.isEmpty ? "the token has none" : "the token has \(held.text.string)"
        if !scopes.isEmpty {
            let wanted = scopes.map(\.string).joined(separator: " and ")
            trace.note(.scopes, isGood: held.containsAll(scopes), "\(has), wanted \(wanted)")
        }
        if !anyScope.isEmpty {
            let wanted = anyScope.map(\.string).joined(separator: " or ")
            trace.note(.anyScope, isGood: held.containsAny(anyScope), "\(has), wanted \(wanted)")
        }
        for (index, condition) in conditions.enumerated() {
            let shown = LoopIdentity.text(condition.path.value(in: claims))
            trace.note(
                .condition(index), isGood: condition.holds(in: claims),
                "\(condition.path.text) is \(shown), wanted \(condition.test.text)")
        }
    }
}

extension ClaimCondition.Test {
    /// As a person would say it.
    fileprivate var text: String {
        switch self {
        case .equals(let text): "\"\(text.string)\""
        case .oneOf(let texts): "one of " + texts.map { "\"\($0.string)\"" }.joined(separator: ", ")
        case .contains(let text): "\"\(text.string)\" in it"
        case .present(let isWanted): isWanted ? "anything" : "nothing"
        }
    }
}

extension TokenPolicy {
    /// Whether a check has anything to do with this issuer and token, so that it is worth a word.
    func hasSay(_ check: Check, _ claims: JSONValue) -> Bool {
        switch check {
        case .type, .expiry, .subject: true
        case .start: claims.member("nbf") != nil
        case .issuing: claims.member("iat") != nil
        case .lifetime: lifetimeMax != nil
        case .idToken: !allowsIDTokens
        case .audience: !audiences.isEmpty
        case .party: !authorizedParties.isEmpty
        }
    }

    /// What a check looks at, with its value.
    func reason(_ check: Check, type: ByteView, claims: JSONValue, now: Int64) -> String {
        func shown(_ name: StaticString) -> String { "\(name) is \(LoopIdentity.text(claims.member(name)))" }
        switch check {
        case .type:
            let accepted = types.map(\.string).joined(separator: ", ")
            return "typ is \(type.isEmpty ? "missing" : type.string), accepted: \(accepted)"
        case .expiry: return shown("exp") + Self.distance(claims.member("exp"), now: now)
        case .start: return shown("nbf") + Self.distance(claims.member("nbf"), now: now)
        case .issuing: return shown("iat") + Self.distance(claims.member("iat"), now: now)
        case .lifetime:
            guard let expiry = claims.member("exp").flatMap(Self.seconds) else { return "unknown without exp" }
            let start = claims.member("iat").flatMap(Self.seconds) ?? now
            return "it lives \(expiry - start)s, wanted \(lifetimeMax ?? 0)s at most"
        case .idToken:
            return problem(in: .idToken, type: type, claims: claims, now: now) == nil
                ? "none of nonce, at_hash, c_hash" : "it is an ID token"
        case .audience:
            return shown("aud") + ", wanted \(audiences.map(\.string).joined(separator: " or "))"
        case .party:
            let parties = authorizedParties.map(\.string).joined(separator: " or ")
            return "\(clientPath.text) is \(LoopIdentity.text(clientPath.value(in: claims))), wanted \(parties)"
        case .subject: return "\(subjectPath.text) is \(LoopIdentity.text(subjectPath.value(in: claims)))"
        }
    }

    /// `, 5s ago` or `, in 5s`.
    private static func distance(_ value: JSONValue?, now: Int64) -> String {
        guard let instant = value.flatMap(seconds) else { return "" }
        return instant < now ? ", \(now - instant)s ago" : ", in \(instant - now)s"
    }
}
