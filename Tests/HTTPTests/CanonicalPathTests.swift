import Base
import HTTP
import TestSupport
import Testing

func canonical(_ path: String) -> Result<String, MessageError> {
    let raw = bytes(path)
    let output = UnsafeMutablePointer<UInt8>.allocate(capacity: CanonicalPath.capacity(for: raw.count))
    defer { output.deallocate() }
    return raw.withUnsafeBytes { memory in
        do throws(MessageError) {
            let outcome = try CanonicalPath.write(ByteView(memory), to: output)
            return .success(latin1(ByteView(base: output, count: outcome.count)))
        } catch {
            return .failure(error)
        }
    }
}

@Suite("Canonical paths")
struct CanonicalPathTests {
    @Test(
        "paths that mean the same become the same",
        arguments: [
            ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("//", "/"), ("/a//b", "/a/b"), ("///a///", "/a/"),
            ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../", "/"),
            ("/a/b/..", "/a/"), ("/a/b/../c", "/a/c"), ("/a//../b", "/b"), ("/a/b/../../c", "/c"),
            ("/%2e", "/"), ("/a/%2E%2e/b", "/b"), ("/a/.%2e", "/"), ("/...", "/..."), ("/.a", "/.a"), ("/a.", "/a."),
            ("/..a", "/..a"), ("/.well-known/x", "/.well-known/x"),
            ("/%41%7a%30%2D%5f%7E", "/Az0-_~"), ("/%c3%a9", "/%C3%A9"), ("/%2f", "/%2F"), ("/a%5cb", "/a%5Cb"),
            ("/%3a%40", "/%3A%40"), ("/:@!$&'()*+,;=", "/:@!$&'()*+,;="), ("/%25%32%65", "/%252e"),
            ("/{id}|^`\"<>[]", "/%7Bid%7D%7C%5E%60%22%3C%3E%5B%5D"), ("/%20", "/%20"), ("/%3f%23", "/%3F%23"),
            ("/a;x=..", "/a;x=.."), ("/a;..", "/a;.."),
        ])
    func equal(path: String, expected: String) {
        #expect(canonical(path) == .success(expected))
        #expect(request("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").value?.path == expected)
    }

    @Test(
        "paths that servers read in different ways are refused",
        arguments: [
            ("/..", .pathAboveRoot), ("/../a", .pathAboveRoot), ("/a/../..", .pathAboveRoot), ("//..", .pathAboveRoot),
            ("/%2e%2E/", .pathAboveRoot), ("/a/../../a/b", .pathAboveRoot),
            ("/%", .invalidEscape), ("/%4", .invalidEscape), ("/%4g", .invalidEscape), ("/%%41", .invalidEscape),
            ("/%00", .encodedControlByte), ("/%0d%0a", .encodedControlByte), ("/%1F", .encodedControlByte),
            ("/%7f", .encodedControlByte), ("/\\", .backslashInPath), ("/a\\..\\b", .backslashInPath),
            ("/..%2fa", .ambiguousDotSegment), ("/a%2f..", .ambiguousDotSegment), ("/a%2f../b", .ambiguousDotSegment),
            ("/a%5C%2e%2e%5cb", .ambiguousDotSegment), ("/.%2f", .ambiguousDotSegment),
            ("/a/..;/b", .ambiguousDotSegment), ("/a/..;x=1/b", .ambiguousDotSegment), ("/.;/", .ambiguousDotSegment),
            ("/a%2f..;", .ambiguousDotSegment),
        ] as [(String, MessageError)])
    func refused(path: String, error: MessageError) {
        #expect(canonical(path) == .failure(error))
        #expect(request("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n") == .failed(error))
    }

    @Test("an encoded slash or backslash is reported")
    func encodedSlash() {
        for (path, expected) in [("/a%2Fb", true), ("/a%5cb", true), ("/a%2eb", false), ("/a/b", false)] {
            #expect(request("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").value?.hasEncodedSlash == expected)
        }
    }

    @Test("the canonical form of a canonical path is itself")
    func fixedPoint() {
        var random = FuzzPlan.random(seed: 7)
        let pieces = [
            "/", "/", ".", "..", "%2e", "%2F", "%5c", "a", "B", "%41", ";", "%c3", "|", "%7c", "-", "%20", "=",
        ]
        var accepted = 0
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            var path = "/"
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                path += pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            guard case .success(let once) = canonical(path) else { continue }
            accepted += 1
            #expect(canonical(once) == .success(once), "\(path)")
            #expect(once.hasPrefix("/") && !once.contains("//"))
            #expect(!once.split(separator: "/").contains { $0 == "." || $0 == ".." })
        }
        #expect(accepted > 100)
    }
}

@Suite("Authorities")
struct AuthorityTests {
    @Test(
        "valid hosts",
        arguments: [
            ("a", "a", "a", nil), ("A.Example.", "a.example", "a.example", nil), ("a:80", "a", "a:80", 80),
            ("a:", "a", "a", nil), ("a:0080", "a", "a:80", 80), ("a:0", "a", "a:0", 0), ("a.:1", "a", "a:1", 1),
            ("a:65535", "a", "a:65535", 65535), ("a_b-c~d", "a_b-c~d", "a_b-c~d", nil),
            ("127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080", 8080), ("[::1]", "[::1]", "[::1]", nil),
            ("[::]:1", "[::]", "[::]:1", 1), ("[2001:DB8::1]:443", "[2001:db8::1]", "[2001:db8::1]:443", 443),
            ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", nil),
            ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", nil),
            ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", nil),
            ("[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", nil),
        ] as [(String, String, String, UInt16?)])
    func valid(text: String, host: String, authority: String, port: UInt16?) throws {
        let head = try #require(request("GET / HTTP/1.1\r\nHost: \(text)\r\n\r\n").value)
        #expect(head.host == host)
        #expect(head.authority == authority)
        #expect(head.port == port)
    }

    @Test(
        "invalid hosts",
        arguments: [
            ".", "..", ".a", "a..b", "a..", ":80", "a:b", "a:-1", "a:+1", "a:65536", "a:100000", "a:1:2", "a b", "a/b",
            "a?b", "a#b", "a,b", "a;b", "a%2eb", "a\\b", "[", "[]", "[:]", "[:::]", "[::1", "[::1]x", "[::1]]", "[1]",
            "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[1::2::3]", "[12345::]", "[::g]", "[1:2:3:4:5:6:7:]",
            "[:1:2:3:4:5:6:7]", "[::1.2.3]", "[::1.2.3.4.5]", "[::256.1.1.1]", "[::01.1.1.1]", "[::1%25eth0]",
            "[v1.a]", "[1:2:3:4:5:6:7:1.2.3.4]", "[1.2.3.4]", "[::1.2.3.4:5]", "[::1.2.3.04]", "::1",
        ])
    func invalid(text: String) {
        #expect(request("GET / HTTP/1.1\r\nHost: \(text)\r\n\r\n") == .failed(.invalidHost))
    }

    @Test("user information is refused by its own name", arguments: ["u@a", "u:p@a", "@a", "a@", "a:80@b", "u%40@a"])
    func userInformation(text: String) {
        #expect(request("GET / HTTP/1.1\r\nHost: \(text)\r\n\r\n") == .failed(.userInformation))
    }

    @Test("a host has 253 bytes at most")
    func length() {
        let label = String(repeating: "a", count: 49) + "."
        let host = String(repeating: label, count: 5)
        #expect(request("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").value != nil)
        #expect(request("GET / HTTP/1.1\r\nHost: \(host)\(host)\r\n\r\n") == .failed(.invalidHost))
    }
}
