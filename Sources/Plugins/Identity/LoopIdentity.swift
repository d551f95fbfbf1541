import Base
import HTTP
import Identity
import JOSE
import Observability
import Routing

/// The identity plugins on one loop: what they remember between requests, and the way that a request takes through
/// them.
///
/// ```
/// token? ─no──▶ anonymous, or refused
///   │ yes
///   ▼
/// verified before? ─no──▶ read, verify, hold against the issuer's policy ──▶ refused, or wait for keys
///   │ yes                                        │
///   ▼                                            ▼
/// decided for this route before? ─no──▶ scopes, claims, tenant, SPIFFE ID; kept with the token
///   │ yes                                        │
///   ▼                                            ▼
/// the route's tenant is the token's? ─no──▶ refused
/// ```
/// A token that comes again costs a look-up and a few comparisons.
package final class LoopIdentity {
    let tokens: VerifiedTokenCache
    let checker = TokenChecker()
    package let mint: TokenMint
    private let metrics: MetricsShard?
    private var scratch = IOBuffer(capacity: 4096)
    /// Apart from the rest, because what comes after it is made from it.
    private var tenant = IOBuffer(capacity: 256)

    /// What is known of the last token that was refused.
    private var lastRefused: RefusedToken?

    /// The internal token that the last call of `state` gave out; nil if it gave none. Valid until the next one.
    package private(set) var issued: MintedToken?

    /// - Parameter metrics: the loop's; nil to count nothing.
    package init(
        limits: TokenCacheLimits = TokenCacheLimits(), random: inout RandomSource, metrics: MetricsShard? = nil
    ) {
        tokens = VerifiedTokenCache(limits: limits, random: &random)
        mint = TokenMint(seed: random.next())
        self.metrics = metrics
    }

    /// Verified tokens kept now.
    package var tokenCount: Int { tokens.count }
    /// Their memory, with what routes made of them, in bytes.
    package var tokenBytes: Int { tokens.bytes }
    /// The `kid` of the token that made the last verdict be `wait`.
    package var missingKeyID: ByteView { checker.keyID }

    /// The tenant that a route is for; empty if it is for any. Valid until the next call of this or of `check`.
    package func routeTenant(
        _ chain: IdentityChain, of request: borrowing RequestHead, parameters: RouteMatch
    ) -> ByteView {
        tenant.removeAll()
        chain.appendRouteTenant(of: request, parameters: parameters, to: &tenant)
        return tenant.readable
    }

    /// What becomes of a request.
    package enum Verdict {
        case proceed
        case refuse(IdentityRefusal)
        /// The token's key isn't known: whoever loads the issuer's keys has to say.
        case wait(IssuerKeys)
    }

    /// Finds out who sends a request, and whether the route is for them.
    /// - Parameters:
    ///   - issuers: the snapshot's.
    ///   - parameters: what the route's path captured.
    package func check(
        _ request: borrowing RequestHead, by chain: IdentityChain, issuers: [IssuerKeys],
        parameters: RouteMatch, now: WallTime, caller: inout Caller
    ) -> Verdict {
        check(
            TokenSource.search(chain.jwt.sources, in: request), request, by: chain, issuers: issuers,
            parameters: parameters, now: now, caller: &caller)
    }

    /// The same, with what was found where tokens may stand.
    @inline(__always)
    func check(
        _ found: TokenSearch, _ request: borrowing RequestHead, by chain: IdentityChain, issuers: [IssuerKeys],
        parameters: RouteMatch, now: WallTime, caller: inout Caller
    ) -> Verdict {
        switch found {
        case .none: return chain.jwt.isRequired ? .refuse(.tokenMissing) : .proceed
        case .withheld: return .refuse(.tokenMissing)
        case .malformed: return .refuse(.requestMalformed)
        case .token(let text):
            let token: VerifiedToken
            switch find(text, by: chain, issuers: issuers, now: now.seconds) {
            case .verified(let found): token = found
            case .refused(let problem):
                caller.refused = lastRefused
                return .refuse(TokenSource.isToken(text) ? .tokenInvalid(problem) : .requestMalformed)
            case .keyUnknown(let issuer):
                caller.refused = lastRefused
                return .wait(issuer)
            }
            caller.token = token
            guard let identity = identity(of: token, by: chain) else { return .refuse(.tokenInvalid(.malformed)) }
            caller.identity = identity
            if let refusal = identity.refusal { return .refuse(refusal) }
            if let boundary = chain.spiffe?.routeTenant,
                !boundary.admits(identity.tenant, parameters: parameters, path: request.path, host: request.host)
            {
                return .refuse(.tenantRefused(.foreign))
            }
            return .proceed
        }
    }

    private func find(
        _ text: ByteView, by chain: IdentityChain, issuers: [IssuerKeys], now: Int64
    ) -> TokenChecker.Outcome {
        let known = tokens.find(text)
        metrics?.count(known == nil ? .verifiedTokenMisses : .verifiedTokenHits)
        // One by an issuer that the route doesn't name may still be by another of the same name, with rules of its own.
        if let known, isBelieved(known.issuer, by: chain, issuers) {
            if TokenPolicy.isPast(known.expiry, now: now, skew: known.issuer.policy.skew) {
                lastRefused = RefusedToken(known)
                forget(known)
                return .refused(.expired)
            }
            if isCurrent(known) { return .verified(known) }
            forget(known)
        }
        return verify(text, by: chain, issuers: issuers, now: now, former: known)
    }

    /// Checks a token as if it had never been here.
    /// - Parameter former: what was known of it, and counts no more if it is good.
    @inline(never)
    private func verify(
        _ text: ByteView, by chain: IdentityChain, issuers: [IssuerKeys], now: Int64, former: VerifiedToken?
    ) -> TokenChecker.Outcome {
        var believed: [IssuerKeys] = []
        for index in chain.jwt.issuers { believed.append(issuers[index]) }
        let outcome = checker.check(text, issuers: believed, now: now)
        lastRefused = checker.refused
        if case .verified(let fresh) = outcome {
            if let former { tokens.remove(former) }
            tokens.insert(fresh)
            tellOfTokens()
        }
        return outcome
    }

    @inline(never)
    private func forget(_ token: VerifiedToken) {
        tokens.remove(token)
        tellOfTokens()
    }

    /// The cache has changed.
    private func tellOfTokens() {
        guard let metrics else { return }
        metrics.set(.verifiedTokenEvictions, to: tokens.evictions)
        metrics.set(.verifiedTokens, to: tokens.count)
        metrics.set(.verifiedTokenBytes, to: tokens.bytes)
    }

    private func isBelieved(_ issuer: IssuerKeys, by chain: IdentityChain, _ issuers: [IssuerKeys]) -> Bool {
        for index in chain.jwt.issuers where issuers[index] === issuer { return true }
        return false
    }

    /// Whether the issuer still has the key that the token was verified with.
    private func isCurrent(_ token: VerifiedToken) -> Bool {
        let issuer = token.issuer
        if token.keyGeneration == issuer.generation { return true }
        guard issuer.contains(token.key) else { return false }
        token.keyGeneration = issuer.generation
        return true
    }

    /// What the route makes of the token. Nil when the token can't be read again, which it always can.
    private func identity(of token: VerifiedToken, by chain: IdentityChain) -> RouteIdentity? {
        if let known = token.identity(for: chain.number) { return known }
        guard let claims = checker.claims(of: token) else { return nil }
        let identity = decide(claims, token, by: chain)
        if identity.refusal == nil { identity.render(chain.claims, of: claims) }
        tokens.keep(identity, with: token)
        tellOfTokens()
        return identity
    }

    private func decide(_ claims: JSONValue, _ token: VerifiedToken, by chain: IdentityChain) -> RouteIdentity {
        let policy = token.issuer.policy
        scratch.removeAll()
        ScopeList.append(from: claims, paths: policy.scopePaths, to: &scratch)
        let scopeCount = scratch.readableCount
        if let refusal = chain.jwt.refusal(claims, scopes: ScopeList(scratch.readable)) {
            return RouteIdentity(chain: chain.number, refusal: refusal, scopes: scratch.readable)
        }
        guard let spiffe = chain.spiffe else {
            return RouteIdentity(chain: chain.number, scopes: scratch.readable)
        }
        // The tenant first: an ID may have it in its path.
        let issuerTenant = policy.tenant(of: claims)
        tenant.removeAll()
        if case .refused(let refusal) = spiffe.tenant.append(claims: claims, issuerTenant: issuerTenant, to: &tenant) {
            return RouteIdentity(
                chain: chain.number, refusal: .tenantRefused(refusal), scopes: scratch.readable)
        }
        let mapping = spiffe.rule.map(
            claims, tenant: tenant.readable, issuerTenant: issuerTenant, into: &scratch)
        let scopes = scratch.readable.prefix(scopeCount)
        if case .refused(let refusal) = mapping {
            return RouteIdentity(
                chain: chain.number, refusal: .identityUnmapped(refusal), scopes: scopes, tenant: tenant.readable)
        }
        return RouteIdentity(
            chain: chain.number, scopes: scopes, spiffeID: scratch.readable.from(scopeCount), tenant: tenant.readable)
    }
}

// MARK: Towards the upstream

extension LoopIdentity {
    /// Puts what the gateway says about the caller into the request, whose client's own tokens are gone by then
    /// (`IdentityChain.withholdTokens`).
    /// - Returns: why that can't be done; then the request must not go on.
    package func state(
        _ caller: Caller, by chain: IdentityChain, now: WallTime, in fields: inout HeaderList
    ) -> IdentityRefusal? {
        issued = nil
        guard let token = caller.token, let identity = caller.identity else { return nil }
        if let rule = chain.internalToken {
            switch internalToken(rule, token, identity, now: now) {
            case .success(let minted):
                issued = minted
                rule.placement.put(minted.token, into: &fields)
            case .failure(let refusal): return .mintRefused(refusal)
            }
        }
        if !identity.spiffeID.isEmpty { fields.set(.xSpiffeID, value: identity.spiffeID) }
        return nil
    }

    private func internalToken(
        _ plugin: InternalTokenPlugin, _ token: VerifiedToken, _ identity: RouteIdentity, now: WallTime
    ) -> Result<MintedToken, MintRefusal> {
        if let reference = identity.minted,
            let known = mint.token(at: reference, now: now, outerExpiry: token.expiry)
        {
            metrics?.count(.mintedTokenHits)
            return .success(known)
        }
        guard let claims = checker.claims(of: token) else { return .failure(.signingFailed) }
        let policy = token.issuer.policy
        let about = TokenIdentity(
            subject: identity.spiffeID, tenant: identity.tenant, scopes: ScopeList(identity.scopes), claims: claims,
            client: policy.clientPath.value(in: claims)?.text ?? ByteView(), expiry: token.expiry)
        do throws(MintRefusal) {
            let signedBefore = mint.signedCount
            let reference = try mint.mint(plugin.rule, for: about, now: now)
            count(signed: mint.signedCount > signedBefore)
            identity.minted = reference
            // What was signed is in the cache: there is room for it, and nothing else happened since.
            guard let minted = mint.token(justMinted: reference) else { return .failure(.signingFailed) }
            return .success(minted)
        } catch {
            // One that was kept and is too old may have gone.
            tellOfMintedTokens()
            return .failure(error)
        }
    }

    private func count(signed: Bool) {
        guard signed else {
            metrics?.count(.mintedTokenHits)
            return
        }
        metrics?.count(.mintedTokenMisses)
        tellOfMintedTokens()
    }

    private func tellOfMintedTokens() {
        guard let metrics else { return }
        metrics.set(.mintedTokenEvictions, to: mint.evictionCount)
        metrics.set(.mintedTokens, to: mint.cachedCount)
        metrics.set(.mintedTokenBytes, to: mint.cachedByteCount)
    }
}
