import Base
import Foundation
import JOSE
import TestSupport
import Testing

@Suite("base64url")
struct Base64URLTests {
    @Test(
        "the vectors of RFC 4648 section 10, without padding",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(plain: String, encoded: String) {
        #expect(Base64URL.encode(Array(plain.utf8)) == encoded)
        #expect(ByteView.of(encoded) { Base64URL.decode($0) } == Array(plain.utf8))
    }

    @Test(
        "refused: padding, other alphabets, white space, impossible lengths, bits left over",
        arguments: [
            "Zg==", "Zg=", "=", "====", "Zm8=", "Z", "Zm9vY", "Zh", "Zm9", "_-+_", "ab/d", "ab d", "ab\nd", "Zm9v\n",
            "Zm.v", "é", "Zm9v\u{0}", "A===", "AB", "AAB",
        ])
    func refused(text: String) { #expect(ByteView.of(text) { Base64URL.decode($0) } == nil) }

    @Test("each byte is in the alphabet or refused, at each place of a group")
    func allBytes() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for byte in UInt8.min...UInt8.max {
            for place in 0..<4 {
                var text = Array("AAAA".utf8)
                text[place] = byte
                #expect((ByteView.of(text) { Base64URL.decode($0) } != nil) == alphabet.contains(byte))
            }
        }
    }

    @Test("random bytes come back, and agree with another implementation")
    func roundTrip() {
        var random = FuzzPlan.random(seed: 0x6234)
        for _ in 0..<FuzzPlan.iterations(usual: 2_000) {
            let bytes = (0..<Int.random(in: 0...100, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let text = Base64URL.encode(bytes)
            let other = Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
                .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
            #expect(text == other)
            #expect(text.utf8.count == Base64URL.encodedCount(bytes.count))
            #expect(Base64URL.decodedCount(text.utf8.count) == bytes.count)
            #expect(ByteView.of(text) { Base64URL.decode($0) } == bytes)
        }
    }

    @Test("SHA-256 of the empty text and of abc (FIPS 180-4)")
    func digest() {
        let abc = SHA256Hasher().digest(ByteView("abc"))
        #expect(abc.withBytes { Array($0.raw) }.prefix(4) == [0xba, 0x78, 0x16, 0xbf])
        #expect(SHA256Digest(of: ByteView()).base64URL == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")
        #expect(SecureRandom.number() != SecureRandom.number())
    }
}
