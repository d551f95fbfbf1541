import Base
import Configuration
import TestSupport
import Testing

/// A loader that is kept parses only what was edited, and must never find anything else than a new one.
@Suite struct EditedFileTests {
    private static let bank = """
        # The bank's file
        domain: bank
        upstreams:
          accounts:
            targets: ["http://10.1.0.11:8080", "http://10.1.0.12:8080"]
          "others":
            targets:
            - http://10.1.0.13:8080
        timeouts: {request: 10s}
        routes:
          # Reading
          read-account:
            match: {methods: [GET], path: "/v1/accounts/{id}"}
            upstream: accounts

          list-accounts:
            match:
              methods: [GET]   # and HEAD
              path: /v1/accounts
            upstream: others
          note:
            match: {path: /v1/note}
            respond:
              status: 200
              body: |+
                a line

                # none

          last:
            match: {path: /v1/last,
              methods: [GET]}
            upstream: accounts
        """

    /// Lines that change what the lines around them mean, and some that don't.
    private static let lines = [
        "", "  ", "# é", "  # deeper", "                # in a text?", "\t", "---", "...", "%YAML 1.1", "- x", "  - x",
        "  more:", "  more: {match: {path: /v1/more}, upstream: accounts}", "    tier: 2", "  ? explicit", "  : value",
        "  ? last", "  more: &a {match: {path: /v1/a}, upstream: accounts}", "  again: *a", "  text", "    text",
        "  \"open",
        "  closed\"", "  more: |", "  more: >-", "              indented", "  more: {", "  }", "  more: [", "    ]",
        "  last: {match: {path: /v1/x}, upstream: accounts}", "domain: bank", "routes:", "x: 1", " odd: 1", "   odd: 1",
        "  more: {match: {path: \"/v1/${env:X}\"}, upstream: accounts}", "  null: 1", "  !!str more: 1", "  <<: 1",
        "  more: \"a\r", "\u{2028}  more: 1", "\u{85}", "\u{feff}  more: 1", "  'it''s': 1", "  more: 'a", "  b': 1",
    ]

    private static func edited(_ text: String, _ random: inout RandomSource) -> String {
        var all = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for _ in 0...Int.random(in: 0..<2, using: &random) {
            let index = Int.random(in: 0..<all.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: all.remove(at: index)
            case 1: all.insert(all[Int.random(in: 0..<all.count, using: &random)], at: index)
            case 2, 3: all.insert(lines[Int.random(in: 0..<lines.count, using: &random)], at: index)
            case 4: all[index] = lines[Int.random(in: 0..<lines.count, using: &random)]
            case 5:
                all.insert("  r\(index): {match: {path: /v1/r\(index)}, upstream: accounts}", at: index)
            default:
                var bytes = Array(all[index].utf8)
                let at = Int.random(in: 0...bytes.count, using: &random)
                if at < bytes.count, Bool.random(using: &random) { bytes.remove(at: at) }
                let inserted = [" ", "x", ":", "\"", "'", "{", "}", "#", "|", "-", "é", ",", "$", "\n", "\r"]
                bytes.insert(contentsOf: inserted[Int.random(in: 0..<inserted.count, using: &random)].utf8, at: at)
                all[index] = String(decoding: bytes, as: UTF8.self)
            }
            if all.isEmpty { all = [""] }
        }
        return all.joined(separator: "\n")
    }

    /// All that a load tells, places included.
    private static func told(_ result: LoadResult) -> [String] {
        let places = result.configuration?.domains.flatMap { $0.routes }.map { "\($0.identity) \($0.location)" } ?? []
        let values = result.configuration.map { [EffectiveConfiguration.json($0)] } ?? []
        return result.diagnostics.map { "\($0)" } + places + values
    }

    @Test("a kept loader finds what a new one finds, with the same places, whatever was edited")
    func edits() {
        let folder = ChangingFolder()
        let kept = ConfigurationLoader(source: folder.source)
        var random = FuzzPlan.random(seed: 20_261_122)
        var good = Self.bank
        var text = good
        var loaded = 0
        var partial = 0
        for _ in 0..<FuzzPlan.iterations(usual: 2_000) {
            // Nine of ten times the edit is all that lies between two loads.
            if Int.random(in: 0..<10, using: &random) > 0 {
                folder.files = ["gateway.yaml": plainGateway, "bank.yaml": good]
                _ = kept.load()
            }
            folder.files = ["gateway.yaml": plainGateway, "bank.yaml": text]
            let incremental = kept.load()
            let full = ConfigurationLoader(source: folder.source).load()
            #expect(Self.told(incremental) == Self.told(full), "\(text)")
            if full.configuration != nil {
                loaded += 1
                good = text
                if incremental.parsedByteCount < text.utf8.count / 2 { partial += 1 }
            }
            // Mostly goes on from what is right, now and then from what is wrong; and from the beginning, before there
            // is nothing left but files that can only be read whole.
            let start = Int.random(in: 0..<20, using: &random)
            text = Self.edited(start == 0 ? text : good, &random)
            if start < 4 { good = Self.bank }
        }
        #expect(loaded > 100 && partial > loaded / 8, "\(loaded) loaded, \(partial) of them parsed in part")
    }

    @Test(
        "one edit among a thousand routes costs a few lines",
        arguments: [
            ("/v1/r500/", "/v1/changed/"), ("  r0: ", "  first: "), ("  r999: ", "  last: "),
            ("  r7: ", "  # a comment\n  r7: "),
            ("  r500: ", "  more: {match: {path: /v1/more}, upstream: accounts}\n  r500: "),
        ])
    func oneEdit(old: String, new: String) {
        let routes = (0..<1_000).map { "  r\($0): {match: {prefix: /v1/r\($0)/}, upstream: accounts}\n" }.joined()
        let text = "domain: bank\nupstreams: {accounts: {targets: [\"http://10.1.0.11:8080\"]}}\nroutes:\n" + routes
        let folder = ChangingFolder()
        let kept = ConfigurationLoader(source: folder.source)
        folder.files = ["gateway.yaml": plainGateway, "bank.yaml": text]
        #expect(kept.load().parsedByteCount > text.utf8.count)
        #expect(kept.load().parsedByteCount == 0)
        folder.files["bank.yaml"] = text.replacing(old, with: new)
        let result = kept.load()
        #expect(result.parsedByteCount < 300 && result.configuration?.domains.first?.routes.count ?? 0 >= 1_000)
        #expect(Self.told(result) == Self.told(ConfigurationLoader(source: folder.source).load()))
    }

    /// A folder whose content changes between loads.
    private final class ChangingFolder: @unchecked Sendable {
        // Only one thread loads and changes.
        var files: [String: String] = [:]

        var source: ConfigurationSource {
            ConfigurationSource(
                folder: "gateway.d", list: { () throws(SourceError) in Array(self.files.keys) },
                read: { (name, limit) throws(SourceError) in
                    try MemoryFolder(self.files).source.read(name, limit)
                }, environment: { $0 == "X" ? "x" : nil })
        }
    }
}
