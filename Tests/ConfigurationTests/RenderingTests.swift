import Base
import Configuration
import Foundation
import Testing

@Suite struct RenderingTests {
    private static let result = MemoryFolder([
        "gateway.yaml": plainGateway, "bank.yaml": plainBank.replacing("[GET]", with: "[get]"),
    ]).load()

    @Test("for a terminal: the place, the line with a caret, what was expected and a remedy")
    func text() {
        let renderer = DiagnosticRenderer(Self.result)
        #expect(
            renderer.text(Self.result.findings) == """
                gateway.d/bank.yaml:7:23: error: routes.read-account.match.methods[0]: `get` does not fit here
                  7 |     match: {methods: [get], path: "/v1/accounts/{id}"}
                    |                       ^
                  expected: a method such as `GET`
                  help: did you mean `GET`?

                1 error, 0 warnings

                """)
    }

    @Test("for programs: JSON")
    func json() throws {
        let text = DiagnosticRenderer(Self.result).json(Self.result.findings)
        let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(value["errors"] as? Int == 1)
        let finding = try #require((value["diagnostics"] as? [[String: Any]])?.first)
        #expect(finding["file"] as? String == "gateway.d/bank.yaml")
        #expect(finding["line"] as? Int == 7 && finding["column"] as? Int == 23)
        #expect(finding["suggestion"] as? String == "did you mean `GET`?")
    }

    @Test("for GitHub: workflow commands, escaped")
    func gitHub() {
        let files = SourceFiles(names: ["a,b:c%.yaml"])
        let place = SourceLocation(file: 0, line: 3, column: 4)
        let finding = Diagnostic(.warning, at: place, path: "x", "50%\r\nmore: a, b", suggestion: "y")
        var findings = FindingList(limit: 1)
        findings.add(finding)
        #expect(
            DiagnosticRenderer(files: files, contents: []).gitHubCommands(findings)
                == "::warning file=a%2Cb%3Ac%25.yaml,line=3,col=4::x: 50%25%0D%0Amore: a, b%0Ahelp: y\n")
    }

    @Test("text from files can't drive the terminal")
    func control() {
        let said = DiagnosticRenderer(MemoryFolder(["gateway.yaml": "\"\\e[31m\\u202e\": 1\n"]).load())
        let result = MemoryFolder(["gateway.yaml": "\"\\e[31m\\u202e\": 1\n"]).load()
        let text = said.text(result.findings)
        #expect(!text.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e })
    }

    @Test("the effective configuration is JSON, with the origin of each value")
    func effective() throws {
        let gateway = plainGateway + "\ndefaults: {timeouts: {request: 5s, idle: 6s}}\n"
        let bank = plainBank + "\n    timeouts: {response_header: 7s}\n"
        let folder = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": bank])
        let configuration = try #require(folder.load().configuration)
        let text = EffectiveConfiguration.json(configuration)
        let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        func dig(_ path: String...) -> [String: Any]? {
            path.reduce(value as [String: Any]?) { $0?[$1] as? [String: Any] }
        }
        let route = ["domains", "bank", "routes", "read-account", "timeouts"]
        let request = dig(route[0], route[1], route[2], route[3], route[4], "request")
        #expect(request?["value"] as? String == "5s" && request?["from"] as? String == "gateway.d/gateway.yaml:6:32")
        let header = dig(route[0], route[1], route[2], route[3], route[4], "response_header")
        #expect(header?["value"] as? String == "7s" && header?["from"] as? String == "gateway.d/bank.yaml:9:33")
        #expect(dig("dns", "timeout")?["from"] as? String == "built in")
        #expect(value["digest"] as? String == configuration.digest)
    }
}
