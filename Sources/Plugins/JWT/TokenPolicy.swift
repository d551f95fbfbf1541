import Base
import Identity
import JOSE

/// What an issuer's tokens must look like, whatever the route: gateway.yaml's `issuers`, compiled. Time is seconds
/// since 1970. One loop's own.
package final class TokenPolicy {
    /// What `iss` must be.
    package let issuer: ByteView
    package let audiences: [ByteView]
    package let authorizedParties: [ByteView]
    /// In lower case, without `application/`.
    package let types: [ByteView]
    package let allowsIDTokens: Bool
    package let skew: Int64
    package let lifetimeMax: Int64?
    /// The tenant of all its tokens; empty when a claim says.
    package let tenant: ByteView
    package let subjectPath: ClaimPath
    package let scopePaths: [ClaimPath]
    package let tenantPath: ClaimPath?
    package let clientPath: ClaimPath
    // What the views above look into.
    private let texts: TextArena

    /// - Parameter parts: their texts must be in `texts`.
    package init(_ parts: Parts, texts: TextArena) {
        issuer = parts.issuer
        audiences = parts.audiences
        authorizedParties = parts.authorizedParties
        types = parts.types
        allowsIDTokens = parts.allowsIDTokens
        skew = parts.skew
        lifetimeMax = parts.lifetimeMax
        tenant = parts.tenant
        subjectPath = parts.subjectPath
        scopePaths = parts.scopePaths
        tenantPath = parts.tenantPath
        clientPath = parts.clientPath
        self.texts = texts
    }

    package struct Parts {
        package var issuer = ByteView()
        package var audiences: [ByteView] = []
        package var authorizedParties: [ByteView] = []
        package var types: [ByteView] = [ByteView("jwt"), ByteView("at+jwt")]
        package var allowsIDTokens = false
        package var skew: Int64 = 60
        package var lifetimeMax: Int64?
        package var tenant = ByteView()
        package var subjectPath: ClaimPath
        package var scopePaths: [ClaimPath]
        package var tenantPath: ClaimPath?
        package var clientPath: ClaimPath

        package init(subjectPath: ClaimPath, scopePaths: [ClaimPath], clientPath: ClaimPath) {
            self.subjectPath = subjectPath
            self.scopePaths = scopePaths
            self.clientPath = clientPath
        }
    }

    /// What the issuer says about the tenant of a token; empty for nothing.
    func tenant(of claims: JSONValue) -> ByteView {
        if !tenant.isEmpty { return tenant }
        guard let tenantPath, case .text(let text) = ClaimText(tenantPath.value(in: claims)) else { return ByteView() }
        return text
    }

    // MARK: Checks

    /// What is asked of a token whose signature holds, in this order.
    package enum Check: UInt8, CaseIterable, Sendable {
        case type, expiry, start, issuing, lifetime, idToken, audience, party, subject
    }

    /// The first thing that is wrong with a token whose signature holds, or nil.
    /// - Parameter type: the header's `typ`; empty without one.
    package func problem(type: ByteView, claims: JSONValue, now: Int64) -> TokenProblem? {
        var number: UInt8 = 0
        while let check = Check(rawValue: number) {
            if let problem = problem(in: check, type: type, claims: claims, now: now) { return problem }
            number += 1
        }
        return nil
    }

    /// What one check alone finds, whatever the others do.
    func problem(in check: Check, type: ByteView, claims: JSONValue, now: Int64) -> TokenProblem? {
        switch check {
        case .type: return accepts(type: type) ? nil : .typeWrong
        case .expiry: return expiryProblem(claims, now: now)
        case .start: return Self.futureProblem(claims.member("nbf"), .notYetValid, now: now, skew: skew)
        case .issuing: return Self.futureProblem(claims.member("iat"), .issuedInFuture, now: now, skew: skew)
        case .lifetime: return lifetimeProblem(claims, now: now)
        case .idToken: return !allowsIDTokens && isIDToken(claims) ? .idToken : nil
        case .audience: return audiences.isEmpty ? nil : Self.audienceProblem(claims, audiences)
        case .party: return partyProblem(claims)
        case .subject: return subjectPath.value(in: claims)?.text?.isEmpty == false ? nil : .subjectMissing
        }
    }

    /// `typ` is a media type, so its case and an `application/` before it mean nothing (RFC 7515 section 4.1.9).
    private func accepts(type: ByteView) -> Bool {
        if type.isEmpty { return types.contains { $0 == "jwt" } }
        let prefix = ByteView("application/")
        let isLong = type.count > prefix.count && type.prefix(prefix.count).equalsIgnoringCase(prefix)
        let short = isLong ? type.from(prefix.count) : type
        return types.contains { $0.equalsIgnoringCase(short) }
    }

    private func expiryProblem(_ claims: JSONValue, now: Int64) -> TokenProblem? {
        guard let claim = claims.member("exp") else { return .expiryMissing }
        guard let expiry = Self.seconds(claim) else { return .malformed }
        return Self.isPast(expiry, now: now, skew: skew) ? .expired : nil
    }

    private static func futureProblem(
        _ claim: JSONValue?, _ problem: TokenProblem, now: Int64, skew: Int64
    ) -> TokenProblem? {
        guard let claim else { return nil }
        guard let instant = seconds(claim) else { return .malformed }
        return instant > now + skew ? problem : nil
    }

    private func lifetimeProblem(_ claims: JSONValue, now: Int64) -> TokenProblem? {
        guard let lifetimeMax, let expiry = claims.member("exp").flatMap(Self.seconds) else { return nil }
        let start = claims.member("iat").flatMap(Self.seconds) ?? now
        // Both are within JSON's exact integers, so the difference can't overflow.
        return expiry - start > lifetimeMax ? .lifetimeTooLong : nil
    }

    /// Whether a token with this `exp` is dead (RFC 7519 section 4.1.4).
    static func isPast(_ expiry: Int64, now: Int64, skew: Int64) -> Bool { now >= expiry + skew }

    /// A NumericDate (RFC 7519 section 2), which may have decimals, in whole seconds. Nil when it is no number, or one
    /// that no clock will ever show.
    static func seconds(_ value: JSONValue) -> Int64? {
        let bound: Int64 = 1 << 50
        if let whole = value.integer { return (-bound...bound).contains(whole) ? whole : nil }
        guard value.isNumber, let exact = value.double, exact.isFinite, exact.magnitude < Double(bound) else {
            return nil
        }
        return Int64(exact.rounded(.down))
    }

    /// An ID token tells the client who logged in; it is no credential for an API (RFC 9068 section 4).
    private func isIDToken(_ claims: JSONValue) -> Bool {
        if claims.member("nonce") != nil || claims.member("at_hash") != nil || claims.member("c_hash") != nil {
            return true
        }
        guard let type = claims.member("typ")?.text else { return false }
        return type == "ID"
    }

    private func partyProblem(_ claims: JSONValue) -> TokenProblem? {
        if authorizedParties.isEmpty { return nil }
        guard let party = clientPath.value(in: claims)?.text, authorizedParties.contains(where: { $0 == party }) else {
            return .partyWrong
        }
        return nil
    }

    /// `aud` is one text or a list of texts, and one of them must be among `wanted` (RFC 7519 section 4.1.3).
    static func audienceProblem(_ claims: JSONValue, _ wanted: [ByteView]) -> TokenProblem? {
        guard let audience = claims.member("aud") else { return .audienceMissing }
        if let text = audience.text { return wanted.contains { $0 == text } ? nil : .audienceWrong }
        guard audience.isArray else { return .malformed }
        var elements = audience.elements
        while let element = elements.next() {
            if let text = element.text, wanted.contains(where: { $0 == text }) { return nil }
        }
        return audience.count == 0 ? .audienceMissing : .audienceWrong
    }
}
