import COpenSSL

/// The private part of a key, as a JWK writes it (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
struct PrivateNumbers {
    /// The members in the order of the RFC's list, without braces.
    let members: String

    init(of key: OpaquePointer, _ type: KeyType) throws(KeyError) {
        switch type {
        case .rsa:
            var parts: [String] = []
            for (name, parameter) in Self.rsaParameters {
                parts.append("\"\(name)\":\"\(Base64URL.encode(try Self.number(parameter, of: key, count: nil)))\"")
            }
            members = parts.joined(separator: ",")
        case .p256, .p384, .p521:
            let number = try Self.number("priv", of: key, count: type.coordinateCount)
            members = "\"d\":\"\(Base64URL.encode(number))\""
        case .ed25519:
            var bytes = [UInt8](repeating: 0, count: 32)
            var count = 32
            guard EVP_PKEY_get_raw_private_key(key, &bytes, &count) == 1, count == 32 else { throw .invalidKey }
            members = "\"d\":\"\(Base64URL.encode(bytes))\""
        case .secret: throw .unsupportedType
        }
    }

    /// The JWK's name and OpenSSL's.
    private static let rsaParameters = [
        ("d", "d"), ("p", "rsa-factor1"), ("q", "rsa-factor2"), ("dp", "rsa-exponent1"), ("dq", "rsa-exponent2"),
        ("qi", "rsa-coefficient1"),
    ]

    private static func number(_ name: String, of key: OpaquePointer, count: Int?) throws(KeyError) -> [UInt8] {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, name, &number) == 1, let number else { throw .invalidKey }
        defer { BN_clear_free(number) }
        var bytes = [UInt8](repeating: 0, count: count ?? Int(portcullis_bignum_count(number)))
        guard BN_bn2binpad(number, &bytes, Int32(clamping: bytes.count)) >= 0 else { throw .invalidKey }
        return bytes
    }
}
