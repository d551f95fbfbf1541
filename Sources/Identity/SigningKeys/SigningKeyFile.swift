import Base
import JOSE

extension SigningKey {
    /// Its `kid` as text. Off the hot path.
    package var id: String { keyID.string }

    /// Whether both are one key under one name, signing the same way.
    package func isSame(as other: SigningKey) -> Bool { self === other || verificationKey == other.verificationKey }

    /// Whether a JWT-SVID may be signed with it (JWT-SVID section 2.1): EdDSA isn't in its list.
    package var signsJWTSVIDs: Bool { AlgorithmSet.svid.contains(algorithm) }
}

/// Reads the content of a signing key's file: a private key in PEM, or one private JWK. Who calls has read the file.
package enum SigningKeyFile {
    /// The longest file, in bytes.
    package static let lengthMaximum = 64 * 1024

    /// - Parameters:
    ///   - id: `kid`; nil for the JWK's own, or the key's thumbprint (RFC 7638).
    ///   - algorithm: nil for the JWK's own, or what is usual for the key's type.
    package static func read(
        _ content: ByteView, id: String? = nil, algorithm: SignatureAlgorithm? = nil
    ) throws(KeyError) -> SigningKey {
        guard content.count <= lengthMaximum else { throw .tooLarge }
        var start = 0
        while start < content.count, isBlank(content[start]) { start += 1 }
        guard start < content.count, content[start] == ASCII.openBrace else {
            return try SigningKey(pem: content, keyID: id, algorithm: algorithm)
        }
        let document = JSONDocument()
        let value: JSONValue
        do throws(JSONError) {
            value = try document.read(content, limits: .keySet)
        } catch {
            throw .malformed(error)
        }
        // What was read points into the document.
        defer { withExtendedLifetime(document) {} }
        return try SigningKey(jwk: value, keyID: id, algorithm: algorithm)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        ASCII.isWhitespace(byte) || byte == ASCII.lf || byte == ASCII.cr
    }
}
