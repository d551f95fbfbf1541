import Configuration
import Testing

/// A gateway.yaml with one issuer and a signing key.
let identityGateway = """
    listeners:
      external: {address: "127.0.0.1:8080"}
      internal: {address: "127.0.0.1:8081"}
    issuers:
      corporate:
        issuer: "https://sso.example.com/realms/bank"
        audiences: [bank-api]
    internal_tokens:
      issuer: "https://gateway.example.com"
      keys: [{file: keys/2026.pem}]
    domains:
      bank: {hosts: [api.bank.example.com], trust_domain: bank-a}
    """

/// A domain file whose route has the whole chain.
let identityBank = """
    domain: bank
    plugins:
      jwt: {issuer: corporate}
      spiffe: {id: "spiffe://bank-a/user/{claim.user_id}"}
      internal_jwt: {audience: bank-a}
    routes:
      read:
        match: {path: "/accounts/{id}"}
        respond: {status: 204}
    """

/// The two files with some of their text replaced, and files with keys.
struct IdentityFolder {
    var gateway = identityGateway
    var bank = identityBank
    var files = [
        "keys/2026.pem": "a key", "keys/set.json": "a set", "keys/ca.pem": "certificates", "keys/empty.pem": "",
        "signing/b.pem": "b", "signing/a.jwk": "a", "signing/.hidden.pem": "no", "signing/readme.txt": "no",
        "notes/readme.txt": "no key",
    ]
    var broken: [String: SourceError] = ["keys/secret.pem": .notPermitted]
    var environment = [
        "SECRET": "0123456789abcdef0123456789abcdef", "SHORT": "0123456789abcdef0123456789abcde",
        "LEVEL": "platinum-level",
    ]

    func load() -> LoadResult {
        var all = files
        all["gateway.yaml"] = gateway
        all["bank.yaml"] = bank
        return MemoryFolder(all, environment: environment, broken: broken).load()
    }

    func configuration() throws -> GatewayConfiguration {
        let result = load()
        return try #require(result.configuration, "\(findings(result))")
    }
}

/// One of the two files with a piece replaced, and all that is said about it.
struct IdentityCase: Sendable, CustomTestStringConvertible {
    enum File: Sendable { case gateway, bank }

    let name: String
    let file: File
    let old: String
    let new: String
    var findings: [String]

    init(_ name: String, _ file: File, _ old: String, _ new: String, _ findings: String...) {
        self.name = name
        self.file = file
        self.old = old
        self.new = new
        self.findings = findings
    }

    var testDescription: String { name }

    var actual: [String] {
        var folder = IdentityFolder()
        switch file {
        case .gateway: folder.gateway = folder.gateway.replacing(old, with: new)
        case .bank: folder.bank = folder.bank.replacing(old, with: new)
        }
        let result = folder.load()
        return ConfigurationTests.findings(result)
    }
}
