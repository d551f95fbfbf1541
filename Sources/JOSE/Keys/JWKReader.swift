import Base
import COpenSSL

/// Makes OpenSSL's keys out of JWKs (RFC 7517, RFC 7518 section 6, RFC 8037).
///
/// `x5c`, `x5t`, `x5u` and whatever else is not named here has no effect: a key is its numbers.
struct JWKReader {
    let jwk: JSONValue

    init(_ jwk: JSONValue) throws(KeyError) {
        guard jwk.isObject else { throw .notAnObject }
        self.jwk = jwk
    }

    /// The key; the caller owns it. With its private half if `isPrivate`, which it must then have.
    func makeKey(isPrivate: Bool) throws(KeyError) -> OpaquePointer {
        guard let type = jwk.member("kty")?.text else { throw .missingMember }
        if isPrivate, jwk.member("d") == nil { throw .notAPrivateKey }
        if type == "RSA" { return try makeRSA(isPrivate: isPrivate) }
        if type == "EC" { return try makeEC(isPrivate: isPrivate) }
        if type == "OKP" { return try makeEdwards(isPrivate: isPrivate) }
        throw .unsupportedType
    }

    /// The pinned algorithm.
    func algorithm() throws(KeyError) -> SignatureAlgorithm? {
        guard let value = jwk.member("alg") else { return nil }
        guard let name = value.text else { throw .missingMember }
        guard let algorithm = SignatureAlgorithm(name: name) else { throw .unsupportedAlgorithm }
        return algorithm
    }

    func keyID() throws(KeyError) -> String? {
        guard let value = jwk.member("kid") else { return nil }
        guard let text = value.text, !text.isEmpty, text.count <= VerificationKey.maximumKeyIDCount else {
            throw .invalidKeyID
        }
        return text.string
    }

    /// That `use` and `key_ops`, if given, allow the operation, `verify` or `sign` (RFC 7517 sections 4.2 and 4.3).
    func checkUse(_ operation: StaticString) throws(KeyError) {
        if let use = jwk.member("use") {
            guard let use = use.text else { throw .missingMember }
            // A SPIFFE bundle says what else a key of JWT-SVIDs is for (SPIFFE Trust Domain and Bundle, section 4.2.2).
            guard use == "sig" || use == "jwt-svid" else { throw .notForSignatures }
        }
        if let operations = jwk.member("key_ops") {
            guard operations.isArray else { throw .missingMember }
            for value in operations.elements {
                if let text = value.text, text == operation { return }
            }
            throw .operationNotAllowed
        }
    }

    /// The secret of an `oct` key.
    func secret() throws(KeyError) -> [UInt8] {
        guard let type = jwk.member("kty")?.text else { throw .missingMember }
        guard type == "oct" else { throw .unsupportedType }
        return try bytes("k")
    }

    // MARK: Types

    private func makeRSA(isPrivate: Bool) throws(KeyError) -> OpaquePointer {
        let modulus = try number("n")
        let exponent = try number("e")
        try PublicNumbers.checkRSA(modulus: modulus, exponent: exponent)
        var parameters = try KeyParameters()
        try parameters.add("n", number: modulus)
        try parameters.add("e", number: exponent)
        if isPrivate {
            if jwk.member("oth") != nil { throw .unsupportedType }
            try parameters.add("d", number: try number("d"))
            if jwk.member("p") != nil {
                try parameters.add("rsa-factor1", number: try number("p"))
                try parameters.add("rsa-factor2", number: try number("q"))
                try parameters.add("rsa-exponent1", number: try number("dp"))
                try parameters.add("rsa-exponent2", number: try number("dq"))
                try parameters.add("rsa-coefficient1", number: try number("qi"))
            }
        }
        return try parameters.makeKey("RSA", isPrivate: isPrivate)
    }

    private func makeEC(isPrivate: Bool) throws(KeyError) -> OpaquePointer {
        guard let curve = jwk.member("crv")?.text else { throw .missingMember }
        let types: [KeyType] = [.p256, .p384, .p521]
        guard let type = types.first(where: { $0.curve.map { curve == $0 } ?? false }) else { throw .unsupportedCurve }
        let x = try bytes("x")
        let y = try bytes("y")
        // RFC 7518 section 6.2.1.2: full length, leading zeros kept.
        guard x.count == type.coordinateCount, y.count == type.coordinateCount else { throw .wrongLength }
        var parameters = try KeyParameters()
        try parameters.add("group", text: type.groupName)
        try parameters.add("pub", bytes: [4] + x + y)
        if isPrivate {
            let d = try bytes("d")
            guard d.count == type.coordinateCount else { throw .wrongLength }
            try parameters.add("priv", number: d)
        }
        return try parameters.makeKey("EC", isPrivate: isPrivate)
    }

    private func makeEdwards(isPrivate: Bool) throws(KeyError) -> OpaquePointer {
        guard let curve = jwk.member("crv")?.text else { throw .missingMember }
        guard curve == "Ed25519" else { throw .unsupportedCurve }
        let x = try bytes("x")
        guard x.count == 32 else { throw .wrongLength }
        guard isPrivate else {
            guard let key = EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, x, x.count) else { throw .invalidKey }
            return key
        }
        let d = try bytes("d")
        guard d.count == 32 else { throw .wrongLength }
        guard let key = EVP_PKEY_new_raw_private_key_ex(nil, "ED25519", nil, d, d.count) else { throw .invalidKey }
        // OpenSSL computes the public half itself; what the JWK says must be the same.
        var computed = [UInt8](repeating: 0, count: 32)
        var count = 32
        guard EVP_PKEY_get_raw_public_key(key, &computed, &count) == 1, computed == x else {
            EVP_PKEY_free(key)
            throw .selfTestFailed
        }
        return key
    }

    // MARK: Members

    private func bytes(_ name: StaticString) throws(KeyError) -> [UInt8] {
        guard let text = jwk.member(name)?.text, !text.isEmpty else { throw .missingMember }
        // Room for the longest RSA modulus that is taken and then some; longer ones needn't be decoded to be refused.
        guard text.count <= 2048 else { throw .tooLarge }
        guard let bytes = Base64URL.decode(text) else { throw .invalidEncoding }
        return bytes
    }

    /// A number's bytes without leading zeros, which RFC 7518 section 2 forbids but some issuers write.
    private func number(_ name: StaticString) throws(KeyError) -> [UInt8] {
        let bytes = try bytes(name)
        guard let first = bytes.firstIndex(where: { $0 != 0 }) else { throw .invalidKey }
        return Array(bytes[first...])
    }
}

/// Gathers a key's numbers for `EVP_PKEY_fromdata`.
struct KeyParameters: ~Copyable {
    private let builder: OpaquePointer
    private var numbers: [OpaquePointer] = []
    /// Bytes are kept until the key is made, because the builder keeps only a pointer. They may be a private key's.
    private var blocks: [UnsafeMutableBufferPointer<UInt8>] = []

    init() throws(KeyError) {
        guard let builder = OSSL_PARAM_BLD_new() else { throw .cryptoFailed }
        self.builder = builder
    }

    deinit {
        for number in numbers { BN_clear_free(number) }
        for block in blocks {
            OPENSSL_cleanse(block.baseAddress, block.count)
            block.deallocate()
        }
        OSSL_PARAM_BLD_free(builder)
    }

    /// - Parameter name: a literal, because the builder keeps the pointer.
    mutating func add(_ name: StaticString, number bytes: [UInt8]) throws(KeyError) {
        guard let number = BN_bin2bn(bytes, Int32(clamping: bytes.count), nil) else { throw .cryptoFailed }
        numbers.append(number)
        guard OSSL_PARAM_BLD_push_BN(builder, Self.cString(name), number) == 1 else { throw .cryptoFailed }
    }

    mutating func add(_ name: StaticString, text: StaticString) throws(KeyError) {
        guard OSSL_PARAM_BLD_push_utf8_string(builder, Self.cString(name), Self.cString(text), 0) == 1 else {
            throw .cryptoFailed
        }
    }

    mutating func add(_ name: StaticString, bytes: [UInt8]) throws(KeyError) {
        let block = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(bytes.count, 1))
        _ = block.initialize(from: bytes)
        blocks.append(block)
        guard OSSL_PARAM_BLD_push_octet_string(builder, Self.cString(name), block.baseAddress, bytes.count) == 1 else {
            throw .cryptoFailed
        }
    }

    /// The key, checked to be one: a point on its curve, numbers in range. The caller owns it.
    consuming func makeKey(_ type: StaticString, isPrivate: Bool) throws(KeyError) -> OpaquePointer {
        guard let list = OSSL_PARAM_BLD_to_param(builder) else { throw .cryptoFailed }
        defer { OSSL_PARAM_free(list) }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, Self.cString(type), nil) else { throw .cryptoFailed }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        let selection = Int32(isPrivate ? portcullis_key_pair : portcullis_key_public)
        guard EVP_PKEY_fromdata_init(context) == 1, EVP_PKEY_fromdata(context, &key, selection, list) == 1,
            let key
        else {
            ERR_clear_error()
            throw .invalidKey
        }
        guard OpenSSLKey.isSound(key) else {
            EVP_PKEY_free(key)
            throw .invalidKey
        }
        return key
    }

    /// A literal's bytes end with a zero.
    private static func cString(_ literal: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
