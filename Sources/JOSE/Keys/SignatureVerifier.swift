import Base
import COpenSSL

/// Checks signatures with one key and one algorithm. Everything that OpenSSL looks up or initialises is done once,
/// when it is made; it has a copy of the key of its own, so that loops don't share locks or reference counts.
///
/// Not thread-safe: each loop has its own.
package final class SignatureVerifier {
    private enum Scheme {
        /// The digest's signature by `EVP_PKEY_verify`.
        case rsa(context: OpaquePointer, count: Int)
        case ecdsa(context: OpaquePointer, encoder: ECDSASignature)
        /// The message's signature by `EVP_DigestVerify`.
        case edwards(context: OpaquePointer)
        case hmac(context: OpaquePointer)
    }

    private let key: OpaquePointer?
    private let digest: MessageDigest
    private let scheme: Scheme

    /// - Throws: `algorithmMismatch` if the key is not for the algorithm.
    package init(_ key: VerificationKey, _ algorithm: SignatureAlgorithm) throws(KeyError) {
        guard key.fits(algorithm) else { throw .algorithmMismatch }
        digest = try MessageDigest(algorithm)
        guard let shared = key.handle else {
            self.key = nil
            scheme = .hmac(context: try Self.makeHMAC(key.secret))
            return
        }
        // A private key's public half, or a public key: the copy is released in deinit.
        guard let own = EVP_PKEY_dup(shared) else { throw .cryptoFailed }
        self.key = own
        do throws(KeyError) {
            if key.type == .ed25519 {
                guard let context = EVP_MD_CTX_new() else { throw .cryptoFailed }
                guard EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, own, nil) == 1 else {
                    EVP_MD_CTX_free(context)
                    throw .cryptoFailed
                }
                scheme = .edwards(context: context)
                return
            }
            let encoder = key.type == .rsa ? nil : try ECDSASignature(key.type)
            // The last thing that can fail: nobody would release it.
            let context = try KeyContext.make(own, algorithm, digest, start: EVP_PKEY_verify_init)
            if let encoder {
                scheme = .ecdsa(context: context, encoder: encoder)
            } else {
                scheme = .rsa(context: context, count: Int(EVP_PKEY_get_size(own)))
            }
        } catch {
            EVP_PKEY_free(own)
            throw error
        }
    }

    deinit {
        switch scheme {
        case .rsa(let context, _), .ecdsa(let context, _): EVP_PKEY_CTX_free(context)
        case .edwards(let context): EVP_MD_CTX_free(context)
        case .hmac(let context): EVP_MAC_CTX_free(context)
        }
        EVP_PKEY_free(key)
    }

    /// Whether `signature`, in JWS's form (RFC 7518 sections 3.2 to 3.5, RFC 8037 section 3.1), is the key's over
    /// `message`.
    package func verify(_ message: ByteView, signature: ByteView) -> Bool {
        let isGood: Bool
        switch scheme {
        case .rsa(let context, let count):
            guard signature.count == count else { return false }
            isGood = verify(context, signature.base, signature.count, message)
        case .ecdsa(let context, let encoder):
            guard let count = encoder.encode(signature) else { return false }
            isGood = verify(context, encoder.memory, count, message)
        case .edwards(let context):
            guard signature.count == 64 else { return false }
            isGood =
                EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, nil, nil) == 1
                && EVP_DigestVerify(context, signature.base, signature.count, message.base, message.count) == 1
        case .hmac(let context):
            return verifyHMAC(context, message, signature)
        }
        // OpenSSL queues its reasons for the thread; nobody reads them here.
        if !isGood { ERR_clear_error() }
        return isGood
    }

    private func verify(
        _ context: OpaquePointer, _ signature: UnsafePointer<UInt8>, _ count: Int, _ message: ByteView
    ) -> Bool {
        digest.update(message) && EVP_PKEY_verify(context, signature, count, digest.memory, digest.count) == 1
    }

    private func verifyHMAC(_ context: OpaquePointer, _ message: ByteView, _ signature: ByteView) -> Bool {
        var count = 0
        guard signature.count == 32, EVP_MAC_init(context, nil, 0, nil) == 1,
            EVP_MAC_update(context, message.base, message.count) == 1,
            EVP_MAC_final(context, digest.memory, &count, 32) == 1, count == 32
        else { return false }
        return CRYPTO_memcmp(digest.memory, signature.base, 32) == 0
    }

    private static func makeHMAC(_ secret: [UInt8]) throws(KeyError) -> OpaquePointer {
        guard let algorithm = EVP_MAC_fetch(nil, "HMAC", nil) else { throw .cryptoFailed }
        defer { EVP_MAC_free(algorithm) }
        guard let context = EVP_MAC_CTX_new(algorithm) else { throw .cryptoFailed }
        // A parameter keeps pointers to its name and value: both must outlive the call that makes it.
        let parameter: StaticString = "digest"
        var name = Array("SHA256".utf8CString)
        let isReady = name.withUnsafeMutableBufferPointer { name in
            parameter.utf8Start.withMemoryRebound(to: CChar.self, capacity: parameter.utf8CodeUnitCount + 1) { key in
                var parameters = [
                    OSSL_PARAM_construct_utf8_string(key, name.baseAddress, 0), OSSL_PARAM_construct_end(),
                ]
                return EVP_MAC_init(context, secret, secret.count, &parameters) == 1
            }
        }
        guard isReady else {
            EVP_MAC_CTX_free(context)
            throw .cryptoFailed
        }
        return context
    }
}

/// A digest algorithm, looked up once, with a context and room for one digest.
final class MessageDigest {
    let algorithm: OpaquePointer
    let memory: UnsafeMutablePointer<UInt8>
    let count: Int
    private let context: OpaquePointer

    init(_ signature: SignatureAlgorithm) throws(KeyError) {
        let name = UnsafeRawPointer(signature.digestName.utf8Start).assumingMemoryBound(to: CChar.self)
        guard let algorithm = EVP_MD_fetch(nil, name, nil) else { throw .cryptoFailed }
        guard let context = EVP_MD_CTX_new() else {
            EVP_MD_free(algorithm)
            throw .cryptoFailed
        }
        self.algorithm = algorithm
        self.context = context
        count = Int(EVP_MD_get_size(algorithm))
        memory = .allocate(capacity: 64)
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(algorithm)
        memory.deallocate()
    }

    /// Leaves the message's digest in `memory`.
    func update(_ message: ByteView) -> Bool {
        EVP_DigestInit_ex2(context, algorithm, nil) == 1
            && EVP_DigestUpdate(context, message.base, message.count) == 1
            && EVP_DigestFinal_ex(context, memory, nil) == 1
    }
}

/// Contexts that sign or verify one digest after the other.
enum KeyContext {
    static func make(
        _ key: OpaquePointer, _ algorithm: SignatureAlgorithm, _ digest: MessageDigest,
        start: (OpaquePointer?) -> Int32
    ) throws(KeyError) -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { throw .cryptoFailed }
        var isReady = start(context) == 1
        if isReady, EVP_PKEY_is_a(key, "RSA") == 1 {
            let padding = algorithm.isPSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING
            isReady = EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1
        }
        isReady = isReady && EVP_PKEY_CTX_set_signature_md(context, digest.algorithm) == 1
        if isReady, algorithm.isPSS {
            // RFC 7518 section 3.5: MGF1 with the same digest, salt as long as the digest.
            isReady =
                EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest.algorithm) == 1
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, Int32(clamping: digest.count)) == 1
        }
        guard isReady else {
            EVP_PKEY_CTX_free(context)
            ERR_clear_error()
            throw .cryptoFailed
        }
        return context
    }
}

/// ECDSA signatures between JWS's form, R and S in full length one after the other (RFC 7518 section 3.4), and the DER
/// that OpenSSL speaks. OpenSSL writes and reads the DER; the numbers are kept and filled anew.
final class ECDSASignature {
    /// The longest DER of two 66-byte numbers is 139 bytes.
    static let capacity = 160
    let memory: UnsafeMutablePointer<UInt8>
    private let half: Int
    private let signature: OpaquePointer
    // Owned by `signature`, which lends them read-only; kept from before it got them.
    private let r: OpaquePointer
    private let s: OpaquePointer

    init(_ type: KeyType) throws(KeyError) {
        let made = (signature: ECDSA_SIG_new(), r: BN_new(), s: BN_new())
        guard let signature = made.signature, let r = made.r, let s = made.s, ECDSA_SIG_set0(signature, r, s) == 1
        else {
            ECDSA_SIG_free(made.signature)
            BN_free(made.r)
            BN_free(made.s)
            throw .cryptoFailed
        }
        half = type.coordinateCount
        self.signature = signature
        self.r = r
        self.s = s
        memory = .allocate(capacity: Self.capacity)
    }

    deinit {
        ECDSA_SIG_free(signature)
        memory.deallocate()
    }

    /// Leaves the DER in `memory`.
    /// - Returns: its length; nil for another length than the curve's and for zeros, which are never valid.
    func encode(_ raw: ByteView) -> Int? {
        let length = Int32(clamping: half)
        guard raw.count == half * 2, BN_bin2bn(raw.base, length, r) != nil,
            BN_bin2bn(raw.base + half, length, s) != nil, BN_is_zero(r) == 0, BN_is_zero(s) == 0
        else { return nil }
        var output: UnsafeMutablePointer<UInt8>? = memory
        let count = i2d_ECDSA_SIG(signature, &output)
        return count > 0 && Int(count) <= Self.capacity ? Int(count) : nil
    }

    /// Writes the first `count` bytes of `memory`, DER, as R and S.
    /// - Returns: the length; nil if it is no signature of this curve.
    func decode(_ count: Int, into output: UnsafeMutablePointer<UInt8>) -> Int? {
        var input: UnsafePointer<UInt8>? = UnsafePointer(memory)
        guard let parsed = d2i_ECDSA_SIG(nil, &input, count) else { return nil }
        defer { ECDSA_SIG_free(parsed) }
        let length = Int32(clamping: half)
        guard BN_bn2binpad(ECDSA_SIG_get0_r(parsed), output, length) == length,
            BN_bn2binpad(ECDSA_SIG_get0_s(parsed), output + half, length) == length
        else { return nil }
        return half * 2
    }
}
