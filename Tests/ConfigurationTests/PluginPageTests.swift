import Configuration
import Foundation
import Testing

@Suite struct PluginPageTests {
    private static let plugins = [
        ("jwt", "JWT"), ("rate_limit", "RateLimit"), ("spiffe", "SPIFFE"), ("internal_jwt", "InternalJWT"),
        ("ip_restriction", "IPRestriction"), ("request_transform", "Transform"), ("response_transform", "Transform"),
    ]

    @Test("a plugin's page names each of its keys", arguments: plugins)
    func keys(plugin: String, folder: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appendingPathComponent("Sources/Plugins/\(folder)/\(folder).md"), encoding: .utf8)
        let words = Set(page.matches(of: #/[a-z_]+/#).map { String($0.output) })
        let keys = Self.keys(of: plugin)
        #expect(!keys.isEmpty)
        for key in keys where key != "enabled" {
            #expect(words.contains(key), "\(folder).md doesn't mention `\(key)`")
        }
    }

    @Test("the page of circuit breakers and health checks names each of their keys")
    func healthKeys() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appendingPathComponent("Sources/Traffic/CircuitBreaker/CircuitBreaker.md"),
            encoding: .utf8)
        let words = Set(page.matches(of: #/[a-z_]+/#).map { String($0.output) })
        let sections = ["circuit_breaker", "health_check"].map { Self.keys(under: "### `upstreams.NAME.\($0)") }
        #expect(sections.allSatisfy { $0.count > 5 })
        for key in sections.joined() + ["slow_start", "panic_threshold", "priority"] {
            #expect(words.contains(key), "CircuitBreaker.md doesn't mention `\(key)`")
        }
    }

    /// The keys of a plugin as the reference page lists them, those of sections within it too.
    private static func keys(of plugin: String) -> [String] { keys(under: "### `defaults.plugins.\(plugin)") }

    private static func keys(under title: String) -> [String] {
        var keys: [String] = []
        var isInside = false
        for line in ReferencePage.markdown().split(separator: "\n") {
            if line.hasPrefix("#") {
                isInside = line.hasPrefix(title + "`") || line.hasPrefix(title + ".")
            } else if isInside, let match = line.prefixMatch(of: #/\| `(?<key>[a-z_]+)` \|/#) {
                keys.append(String(match.output.key))
            }
        }
        return keys
    }
}
