import Base

/// What is wrong with a token. All of them are 401 `invalid_token` to the client (RFC 6750 section 3.1); logs and
/// metrics tell them apart.
package enum TokenProblem: Sendable, Equatable, CaseIterable {
    // What it is
    case malformed, tooLarge, encrypted, unsecured, nested, criticalExtension
    // Who signed it
    case bringsKey, issuerUnknown, algorithmNotAllowed, keyUnknown, signatureWrong
    // When it is good
    case expiryMissing, expired, notYetValid, issuedInFuture, lifetimeTooLong
    // What it is for
    case typeWrong, idToken, audienceMissing, audienceWrong, partyWrong, subjectMissing

    /// For logs and metrics: stable, kebab-case.
    package var code: StaticString {
        switch self {
        case .malformed: "token-malformed"
        case .tooLarge: "token-too-large"
        case .encrypted: "token-encrypted"
        case .unsecured: "token-unsecured"
        case .nested: "token-nested"
        case .criticalExtension: "token-critical-extension"
        case .bringsKey: "token-brings-key"
        case .issuerUnknown: "token-issuer-unknown"
        case .algorithmNotAllowed: "token-algorithm-not-allowed"
        case .keyUnknown: "token-key-unknown"
        case .signatureWrong: "token-signature-wrong"
        case .expiryMissing: "token-expiry-missing"
        case .expired: "token-expired"
        case .notYetValid: "token-not-yet-valid"
        case .issuedInFuture: "token-issued-in-future"
        case .lifetimeTooLong: "token-lifetime-too-long"
        case .typeWrong: "token-type-wrong"
        case .idToken: "token-is-id-token"
        case .audienceMissing: "token-audience-missing"
        case .audienceWrong: "token-audience-wrong"
        case .partyWrong: "token-party-wrong"
        case .subjectMissing: "token-subject-missing"
        }
    }

    /// One sentence for the client. Whoever forges tokens learns nothing about keys and issuers from it.
    package var detail: StaticString {
        switch self {
        case .expired: "The access token has expired."
        case .notYetValid, .issuedInFuture: "The access token is not valid yet."
        case .audienceMissing: "The access token names no audience."
        case .audienceWrong, .partyWrong: "The access token is not meant for this service."
        case .tooLarge: "The access token is too large."
        default: "The access token is not valid."
        }
    }
}
