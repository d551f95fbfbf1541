import Base
import Identity
import TestSupport
import Testing

@Suite("Discovery documents and URLs")
struct DiscoveryDocumentTests {
    private static let issuer = "https://sso.example.com/realms/bank"
    private static let good =
        #"{"issuer":"https://sso.example.com/realms/bank","jwks_uri":"https://sso.example.com/keys?x=1","x":[1,{}]}"#

    private func read(_ text: String, allowsHTTP: Bool = false) throws(DiscoveryDocument.Problem) -> FetchURL {
        try text.withByteView { (view) throws(DiscoveryDocument.Problem) in
            try DiscoveryDocument(view, issuer: Self.issuer, allowsHTTP: allowsHTTP).keySet
        }
    }

    @Test("a document of the issuer leads to its keys")
    func good() throws {
        let url = try read(Self.good)
        #expect(url.description == "https://sso.example.com/keys?x=1")
        #expect(url.host == .name("sso.example.com"))
        #expect(url.port == 443)
        #expect(url.target == "/keys?x=1")
    }

    @Test(
        "documents that are not believed",
        arguments: [
            ("", DiscoveryDocument.Problem.malformed(.unexpectedEnd)),
            ("[]", .notAnObject), ("{}", .missingIssuer), (#"{"issuer":1}"#, .missingIssuer),
            (
                #"{"issuer":"https://sso.example.com/realms/bank/","jwks_uri":"https://a/"}"#,
                .otherIssuer("https://sso.example.com/realms/bank/")
            ),
            (#"{"issuer":"https://sso.example.com/realms/bank"}"#, .missingKeySetURL),
            (#"{"issuer":"https://sso.example.com/realms/bank","jwks_uri":[]}"#, .missingKeySetURL),
            (#"{"issuer":"https://sso.example.com/realms/bank","jwks_uri":"/keys"}"#, .invalidKeySetURL("/keys")),
            (
                #"{"issuer":"https://sso.example.com/realms/bank","jwks_uri":"file:///etc/passwd"}"#,
                .invalidKeySetURL("file:///etc/passwd")
            ),
            (
                #"{"issuer":"https://sso.example.com/realms/bank","jwks_uri":"http://a/"}"#,
                .insecureKeySetURL("http://a/")
            ),
            (#"{"issuer":"https://sso.example.com/realms/bank","issuer":"x"}"#, .malformed(.duplicateName)),
        ])
    func refused(text: String, problem: DiscoveryDocument.Problem) {
        #expect(throws: problem) { try read(text) }
        #expect(!problem.description.isEmpty)
    }

    @Test("http is followed where that is allowed")
    func http() throws {
        let text = #"{"issuer":"https://sso.example.com/realms/bank","jwks_uri":"http://[::1]:8080/k"}"#
        let url = try read(text, allowsHTTP: true)
        #expect(url.authority == "[::1]:8080")
        #expect(!url.isSecure)
    }

    @Test(
        "URLs",
        arguments: [
            ("https://a", "https://a/"), ("HTTPS://A.B", "https://a.b/"), ("http://a:80/x", "http://a/x"),
            ("https://a:443", "https://a/"), ("https://a:8443/?", "https://a:8443/?"), ("https://a?q", "https://a/?q"),
            ("https://10.0.0.1:1/", "https://10.0.0.1:1/"), ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
            ("https://a:/", "https://a/"), ("https://a_b.c-d/", "https://a_b.c-d/"), ("https://a./", "https://a./"),
        ])
    func url(text: String, canonical: String) { #expect(FetchURL(text: text)?.description == canonical) }

    @Test(
        "texts that are no URL of ours",
        arguments: [
            "", "a", "//a/", "ftp://a/", "https:/a", "https://", "https:///x", "https://u@a/", "https://u:p@a/",
            "https://a b/", "https://a/ b", "https://a/#f", "https://a/\\b", "https://a:0/", "https://a:65536/",
            "https://a:x/", "https://a:-1/", "https://[::1/", "https://::1/", "https://[1.2.3.4]/", "https://[]/",
            "https://a..b/", "https://.a/", "https://ä/", "https://a/ä", "https://a\r\nX: y/", "https://a/\r\nX: y",
            "https://a%2eb/", "https://" + String(repeating: "a", count: 64) + "/",
            "https://a/" + String(repeating: "x", count: 2048),
        ])
    func noURL(text: String) { #expect(FetchURL(text: text) == nil) }

    @Test("documents with changed bytes: a URL or a problem")
    func fuzz() {
        var random = FuzzPlan.random(seed: 6)
        let original = Array(Self.good.utf8)
        for _ in 0..<FuzzPlan.iterations(usual: 3_000) {
            var bytes = original
            for _ in 0..<(1 + random.next() % 4) {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                }
            }
            bytes.withUnsafeBytes { raw in
                let found = try? DiscoveryDocument(ByteView(raw), issuer: Self.issuer, allowsHTTP: true)
                if let found { #expect(FetchURL(text: found.keySet.description) == found.keySet) }
            }
        }
    }
}
