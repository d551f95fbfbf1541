import Base
import COpenSSL

/// Makes signatures with one key: the counterpart of `SignatureVerifier`, with everything looked up once.
///
/// Not thread-safe: each loop has its own.
package final class SignatureMaker {
    /// The longest signature: RSA with 8192 bits, in bytes.
    package static let maximumCount = 1024

    private enum Scheme {
        case rsa(context: OpaquePointer)
        case ecdsa(context: OpaquePointer, encoder: ECDSASignature)
        case edwards(context: OpaquePointer)
    }

    private let key: OpaquePointer
    private let digest: MessageDigest
    private let scheme: Scheme
    /// The length of its signatures, in bytes.
    package let count: Int

    package init(_ key: SigningKey) throws(KeyError) {
        let type = key.verificationKey.type
        digest = try MessageDigest(key.algorithm)
        guard let own = EVP_PKEY_dup(key.handle) else { throw .cryptoFailed }
        self.key = own
        count = type == .rsa ? Int(EVP_PKEY_get_size(own)) : type.coordinateCount * 2
        do throws(KeyError) {
            if type == .ed25519 {
                guard let context = EVP_MD_CTX_new() else { throw .cryptoFailed }
                guard EVP_DigestSignInit_ex(context, nil, nil, nil, nil, own, nil) == 1 else {
                    EVP_MD_CTX_free(context)
                    throw .cryptoFailed
                }
                scheme = .edwards(context: context)
                return
            }
            let encoder = type == .rsa ? nil : try ECDSASignature(type)
            // The last thing that can fail: nobody would release it.
            let context = try KeyContext.make(own, key.algorithm, digest, start: EVP_PKEY_sign_init)
            if let encoder {
                scheme = .ecdsa(context: context, encoder: encoder)
            } else {
                scheme = .rsa(context: context)
            }
        } catch {
            EVP_PKEY_free(own)
            ERR_clear_error()
            throw error
        }
    }

    deinit {
        switch scheme {
        case .rsa(let context), .ecdsa(let context, _): EVP_PKEY_CTX_free(context)
        case .edwards(let context): EVP_MD_CTX_free(context)
        }
        EVP_PKEY_free(key)
    }

    /// Signs in JWS's form into memory of at least `count` bytes.
    /// - Returns: the signature's length; nil if OpenSSL couldn't.
    package func sign(_ message: ByteView, into output: UnsafeMutablePointer<UInt8>) -> Int? {
        var length = count
        let made: Int?
        switch scheme {
        case .rsa(let context):
            let isMade =
                digest.update(message) && EVP_PKEY_sign(context, output, &length, digest.memory, digest.count) == 1
            made = isMade ? length : nil
        case .ecdsa(let context, let encoder):
            length = ECDSASignature.capacity
            let isMade =
                digest.update(message)
                && EVP_PKEY_sign(context, encoder.memory, &length, digest.memory, digest.count) == 1
            made = isMade ? encoder.decode(length, into: output) : nil
        case .edwards(let context):
            let isMade =
                EVP_DigestSignInit_ex(context, nil, nil, nil, nil, nil, nil) == 1
                && EVP_DigestSign(context, output, &length, message.base, message.count) == 1
            made = isMade ? length : nil
        }
        if made == nil { ERR_clear_error() }
        return made
    }
}
