/// Why a token is refused. The texts hold nothing of the token.
package enum TokenError: Error, Sendable, Equatable {
    /// Longer than the limit.
    case tooLarge
    /// Not three parts separated by dots, or an empty one.
    case malformed
    /// A part that is not strict base64url.
    case invalidEncoding
    /// The header is not the JSON that is taken here.
    case invalidHeader(JSONError)
    /// The header is no object, or a member has the wrong type or length.
    case malformedHeader
    /// Five parts: a JWE (RFC 7516).
    case encrypted
    /// `alg` is `none` in any case of letters (RFC 8725 section 3.2).
    case unsecured
    /// `jku`, `jwk` or `x5u`: the token says itself by which key it is to be believed (RFC 8725 section 3.10).
    case bringsKey
    /// `crit` names an extension, and none is understood (RFC 7515 section 4.1.11).
    case unknownCritical
    /// `b64` changes what is signed (RFC 7797).
    case unencodedPayload
    /// A token within the token (`cty` is `JWT`, RFC 7519 section 5.2).
    case nested
    /// An `alg` that is not understood.
    case unknownAlgorithm
    /// An `alg` that the issuer's tokens may not have.
    case algorithmNotAllowed
    /// No key of the set has the `kid`, or none fits the algorithm.
    case keyNotFound
    /// A key of the set has the `kid`, but its type or pinned algorithm doesn't fit the token's.
    case keyMismatch
    /// No `kid`, and more keys fit than are tried.
    case ambiguousKey
    /// The signature is not the key's.
    case badSignature
    /// The payload is not the JSON that is taken here.
    case invalidClaims(JSONError)
    /// The payload is no object.
    case claimsNotAnObject
    /// The token to be written doesn't fit into the memory given, or signing failed.
    case signingFailed
}

extension TokenError {
    /// A stable name for logs and metrics.
    package var code: StaticString {
        switch self {
        case .tooLarge: "token_too_large"
        case .malformed: "token_malformed"
        case .invalidEncoding: "token_invalid_encoding"
        case .invalidHeader: "token_invalid_header"
        case .malformedHeader: "token_malformed_header"
        case .encrypted: "token_encrypted"
        case .unsecured: "token_unsecured"
        case .bringsKey: "token_brings_key"
        case .unknownCritical: "token_unknown_critical"
        case .unencodedPayload: "token_unencoded_payload"
        case .nested: "token_nested"
        case .unknownAlgorithm: "token_unknown_algorithm"
        case .algorithmNotAllowed: "token_algorithm_not_allowed"
        case .keyNotFound: "token_key_not_found"
        case .keyMismatch: "token_key_mismatch"
        case .ambiguousKey: "token_ambiguous_key"
        case .badSignature: "token_bad_signature"
        case .invalidClaims: "token_invalid_claims"
        case .claimsNotAnObject: "token_claims_not_an_object"
        case .signingFailed: "token_signing_failed"
        }
    }

    /// What is wrong, in a few words.
    package var text: StaticString {
        switch self {
        case .tooLarge: "the token is too long"
        case .malformed: "the token is not three parts separated by dots"
        case .invalidEncoding: "a part of the token is not base64url"
        case .invalidHeader(let error): error.text
        case .malformedHeader: "the token's header is malformed"
        case .encrypted: "the token is encrypted"
        case .unsecured: "the token is not signed"
        case .bringsKey: "the token names a key of its own"
        case .unknownCritical: "the token needs an extension that is not understood"
        case .unencodedPayload: "the token's payload is not encoded"
        case .nested: "the token holds another token"
        case .unknownAlgorithm: "the token's algorithm is not supported"
        case .algorithmNotAllowed: "the token's algorithm is not allowed"
        case .keyNotFound: "the token's key is not known"
        case .keyMismatch: "the token's key is not for its algorithm"
        case .ambiguousKey: "the token names no key, and too many fit"
        case .badSignature: "the token's signature is not valid"
        case .invalidClaims(let error): error.text
        case .claimsNotAnObject: "the token's claims are not an object"
        case .signingFailed: "the token could not be signed"
        }
    }
}
