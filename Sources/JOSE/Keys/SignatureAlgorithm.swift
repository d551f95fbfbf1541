import Base

/// A signature algorithm of JWS (RFC 7518 section 3.1, RFC 8037 section 3.1) that is understood here. `none` is not.
package enum SignatureAlgorithm: UInt8, Sendable, Hashable, CaseIterable {
    case rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, edDSA, hs256

    /// The registered name.
    package var name: StaticString {
        switch self {
        case .rs256: "RS256"
        case .rs384: "RS384"
        case .rs512: "RS512"
        case .ps256: "PS256"
        case .ps384: "PS384"
        case .ps512: "PS512"
        case .es256: "ES256"
        case .es384: "ES384"
        case .es512: "ES512"
        case .edDSA: "EdDSA"
        case .hs256: "HS256"
        }
    }

    /// The algorithm of this exact name (case matters, RFC 7515 section 4.1.1).
    package init?(name: ByteView) {
        guard name.count == 5 else { return nil }
        for algorithm in Self.allCases where name == algorithm.name {
            self = algorithm
            return
        }
        return nil
    }

    /// Whether a key of this type signs with the algorithm: each ES algorithm has one curve.
    package func fits(_ type: KeyType) -> Bool {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: type == .rsa
        case .es256: type == .p256
        case .es384: type == .p384
        case .es512: type == .p521
        case .edDSA: type == .ed25519
        case .hs256: type == .secret
        }
    }

    /// The name of the digest as OpenSSL knows it; EdDSA has its own within.
    var digestName: StaticString {
        switch self {
        case .rs256, .ps256, .es256, .hs256, .edDSA: "SHA256"
        case .rs384, .ps384, .es384: "SHA384"
        case .rs512, .ps512, .es512: "SHA512"
        }
    }

    var isPSS: Bool { self == .ps256 || self == .ps384 || self == .ps512 }
}

/// A set of algorithms: what an issuer's tokens may be signed with.
package struct AlgorithmSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package init(_ algorithm: SignatureAlgorithm) { rawValue = 1 << UInt16(algorithm.rawValue) }

    package init(_ algorithms: [SignatureAlgorithm]) { self = algorithms.reduce(into: []) { $0.insert(Self($1)) } }

    package func contains(_ algorithm: SignatureAlgorithm) -> Bool { contains(Self(algorithm)) }

    /// All that sign with a private key: everything but HS256.
    package static let asymmetric = AlgorithmSet(SignatureAlgorithm.allCases.filter { $0 != .hs256 })
    /// What a JWT-SVID may be signed with (SPIFFE JWT-SVID section 2.1): RS, PS and ES.
    package static let svid = asymmetric.subtracting(AlgorithmSet(.edDSA))
}

/// A key's type, with its curve.
package enum KeyType: UInt8, Sendable, Hashable {
    case rsa, p256, p384, p521, ed25519
    /// A secret that both sides share (HS256).
    case secret

    /// The JWK member `kty`.
    package var kty: StaticString {
        switch self {
        case .rsa: "RSA"
        case .p256, .p384, .p521: "EC"
        case .ed25519: "OKP"
        case .secret: "oct"
        }
    }

    /// The JWK member `crv`; nil for keys without a curve.
    package var curve: StaticString? {
        switch self {
        case .p256: "P-256"
        case .p384: "P-384"
        case .p521: "P-521"
        case .ed25519: "Ed25519"
        case .rsa, .secret: nil
        }
    }

    /// The length of a coordinate, and of each half of an ECDSA signature, in bytes; 0 for keys without a curve.
    var coordinateCount: Int {
        switch self {
        case .p256, .ed25519: 32
        case .p384: 48
        case .p521: 66
        case .rsa, .secret: 0
        }
    }

    /// OpenSSL's name of the group.
    var groupName: StaticString {
        switch self {
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        default: "prime256v1"
        }
    }

    /// What such a key signs with when nothing else is said.
    package var usualAlgorithm: SignatureAlgorithm {
        switch self {
        case .rsa: .rs256
        case .p256: .es256
        case .p384: .es384
        case .p521: .es512
        case .ed25519: .edDSA
        case .secret: .hs256
        }
    }
}
