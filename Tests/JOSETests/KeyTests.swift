import Base
import JOSE
import TestSupport
import Testing

@Suite("Keys")
struct KeyTests {
    static let x = "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY"
    static let y = "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"
    static let zeros = String(repeating: "A", count: 43)

    /// A public EC key with some members changed or added.
    private static func ec(
        crv: String = "P-256", x: String = x, y: String = y, _ more: String = ""
    ) -> String {
        #"{"kty":"EC","crv":"\#(crv)","x":"\#(x)","y":"\#(y)"\#(more.isEmpty ? "" : ",")\#(more)}"#
    }

    private static func rsa(n: String, e: String = "AQAB", _ more: String = "") -> String {
        #"{"kty":"RSA","n":"\#(n)","e":"\#(e)"\#(more.isEmpty ? "" : ",")\#(more)}"#
    }

    /// An odd modulus of so many bytes, of no use but for its size.
    private static func modulus(_ count: Int, first: UInt8 = 0xc5) -> String {
        var random = RandomSource(seed: 5)
        var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes[0] = first
        bytes[count - 1] |= 1
        // Divisible by none of the small primes would need a search; OpenSSL only looks at sizes before that.
        return Base64URL.encode(bytes)
    }

    static let refusals: [(String, KeyError)] = [
        ("[]", .notAnObject), ("{}", .missingMember), (#"{"kty":1}"#, .missingMember),
        (#"{"kty":"DSA"}"#, .unsupportedType), (#"{"kty":"ec"}"#, .unsupportedType),
        (#"{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}"#, .secretInSet),
        (ec(#""d":"AA""#), .privateKeyInSet), (ec(#""use":"enc""#), .notForSignatures),
        (ec(#""use":1"#), .missingMember), (ec(#""key_ops":["sign"]"#), .operationNotAllowed),
        (ec(#""key_ops":[]"#), .operationNotAllowed), (ec(#""key_ops":"verify""#), .missingMember),
        (ec(#""alg":"ES384""#), .algorithmMismatch), (ec(#""alg":"RS256""#), .algorithmMismatch),
        (ec(#""alg":"HS256""#), .algorithmMismatch), (ec(#""alg":"none""#), .unsupportedAlgorithm),
        (ec(#""alg":"ES256K""#), .unsupportedAlgorithm), (ec(#""alg":"RSA-OAEP""#), .unsupportedAlgorithm),
        (ec(#""kid":"""#), .invalidKeyID), (ec(#""kid":5"#), .invalidKeyID),
        (ec("\"kid\":\"\(String(repeating: "k", count: 257))\""), .invalidKeyID),
        (ec(crv: "P-384"), .wrongLength), (ec(crv: "P-224"), .unsupportedCurve),
        (ec(crv: "secp256k1"), .unsupportedCurve),
        (ec(y: "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgnw"), .invalidKey), (ec(x: zeros, y: zeros), .invalidKey),
        (ec(x: y, y: x), .invalidKey), (ec(x: String(x.dropLast(4))), .wrongLength),
        (ec(x: x + "="), .invalidEncoding),
        (ec(x: "AAAA"), .wrongLength), (ec(x: "A" + x), .wrongLength), (ec(x: ""), .missingMember),
        (#"{"kty":"EC","crv":"P-256","x":"AA"}"#, .missingMember),
        (#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#, .unsupportedCurve),
        (#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, .unsupportedCurve),
        (#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, .wrongLength),
        (rsa(n: modulus(128)), .tooSmall), (rsa(n: modulus(256, first: 0x7f)), .tooSmall),
        (rsa(n: modulus(1025)), .tooLarge), (rsa(n: modulus(2000)), .tooLarge),
        (rsa(n: modulus(256), e: "AQ"), .invalidExponent),
        (rsa(n: modulus(256), e: "AQAA"), .invalidExponent), (rsa(n: modulus(256), e: "AA"), .invalidKey),
        (rsa(n: modulus(256), e: "AQAAAAAAAAAB"), .invalidExponent), (rsa(n: "AA"), .invalidKey),
        (rsa(n: Base64URL.encode([UInt8](repeating: 0xff, count: 255) + [0xfe])), .invalidKey),
    ]

    @Test("what is no key for signatures is refused with its reason", arguments: refusals)
    func refused(jwk: String, error: KeyError) throws { #expect(try keyError(jwk) == error) }

    @Test(
        "what says nothing about the key's numbers has no effect",
        arguments: [
            "", #""use":"sig""#, #""use":"jwt-svid""#, #""key_ops":["sign","verify"]"#, #""alg":"ES256""#,
            #""kid":"k""#,
            #""x5c":["AAAA"],"x5t":"A","x5u":"https://x.example/","jku":1,"n":5"#,
        ])
    func taken(more: String) throws { #expect(try keyError(Self.ec(more)) == nil) }

    static let usual: [SignatureAlgorithm] = [.rs256, .ps256, .es256, .es384, .es512, .edDSA]

    @Test("a new key survives PEM and JWK, signs, and only its own public key verifies", arguments: usual)
    func generated(algorithm: SignatureAlgorithm) throws {
        let key = try SigningKey.generate(algorithm)
        #expect(key.keyID.string == key.verificationKey.thumbprint.base64URL)
        let again = try ByteView.of(try key.pem()) { try SigningKey(pem: $0, keyID: "again", algorithm: algorithm) }
        #expect(again.verificationKey.thumbprint == key.verificationKey.thumbprint)
        #expect(again.keyID == "again")
        let copied = try withJSON(try key.jwk()) { try SigningKey(jwk: $0) }
        #expect(copied.verificationKey == key.verificationKey && copied.algorithm == algorithm)
        #expect(tokenError(try signed(copied, "{}"), KeySet(keys: [key.verificationKey])) == nil)
        let published = try withJSON(key.verificationKey.jwk()) { try VerificationKey(jwk: $0) }
        #expect(published == key.verificationKey)
        let fromPEM = try ByteView.of(try key.verificationKey.pem()) { try VerificationKey(pem: $0) }
        #expect(fromPEM.thumbprint == key.verificationKey.thumbprint && fromPEM.keyID == nil)
        let token = try signed(key, #"{"sub":"a"}"#)
        #expect(tokenError(token, KeySet(keys: [published])) == nil)
        #expect(tokenError(token, KeySet(keys: [fromPEM])) == nil)
        let other = try SigningKey.generate(algorithm, keyID: key.keyID.string)
        #expect(tokenError(token, KeySet(keys: [other.verificationKey])) == .badSignature)
        #expect(tokenError(token, KeySet(keys: [other.verificationKey, published])) == nil)
    }

    @Test("PEM that is no such key is refused")
    func pem() throws {
        let key = try SigningKey.generate(.es256)
        let privateText = try key.pem()
        let publicText = try key.verificationKey.pem()
        #expect(throws: KeyError.privateKeyInSet) { try ByteView.of(privateText) { try VerificationKey(pem: $0) } }
        #expect(throws: KeyError.notAPrivateKey) { try ByteView.of(publicText) { try SigningKey(pem: $0) } }
        // Which of two is meant, nobody can say.
        let other = try SigningKey.generate(.es256)
        let publicTexts = publicText + (try other.verificationKey.pem())
        #expect(throws: KeyError.severalInPEM) { try ByteView.of(publicTexts) { try VerificationKey(pem: $0) } }
        let privateTexts = privateText + (try other.pem())
        #expect(throws: KeyError.severalInPEM) { try ByteView.of(privateTexts) { try SigningKey(pem: $0) } }
        for text in ["", "x", String(publicText.dropLast(60)), publicText.replacingOccurrence(of: "MF", with: "MG")] {
            #expect(throws: KeyError.invalidPEM) { try ByteView.of(text) { try VerificationKey(pem: $0) } }
        }
        #expect(throws: KeyError.invalidPEM) {
            try ByteView.of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n") {
                try SigningKey(pem: $0)
            }
        }
        #expect(throws: KeyError.encryptedPEM) {
            try ByteView.of("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n") { try SigningKey(pem: $0) }
        }
        #expect(throws: KeyError.algorithmMismatch) {
            try ByteView.of(privateText) { try SigningKey(pem: $0, algorithm: .rs256) }
        }
        #expect(throws: KeyError.invalidKeyID) { try ByteView.of(privateText) { try SigningKey(pem: $0, keyID: "") } }
    }

    @Test("a private JWK whose halves don't belong together is refused")
    func halves() throws {
        let one = RFCVectors.signatures[2].jwk
        let other = #""d":"yy49oPcINGK2ps0LmtxpB6UTEOiITghHBif6wDqmJ3c""#
        let mixed = try #require(
            one.firstRange(of: #/"d":"[^"]*"/#).map { one.replacingCharacters(in: $0, with: other) })
        #expect(throws: (any Error).self) { try withJSON(mixed) { try SigningKey(jwk: $0) } }
        #expect(throws: KeyError.notAPrivateKey) { try withJSON(Self.ec()) { try SigningKey(jwk: $0) } }
    }

    @Test("a shared secret has at least 32 bytes and is only for HS256")
    func secrets() throws {
        #expect(throws: KeyError.secretTooShort) {
            try VerificationKey(secret: [UInt8](repeating: 1, count: 31), keyID: nil)
        }
        let key = try VerificationKey(secret: [UInt8](repeating: 1, count: 32), keyID: nil)
        for algorithm in SignatureAlgorithm.allCases { #expect(key.fits(algorithm) == (algorithm == .hs256)) }
        #expect(key.jwk() == "")
    }
}

extension String {
    fileprivate func replacingOccurrence(of part: String, with other: String) -> String {
        firstRange(of: part).map { replacingCharacters(in: $0, with: other) } ?? self
    }

    func replacingCharacters(in range: Range<String.Index>, with other: String) -> String {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}

@Suite("Key sets")
struct KeySetTests {
    private func keySet(_ text: String, _ limits: KeySetLimits = KeySetLimits()) throws -> KeySet {
        try ByteView.of(text) { try KeySet(jwks: $0, limits: limits) }
    }

    private let key = #"{"kty":"EC","crv":"P-256","x":"\#(KeyTests.x)","y":"\#(KeyTests.y)","kid":"a"}"#

    @Test("what is no set is refused as a whole")
    func refused() {
        for text in ["{}", "[]", #"{"keys":{}}"#, #"{"Keys":[]}"#, "1"] {
            #expect(throws: KeyError.notAKeySet) { try keySet(text) }
        }
        #expect(throws: KeyError.malformed(.unexpectedEnd)) { try keySet("") }
        #expect(throws: KeyError.malformed(.duplicateName)) { try keySet(#"{"keys":[],"keys":[]}"#) }
        let many = #"{"keys":["# + Array(repeating: key, count: 5).joined(separator: ",") + "]}"
        #expect(throws: KeyError.tooManyKeys) { try keySet(many, KeySetLimits(keys: 4)) }
    }

    @Test("unusable keys are skipped with their reasons, duplicates count once")
    func mixed() throws {
        let set = try keySet(
            #"{"keys":[\#(key),{"kty":"X","kid":"b"},5,\#(key),{"kty":"EC","crv":"P-256","kid":"c"},"#
                + #"\#(key.replacingOccurrences("\"a\"", "\"d\"")),\#(key.dropLast()),"alg":"ES256"}],"more":1}"#)
        #expect(set.keys.map { $0.keyID?.string } == ["a", "d", "a"])
        #expect(set.skipped.map(\.index) == [1, 2, 4])
        #expect(set.skipped.map(\.keyID) == ["b", nil, "c"])
        #expect(set.skipped.map(\.error) == [.unsupportedType, .notAnObject, .missingMember])
        #expect(set.hasKey(ByteView("d")) && !set.hasKey(ByteView("b")) && !set.hasKey(ByteView("")))
        let again = try keySet(KeySet.text(set.keys.reversed()))
        #expect(again.hasSameKeys(as: set))
        #expect(try !again.hasSameKeys(as: keySet(#"{"keys":[\#(key)]}"#)))
        #expect(try keySet(#"{"keys":[]}"#).keys.isEmpty)
    }

    @Test("damaged sets are refused or skipped, never worse")
    func fuzz() throws {
        var random = FuzzPlan.random(seed: 0x4a57)
        let seed = Array(
            #"{"keys":[\#(key),\#(RFCVectors.thumbprintKey),{"kty":"OKP","crv":"Ed25519","x":"\#(KeyTests.x)"}]}"#.utf8)
        for _ in 0..<FuzzPlan.iterations(usual: 400) {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                if Bool.random(using: &random) {
                    bytes[place] = UInt8.random(in: 0x20...0x7e, using: &random)
                } else {
                    bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &random)))
                }
            }
            ByteView.of(bytes) { view in
                guard let set = try? KeySet(jwks: view) else { return }
                #expect(set.keys.count + set.skipped.count <= 3)
                for key in set.keys {
                    let again = try? withJSON(key.jwk()) { try VerificationKey(jwk: $0) }
                    // OpenSSL tries a modulus with random numbers: a damaged one may pass once and not twice.
                    #expect(again == key || (again == nil && key.type == .rsa))
                }
            }
        }
    }
}

extension String {
    fileprivate func replacingOccurrences(_ part: String, _ other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
