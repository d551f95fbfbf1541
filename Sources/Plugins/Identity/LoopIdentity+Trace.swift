import Base
import HTTP
import JOSE
import Routing

/// A request whose caller is to be explained.
package struct TracedRequest {
    let chain: IdentityChain
    let issuers: [IssuerKeys]
    let now: WallTime
    /// A token beside what the request's own fields hold; nil for none.
    let presented: ByteView?
    /// Whether the token's signature counts as good without being looked at. It does anyway where no keys are.
    let isSignatureAssumed: Bool

    package init(
        chain: IdentityChain, issuers: [IssuerKeys], now: WallTime, presented: ByteView?, isSignatureAssumed: Bool
    ) {
        self.chain = chain
        self.issuers = issuers
        self.now = now
        self.presented = presented
        self.isSignatureAssumed = isSignatureAssumed
    }
}

extension LoopIdentity {
    /// Runs a request through `check` and `state` and tells each decision on the way. The verdict is theirs.
    package func trace(
        _ request: inout RequestHead, parameters: RouteMatch, _ traced: TracedRequest
    ) -> IdentityTrace {
        var trace = IdentityTrace()
        let chain = traced.chain
        let found = search(request, traced)
        if !traced.isSignatureAssumed { noteToken(found, chain, &trace) }
        var caller = Caller()
        var tokenRefusal: IdentityRefusal?
        if case .token(let text) = found { tokenRefusal = noteToken(text, traced, &trace) }
        if let tokenRefusal {
            trace.refusal = tokenRefusal
        } else {
            switch check(
                found, request, by: chain, issuers: traced.issuers, parameters: parameters, now: traced.now,
                caller: &caller)
            {
            case .proceed: break
            case .refuse(let refusal): trace.refusal = refusal
            case .wait(let issuer): trace.refusal = issuer.hasKeys ? .tokenInvalid(.keyUnknown) : .issuerUnavailable
            }
        }
        trace.identity = caller.identity
        if let token = caller.token { noteRoute(token, caller, request, parameters: parameters, traced, &trace) }
        if trace.refusal == nil {
            trace.refusal = state(caller, by: chain, now: traced.now, in: &request.fields)
            noteInternalToken(caller, traced, &trace)
        }
        if let refusal = trace.refusal { trace.challenge = Self.challenge(refusal, chain) }
        return trace
    }

    private func search(_ request: borrowing RequestHead, _ traced: TracedRequest) -> TokenSearch {
        let found = TokenSource.search(traced.chain.jwt.sources, in: request)
        guard let presented = traced.presented else { return found }
        if case .none = found { return TokenSource.found(presented) }
        return .malformed
    }

    private static func challenge(_ refusal: IdentityRefusal, _ chain: IdentityChain) -> String? {
        var fields = HeaderList()
        chain.jwt.challenge.append(for: refusal, to: &fields)
        return fields.value(of: .wwwAuthenticate)?.string
    }

    // MARK: The token by itself

    private func noteToken(_ found: TokenSearch, _ chain: IdentityChain, _ trace: inout IdentityTrace) {
        switch found {
        case .none where chain.jwt.isRequired: trace.note(.token, .bad, "the request has none, and the route wants one")
        case .none: trace.note(.token, .neutral, "the request has none, and needs none: nobody is known")
        case .withheld: trace.note(.token, .bad, "`Connection` names the field that holds it, so it goes no further")
        case .malformed: trace.note(.token, .bad, "several places hold one, or a place holds what can't be one")
        case .token(let text): trace.note(.token, .good, "found, \(text.count) bytes")
        }
    }

    /// - Returns: why the token is refused, where `check` can't say it because it has no key to check with.
    private func noteToken(
        _ text: ByteView, _ traced: TracedRequest, _ trace: inout IdentityTrace
    ) -> IdentityRefusal? {
        let claims: JSONValue
        do throws(TokenError) {
            claims = try checker.read(text)
        } catch {
            trace.note(.form, .bad, "\(error.text)")
            return nil
        }
        let compact = checker.compact
        let named = compact.keyID.map { ", kid \($0.string)" } ?? ", no kid"
        if !traced.isSignatureAssumed {
            trace.note(.form, .good, "a signed token: alg \(compact.algorithm.name)\(named)")
        }
        let believed = traced.chain.jwt.issuers
        guard let issuer = TokenChecker.issuer(of: claims, among: believed.map { traced.issuers[$0] }),
            let index = believed.first(where: { traced.issuers[$0] === issuer })
        else {
            trace.note(.issuer, .bad, "iss is \(Self.text(claims.member("iss"))): no issuer of this route")
            return nil
        }
        trace.issuerIndex = index
        trace.subject = issuer.policy.subjectPath.value(in: claims)?.text?.string ?? ""
        trace.note(.issuer, .good, "\(issuer.name.string): iss is \(Self.text(claims.member("iss")))")
        let signatureRefusal = noteSignature(issuer, traced, &trace)
        // Claims without a token have no type to be checked, which is the first check.
        let type = compact.type ?? ByteView()
        var problem: TokenProblem?
        let checks = TokenPolicy.Check.allCases.dropFirst(traced.isSignatureAssumed ? 1 : 0)
        for check in checks where issuer.policy.hasSay(check, claims) {
            let found = issuer.policy.problem(in: check, type: type, claims: claims, now: traced.now.seconds)
            problem = problem ?? found
            let shown = issuer.policy.reason(check, type: type, claims: claims, now: traced.now.seconds)
            trace.note(.policy(check), isGood: found == nil, shown)
        }
        if let signatureRefusal { return signatureRefusal }
        guard trace.isSignatureUnchecked else { return nil }
        return admit(text, claims, issuer, problem)
    }

    /// - Returns: why the token is refused, where there is no key to find out with.
    private func noteSignature(
        _ issuer: IssuerKeys, _ traced: TracedRequest, _ trace: inout IdentityTrace
    ) -> IdentityRefusal? {
        let compact = checker.compact
        let isAllowed = issuer.algorithms.contains(compact.algorithm)
        if traced.isSignatureAssumed {
            trace.isSignatureUnchecked = true
            trace.note(.signature, .unchecked, "claims as if they came in a token of this issuer")
            return nil
        }
        let allowed = SignatureAlgorithm.allCases.filter { issuer.algorithms.contains($0) }
        let list = allowed.map { $0.name.description }.joined(separator: ", ")
        trace.note(.algorithm, isGood: isAllowed, "\(compact.algorithm.name), allowed: \(list)")
        guard issuer.hasKeys else {
            trace.isSignatureUnchecked = true
            trace.note(.signature, .unchecked, "not checked: the issuer's keys are not here")
            return isAllowed ? nil : .tokenInvalid(.algorithmNotAllowed)
        }
        do throws(TokenError) {
            let key = try issuer.verify(compact)
            let name = key?.keyID?.string ?? key?.thumbprint.base64URL ?? ""
            trace.note(.signature, .good, "good, by the key \(name)")
        } catch {
            trace.note(.signature, .bad, "\(error.text)")
        }
        return nil
    }

    /// Has `check` find the token among those that it verified before.
    private func admit(
        _ text: ByteView, _ claims: JSONValue, _ issuer: IssuerKeys, _ problem: TokenProblem?
    ) -> IdentityRefusal? {
        if let problem { return .tokenInvalid(problem) }
        guard let key = try? VerificationKey(secret: [UInt8](repeating: 0, count: 32), keyID: nil),
            case .verified(let token) = checker.entry(text, claims, issuer, key)
        else { return .tokenInvalid(.malformed) }
        tokens.insert(token)
        return nil
    }

    /// A claim as it is written.
    static func text(_ value: JSONValue?) -> String { value?.raw.string ?? "missing" }
}
