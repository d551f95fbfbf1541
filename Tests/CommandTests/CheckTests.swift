import Foundation
import Testing
import portcullis

@Suite("check and routes")
struct CheckTests {
    @Test("a good folder is 0 in every format", arguments: ["human", "json", "github"])
    func good(format: String) throws {
        let outcome = Outcome(["check", "DIR", "--format", format], in: try Sample.folder())
        // The domain `ops` has no file: a warning.
        #expect(outcome.status == 0, "\(outcome.output)")
        #expect(outcome.complaint.isEmpty)
        #expect(outcome.output.contains("ops"))
    }

    @Test("warnings are errors when asked for")
    func strict() throws {
        let folder = try Sample.folder()
        #expect(Outcome(["check", "DIR", "--warnings-as-errors"], in: folder).status == 1)
        let annotations = Outcome(["check", "DIR", "--warnings-as-errors", "--format", "github"], in: folder)
        #expect(annotations.output.hasPrefix("::error file="))
    }

    @Test("routes of equal rank are an error at the later one that names the other's place")
    func conflict() throws {
        let app = Sample.app.replacingOccurrences(
            of: "{methods: [PUT], path: \"/accounts/{id}/{part}\"}",
            with: "{methods: [GET], path: \"/accounts/{number}\"}")
        let folder = try TemporaryFolder(["gateway.yaml": Sample.gateway, "app.yaml": app])
        let outcome = Outcome(["check", "DIR"], in: folder)
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("DIR/app.yaml:18:3: error: routes.write.match: "))
        #expect(outcome.output.contains("`app/read` and `app/write` can match the same request"))
        #expect(outcome.output.contains("see: DIR/app.yaml:8:3: the route `app/read`"))
        // Once, though the two meet on two hosts.
        #expect(outcome.output.components(separatedBy: "can match the same request").count == 2)
    }

    @Test("a route that can never be reached is a warning that names what takes its requests")
    func unreachable() throws {
        let app =
            Sample.app + """

                  never:
                    match: {path: /twice}
                    upstream: accounts
                  with:
                    match: {path: /twice, headers: {X-A: {present: true}}}
                    upstream: accounts
                  without:
                    match: {path: /twice, headers: {X-A: {present: false}}}
                    upstream: accounts
                """
        let folder = try TemporaryFolder(["gateway.yaml": Sample.gateway, "app.yaml": app])
        let outcome = Outcome(["check", "DIR"], in: folder)
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("DIR/app.yaml:33:3: warning: routes.never: the route can never be reached"))
        #expect(outcome.output.contains("`app/with` (DIR/app.yaml:36:3), `app/without` (DIR/app.yaml:39:3)"))
    }

    @Test("findings in JSON can be read by a program")
    func json() throws {
        let app = Sample.app.replacingOccurrences(of: "weight: 3", with: "weigth: 3")
        let folder = try TemporaryFolder(["gateway.yaml": Sample.gateway, "app.yaml": app])
        let outcome = Outcome(["check", "DIR", "--format", "json"], in: folder)
        #expect(outcome.status == 1)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        let findings = try #require(document["diagnostics"] as? [[String: Any]])
        let finding = try #require(findings.first { $0["severity"] as? String == "error" })
        #expect(finding["file"] as? String == "DIR/app.yaml")
        #expect(finding["line"] as? Int == 4)
        #expect(finding["suggestion"] as? String == "did you mean `weight`?")
    }

    @Test(
        "a folder with errors is told of by every command",
        arguments: [
            ["routes", "DIR"], ["explain", "DIR", "GET", "http://app.test/"],
        ])
    func badFolder(words: [String]) throws {
        let outcome = Outcome(words, in: try TemporaryFolder(["gateway.yaml": "listners: {}\n"]))
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(outcome.complaint.contains("did you mean `listeners`?"))
    }

    @Test("routes are listed by rank with their places")
    func routes() throws {
        let outcome = Outcome(["routes", "DIR"], in: try Sample.folder())
        let rows = outcome.output.split(separator: "\n").map { row in
            row.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let order = ["app/read", "app/write", "app/any", "app/canary", "app/local", "app/old"]
        #expect(rows.dropFirst().map { $0[0] } == order)
        #expect(rows[1].last == "DIR/app.yaml:8:3")
        #expect(rows.first?.contains("CONDITIONS") == true)
        #expect(Outcome(["routes", "DIR", "--format", "json"], in: try Sample.folder()).status == 0)
    }

    @Test("the repository's own folder has nothing wrong with it")
    func ownFolder() {
        let outcome = Outcome(["check", Self.repository + "/gateway.d", "--warnings-as-errors"])
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("the demo's keys, which everybody has, are warned of where others can reach the gateway")
    func demoKeys() throws {
        let source = Self.repository + "/gateway.d"
        var files: [String: String] = [:]
        for name in ["gateway.yaml", "bank-a.yaml", "shop.yaml", "ops.yaml"] {
            files[name] = try String(contentsOfFile: "\(source)/\(name)", encoding: .utf8)
                .replacingOccurrences(of: "demo-keys/", with: "\(source)/demo-keys/")
                .replacingOccurrences(of: "127.0.0.1:8080", with: "0.0.0.0:8080")
        }
        let outcome = Outcome(["check", "DIR"], in: try TemporaryFolder(files))
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("0 errors, 2 warnings"), "\(outcome.output)")
        #expect(outcome.output.contains("issuers.demo.jwks_file: everybody has this key"))
        #expect(outcome.output.contains("internal_tokens.keys: everybody has this key"))
    }

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
}
