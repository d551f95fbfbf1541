import Base
import Configuration
import Testing

@Suite struct ReferencesTests {
    private static let bank = """
        domain: bank
        upstreams:
          accounts:
            targets: ["http://${env:ACCOUNTS_HOST}:${env:ACCOUNTS_PORT}"]
        routes:
          read:
            match: {path: "/v1/a"}
            upstream: accounts
            timeouts: {request: "${env:TIMEOUT}"}
            plugins:
              request_transform: {headers: {set: {X-Key: "Bearer ${file:keys/api.key}"}}}
              response_transform: {headers: {set: {X-Plain: "$${{env:X}} $ $$5 $"}}}
        """
    private static let environment = ["ACCOUNTS_HOST": "10.9.8.7", "ACCOUNTS_PORT": "8123", "TIMEOUT": "17s"]

    private func load(_ bank: String = bank, key: String = "s3cr3t\n") -> LoadResult {
        MemoryFolder(
            ["gateway.yaml": plainGateway, "bank.yaml": bank, "keys/api.key": key, "/etc/abs.key": "absolute"],
            environment: Self.environment
        ).load()
    }

    @Test("variables and files are put in their places, and `$${` is `${`")
    func substitution() throws {
        let result = load()
        #expect(findings(result) == [])
        let domain = try #require(result.configuration?.domains.first)
        let target = try #require(domain.upstreams.first?.targets.first)
        #expect(target.authority == "10.9.8.7:8123")
        let route = try #require(domain.routes.first)
        #expect(route.timeouts.request.value == .seconds(17))
        let plugins = route.plugins
        #expect(plugins.requestTransform?.headers.set.map(\.value.value.constant) == ["Bearer s3cr3t"])
        #expect(plugins.responseTransform?.headers.set.map(\.value.value.constant) == ["${env:X} $ $$5 $"])
    }

    @Test("values out of references are masked wherever the configuration is shown")
    func masking() throws {
        let configuration = try #require(load().configuration)
        let shown = EffectiveConfiguration.json(configuration)
        for secret in ["s3cr3t", "10.9.8.7", "8123", "17s"] { #expect(!shown.contains(secret)) }
        #expect(shown.contains("\"X-Key\": {\"value\": \"********\", \"from\": \"gateway.d/bank.yaml:11:50\"}"))
        #expect(shown.contains("${{env:X}} $ $$5 $"))
    }

    @Test("no value out of a reference is in an error message")
    func errorsKeepSecrets() {
        let said = MemoryFolder(
            ["gateway.yaml": plainGateway, "bank.yaml": Self.bank],
            environment: ["ACCOUNTS_HOST": "topsecret host", "ACCOUNTS_PORT": "x", "TIMEOUT": "topsecret"]
        ).load()
        #expect(findings(said).contains { $0.contains("the value of the reference does not fit here") })
        #expect(!DiagnosticRenderer(said).text(said.findings).contains("topsecret"))
    }

    @Test(
        "nor where the message is about something else that has the value",
        arguments: [
            "domain: ${env:S}", "domain: bank\nroutes:\n  a: {match: {path: /v1/a}, upstream: '${env:S}'}",
            "domain: bank\nroutes:\n  a: {match: {path: '/${env:S}'}, respond: {status: 200}}",
            "domain: bank\nroutes:\n  a: {match: {path: /v1/a, hosts: ['${env:S}.test']}, respond: {status: 200}}",
            "domain: bank\nroutes:\n  a: {match: {path: /v1/a, listeners: ['${env:S}']}, respond: {status: 200}}",
            "domain: bank\nroutes:\n  a: {match: {path: /v1/a}, respond: {status: 200}, plugins: {jwt: {issuer: '${env:S}'}}}",
            "domain: bank\nroutes:\n  a: {match: {path: /v1/a}, respond: {status: 200}, plugins: {rate_limit: {shared: '${env:S}'}}}",
        ], ["tops3cret", "Tops3cret-of-more-than-eighty-characters-\(String(repeating: "x", count: 60))", "q7"])
    func messagesKeepSecrets(bank: String, secret: String) {
        let said = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank], environment: ["S": secret]).load()
        #expect(said.hasErrors)
        let text = DiagnosticRenderer(said).text(said.findings).lowercased()
        #expect(!text.contains("tops3cret") && !text.contains("`q7`"), "\(text)")
    }

    @Test("texts that overlap, or stand within each other, are hidden as a whole")
    func overlappingTexts() {
        let bank = """
            domain: WXabcdefghijYZ
            routes:
              a: {match: {path: /a}, respond: {status: 200, body: "${env:A}${env:B}${env:C}"}}

            """
        let environment = ["A": "abcdef", "B": "defghij", "C": "abcd"]
        let said = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank], environment: environment).load()
        #expect(said.diagnostics.contains { $0.message.contains("`WX********YZ`") }, "\(said.diagnostics)")
    }

    @Test("thousands of references hide in as many errors")
    func manyTexts() {
        let routes = (0..<1_500).map {
            "  r\($0): {match: {path: /p\($0)}, respond: {status: 200, body: \"body-\($0)-${env:S}\"}, tier: 77}\n"
        }
        let bank = "domain: bank\nroutes:\n" + routes.joined()
        let said = MemoryFolder(["gateway.yaml": plainGateway, "bank.yaml": bank], environment: ["S": "value"]).load()
        #expect(said.findings.errorCount >= 1_500)
        #expect(said.diagnostics.count == 500)
    }

    @Test(
        "the last line end of a file is left out, and only that",
        arguments: [("a\n", "a"), ("a\r\n", "a"), ("a", "a")])
    func lineEnd(content: String, value: String) throws {
        let bank = Self.bank.replacing("Bearer ", with: "")
        let result = load(bank, key: content)
        let header = try #require(
            result.configuration?.domains[0].routes[0].plugins.requestTransform?.headers.set.first)
        #expect(header.value.value.constant == value)
    }

    @Test("gateway.yaml may take text from anywhere")
    func absolute() throws {
        let gateway = plainGateway.replacing("team-bank", with: "\"${file:/etc/abs.key}\"")
        let result = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": plainBank, "/etc/abs.key": "absolute"]).load()
        #expect(findings(result) == [])
        #expect(result.configuration?.domains[0].owner?.value == "absolute")
    }

    @Test("a domain file may not, even when gateway.yaml takes the same", arguments: ["/etc/abs.key", "../abs.key"])
    func outOfReach(path: String) throws {
        let result = load(Self.bank.replacing("keys/api.key", with: path))
        #expect(
            findings(result) == [
                "gateway.d/bank.yaml:11:50: error: routes.read.plugins.request_transform.headers.set.X-Key: `\(path)` is not in "
                    + "the configuration folder; expected a path below the configuration folder: only gateway.yaml may "
                    + "take text from elsewhere"
            ])
    }

    @Test(
        "a domain file can't read the gateway's signing keys, by any spelling of their names; gateway.yaml can",
        arguments: [
            "keys/2026.pem", "keys//2026.pem", "./keys/2026.pem", "signing/a.jwk", "signing/./b.pem",
            "signing/readme.txt",
        ])
    func signingKeys(path: String) throws {
        var folder = IdentityFolder()
        folder.gateway = folder.gateway.replacing(
            "{file: keys/2026.pem}", with: "{file: keys/2026.pem}, {folder: signing}")
        #expect(findings(folder.load()) == [])
        folder.bank = folder.bank.replacing(
            "respond: {status: 204}", with: "respond: {status: 200, body: \"${file:\(path)}\"}")
        #expect(
            findings(folder.load()) == [
                "gateway.d/bank.yaml:9:34: error: routes.read.respond.body: `\(path)` is one of the gateway's signing keys"
            ])
        folder.bank = folder.bank.replacing(path, with: "notes/readme.txt")
        #expect(findings(folder.load()) == [])
        folder.gateway = folder.gateway.replacing(
            "trust_domain: bank-a", with: "trust_domain: bank-a, owner: \"${file:keys/2026.pem}\"")
        #expect(findings(folder.load()) == [])
    }

    @Test("a line feed out of a file can't get into a header")
    func lineFeed() {
        #expect(load(key: "a\nb\n").hasErrors)
    }

    @Test("what is put in is not looked through again")
    func once() throws {
        let result = load(key: "${env:TIMEOUT}")
        #expect(result.configuration?.domains[0].routes[0].plugins.requestTransform?.headers.set.isEmpty == nil)
        #expect(result.diagnostics.map(\.message) == ["the value of the reference does not fit here"])
    }

    @Test("references, and what they hold, are limited")
    func limits() {
        var folder = MemoryFolder(
            ["gateway.yaml": plainGateway, "bank.yaml": Self.bank, "keys/api.key": String(repeating: "x", count: 101)],
            environment: Self.environment)
        folder.limits.referencedFileBytesMax = 100
        #expect(folder.load().diagnostics.map(\.message) == ["the file `keys/api.key` is larger than 100 bytes"])
        folder.limits = LoadingLimits()
        folder.limits.referencesMax = 3
        #expect(folder.load().diagnostics.map(\.message) == ["there are more than 3 references"])
    }

    @Test("keys are left as they are")
    func keys() {
        #expect(
            findings(bank: "\"${env:TIMEOUT}\": x\ndomain: bank\n").contains {
                $0.contains("unknown key `${env:TIMEOUT}`")
            })
    }
}
