import Base
import COpenSSL

/// Keys as OpenSSL holds them (`EVP_PKEY`): in from PEM, out to PEM, made anew. Who gets one owns it.
enum OpenSSLKey {
    /// A public key, or a certificate's. Never a private one: that has no place where keys are only checked against.
    static func readPublicPEM(_ pem: ByteView) throws(KeyError) -> OpaquePointer {
        if contains(pem, "PRIVATE KEY-----") { throw .privateKeyInSet }
        if count(of: "-----BEGIN ", in: pem) > 1 { throw .severalInPEM }
        defer { ERR_clear_error() }
        guard let input = memory(pem) else { throw .invalidPEM }
        defer { BIO_free(input) }
        let key: OpaquePointer
        if contains(pem, "-----BEGIN CERTIFICATE-----") {
            guard let certificate = PEM_read_bio_X509(input, nil, portcullis_no_passphrase, nil) else {
                throw .invalidPEM
            }
            defer { X509_free(certificate) }
            guard let found = X509_get_pubkey(certificate) else { throw .unsupportedType }
            key = found
        } else {
            var found: OpaquePointer?
            guard
                let decoder = OSSL_DECODER_CTX_new_for_pkey(
                    &found, "PEM", nil, nil, Int32(portcullis_key_public), nil, nil)
            else { throw .cryptoFailed }
            defer { OSSL_DECODER_CTX_free(decoder) }
            guard OSSL_DECODER_from_bio(decoder, input) == 1, let found else { throw .invalidPEM }
            key = found
        }
        // A certificate's key may be of a kind that can't be checked; its type is refused later.
        guard isSound(key) else {
            EVP_PKEY_free(key)
            throw .invalidKey
        }
        return key
    }

    /// A private key, PKCS#8 or the older forms, without a passphrase.
    static func readPrivatePEM(_ pem: ByteView) throws(KeyError) -> OpaquePointer {
        if contains(pem, "ENCRYPTED") { throw .encryptedPEM }
        guard contains(pem, "PRIVATE KEY-----") else {
            throw contains(pem, "-----BEGIN ") ? .notAPrivateKey : .invalidPEM
        }
        // Once where it begins and once where it ends. What else is there (parameters, a certificate) doesn't matter.
        if count(of: "PRIVATE KEY-----", in: pem) > 2 { throw .severalInPEM }
        defer { ERR_clear_error() }
        guard let input = memory(pem) else { throw .invalidPEM }
        defer { BIO_free(input) }
        guard let key = PEM_read_bio_PrivateKey(input, nil, portcullis_no_passphrase, nil) else { throw .invalidPEM }
        return key
    }

    /// PKCS#8 without a passphrase.
    static func writePrivatePEM(_ key: OpaquePointer) throws(KeyError) -> String {
        try text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) == 1 }
    }

    /// SubjectPublicKeyInfo.
    static func writePublicPEM(_ key: OpaquePointer) throws(KeyError) -> String {
        try text { PEM_write_bio_PUBKEY($0, key) == 1 }
    }

    /// A new key that the algorithm signs with.
    /// - Parameter bits: of an RSA key; nil for 3072 with the longer digests, else 2048.
    static func generate(_ algorithm: SignatureAlgorithm, bits: Int? = nil) throws(KeyError) -> OpaquePointer {
        let name: String
        switch algorithm {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: name = "RSA"
        case .es256, .es384, .es512: name = "EC"
        case .edDSA: name = "ED25519"
        case .hs256: throw .unsupportedAlgorithm
        }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, name, nil) else { throw .cryptoFailed }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1 else { throw .cryptoFailed }
        let isReady: Bool
        switch algorithm {
        case .es256: isReady = EVP_PKEY_CTX_set_group_name(context, "prime256v1") == 1
        case .es384: isReady = EVP_PKEY_CTX_set_group_name(context, "secp384r1") == 1
        case .es512: isReady = EVP_PKEY_CTX_set_group_name(context, "secp521r1") == 1
        case .rs256, .ps256: isReady = EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits ?? 2048)) == 1
        case .rs384, .rs512, .ps384, .ps512:
            isReady = EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits ?? 3072)) == 1
        case .edDSA, .hs256: isReady = true
        }
        var key: OpaquePointer?
        guard isReady, EVP_PKEY_generate(context, &key) == 1, let key else { throw .cryptoFailed }
        return key
    }

    /// OpenSSL's own check of the public half.
    static func isSound(_ key: OpaquePointer) -> Bool {
        defer { ERR_clear_error() }
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(context) }
        return EVP_PKEY_public_check(context) == 1
    }

    private static func memory(_ bytes: ByteView) -> OpaquePointer? {
        bytes.count > 1 << 20 ? nil : BIO_new_mem_buf(bytes.base, Int32(clamping: bytes.count))
    }

    private static func text(_ write: (OpaquePointer) -> Bool) throws(KeyError) -> String {
        guard let output = BIO_new(BIO_s_mem()) else { throw .cryptoFailed }
        defer { BIO_free(output) }
        guard write(output) else { throw .cryptoFailed }
        var start: UnsafeMutablePointer<CChar>?
        let count = portcullis_bio_memory(output, &start)
        return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }

    private static func contains(_ text: ByteView, _ part: StaticString) -> Bool { count(of: part, in: text) > 0 }

    private static func count(of part: StaticString, in text: ByteView) -> Int {
        let part = ByteView(part)
        var count = 0
        var start = 0
        while start + part.count <= text.count, let next = text.firstIndex(of: part[0], from: start) {
            if text.from(next).hasPrefix(part) { count += 1 }
            start = next + 1
        }
        return count
    }
}
