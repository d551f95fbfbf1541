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

    /// The first thing that is wrong with a token whose signature holds, or nil.
    /// - Parameter type: the header's `typ`; empty without one.
    package func problem(type: ByteView, claims: JSONValue, now: Int64) -> TokenProblem? {
        if !accepts(type: type) { return .typeWrong }
        if let problem = timeProblem(claims, now: now) { return problem }
        if !allowsIDTokens, isIDToken(claims) { return .idToken }
        if let problem = audienceProblem(claims) { return problem }
        guard let subject = subjectPath.value(in: claims)?.text, !subject.isEmpty else { return .subjectMissing }
        return nil
    }

    /// `typ` is a media type, so its case and an `application/` before it mean nothing (RFC 7515 section 4.1.9).
    private func accepts(type: ByteView) -> Bool {
        if type.isEmpty { return types.contains { $0 == "jwt" } }
        let prefix = ByteView("application/")
        let isLong = type.count > prefix.count && type.prefix(prefix.count).equalsIgnoringCase(prefix)
        let short = isLong ? type.from(prefix.count) : type
        return types.contains { $0.equalsIgnoringCase(short) }
    }

    private func timeProblem(_ claims: JSONValue, now: Int64) -> TokenProblem? {
        guard let expiryClaim = claims.member("exp") else { return .expiryMissing }
        guard let expiry = Self.seconds(expiryClaim) else { return .malformed }
        if Self.isPast(expiry, now: now, skew: skew) { return .expired }
        if let claim = claims.member("nbf") {
            guard let start = Self.seconds(claim) else { return .malformed }
            if start > now + skew { return .notYetValid }
        }
        var start = now
        if let claim = claims.member("iat") {
            guard let issued = Self.seconds(claim) else { return .malformed }
            if issued > now + skew { return .issuedInFuture }
            start = issued
        }
        // Both are within JSON's exact integers, so the difference can't overflow.
        if let lifetimeMax, expiry - start > lifetimeMax { return .lifetimeTooLong }
        return nil
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

    private func audienceProblem(_ claims: JSONValue) -> TokenProblem? {
        if !audiences.isEmpty, let problem = Self.audienceProblem(claims, audiences) { return problem }
        if !authorizedParties.isEmpty {
            guard let party = clientPath.value(in: claims)?.text, authorizedParties.contains(where: { $0 == party })
            else {
                return .partyWrong
            }
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
