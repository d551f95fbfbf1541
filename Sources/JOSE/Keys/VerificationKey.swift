import Base
import COpenSSL

/// A key that signatures are checked against: a public key, or a secret shared with an issuer. Immutable.
///
/// Whatever it was read from, it is of a type, size and curve that is taken here: RSA with 2048 to 8192 bits, EC on
/// P-256, P-384 or P-521 with its point on the curve, Ed25519, a secret of at least 32 bytes.
package final class VerificationKey: @unchecked Sendable {
    // Sendable because it is immutable; OpenSSL's own caches within a key are guarded by its locks.

    /// The longest key id, in bytes.
    package static let maximumKeyIDCount = 256

    package let type: KeyType
    /// The only algorithm that the key is for, if its JWK names one.
    package let algorithm: SignatureAlgorithm?
    /// RFC 7638. For a shared secret the digest of its JWK, which must not be published.
    package let thumbprint: SHA256Digest
    /// Nil for a shared secret.
    let handle: OpaquePointer?
    let secret: [UInt8]
    private let keyIDs: TextList
    private let members: String

    /// Takes the key over. Nil as `keyID` means none.
    init(handle: OpaquePointer, keyID: String?, algorithm: SignatureAlgorithm?) throws(KeyError) {
        self.handle = handle
        let numbers: PublicNumbers
        do throws(KeyError) {
            numbers = try PublicNumbers(of: handle)
            if let algorithm, !algorithm.fits(numbers.type) { throw .algorithmMismatch }
        } catch {
            EVP_PKEY_free(handle)
            throw error
        }
        type = numbers.type
        thumbprint = numbers.thumbprint
        members = numbers.members
        self.algorithm = algorithm
        secret = []
        keyIDs = TextList(keyID.map { [$0] } ?? [])
    }

    /// A secret shared with the issuer, for HS256.
    /// - Parameter secret: at least 32 bytes.
    package init(secret: [UInt8], keyID: String?) throws(KeyError) {
        guard secret.count >= 32 else { throw .secretTooShort }
        self.secret = secret
        handle = nil
        type = .secret
        algorithm = .hs256
        members = ""
        thumbprint = "{\"k\":\"\(Base64URL.encode(self.secret))\",\"kty\":\"oct\"}".withByteView {
            SHA256Digest(of: $0)
        }
        keyIDs = TextList(keyID.map { [$0] } ?? [])
    }

    deinit { EVP_PKEY_free(handle) }

    /// The public key of a JWK. Refuses private keys, secrets, keys for other uses and algorithms of other types.
    package convenience init(jwk: JSONValue) throws(KeyError) {
        let reader = try JWKReader(jwk)
        if let type = jwk.member("kty")?.text, type == "oct" { throw .secretInSet }
        if jwk.member("d") != nil { throw .privateKeyInSet }
        try reader.checkUse("verify")
        let keyID = try reader.keyID()
        let algorithm = try reader.algorithm()
        try self.init(handle: try reader.makeKey(isPrivate: false), keyID: keyID, algorithm: algorithm)
    }

    /// The secret of a JWK of type `oct`.
    package convenience init(secretJWK jwk: JSONValue) throws(KeyError) {
        let reader = try JWKReader(jwk)
        try reader.checkUse("verify")
        if let algorithm = try reader.algorithm(), algorithm != .hs256 { throw .algorithmMismatch }
        let keyID = try reader.keyID()
        let secret = try reader.secret()
        try self.init(secret: secret, keyID: keyID)
    }

    /// A public key or a certificate's, in PEM. The certificate's names and dates have no effect.
    /// - Parameter keyID: nil for a key that any `kid` may mean.
    package convenience init(
        pem: ByteView, keyID: String? = nil, algorithm: SignatureAlgorithm? = nil
    ) throws(KeyError) {
        try self.init(handle: try OpenSSLKey.readPublicPEM(pem), keyID: keyID, algorithm: algorithm)
    }

    /// The `kid`; nil if the key has none. Valid as long as the key.
    package var keyID: ByteView? { keyIDs.count > 0 ? keyIDs[0] : nil }

    /// Whether the algorithm may be used with this key: by its type, and by the algorithm it is pinned to.
    package func fits(_ algorithm: SignatureAlgorithm) -> Bool {
        algorithm.fits(type) && (self.algorithm == nil || self.algorithm == algorithm)
    }

    /// The public JWK with its members in a fixed order, for publishing. Empty for a shared secret. Off the hot path.
    /// - Parameters:
    ///   - use: the member `use`, e.g. `sig` or `jwt-svid`; nil leaves it out.
    ///   - includesAlgorithm: whether to write `alg`.
    package func jwk(use: String? = "sig", includesAlgorithm: Bool = true) -> String {
        if type == .secret { return "" }
        let writer = ClaimsWriter()
        writer.begin()
        if let keyID { writer.text("kid", keyID) }
        use?.withByteView { writer.text("use", $0) }
        if includesAlgorithm, let algorithm { writer.text("alg", ByteView(algorithm.name)) }
        let extra = String(writer.finish().string.dropFirst().dropLast())
        return "{\(members)\(extra.isEmpty ? "" : ",")\(extra)}"
    }

    /// The public key in PEM (SubjectPublicKeyInfo). Off the hot path.
    package func pem() throws(KeyError) -> String {
        guard let handle else { throw .unsupportedType }
        return try OpenSSLKey.writePublicPEM(handle)
    }
}

extension VerificationKey: Equatable {
    /// The same key for the same use: numbers, key id and algorithm.
    package static func == (left: VerificationKey, right: VerificationKey) -> Bool {
        left.thumbprint == right.thumbprint && left.algorithm == right.algorithm
            && left.hasKeyID(right.keyID)
    }

    /// Whether the key has exactly this key id, or exactly none.
    package func hasKeyID(_ other: ByteView?) -> Bool {
        switch (keyID, other) {
        case (nil, nil): true
        case (let mine?, let other?): mine == other
        default: false
        }
    }
}
