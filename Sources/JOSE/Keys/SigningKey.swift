import Base
import COpenSSL

/// A private key with the algorithm that it signs with. It exists only if what it signs verifies.
package final class SigningKey: @unchecked Sendable {
    // Sendable because it is immutable; OpenSSL's own caches within a key are guarded by its locks.

    /// The public half, with the key id and the algorithm that it is published with.
    package let verificationKey: VerificationKey
    package let algorithm: SignatureAlgorithm
    let handle: OpaquePointer

    /// A private key in PEM: PKCS#8 or the older forms, without a passphrase.
    /// - Parameters:
    ///   - keyID: what tokens say as `kid`, at most 256 bytes; nil means the key's thumbprint.
    ///   - algorithm: nil means what is usual for the key's type: ES256 for P-256, RS256 for RSA, EdDSA for Ed25519.
    package convenience init(
        pem: ByteView, keyID: String? = nil, algorithm: SignatureAlgorithm? = nil
    ) throws(KeyError) {
        try self.init(handle: try OpenSSLKey.readPrivatePEM(pem), keyID: keyID, algorithm: algorithm)
    }

    /// A private JWK. Its own `kid` and `alg` count where the arguments say nothing.
    package convenience init(
        jwk: JSONValue, keyID: String? = nil, algorithm: SignatureAlgorithm? = nil
    ) throws(KeyError) {
        let reader = try JWKReader(jwk)
        try reader.checkUse("sign")
        let ownID = try reader.keyID()
        let ownAlgorithm = try reader.algorithm()
        if let algorithm, let ownAlgorithm, algorithm != ownAlgorithm { throw .algorithmMismatch }
        try self.init(
            handle: try reader.makeKey(isPrivate: true), keyID: keyID ?? ownID, algorithm: algorithm ?? ownAlgorithm)
    }

    /// A new key.
    /// - Parameters:
    ///   - bits: the length of an RSA key, 2048 to 8192; nil for 3072 with the longer digests, else 2048.
    ///   - keyID: nil means the key's thumbprint.
    package static func generate(
        _ algorithm: SignatureAlgorithm, bits: Int? = nil, keyID: String? = nil
    ) throws(KeyError) -> SigningKey {
        if let bits, bits < 2048 { throw .tooSmall }
        if let bits, bits > 8192 { throw .tooLarge }
        return try SigningKey(
            handle: try OpenSSLKey.generate(algorithm, bits: bits), keyID: keyID, algorithm: algorithm)
    }

    /// Takes the key over.
    private init(handle: OpaquePointer, keyID: String?, algorithm: SignatureAlgorithm?) throws(KeyError) {
        self.handle = handle
        do throws(KeyError) {
            if let keyID, keyID.isEmpty || keyID.utf8.count > VerificationKey.maximumKeyIDCount {
                throw .invalidKeyID
            }
            let numbers = try PublicNumbers(of: handle)
            self.algorithm = algorithm ?? numbers.type.usualAlgorithm
            guard EVP_PKEY_up_ref(handle) == 1 else { throw .cryptoFailed }
            verificationKey = try VerificationKey(
                handle: handle, keyID: keyID ?? numbers.thumbprint.base64URL, algorithm: self.algorithm)
        } catch {
            EVP_PKEY_free(handle)
            throw error
        }
        // From here on deinit frees the key.
        try check()
    }

    deinit { EVP_PKEY_free(handle) }

    /// The `kid` of its tokens. Valid as long as the key.
    package var keyID: ByteView { verificationKey.keyID ?? ByteView() }

    /// PKCS#8 in PEM, without a passphrase. Off the hot path.
    package func pem() throws(KeyError) -> String { try OpenSSLKey.writePrivatePEM(handle) }

    /// The private JWK, with `kid`, `use` and `alg`. Off the hot path.
    package func jwk() throws(KeyError) -> String {
        "\(verificationKey.jwk().dropLast()),\(try PrivateNumbers(of: handle, verificationKey.type).members)}"
    }

    /// Signs something and verifies it against the public numbers as they are published.
    private func check() throws(KeyError) {
        let message = ByteView("what is signed here must verify there")
        var signature = [UInt8](repeating: 0, count: SignatureMaker.maximumCount)
        guard let count = try SignatureMaker(self).sign(message, into: &signature) else { throw .selfTestFailed }
        let document = JSONDocument(seed: 0)
        let isGood = try verificationKey.jwk().withByteView { (text) throws(KeyError) -> Bool in
            let published = try VerificationKey(jwk: try Self.read(text, document))
            let verifier = try SignatureVerifier(published, algorithm)
            return signature.withUnsafeBytes { verifier.verify(message, signature: ByteView($0).prefix(count)) }
        }
        guard isGood else { throw .selfTestFailed }
    }

    private static func read(_ text: ByteView, _ document: JSONDocument) throws(KeyError) -> JSONValue {
        do throws(JSONError) {
            return try document.read(text, limits: .keySet)
        } catch {
            throw .malformed(error)
        }
    }
}
