import Routing
import Testing

@Suite("Patterns")
struct PatternTests {
    @Test(
        "templates",
        arguments: [
            ("/", "/", []), ("/a/{id}", "/a/{id}", ["id"]),
            ("/a/{x-1}/{rest...}", "/a/{x-1}/{rest...}", ["x-1", "rest"]),
            ("/a/", "/a/", []), ("/a%2Fb", "/a%2Fb", []), ("/a%20b", "/a%20b", []), ("/{_}", "/{_}", ["_"]),
            ("/~a;b=1", "/~a;b=1", []),
        ])
    func templates(text: String, description: String, names: [String]) throws {
        let pattern = try PathPattern(template: text)
        #expect(pattern.description == description)
        #expect(pattern.parameterNames == names)
    }

    @Test("prefixes", arguments: [("/", "/..."), ("/x", "/x/..."), ("/x/", "/x/..."), ("/{a}/b", "/{a}/b/...")])
    func prefixes(text: String, description: String) throws {
        #expect(try PathPattern(prefix: text).description == description)
    }

    @Test(
        "templates that are refused",
        arguments: [
            ("", .noLeadingSlash), ("a", .noLeadingSlash), ("{a}", .noLeadingSlash), ("/a//b", .emptySegment),
            ("//", .emptySegment),
            ("/a/../b", .dotSegment), ("/.", .dotSegment), ("/%41", .notCanonical("%41", canonical: "A")),
            ("/%2f", .notCanonical("%2f", canonical: "%2F")), ("/a<b", .notCanonical("a<b", canonical: "a%3Cb")),
            ("/%2E%2E", .invalidSegment("%2E%2E")), ("/a b", .invalidSegment("a b")), ("/é", .invalidSegment("é")),
            ("/%zz", .invalidSegment("%zz")), ("/a\\b", .invalidSegment("a\\b")), ("/a?b", .invalidSegment("a?b")),
            ("/a#b", .invalidSegment("a#b")),
            ("/{a}.json", .partialParameter("{a}.json")), ("/x{a}", .partialParameter("x{a}")),
            ("/{a", .partialParameter("{a")),
            ("/{}", .malformedParameter("{}")), ("/{1a}", .malformedParameter("{1a}")),
            ("/{a b}", .malformedParameter("{a b}")),
            ("/{...}", .malformedParameter("{...}")), ("/{a}{b}", .malformedParameter("{a}{b}")),
            ("/{a}/{a}", .repeatedParameter("a")), ("/{a}/{a...}", .repeatedParameter("a")),
            ("/{a...}/b", .restNotLast),
            (String(repeating: "/a", count: 65), .tooManySegments),
            ("/" + (0..<17).map { "{p\($0)}" }.joined(separator: "/"), .tooManyParameters),
        ] as [(String, PathPatternError)])
    func refused(text: String, error: PathPatternError) {
        #expect(throws: error) { try PathPattern(template: text) }
    }

    @Test(
        "prefixes that are refused",
        arguments: [
            ("/{a...}", .restNotLast), (String(repeating: "/a", count: 64), .tooManySegments),
            ("/" + (0..<16).map { "{p\($0)}" }.joined(separator: "/"), .tooManyParameters),
        ] as [(String, PathPatternError)])
    func refusedPrefix(text: String, error: PathPatternError) {
        #expect(throws: error) { try PathPattern(prefix: text) }
    }

    @Test(
        "hosts",
        arguments: [
            ("API.Example.com", .exact("api.example.com")), ("a.b.", .exact("a.b")), ("localhost", .exact("localhost")),
            ("*.Example.com", .wildcard(suffix: "example.com")), ("*", .any), ("10.0.0.1", .exact("10.0.0.1")),
            ("[::1]", .exact("[::1]")),
            ("a_b.c", .exact("a_b.c")), ("xn--bcher-kva.example", .exact("xn--bcher-kva.example")),
        ] as [(String, HostPattern)])
    func hosts(text: String, expected: HostPattern) throws {
        #expect(try HostPattern(text: text) == expected)
    }

    @Test(
        "hosts that are refused",
        arguments: [
            ("", .malformed), (".", .malformed), ("a..b", .malformed), (".a", .malformed), ("a b", .malformed),
            ("bücher.de", .malformed),
            ("a:80", .hasPort), ("*.a:80", .hasPort), ("a.*.b", .misplacedWildcard), ("a*.b", .misplacedWildcard),
            ("*.*.b", .misplacedWildcard),
            ("**", .misplacedWildcard), ("*.", .malformed), ("[::1", .malformed), ("[1.2.3.4]", .malformed),
            ("http://a", .hasPort),
            (String(repeating: "a", count: 64), .malformed), (String(repeating: "a.", count: 127) + "a", .malformed),
        ] as [(String, HostPatternError)])
    func refusedHosts(text: String, error: HostPatternError) {
        #expect(throws: error) { try HostPattern(text: text) }
    }
}
