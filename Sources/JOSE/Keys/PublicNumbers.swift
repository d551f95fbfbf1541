import Base
import COpenSSL

/// What a public key consists of, as a JWK writes it (RFC 7518 section 6, RFC 8037 section 2).
struct PublicNumbers {
    let type: KeyType
    /// `n` of an RSA key without leading zeros; `x` of a key with a curve.
    let first: [UInt8]
    /// `e` of an RSA key without leading zeros; `y` of an EC key; empty for Ed25519.
    let second: [UInt8]

    /// Of a key that OpenSSL holds; what is not taken here is refused, whichever way it came.
    init(of key: OpaquePointer) throws(KeyError) {
        type = try Self.type(of: key)
        switch type {
        case .rsa:
            first = try Self.number("n", of: key, count: nil)
            second = try Self.number("e", of: key, count: nil)
            try Self.checkRSA(modulus: first, exponent: second)
        case .p256, .p384, .p521:
            first = try Self.number("qx", of: key, count: type.coordinateCount)
            second = try Self.number("qy", of: key, count: type.coordinateCount)
        case .ed25519:
            var bytes = [UInt8](repeating: 0, count: 32)
            var count = 32
            guard EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1, count == 32 else { throw .invalidKey }
            first = bytes
            second = []
        case .secret: throw .unsupportedType
        }
    }

    /// Sizes, exponent and origin of an RSA key: cheap checks, before OpenSSL gets the numbers.
    static func checkRSA(modulus: [UInt8], exponent: [UInt8]) throws(KeyError) {
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard bits >= 2048 else { throw .tooSmall }
        guard bits <= 8192 else { throw .tooLarge }
        guard let last = modulus.last, last & 1 == 1 else { throw .invalidKey }
        guard exponent.count <= 8, let low = exponent.last, low & 1 == 1, exponent != [1] else {
            throw .invalidExponent
        }
        if Self.hasKnownStructure(modulus) { throw .weakModulus }
    }

    /// ROCA: primes of one broken generator are `k * M + 65537^a mod M` with M a product of small primes, so that the
    /// modulus lies in the group that 65537 generates modulo each of them. A sound modulus does so for all of these
    /// primes with a chance under 2^-50.
    private static func hasKnownStructure(_ modulus: [UInt8]) -> Bool {
        let primes: [UInt32] = [
            11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
        ]
        for prime in primes {
            var remainder: UInt32 = 0
            for byte in modulus { remainder = (remainder << 8 | UInt32(byte)) % prime }
            var power: UInt32 = 1
            var isMember = false
            repeat {
                isMember = isMember || power == remainder
                power = power * 65537 % prime
            } while power != 1
            if !isMember { return false }
        }
        return true
    }

    private static func type(of key: OpaquePointer) throws(KeyError) -> KeyType {
        if EVP_PKEY_is_a(key, "RSA") == 1 { return .rsa }
        if EVP_PKEY_is_a(key, "ED25519") == 1 { return .ed25519 }
        guard EVP_PKEY_is_a(key, "EC") == 1 else { throw .unsupportedType }
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        guard EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1 else { throw .unsupportedCurve }
        switch String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) {
        case "prime256v1", "P-256": return .p256
        case "secp384r1", "P-384": return .p384
        case "secp521r1", "P-521": return .p521
        default: throw .unsupportedCurve
        }
    }

    private static func number(_ name: String, of key: OpaquePointer, count: Int?) throws(KeyError) -> [UInt8] {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, name, &number) == 1, let number else { throw .invalidKey }
        defer { BN_free(number) }
        var bytes = [UInt8](repeating: 0, count: count ?? Int(portcullis_bignum_count(number)))
        guard BN_bn2binpad(number, &bytes, Int32(clamping: bytes.count)) >= 0 else { throw .invalidKey }
        return bytes
    }

    /// The members of the JWK in the order of their names, without the braces: what a thumbprint digests (RFC 7638
    /// section 3.2, RFC 8037 section 2).
    var members: String {
        let first = Base64URL.encode(first)
        let second = Base64URL.encode(second)
        let kty = "\"kty\":\"\(type.kty)\""
        guard let curve = type.curve else { return "\"e\":\"\(second)\",\(kty),\"n\":\"\(first)\"" }
        let y = self.second.isEmpty ? "" : ",\"y\":\"\(second)\""
        return "\"crv\":\"\(curve)\",\(kty),\"x\":\"\(first)\"\(y)"
    }

    /// RFC 7638.
    var thumbprint: SHA256Digest { "{\(members)}".withByteView { SHA256Digest(of: $0) } }
}
