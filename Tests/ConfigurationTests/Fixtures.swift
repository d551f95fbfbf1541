import Base
import Configuration
import Testing

/// A folder, its other files and an environment, all in memory.
struct MemoryFolder {
    /// By name, in the folder; absolute names are elsewhere.
    var files: [String: String]
    var environment: [String: String] = [:]
    /// Names in the folder that can't be read, and why.
    var broken: [String: SourceError] = [:]
    var limits = LoadingLimits()

    init(
        _ files: [String: String], environment: [String: String] = [:], broken: [String: SourceError] = [:],
        limits: LoadingLimits = LoadingLimits()
    ) {
        self.files = files
        self.environment = environment
        self.broken = broken
        self.limits = limits
    }

    var source: ConfigurationSource {
        let bytes = files.mapValues { Array($0.utf8) }
        return Self.source(bytes, environment: environment, broken: broken)
    }

    static func source(
        _ files: [String: [UInt8]], environment: [String: String] = [:], broken: [String: SourceError] = [:],
        folder: String = "gateway.d"
    ) -> ConfigurationSource {
        ConfigurationSource(
            folder: folder, list: { () throws(SourceError) in Array(files.keys) + Array(broken.keys) },
            read: { (name, limit) throws(SourceError) in
                if let error = broken[name] { throw error }
                guard let bytes = files[name] else { throw .notFound }
                return Array(bytes.prefix(limit + 1))
            }, environment: { environment[$0] },
            listFolder: { (folder) throws(SourceError) in
                if let error = broken[folder] { throw error }
                let prefix = folder.hasSuffix("/") ? folder : folder + "/"
                let names = files.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
                if names.isEmpty { throw .notFound }
                return names
            })
    }

    func load() -> LoadResult { ConfigurationLoader(source: source, limits: limits).load() }
}

/// A gateway.yaml that gives the domain `bank` what most tests need.
let plainGateway = """
    listeners:
      external: {address: "127.0.0.1:8080"}
      internal: {address: "127.0.0.1:8081"}
    domains:
      bank: {owner: team-bank, hosts: [api.bank.example.com, "*.shop.example.com"], paths: [/v1, /public], listeners: [external]}
    """

/// A domain file that goes with it.
let plainBank = """
    domain: bank
    upstreams:
      accounts:
        targets: ["http://10.1.0.11:8080", "http://10.1.0.12:8080"]
    routes:
      read-account:
        match: {methods: [GET], path: "/v1/accounts/{id}"}
        upstream: accounts
    """

/// Everything there is to say about a load, without the excerpts of the files.
func findings(_ result: LoadResult) -> [String] {
    let renderer = DiagnosticRenderer(result)
    return result.diagnostics.map { renderer.summary($0) }
}

/// What a domain file says that goes with `plainGateway`.
func findings(bank: String, gateway: String = plainGateway) -> [String] {
    findings(MemoryFolder(["gateway.yaml": gateway, "bank.yaml": bank]).load())
}

/// What a gateway.yaml says alone; that its domains have no files is left out.
func findings(gateway: String) -> [String] {
    findings(MemoryFolder(["gateway.yaml": gateway]).load()).filter { !$0.contains("no file of the folder says") }
}
