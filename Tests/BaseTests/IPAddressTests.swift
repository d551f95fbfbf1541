import Base
import TestSupport
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "an address has one canonical text",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("0:0:0:0:0:0:0:0", "::"), ("0001::000a", "1::a"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("::ffff:a00:1", "::ffff:10.0.0.1"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("fe80::1", "fe80::1"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ])
    func canonical(text: String, expected: String) {
        let address = IPAddress(text: text)
        #expect(address?.description == expected)
        #expect(IPAddress(text: expected) == address)
    }

    @Test(
        "what isn't strictly an address is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.00", "256.1.1.1",
            "1.2.3.4 ", " 1.2.3.4", "0x1.2.3.4", "1.2.3.4/8", "1.2.3.-4", "1.2.3.4:80", "localhost", "1.2.3.0004",
            ":", ":::", "1:::2", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::1",
            "1:2:3:4:5:6:7::8:9", "1:2:3:4::5:6:7:8", "::1%lo", "[::1]", "::1.2.3", "::1.2.3.4:5", "1.2.3.4::",
            "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "::ffff:1.2.3.256", "::1 ", "::\u{0}",
        ])
    func refused(text: String) {
        #expect(IPAddress(text: text) == nil)
    }

    @Test("reading what was written gives the same address")
    func roundTrip() {
        var random = RandomSource(seed: 7)
        for _ in 0..<20_000 {
            // Sparse bits make runs of zero groups likely.
            let mask = random.next() & random.next()
            var high = random.next() & mask
            var low = random.next() & random.next()
            if mask & 1 == 0 { high &= 0xffff_0000_0000_ffff }
            if mask & 2 == 0 { low &= 0x0000_ffff_0000_ffff }
            let six = IPAddress(ipv6High: high, low: low)
            #expect(IPAddress(text: six.description) == six)
            let four = IPAddress(ipv4: UInt32(truncatingIfNeeded: high))
            #expect(IPAddress(text: four.description) == four)
        }
    }

    @Test("random bytes never trap")
    func fuzz() {
        var random = FuzzPlan.random(seed: 11)
        let alphabet = Array("0123456789abcdefF:::...%[]/ ".utf8)
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            let length = Int(random.next() % 50)
            let bytes = (0..<length).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            bytes.withUnsafeBytes { raw in
                let view = ByteView(raw)
                if let address = IPAddress(text: view) { #expect(IPAddress(text: address.description) == address) }
                _ = try? CIDRBlock(text: view)
                _ = IPEndpoint(text: view)
            }
        }
    }

    @Test("bytes are in network order")
    func bytes() {
        #expect(IPAddress(text: "1.2.3.4")?.bytes == [1, 2, 3, 4])
        #expect(IPAddress(text: "102:304::f")?.bytes == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15])
        let view = ByteView("\u{1}\u{2}\u{3}\u{4}")
        #expect(IPAddress(bytes: view) == IPAddress(text: "1.2.3.4"))
        #expect(IPAddress(bytes: view.prefix(3)) == nil)
    }

    @Test(
        "loopback",
        arguments: [
            ("127.0.0.1", true), ("127.255.0.9", true), ("128.0.0.1", false), ("::1", true), ("::2", false),
            ("::ffff:127.0.0.1", true), ("0.0.0.0", false), ("::", false), ("::127.0.0.1", false),
        ])
    func loopback(text: String, expected: Bool) {
        #expect(IPAddress(text: text)?.isLoopback == expected)
    }
}

@Suite("CIDR blocks")
struct CIDRBlockTests {
    @Test(
        "a block holds the addresses that share its bits",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "9.9.9.9", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "9.9.9.9", false), ("::/0", "fe80::1", true),
            ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.2", false), ("10.1.2.2/31", "10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("::ffff:10.0.0.0/104", "11.1.1.1", false), ("2001:db8::/32", "2001:db8:ffff::", true),
            ("2001:db8::/32", "2001:db9::", false), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
            ("2001:db8::/65", "2001:db8::7fff:0:0:0", true), ("::1", "::1", true), ("::1/128", "::2", false),
        ])
    func contains(block: String, address: String, expected: Bool) throws {
        let address = try #require(IPAddress(text: address))
        #expect(try CIDRBlock(text: block).contains(address) == expected)
    }

    @Test(
        "each slip has its own error",
        arguments: [
            ("", .malformedAddress), ("10.0.0/8", .malformedAddress), ("/8", .malformedAddress),
            ("10.0.0.0/", .malformedLength(limit: 32)), ("10.0.0.0/33", .malformedLength(limit: 32)),
            ("10.0.0.0/08", .malformedLength(limit: 32)), ("10.0.0.0/+8", .malformedLength(limit: 32)),
            ("10.0.0.0/8/8", .malformedLength(limit: 32)), ("::/129", .malformedLength(limit: 128)),
            ("10.0.0.0/99999999999999999999", .malformedLength(limit: 32)),
        ] as [(String, CIDRError)])
    func errors(text: String, expected: CIDRError) {
        #expect(throws: expected) { try CIDRBlock(text: text) }
    }

    @Test("host bits are refused, with the block that was probably meant")
    func hostBits() throws {
        #expect(throws: CIDRError.hostBitsSet(try CIDRBlock(text: "10.0.0.0/8"))) { try CIDRBlock(text: "10.1.0.0/8") }
    }
}

@Suite("Endpoints")
struct IPEndpointTests {
    @Test("text and back", arguments: ["127.0.0.1:80", "[::1]:65535", "0.0.0.0:0"])
    func roundTrip(text: String) {
        #expect(IPEndpoint(text: text)?.description == text)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "127.0.0.1", "::1:80", "[::1]", "[127.0.0.1]:80", "127.0.0.1:65536", "127.0.0.1:", ":80", "[]:80", "", ":",
            "127.0.0.1:+80", "[::1]x:80", "127.0.0.1:000080",
        ])
    func refused(text: String) {
        #expect(IPEndpoint(text: text) == nil)
    }

    @Test(
        "two overlap where the kernel lets only one socket listen",
        arguments: [
            ("0.0.0.0:80", "127.0.0.1:80", true), ("[::]:80", "0.0.0.0:80", true), ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "[::1]:80", true), ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
            ("[::ffff:0.0.0.0]:80", "127.0.0.1:80", true), ("127.0.0.1:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false), ("[::1]:80", "127.0.0.1:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", false), ("0.0.0.0:80", "127.0.0.1:81", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ])
    func overlaps(one: String, other: String, expected: Bool) throws {
        let pair = (try #require(IPEndpoint(text: one)), try #require(IPEndpoint(text: other)))
        #expect(pair.0.overlaps(pair.1) == expected && pair.1.overlaps(pair.0) == expected)
    }
}
