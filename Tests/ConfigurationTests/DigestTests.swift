import Base
import Configuration
import Testing

@Suite struct DigestTests {
    private func load(_ bank: String, gateway: String = plainGateway) throws -> GatewayConfiguration {
        let result = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": bank], environment: ["A": "one", "B": "two"])
            .load()
        return try #require(result.configuration, "\(findings(result))")
    }

    @Test("the digest is 64 hexadecimal digits")
    func form() throws {
        let digest = try load(plainBank).digest
        #expect(digest.count == 64 && digest.allSatisfy { $0.isHexDigit && !$0.isUppercase })
    }

    @Test(
        "comments, formatting, the order of keys, spelt-out defaults and units change nothing",
        arguments: [
            "# a comment\n" + plainBank,
            plainBank.replacing(
                "match: {methods: [GET], path: \"/v1/accounts/{id}\"}",
                with: "match:\n      path: /v1/accounts/{id}\n      methods:\n        - GET"),
            plainBank + "\n    timeouts: {request: 60s}\n",
            plainBank + "\n    timeouts: {request: 1m}\n    limits: {body_bytes_max: 10240KiB}\n",
            plainBank + "\n    match2: x\n".replacing("    match2: x\n", with: ""),
        ])
    func equal(bank: String) throws {
        let first = try load(plainBank)
        let second = try load(bank)
        #expect(first.digest == second.digest)
        #expect(first.domains == second.domains)
        #expect(ConfigurationChanges.between(first, second).isEmpty)
    }

    @Test(
        "every effective value counts",
        arguments: [
            ("[GET]", "[POST]"), ("{id}", "{account}"), ("8080\", \"http", "8081\", \"http"), ("/v1/", "/v1/x/"),
            ("    upstream: accounts", "    upstream: accounts\n    tier: 2"),
            ("    upstream: accounts", "    upstream: accounts\n    timeouts: {request: 61s}"),
            ("    upstream: accounts", "    upstream: accounts\n    allow_encoded_slash: true"),
            ("    upstream: accounts", "    upstream: accounts\n    rewrite: {strip_prefix: /v1}"),
            (
                "    upstream: accounts",
                "    upstream: accounts\n    plugins: {request_transform: {headers: {set: {X-A: b}}}}"
            ),
            ("    upstream: accounts", "    redirect: {location: /v1/b}"),
            ("targets:", "balancer: least_requests\n    targets:"), ("read-account", "get-account"),
        ])
    func unequal(old: String, new: String) throws {
        let first = try load(plainBank)
        let second = try load(plainBank.replacing(old, with: new))
        #expect(first.digest != second.digest)
        #expect(!ConfigurationChanges.between(first, second).isEmpty)
    }

    @Test("how the folder is spelt changes nothing, though files are named in it; what they hold does")
    func folder() throws {
        func digest(_ folder: String, _ key: String = "a key") throws -> String {
            var files = IdentityFolder().files.mapValues { Array($0.utf8) }
            files["keys/2026.pem"] = Array(key.utf8)
            files["gateway.yaml"] = Array(identityGateway.utf8)
            files["bank.yaml"] = Array(identityBank.utf8)
            let source = MemoryFolder.source(files, folder: folder)
            return try #require(ConfigurationLoader(source: source).load().configuration).digest
        }
        let digests = try ["gateway.d", "./gateway.d", "gateway.d/", "/etc/gateway.d", ""].map { try digest($0) }
        #expect(Set(digests).count == 1)
        #expect(try digest("gateway.d", "another key") != digests[0])
    }

    @Test("what a reference stands for counts, not the reference")
    func references() throws {
        let header = plainBank + "\n    plugins: {request_transform: {headers: {set: {X-A: VALUE}}}}\n"
        let one = try load(header.replacing("VALUE", with: "\"${env:A}\""))
        #expect(try load(header.replacing("VALUE", with: "one")).digest == one.digest)
        #expect(try load(header.replacing("VALUE", with: "\"${env:B}\"")).digest != one.digest)
    }

    @Test(
        "routes are told apart by name wherever they stand",
        arguments: [
            ("abc", "cba"), ("abcd", "acbd"), ("ab", "xaby"), ("abc", "c"), ("ac", "abc"), ("abc", "axc"), ("a", "xyz"),
            ("abcde", "abde"), ("ab", "ba"),
        ])
    func order(old: String, new: String) throws {
        func file(_ names: String) -> String {
            "domain: bank\nupstreams: {one: {targets: [\"http://a.internal\"]}}\nroutes:\n"
                + names.map { "  \($0): {match: {path: /v1/\($0)}, upstream: one}\n" }.joined()
        }
        let changes = ConfigurationChanges.between(try load(file(old)), try load(file(new)))
        #expect(changes.routes.added == new.filter { !old.contains($0) }.map { "bank/\($0)" })
        #expect(changes.routes.removed == old.filter { !new.contains($0) }.map { "bank/\($0)" })
        #expect(changes.routes.changed.isEmpty)
        #expect(changes.routes.keptCount == new.count { old.contains($0) })
    }

    @Test("changes are told by name")
    func changes() throws {
        let old = try load(
            plainBank
                + "\n  old: {match: {path: /v1/old}, upstream: accounts}\n  same: {match: {path: /v1/s}, upstream: accounts}\n"
        )
        let new = try load(
            plainBank.replacing("[GET]", with: "[PUT]").replacing(
                "accounts:", with: "first:\n    targets: [\"http://a.internal\"]\n  accounts:")
                + "\n  same: {match: {path: /v1/s}, upstream: accounts}\n  new: {match: {path: /v1/new}, upstream: first}\n",
            gateway: plainGateway.replacing("  internal: {address: \"127.0.0.1:8081\"}\n", with: "") + "\nworkers: 2\n")
        let changes = ConfigurationChanges.between(old, new)
        #expect(changes.routes.added == ["bank/new"])
        #expect(changes.routes.changed == ["bank/read-account"])
        #expect(changes.routes.removed == ["bank/old"])
        #expect(changes.routes.keptCount == 1)
        #expect(changes.upstreams.added == ["bank/first"] && changes.upstreams.keptCount == 1)
        #expect(changes.listeners.removed == ["internal"] && changes.listeners.keptCount == 1)
        #expect(changes.settings == ["workers"])
        #expect(changes.domains.isEmpty)
    }
}

@Suite struct RepeatedLoadTests {
    @Test("a kept loader gives what a new one gives, whatever changed in between")
    func keptLoader() throws {
        let folder = SwitchableFolder()
        let kept = ConfigurationLoader(source: folder.source)
        let versions: [[String: String]] = [
            ["gateway.yaml": plainGateway, "bank.yaml": plainBank],
            ["gateway.yaml": plainGateway, "bank.yaml": plainBank],
            ["gateway.yaml": plainGateway, "bank.yaml": plainBank.replacing("{id}", with: "{account}")],
            ["gateway.yaml": plainGateway, "a.yaml": "domain: [", "bank.yaml": plainBank],
            ["gateway.yaml": plainGateway, "bank.yaml": plainBank.replacing("[GET]", with: "[\"${env:M}\"]")],
            ["gateway.yaml": plainGateway, "bank.yaml": plainBank.replacing("[GET]", with: "[get]")],
            ["gateway.yaml": plainGateway],
            ["gateway.yaml": plainGateway, "bank.yaml": plainBank],
        ]
        for (index, files) in versions.enumerated() {
            folder.replace(files, environment: ["M": index == 4 ? "PUT" : "GET"])
            let first = kept.load()
            let second = ConfigurationLoader(source: folder.source).load()
            #expect(findings(first) == findings(second))
            #expect(first.configuration?.digest == second.configuration?.digest)
            #expect(first.configuration == second.configuration)
        }
    }

    /// A folder whose content changes between loads.
    private final class SwitchableFolder: @unchecked Sendable {
        // Only one thread loads and changes.
        private var current = MemoryFolder([:])

        func replace(_ files: [String: String], environment: [String: String]) {
            current = MemoryFolder(files, environment: environment)
        }

        var source: ConfigurationSource {
            ConfigurationSource(
                folder: "gateway.d", list: { () throws(SourceError) in try self.current.source.list() },
                read: { (name, limit) throws(SourceError) in try self.current.source.read(name, limit) },
                environment: { self.current.source.environment($0) })
        }
    }
}
