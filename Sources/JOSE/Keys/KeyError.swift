/// Why key material is refused. Not a peer's fault in a request: an issuer's, or whoever configured the key.
package enum KeyError: Error, Sendable, Equatable {
    /// Not the JSON that is taken here.
    case malformed(JSONError)
    /// A JWK that is no JSON object.
    case notAnObject
    /// No `keys` array (RFC 7517 section 5).
    case notAKeySet
    /// More keys than the limit.
    case tooManyKeys
    /// A required member is missing or of the wrong type.
    case missingMember
    /// A `kty` that is not understood, or a PEM key of another kind.
    case unsupportedType
    /// A curve that is not understood.
    case unsupportedCurve
    /// An `alg` that is not a signature algorithm understood here.
    case unsupportedAlgorithm
    /// An algorithm that the key's type doesn't fit.
    case algorithmMismatch
    /// A member that is not base64url.
    case invalidEncoding
    /// A coordinate, public key or private key whose length is not the curve's.
    case wrongLength
    /// A point off its curve, or numbers that OpenSSL refuses.
    case invalidKey
    /// An RSA modulus under 2048 bits.
    case tooSmall
    /// An RSA modulus over 8192 bits.
    case tooLarge
    /// An RSA exponent that is even, 1, or over 64 bits.
    case invalidExponent
    /// An RSA modulus with the structure of ROCA (CVE-2017-15361).
    case weakModulus
    /// `use` is something other than `sig` or `jwt-svid`.
    case notForSignatures
    /// `key_ops` leaves out the operation.
    case operationNotAllowed
    /// A private key where public ones are published.
    case privateKeyInSet
    /// A shared secret where public keys are published.
    case secretInSet
    /// A shared secret under 32 bytes (RFC 7518 section 3.2).
    case secretTooShort
    /// A `kid` over 256 bytes, or empty.
    case invalidKeyID
    /// Not PEM, or nothing in it that is a key.
    case invalidPEM
    /// More than one key or certificate where one is read: which one is meant, nobody can say.
    case severalInPEM
    /// A PEM private key that needs a passphrase.
    case encryptedPEM
    /// No private key where one is needed to sign.
    case notAPrivateKey
    /// What the key signs, it doesn't verify: its halves don't belong together.
    case selfTestFailed
    /// OpenSSL couldn't do it: out of memory, or an algorithm switched off on this system.
    case cryptoFailed
}

extension KeyError {
    /// A stable name for logs and metrics.
    package var code: StaticString {
        switch self {
        case .malformed(let error): error.code
        case .notAnObject: "key_not_an_object"
        case .notAKeySet: "not_a_key_set"
        case .tooManyKeys: "too_many_keys"
        case .missingMember: "key_missing_member"
        case .unsupportedType: "key_unsupported_type"
        case .unsupportedCurve: "key_unsupported_curve"
        case .unsupportedAlgorithm: "key_unsupported_algorithm"
        case .algorithmMismatch: "key_algorithm_mismatch"
        case .invalidEncoding: "key_invalid_encoding"
        case .wrongLength: "key_wrong_length"
        case .invalidKey: "key_invalid"
        case .tooSmall: "key_too_small"
        case .tooLarge: "key_too_large"
        case .invalidExponent: "key_invalid_exponent"
        case .weakModulus: "key_weak_modulus"
        case .notForSignatures: "key_not_for_signatures"
        case .operationNotAllowed: "key_operation_not_allowed"
        case .privateKeyInSet: "key_private_in_set"
        case .secretInSet: "key_secret_in_set"
        case .secretTooShort: "key_secret_too_short"
        case .invalidKeyID: "key_invalid_id"
        case .invalidPEM: "key_invalid_pem"
        case .severalInPEM: "key_several_in_pem"
        case .encryptedPEM: "key_encrypted_pem"
        case .notAPrivateKey: "key_not_private"
        case .selfTestFailed: "key_self_test_failed"
        case .cryptoFailed: "key_crypto_failed"
        }
    }

    /// What is wrong, in a few words.
    package var text: StaticString {
        switch self {
        case .malformed(let error): error.text
        case .notAnObject: "a JWK is a JSON object"
        case .notAKeySet: "a JWK set is an object with an array named keys"
        case .tooManyKeys: "the set holds too many keys"
        case .missingMember: "a member that such a key needs is missing or of the wrong type"
        case .unsupportedType: "a type of key that is not supported; RSA, EC and Ed25519 are"
        case .unsupportedCurve: "a curve that is not supported; P-256, P-384, P-521 and Ed25519 are"
        case .unsupportedAlgorithm: "an algorithm that is not supported"
        case .algorithmMismatch: "the algorithm doesn't fit the key's type"
        case .invalidEncoding: "a member is not base64url"
        case .wrongLength: "a member's length is not that of the curve"
        case .invalidKey: "the numbers are no key: off the curve, or inconsistent"
        case .tooSmall: "an RSA key has at least 2048 bits"
        case .tooLarge: "an RSA key has at most 8192 bits"
        case .invalidExponent: "an RSA exponent is odd, at least 3 and at most 64 bits long"
        case .weakModulus: "the RSA key comes from a generator known to be broken (ROCA)"
        case .notForSignatures: "the key's use is not sig"
        case .operationNotAllowed: "the key's key_ops leave the operation out"
        case .privateKeyInSet: "a private key is published in the set"
        case .secretInSet: "a shared secret is published in the set"
        case .secretTooShort: "a shared secret has at least 32 bytes"
        case .invalidKeyID: "a key id has 1 to 256 bytes"
        case .invalidPEM: "not a key in PEM"
        case .severalInPEM: "more than one key or certificate in PEM; several keys are written as a JWK set"
        case .encryptedPEM: "the private key needs a passphrase"
        case .notAPrivateKey: "not a private key"
        case .selfTestFailed: "what the key signs it doesn't verify"
        case .cryptoFailed: "OpenSSL couldn't use the key"
        }
    }
}
