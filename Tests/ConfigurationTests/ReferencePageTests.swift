import Configuration
import Foundation
import Testing

@Suite struct ReferencePageTests {
    /// `UPDATE_REFERENCE=1 swift test --filter ReferencePageTests` writes the page anew.
    @Test("docs/reference/configuration.md is what the schema says")
    func upToDate() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appendingPathComponent("docs/reference/configuration.md")
        if ProcessInfo.processInfo.environment["UPDATE_REFERENCE"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try ReferencePage.markdown().write(to: file, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(written == ReferencePage.markdown(), "run the tests once with UPDATE_REFERENCE=1")
    }

    @Test("every key of the sketch in the design has its line")
    func keys() {
        let page = ReferencePage.markdown()
        for key in [
            "listeners", "trusted_proxies", "strip_prefix", "connections_per_client_max", "ip_restriction", "hash_on",
        ] {
            #expect(page.contains("| `\(key)` |"))
        }
    }
}
