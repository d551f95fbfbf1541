import Base
import JOSE
import Testing

@Suite("The RFCs' examples")
struct RFCVectorTests {
    @Test("signatures of RFC 7515 and RFC 8037 verify, and no flipped bit does", arguments: RFCVectors.signatures)
    func signature(vector: RFCVectors.Signature) throws {
        let keys: KeySet
        if vector.algorithm == .hs256 {
            keys = KeySet(keys: [try withJSON(vector.jwk) { try VerificationKey(secretJWK: $0) }])
        } else {
            keys = KeySet(keys: [
                try withJSON(vector.jwk) { try SigningKey(jwk: $0, algorithm: vector.algorithm) }.verificationKey
            ])
        }
        let allowed = AlgorithmSet(vector.algorithm)
        #expect(tokenError(vector.token, keys, allowed) == nil)
        #expect(
            tokenError(vector.token, keys, AlgorithmSet.asymmetric.symmetricDifference(allowed)) == .algorithmNotAllowed
                || vector.algorithm == .hs256)
        // Any other letter in payload or signature breaks it, unless it is no base64url any more.
        let bytes = Array(vector.token.utf8)
        let start = try #require(bytes.firstIndex(of: 0x2e)) + 1
        for place in stride(from: start, to: bytes.count, by: 7) where bytes[place] != 0x2e {
            var changed = bytes
            changed[place] = bytes[place] == 0x41 ? 0x42 : 0x41
            let error = tokenError(String(decoding: changed, as: UTF8.self), keys, allowed)
            #expect(error == .badSignature || error == .invalidEncoding)
        }
    }

    @Test("claims of RFC 7515 appendix A.1")
    func claims() throws {
        let token = CompactToken()
        try ByteView.of(RFCVectors.signatures[0].token) { view in
            try token.read(view, maximumCount: 4096)
            let claims = try token.claims()
            #expect(claims.member("iss")?.text?.string == "joe")
            #expect(claims.member("exp")?.integer == 1_300_819_380)
            #expect(claims.member("http://example.com/is_root")?.bool == true)
            #expect(token.type?.string == "JWT" && token.keyID == nil)
        }
    }

    @Test("thumbprints of RFC 7638 section 3.1 and RFC 8037 appendix A.3")
    func thumbprints() throws {
        let rsa = try withJSON(RFCVectors.thumbprintKey) { try VerificationKey(jwk: $0) }
        #expect(rsa.thumbprint.base64URL == RFCVectors.thumbprint)
        let edwards = try withJSON(RFCVectors.signatures[4].jwk) { try SigningKey(jwk: $0) }
        #expect(edwards.verificationKey.thumbprint.base64URL == RFCVectors.edwardsThumbprint)
        // EdDSA has no randomness: the same token again, but for the header's order of members.
        let maker = try SignatureMaker(edwards)
        var signature = [UInt8](repeating: 0, count: 64)
        let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
        let count = ByteView.of(input) { maker.sign($0, into: &signature) }
        #expect(count == 64 && RFCVectors.signatures[4].token == input + "." + Base64URL.encode(signature))
    }
}
