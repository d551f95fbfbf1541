import Base
import Configuration
import Testing

@Suite struct YAMLRulesTests {
    static let bank = plainBank

    private func errors(_ bank: String, _ change: (inout LoadingLimits) -> Void = { _ in }) -> [String] {
        var folder = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank])
        change(&folder.limits)
        return findings(folder.load())
    }

    @Test("an anchor and its aliases stand for whole values")
    func aliases() throws {
        let yaml = """
            domain: bank
            upstreams:
              accounts: &service
                targets: ["http://10.1.0.11:8080"]
              payments: *service
            routes:
              a: {match: {path: /v1/a}, upstream: accounts}
              b: {match: {path: /v1/b}, upstream: payments}
            """
        let result = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": yaml]).load()
        #expect(findings(result) == [])
        let upstreams = try #require(result.configuration?.domains.first?.upstreams)
        #expect(upstreams.map(\.targets) == [upstreams[0].targets, upstreams[0].targets])
    }

    @Test("aliases that multiply are refused before they take memory")
    func explosion() {
        var yaml = "domain: bank\na: &a [x, x, x, x, x, x, x, x, x, x]\n"
        var last: Character = "a"
        for name: Character in ["b", "c", "d", "e", "f", "g", "h"] {
            let aliases = Array(repeating: "*\(last)", count: 10).joined(separator: ", ")
            yaml += "\(name): &\(name) [\(aliases)]\n"
            last = name
        }
        let said = errors(yaml)
        #expect(said.contains { $0.contains("the aliases of the file stand for more than 10000 values") })
    }

    @Test("an alias within its own anchor is refused")
    func recursion() {
        #expect(
            errors("domain: &x [*x]\n") == [
                "gateway.d/bank.yaml:1:13: error: domain[0]: the alias `*x` stands within its own anchor"
            ])
    }

    @Test(
        "each limit is an error where it is passed",
        arguments: [
            (
                "depth", "gateway.d/bank.yaml:1:6: error: a[0][0]: values are nested deeper than 3 levels",
                "a: [[[[x]]]]"
            ),
            ("nodes", "gateway.d/bank.yaml:1:17: error: a[4]: the file holds more than 7 values", "a: [1, 2, 3, 4, 5]"),
            ("anchors", "gateway.d/bank.yaml:2:4: error: b: the file has more than 1 anchors", "a: &a 1\nb: &b 2"),
            ("aliases", "gateway.d/bank.yaml:3:4: error: c: the file has more than 1 aliases", "a: &a 1\nb: *a\nc: *a"),
            ("scalar", "gateway.d/bank.yaml:1:4: error: a: the value is longer than 10 bytes", "a: 12345678901"),
            ("file", "gateway.d/bank.yaml:1:1: error: the file is larger than 20 bytes", "a: 123456789012345678"),
        ])
    func limits(name: String, expected: String, yaml: String) {
        let gateway = "listeners: {e: {address: \"127.0.0.1:1\"}}\n"
        var folder = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": yaml])
        switch name {
        case "depth": folder.limits.depthMax = 3
        case "nodes": folder.limits.nodesMax = 7
        case "anchors": folder.limits.anchorsMax = 1
        case "aliases": folder.limits.aliasesMax = 1
        case "scalar": folder.limits.scalarBytesMax = 10
        default: folder.limits.fileBytesMax = 20
        }
        #expect(findings(folder.load()).contains(expected))
    }

    @Test("too many files, routes and names are errors")
    func counts() {
        var folder = MemoryFolder(["gateway.yaml": plainGateway, "a.yaml": plainBank, "b.yaml": plainBank])
        folder.limits.filesMax = 2
        #expect(findings(folder.load()).contains { $0.hasSuffix("the folder holds more than 2 YAML files") })
        folder = MemoryFolder(["gateway.yaml": plainGateway, "a.yaml": plainBank])
        folder.limits.routesMax = 0
        #expect(findings(folder.load()).contains { $0.hasSuffix("there are more than 0 routes in all files") })
        folder.limits = LoadingLimits()
        folder.limits.folderEntriesMax = 1
        #expect(findings(folder.load()).contains { $0.hasSuffix("the folder holds more than 1 names") })
    }

    @Test("findings beyond the limit are counted")
    func manyFindings() {
        var folder = MemoryFolder(["gateway.yaml": plainGateway + "\nx1: 1\nx2: 1\nx3: 1\nx4: 1\n"])
        folder.limits.diagnosticsMax = 2
        let result = folder.load()
        #expect(result.diagnostics.count == 2)
        #expect(result.diagnostics.allSatisfy { $0.severity == .error })
        #expect(result.findings.errorCount == 4 && result.findings.warningCount == 1)
        #expect(result.findings.omittedCount == 3)
        #expect(result.hasErrors)
        let renderer = DiagnosticRenderer(result)
        #expect(renderer.text(result.findings).hasSuffix("\n4 errors, 1 warning; the first 2 are shown\n"))
        #expect(renderer.json(result.findings).contains("\"errors\": 4,\n  \"warnings\": 1,\n  \"not_shown\": 3,\n"))
        #expect(renderer.gitHubCommands(result.findings).hasSuffix("\n::notice::3 further findings are not shown\n"))
        let strict = result.findings.withWarningsAsErrors
        #expect(strict.errorCount == 5 && strict.warningCount == 0 && strict.omittedCount == 3)
    }

    @Test(
        "bytes that are not UTF-8 are an error at their place",
        arguments: [
            [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80],
            [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xe2, 0x82], [0xc3, 0x28],
        ] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        let text = Array("domain: bank\n# ä ".utf8) + bytes
        let source = MemoryFolder.source(["gateway.yaml": Array(plainGateway.utf8), "bank.yaml": text])
        let said = findings(ConfigurationLoader(source: source).load())
        #expect(said.contains("gateway.d/bank.yaml:2:5: error: the file is not UTF-8; expected UTF-8 text"))
    }

    @Test("a byte order mark is passed over")
    func byteOrderMark() {
        #expect(errors("\u{feff}" + plainBank) == [])
    }

    @Test("UTF-16 is refused")
    func utf16() {
        let bytes: [UInt8] = [0xff, 0xfe] + plainBank.utf8.flatMap { (byte: UInt8) -> [UInt8] in [byte, 0] }
        let source = MemoryFolder.source(["gateway.yaml": Array(plainGateway.utf8), "bank.yaml": bytes])
        let said = findings(ConfigurationLoader(source: source).load())
        #expect(said == ["gateway.d/bank.yaml:1:1: error: the file is not UTF-8; expected UTF-8 text"])
    }

    @Test(
        "keys that YAML does not read as text are refused, unless quoted",
        arguments: ["12", "-1", "0x1f", "1.5", "1e3", ".inf", ".nan", "true", "False", "null", "~", "Null"])
    func keys(key: String) {
        #expect(errors("\(key): x\n").contains { $0.contains("a key must be text") })
        #expect(errors("\"\(key)\": x\n").contains { $0.contains("unknown key") })
    }

    @Test("all 256 bytes as a value's only character never crash the loader")
    func everyByte() {
        for byte in UInt8.min...UInt8.max {
            let text = Array("domain: \"".utf8) + [byte] + Array("\"\n".utf8)
            let source = MemoryFolder.source(["gateway.yaml": Array(plainGateway.utf8), "bank.yaml": text])
            #expect(ConfigurationLoader(source: source).load().hasErrors)
        }
    }
}
