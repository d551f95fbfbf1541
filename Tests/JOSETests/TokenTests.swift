import Base
import JOSE
import TestSupport
import Testing

@Suite("Tokens")
struct TokenTests {
    private static let key = try? SigningKey.generate(.es256, keyID: "k1")

    private func key() throws -> SigningKey { try #require(Self.key) }

    private func encoded(_ text: String) -> String { Base64URL.encode(Array(text.utf8)) }

    /// What reading a token says, without a look at its signature: nil if it is taken.
    private func readError(_ token: String, maximumCount: Int = 1000) -> TokenError? {
        ByteView.of(token) { view in
            do throws(TokenError) {
                try CompactToken().read(view, maximumCount: maximumCount)
                return nil
            } catch {
                return error
            }
        }
    }

    static let headers: [(String, TokenError?)] = [
        (#"{"alg":"ES256"}"#, nil), (#"{"typ":"JWT","alg":"RS256","kid":"x"}"#, nil),
        (#"{"alg":"ES256","x5c":["x"],"x5t":"x","enc":1}"#, nil), (#"{"alg":"ES256","jwk":{"kty":"oct"}}"#, .bringsKey),
        (#"{"alg":"ES256","jku":"https://x.example/"}"#, .bringsKey), (#"{"alg":"ES256","x5u":null}"#, .bringsKey),
        (#"{"alg":"none"}"#, .unsecured), (#"{"alg":"NONE"}"#, .unsecured), (#"{"alg":"nOnE"}"#, .unsecured),
        (#"{"alg":"HS384"}"#, .unknownAlgorithm), (#"{"alg":"es256"}"#, .unknownAlgorithm),
        (#"{"alg":"ES256K"}"#, .unknownAlgorithm), (#"{"alg":"ES256 "}"#, .unknownAlgorithm),
        (#"{"alg":"RSA-OAEP"}"#, .unknownAlgorithm), (#"{"alg":""}"#, .malformedHeader),
        (#"{"alg":5}"#, .malformedHeader),
        (#"{"alg":["ES256"]}"#, .malformedHeader), (#"{"alg":null}"#, .malformedHeader), ("{}", .malformedHeader),
        ("[]", .malformedHeader), (#""ES256""#, .malformedHeader), (#"{"alg":"ES256","kid":5}"#, .malformedHeader),
        (#"{"alg":"ES256","kid":""}"#, .malformedHeader), (#"{"alg":"ES256","typ":{}}"#, .malformedHeader),
        (#"{"alg":"ES256","kid":"\#(String(repeating: "k", count: 256))"}"#, nil),
        (#"{"alg":"ES256","kid":"\#(String(repeating: "k", count: 257))"}"#, .malformedHeader),
        (#"{"alg":"ES256","crit":["exp"],"exp":1}"#, .unknownCritical),
        (#"{"alg":"ES256","crit":[]}"#, .unknownCritical),
        (#"{"alg":"ES256","b64":true}"#, .unencodedPayload), (#"{"alg":"ES256","b64":false}"#, .unencodedPayload),
        (#"{"alg":"ES256","cty":"JWT"}"#, .nested), (#"{"alg":"ES256","cty":"application/jwt"}"#, .nested),
        (#"{"alg":"ES256","cty":"json"}"#, nil), (#"{"alg":"ES256","alg":"ES256"}"#, .invalidHeader(.duplicateName)),
        (#"{"alg":"none","\u0061lg":"ES256"}"#, .invalidHeader(.duplicateName)), ("{", .invalidHeader(.unexpectedEnd)),
        (#"{"alg":"ES256"} x"#, .invalidHeader(.trailingBytes)), ("\u{feff}{}", .invalidHeader(.unexpectedByte)),
    ]

    @Test("headers", arguments: headers)
    func header(header: String, error: TokenError?) {
        #expect(readError(encoded(header) + ".e30.AAAA") == error)
    }

    @Test("parts")
    func parts() {
        let head = encoded(#"{"alg":"ES256"}"#)
        #expect(readError("\(head).e30.AAAA") == nil)
        for text in [
            "", ".", "..", "...", head, "\(head).e30", "\(head).e30.AAAA.", ".e30.AAAA", "\(head).e30.AAAA.AA",
            "\(head).e30.AAAA.A.A.A",
        ] { #expect(readError(text) == .malformed) }
        #expect(readError("\(head).e30.AA.AA.AA") == .encrypted)
        #expect(readError("\(head)....") == .encrypted)
        for text in [
            "\(head)=.e30.AAAA", "\(head).e30=.AAAA", "\(head).e30.AAA=", "\(head).e30.AAAAA", "\(head).e30.AAB",
            " \(head).e30.AAAA", "\(head).e30.AAAA\n", "\(head).e3\n0.AAAA", "\(head).e30.A+AA", "\(head).e30.A/AA",
        ] { #expect(readError(text) == .invalidEncoding) }
        #expect(readError("\(head).e30.AAAA", maximumCount: 10) == .tooLarge)
    }

    @Test("an ECDSA signature is R and S in full length, neither zero nor too large, and never DER")
    func ecdsa() throws {
        let set = KeySet(keys: [try key().verificationKey])
        let token = try signed(try key(), "{}")
        #expect(tokenError(token, set) == nil)
        let input = String(token[..<(try #require(token.lastIndex(of: ".")))])
        let signature = try #require(ByteView.of(String(token.dropFirst(input.count + 1))) { Base64URL.decode($0) })
        let r = Array(signature[..<32])
        let s = Array(signature[32...])
        let zero = [UInt8](repeating: 0, count: 32)
        let der: [UInt8] = [0x30, 0x44, 0x02, 0x20] + r + [0x02, 0x20] + s
        // The group's order: what zero is modulo it.
        let order: [UInt8] = [
            0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
            0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        ]
        let wrong = [
            [], zero + zero, zero + s, r + zero, order + order, order + s, r + order, der, [0] + r + s, r + s + [0],
            Array(signature.dropLast()), [0] + r + [0] + s, s + r, [UInt8](repeating: 0xff, count: 64),
        ]
        for bytes in wrong { #expect(tokenError(input + "." + Base64URL.encode(bytes), set) == .badSignature) }
    }

    @Test("an RSA signature is as long as the modulus, and of the algorithm that the token names")
    func rsa() throws {
        let key = try SigningKey.generate(.ps256, keyID: "r")
        let open = try ByteView.of(try key.verificationKey.pem()) { try VerificationKey(pem: $0, keyID: "r") }
        let token = try signed(key, "{}")
        #expect(tokenError(token, KeySet(keys: [open])) == nil)
        #expect(tokenError(token, KeySet(keys: [open]), [AlgorithmSet(.rs256)]) == .algorithmNotAllowed)
        let parts = token.split(separator: ".").map(String.init)
        // The same under another name: pinned keys refuse, open ones find no such signature.
        for name in ["RS256", "PS384", "RS512"] {
            let renamed = encoded(#"{"alg":"\#(name)","kid":"r"}"#) + "." + parts[1] + "." + parts[2]
            #expect(tokenError(renamed, KeySet(keys: [open])) == .badSignature)
            #expect(tokenError(renamed, KeySet(keys: [key.verificationKey])) == .keyMismatch)
        }
        let signature = try #require(ByteView.of(parts[2]) { Base64URL.decode($0) })
        for bytes in [
            [0] + signature, signature + [0], Array(signature.dropLast()), [], [UInt8](repeating: 0, count: 256),
        ] {
            let changed = parts[0] + "." + parts[1] + "." + Base64URL.encode(bytes)
            #expect(tokenError(changed, KeySet(keys: [open])) == .badSignature)
        }
    }

    @Test("a public key is no secret: HS256 with its text is refused")
    func confusion() throws {
        let set = KeySet(keys: [try key().verificationKey])
        let token = encoded(#"{"alg":"HS256","kid":"k1"}"#) + ".e30." + String(repeating: "A", count: 43)
        #expect(tokenError(token, set) == .algorithmNotAllowed)
        #expect(tokenError(token, set, [.asymmetric, AlgorithmSet(.hs256)]) == .keyMismatch)
    }

    @Test("which keys are tried")
    func choice() throws {
        let keys = try (0..<5).map { _ in try SigningKey.generate(.es256, keyID: "same") }
        let named = keys.map(\.verificationKey)
        let unnamed = try keys.map { key in
            try ByteView.of(try key.verificationKey.pem()) { try VerificationKey(pem: $0) }
        }
        let token = try signed(keys[3], "{}")
        #expect(tokenError(token, KeySet(keys: Array(named[..<4]))) == nil)
        #expect(tokenError(token, KeySet(keys: Array(named[..<3]))) == .badSignature)
        #expect(tokenError(token, KeySet(keys: named)) == .ambiguousKey)
        #expect(tokenError(token, KeySet(keys: Array(unnamed[..<4]))) == nil)
        #expect(tokenError(token, KeySet(keys: [try key().verificationKey])) == .keyNotFound)
        #expect(tokenError(token, KeySet(keys: [])) == .keyNotFound)
        // A key that has the name shuts out those that have none.
        #expect(tokenError(token, KeySet(keys: [named[0]] + unnamed[3...3])) == .badSignature)
        let noName = encoded(#"{"alg":"ES256"}"#) + ".e30." + encoded(String(repeating: "a", count: 64))
        #expect(tokenError(noName, KeySet(keys: named)) == .ambiguousKey)
        #expect(tokenError(noName, KeySet(keys: Array(named[..<4]))) == .badSignature)
        #expect(tokenError(noName, KeySet(keys: [])) == .keyNotFound)
    }

    @Test("claims are an object, written and read back with whatever bytes they hold")
    func claims() throws {
        let writer = ClaimsWriter()
        for round in 0..<3 {
            writer.begin()
            writer.text("sub", ByteView("a\"b\\c\n\u{1}é"))
            writer.integer("iat", .min + Int64(round))
            writer.bool("ok", true)
            writer.raw("aud", ByteView(#"["x", 1.50]"#))
            writer.beginArray("scope")
            writer.element(ByteView("read"))
            writer.element(raw: ByteView("null"))
            writer.endArray()
            writer.beginObject("act")
            [UInt8]([0xff, 0x61]).withUnsafeBytes { writer.text("sub", ByteView($0)) }
            writer.endObject()
            writer.beginArray("none")
            writer.endArray()
            writer.integer("zero", 0)
            let text = writer.finish().string
            #expect(
                text == #"{"sub":"a\"b\\c\u000a\u0001é","iat":\#(Int64.min + Int64(round)),"ok":true,"#
                    + #""aud":["x", 1.50],"scope":["read",null],"act":{"sub":"\#u{fffd}a"},"none":[],"zero":0}"#)
            #expect(jsonError(Array(text.utf8)) == nil)
        }
        let token = try signed(try key(), "[]")
        let compact = CompactToken()
        ByteView.of(token) { view in
            #expect(throws: TokenError.claimsNotAnObject) {
                try compact.read(view, maximumCount: 1000)
                _ = try compact.claims()
            }
        }
        let header = try #require(
            token.split(separator: ".").first.map { part in ByteView.of(String(part)) { Base64URL.decode($0) } })
        #expect(header.map { String(decoding: $0, as: UTF8.self) } == #"{"alg":"ES256","kid":"k1","typ":"JWT"}"#)
    }

    @Test("damaged tokens are refused")
    func fuzz() throws {
        var random = FuzzPlan.random(seed: 0x4a54)
        let token = Array(try signed(try key(), #"{"sub":"somebody","exp":1700000000}"#).utf8)
        let compact = CompactToken()
        let verifier = TokenVerifier(KeySet(keys: [try key().verificationKey]), algorithms: .asymmetric)
        for _ in 0..<FuzzPlan.iterations(usual: 3_000) {
            var bytes = token
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: [0x2e, 0x41].shuffled(using: &random), at: place)
                }
            }
            if bytes == token { continue }
            ByteView.of(bytes) { view in
                #expect(throws: TokenError.self) {
                    try compact.read(view, maximumCount: 1000)
                    _ = try verifier.verify(compact)
                }
            }
        }
    }
}
