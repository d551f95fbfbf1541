import Base
import Identity
import TestSupport
import Testing

private func problem(_ id: String) -> SPIFFEIDProblem? { id.withByteView { SPIFFEID.problem(in: $0) } }

private func problem(_ bytes: [UInt8]) -> SPIFFEIDProblem? {
    bytes.withUnsafeBytes { SPIFFEID.problem(in: ByteView($0)) }
}

@Suite("SPIFFE IDs")
struct SPIFFEIDTests {
    @Test(
        "the grammar of the specification, and nothing beyond it",
        arguments: [
            ("spiffe://bank-a/user/12345", nil),
            ("spiffe://bank-a", nil),
            ("spiffe://a_b.c-9/A.b-C_9/..a/...", nil),
            ("", .notSPIFFE),
            ("spiffe:/bank-a/user", .notSPIFFE),
            ("SPIFFE://bank-a/user", .notSPIFFE),
            ("https://bank-a/user", .notSPIFFE),
            (" spiffe://bank-a/user", .notSPIFFE),
            ("spiffe://", .trustDomainEmpty),
            ("spiffe:///user", .trustDomainEmpty),
            ("spiffe://Bank/user", .trustDomainByte(0x42)),
            ("spiffe://bank:8443/user", .trustDomainByte(0x3a)),
            ("spiffe://me@bank/user", .trustDomainByte(0x40)),
            ("spiffe://b%61nk/user", .trustDomainByte(0x25)),
            ("spiffe://bänk/user", .trustDomainByte(0xc3)),
            ("spiffe://bank-a?x", .trustDomainByte(0x3f)),
            ("spiffe://bank-a/", .segmentEmpty),
            ("spiffe://bank-a//user", .segmentEmpty),
            ("spiffe://bank-a/user/", .segmentEmpty),
            ("spiffe://bank-a/./user", .segmentDots),
            ("spiffe://bank-a/user/..", .segmentDots),
            ("spiffe://bank-a/user?x=1", .segmentByte(0x3f)),
            ("spiffe://bank-a/user#x", .segmentByte(0x23)),
            ("spiffe://bank-a/user%2f1", .segmentByte(0x25)),
            ("spiffe://bank-a/auth0|1", .segmentByte(0x7c)),
            ("spiffe://bank-a/a@example.com", .segmentByte(0x40)),
            ("spiffe://bank-a/user ", .segmentByte(0x20)),
            ("spiffe://bank-a/us\u{0}er", .segmentByte(0)),
        ] as [(String, SPIFFEIDProblem?)])
    func table(id: String, expected: SPIFFEIDProblem?) { #expect(problem(id) == expected) }

    @Test("all 256 bytes: which of them a trust domain and a path may hold")
    func bytes() {
        let domain = Set("abcdefghijklmnopqrstuvwxyz0123456789._-".utf8)
        let path = domain.union("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max where byte != 0x2f {
            let inDomain = problem(Array("spiffe://a".utf8) + [byte] + Array("b/user".utf8))
            #expect(inDomain == (domain.contains(byte) ? nil : .trustDomainByte(byte)))
            let inPath = problem(Array("spiffe://a/u".utf8) + [byte] + Array("r".utf8))
            #expect(inPath == (path.contains(byte) ? nil : .segmentByte(byte)))
        }
    }

    @Test("2,048 bytes are an ID, 2,049 are none; 255 are a trust domain, 256 are none")
    func lengths() {
        let prefix = "spiffe://bank-a/"
        let longest = prefix + String(repeating: "x", count: 2048 - prefix.utf8.count)
        #expect(problem(longest) == nil)
        #expect(problem(longest + "x") == .tooLong)
        let name = String(repeating: "d", count: 255)
        #expect(problem("spiffe://\(name)/u") == nil)
        #expect(problem("spiffe://\(name)d/u") == .trustDomainTooLong)
    }

    @Test("every problem says what is wrong")
    func messages() {
        #expect(SPIFFEIDProblem.segmentByte(0x40).message == "`@` can't be in a path, only A-Z a-z 0-9 . - _")
        #expect(SPIFFEIDProblem.trustDomainByte(0).message.hasPrefix("the byte 0x0 can't"))
        for problem in [SPIFFEIDProblem.tooLong, .notSPIFFE, .trustDomainEmpty, .segmentEmpty, .segmentDots] {
            #expect(!problem.message.isEmpty)
        }
    }
}

@Suite("Claims in path segments")
struct SegmentEncodingTests {
    private func encode(_ value: [UInt8], _ encoding: SegmentEncoding) -> Result<String, ByteRefusal> {
        var buffer = IOBuffer()
        let refused = value.withUnsafeBytes { encoding.append(ByteView($0), to: &buffer) }
        if let refused {
            let isUntouched = buffer.isEmpty
            #expect(isUntouched)
            return .failure(ByteRefusal(byte: refused))
        }
        return .success(buffer.readable.string)
    }

    struct ByteRefusal: Error, Equatable { let byte: UInt8 }

    @Test(
        "verbatim refuses what it can't copy; escaped encodes it",
        arguments: [
            ("12345", "12345", "12345"),
            ("A.b-C", "A.b-C", "A.b-C"),
            ("a_b", "a_b", "a_5Fb"),
            ("a_5Fb", "a_5Fb", "a_5F5Fb"),
            ("user@bank-a", nil, "user_40bank-a"),
            ("auth0|5f7c", nil, "auth0_7C5f7c"),
            ("a/b", nil, "a_2Fb"),
            ("a b%", nil, "a_20b_25"),
            ("ü", nil, "_C3_BC"),
            (".", ".", "_2E"),
            ("..", "..", "_2E_2E"),
            ("...", "...", "..."),
        ] as [(String, String?, String)])
    func table(value: String, verbatim: String?, escaped: String) throws {
        #expect(try encode(Array(value.utf8), .escaped).get() == escaped)
        switch encode(Array(value.utf8), .verbatim) {
        case .success(let text): #expect(text == verbatim)
        case .failure: #expect(verbatim == nil)
        }
    }

    @Test("all 256 bytes: an escape is a valid segment, and reads back as the byte")
    func bytes() throws {
        for byte in UInt8.min...UInt8.max {
            let text = try encode([byte], .escaped).get()
            #expect(text.withByteView { SPIFFEID.problem(inSegment: $0) } == nil)
            #expect(decode(text) == [byte])
        }
    }

    @Test("two values never share an encoding")
    func injective() throws {
        var random = FuzzPlan.random(seed: 0x5eed)
        // Bytes that escapes are made of, and some that need one.
        let alphabet = Array("_.-25FEa4 @/\u{fc}".utf8)
        var seen: [String: [UInt8]] = [:]
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            let length = Int.random(in: 1...6, using: &random)
            let value = (0..<length).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            let text = try encode(value, .escaped).get()
            #expect(decode(text) == value)
            #expect(text.withByteView { SPIFFEID.problem(inSegment: $0) } == nil)
            if let other = seen.updateValue(value, forKey: text) { #expect(other == value) }
        }
    }

    /// The inverse, which the gateway has no use for.
    private func decode(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x5f {
                let digits = String(decoding: rest.prefix(2), as: UTF8.self)
                rest = rest.dropFirst(2)
                bytes.append(UInt8(digits, radix: 16) ?? 0)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
