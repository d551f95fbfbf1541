import Base
import JOSE

/// Finds out whether a token is what it says it is: reads it, has its issuer's key verify it, and holds it against the
/// issuer's policy. Each loop has its own, with the memory that it works in.
final class TokenChecker {
    /// The longest token that is looked at, in bytes.
    static let tokenBytesMax = 16 * 1024

    /// What came of a check.
    enum Outcome {
        case verified(VerifiedToken)
        case refused(TokenProblem)
        /// The token names a key that this issuer isn't known to have, or its keys were never loaded.
        case keyUnknown(IssuerKeys)
    }

    let compact = CompactToken()

    /// The token whose claims lie in `compact`, if they do. Kept alive: another one at its address would get its
    /// claims.
    private var lastRead: (token: VerifiedToken, claims: JSONValue)?

    /// A verified token's claims, read again unless it was the last that was read; valid until the next one.
    func claims(of token: VerifiedToken) -> JSONValue? {
        if let lastRead, lastRead.token === token { return lastRead.claims }
        guard let claims = try? read(token.token) else { return nil }
        lastRead = (token, claims)
        return claims
    }

    /// Takes a token apart and reads its claims, of which nothing is known to be true yet.
    func read(_ token: ByteView) throws(TokenError) -> JSONValue {
        lastRead = nil
        try compact.read(token, maximumCount: Self.tokenBytesMax)
        return try compact.claims()
    }

    /// The `kid` of the last token that was checked; empty without one.
    var keyID: ByteView { compact.keyID ?? ByteView() }
    /// What is known of the last token that was refused; nil if it names no issuer that is believed. Its views are
    /// valid until the next check.
    private(set) var refused: RefusedToken?

    /// - Parameters:
    ///   - issuers: those that the route believes.
    ///   - now: in seconds since 1970.
    func check(_ token: ByteView, issuers: [IssuerKeys], now: Int64) -> Outcome {
        refused = nil
        do throws(TokenError) {
            let claims = try read(token)
            var first: Outcome?
            // Mostly one has this name. Where several have, with rules of their own, the token is good if it is by one.
            for issuer in issuers where Self.isFrom(issuer, claims) {
                let outcome = check(token, claims, by: issuer, now: now)
                if case .verified = outcome { return outcome }
                first = first ?? outcome
            }
            return first ?? .refused(.issuerUnknown)
        } catch {
            return .refused(TokenProblem(error))
        }
    }

    private func check(_ token: ByteView, _ claims: JSONValue, by issuer: IssuerKeys, now: Int64) -> Outcome {
        do throws(TokenError) {
            refused = refused ?? RefusedToken(issuer: issuer, isSigned: false, keyID: keyID)
            guard let key = try verify(by: issuer) else { return .keyUnknown(issuer) }
            if let problem = issuer.policy.problem(type: compact.type ?? ByteView(), claims: claims, now: now) {
                let subject = issuer.policy.subjectPath.value(in: claims)?.text ?? ByteView()
                refused = RefusedToken(issuer: issuer, isSigned: true, subject: subject, keyID: keyID)
                return .refused(problem)
            }
            return entry(token, claims, issuer, key)
        } catch {
            return .refused(TokenProblem(error))
        }
    }

    /// Who the token says that it is from. That is believed once the signature holds.
    static func issuer(of claims: JSONValue, among issuers: [IssuerKeys]) -> IssuerKeys? {
        issuers.first { isFrom($0, claims) }
    }

    private static func isFrom(_ issuer: IssuerKeys, _ claims: JSONValue) -> Bool {
        guard let name = claims.member("iss")?.text else { return false }
        return issuer.policy.issuer == name
    }

    private func verify(by issuer: IssuerKeys) throws(TokenError) -> VerificationKey? {
        do throws(TokenError) {
            return try issuer.verify(compact)
        } catch {
            // None of the keys without a `kid` has signed it; the one that it names may have come since they did.
            let mayBeNew = error == .badSignature && issuer.isFetched && !issuer.hasKey(compact.keyID)
            if error == .keyNotFound || mayBeNew { return nil }
            throw error
        }
    }

    func entry(
        _ token: ByteView, _ claims: JSONValue, _ issuer: IssuerKeys, _ key: VerificationKey
    ) -> Outcome {
        guard let expiry = claims.member("exp").flatMap(TokenPolicy.seconds) else { return .refused(.expiryMissing) }
        let subject = issuer.policy.subjectPath.value(in: claims)?.text ?? ByteView()
        let verified = VerifiedToken(
            token: token, subject: subject, keyID: keyID, issuer: issuer, key: key, expiry: expiry)
        lastRead = (verified, claims)
        return .verified(verified)
    }
}

extension TokenProblem {
    init(_ error: TokenError) {
        switch error {
        case .tooLarge: self = .tooLarge
        case .encrypted: self = .encrypted
        case .unsecured: self = .unsecured
        case .nested: self = .nested
        case .bringsKey: self = .bringsKey
        case .unknownCritical, .unencodedPayload: self = .criticalExtension
        case .unknownAlgorithm, .algorithmNotAllowed: self = .algorithmNotAllowed
        case .keyNotFound, .keyMismatch, .ambiguousKey: self = .keyUnknown
        case .badSignature: self = .signatureWrong
        case .malformed, .invalidEncoding, .invalidHeader, .malformedHeader, .invalidClaims, .claimsNotAnObject,
            .signingFailed:
            self = .malformed
        }
    }
}
