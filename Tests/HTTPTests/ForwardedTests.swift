import Base
import HTTP
import Testing

@Suite("Forwarded, and lists from their end")
struct ForwardedTests {
    @Test(
        "elements of a list, the last first, without empty ones",
        arguments: [
            ("", []), (",", []), (" , ,\t", []), ("a", ["a"]), (" a ", ["a"]), ("a,b", ["b", "a"]),
            ("a,,b,", ["b", "a"]), ("a=\"x,y\", b", ["b", "a=\"x,y\""]),
            ("a=\"x\\\",y\",b", ["b", "a=\"x\\\",y\""]), ("a=\"x\\\\\",b", ["b", "a=\"x\\\\\""]),
            // Only what is in front of an open quotation mark is lost.
            ("a, \"b, c", ["c", "a, \"b"]), ("\"", ["\""]),
        ] as [(String, [String])])
    func elements(text: String, expected: [String]) {
        let found = text.withByteView { value in
            var found: [String] = []
            var elements = ReversedListElements(value)
            while let bytes = elements.next() { found.append(value[bytes].string) }
            return found
        }
        #expect(found == expected)
    }

    @Test(
        "what an element says",
        arguments: [
            ("for=a;proto=https;host=b", ["a", "https", "b"]), ("For=a; PROTO=https ;;by=x", ["a", "https", nil]),
            ("host=\"b:80\";for=\"[::1]:8\"", ["[::1]:8", nil, "b:80"]), ("", [nil, nil, nil]),
            ("secret=\"a;b\";for=c", ["c", nil, nil]),
            ("for=a;for=b", nil), ("for", nil), ("for=", nil), ("=a", nil), ("for=\"a", nil), ("for=a\"", nil),
            ("for=\"a\"b", nil), ("for=\"a\\b\"", nil), ("for =a", nil), ("for=\"", nil),
        ] as [(String, [String?]?)])
    func parameters(text: String, expected: [String?]?) {
        let said = text.withByteView { text in
            ForwardedElement(parsing: text).map { [$0.node?.string, $0.scheme?.string, $0.host?.string] }
        }
        #expect(said == expected)
    }

    @Test(
        "addresses of nodes, with and without port and brackets",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:1", "192.0.2.1"), ("192.0.2.1:65535", "192.0.2.1"),
            ("192.0.2.1:_port", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"), ("::", "::"),
            ("", nil), ("unknown", nil), ("_a", nil), ("192.0.2.1:", nil), ("192.0.2.1:65536", nil),
            ("192.0.2.1:123456", nil), ("192.0.2.1:-1", nil), ("[192.0.2.1]", nil), ("[192.0.2.1]:80", nil),
            ("[2001:db8::1", nil), ("[2001:db8::1]80", nil), ("[]", nil), ("[", nil), (":", nil), (":80", nil),
            ("[2001:db8::1%lo]", nil), ("unknown:80", nil), ("192.0.2.1:80:80", nil), ("192.0.2.1:_", nil),
        ] as [(String, String?)])
    func nodes(text: String, expected: String?) {
        #expect(text.withByteView { IPAddress(node: $0) }?.description == expected)
    }

    @Test("whatever comes, nothing traps and elements lie within the value")
    func anything() {
        var random = RandomSource(seed: 11)
        let alphabet = Array("fo=r\"\\;, 1.:[]_".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int(random.next() % 24)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            bytes.withUnsafeBytes { raw in
                let value = ByteView(raw)
                var elements = ReversedListElements(value)
                while let range = elements.next() {
                    #expect(!range.isEmpty && range.upperBound <= value.count)
                    _ = ForwardedElement(parsing: value[range]).flatMap { $0.node }.flatMap { IPAddress(node: $0) }
                    _ = IPAddress(node: value[range])
                }
            }
        }
    }
}
