import Configuration
import Foundation
import Proxy
import Testing
import portcullis

@Suite("The gateway's keys in a configuration")
struct PublishedKeysTests {
    private static let gateway = """
        listeners:
          outer: {address: "127.0.0.1:8080"}
          inner: {address: "127.0.0.1:8081"}
        internal_tokens:
          issuer: "https://gateway.test"
          keys: [{file: first.pem}, {folder: folder}, {file: last.pem}]
          publish: {listeners: [outer]}
        domains:
          app: {hosts: [app.test], listeners: [outer, inner]}
        """
    private static let app = """
        domain: app
        routes:
          all:
            match: {prefix: /}
            respond: {status: 204}
          taken:
            match: {path: /.well-known/jwks.json, listeners: [outer]}
            respond: {status: 204}
          inside:
            match: {path: /.well-known/spiffe-bundle.json, listeners: [inner]}
            respond: {status: 204}
        """

    private static func pem() throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    private func folder(gateway: String = gateway) throws -> TemporaryFolder {
        let folder = try TemporaryFolder([
            "gateway.yaml": gateway, "app.yaml": Self.app, "first.pem": Self.pem(), "last.pem": Self.pem(),
        ])
        let keys = "\(folder.path)/folder"
        try FileManager.default.createDirectory(atPath: keys, withIntermediateDirectories: true)
        for (name, age) in [("a.pem", 100.0), ("b.pem", 1_000)] {
            try Data(Self.pem().utf8).write(to: URL(fileURLWithPath: "\(keys)/\(name)"))
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000 - age)], ofItemAtPath: "\(keys)/\(name)")
        }
        return folder
    }

    @Test("a route that only the keys' path could reach is a warning; on another listener it is reached")
    func hidden() throws {
        let outcome = Outcome(["check", "DIR"], in: try folder())
        #expect(outcome.status == 0, "\(outcome.output)")
        #expect(
            outcome.output.contains(
                "DIR/app.yaml:6:3: warning: routes.taken: the route can never be reached: "
                    + "`/.well-known/jwks.json` shows the gateway's keys"))
        #expect(outcome.output.components(separatedBy: "can never be reached").count == 2)
    }

    @Test("the paths are listed before all routes")
    func listed() throws {
        let outcome = Outcome(["routes", "DIR"], in: try folder())
        let names = outcome.output.split(separator: "\n").dropFirst().compactMap { $0.split(separator: " ").first }
        #expect(names.prefix(2) == ["internal_tokens/jwks", "internal_tokens/bundle"])
        #expect(names.count == 5)
    }

    @Test("explain says who answers, by listener and method")
    func explained() throws {
        let folder = try folder()
        func explain(_ method: String, _ path: String, _ listener: String) -> String {
            Outcome(
                ["explain", "DIR", method, "http://app.test\(path)", "--listener", listener], in: folder
            ).output
        }
        let path = "/.well-known/jwks.json"
        #expect(explain("GET", path, "outer").contains("internal_tokens.publish"))
        #expect(explain("POST", path, "outer").contains("405"))
        #expect(!explain("GET", path, "inner").contains("internal_tokens.publish"))
        #expect(explain("GET", "/.well-known/spiffe-bundle.json", "outer").contains("internal_tokens.publish"))
    }

    @Test("keys are ordered by entry, those of a folder share theirs, and each has its file's time")
    func entries() throws {
        let folder = try folder()
        let checked = ConfigurationCheck.load(source: .fileSystem(folder: folder.path))
        let entries = try #require(checked.blueprint, "\(checked.diagnostics)").signingKeys
        #expect(entries.map(\.group) == [0, 1, 1, 2])
        #expect(entries.map(\.fileTime)[1...2] == [1_699_999_900, 1_699_999_000])
        #expect(entries.allSatisfy { $0.fileTime != nil })
    }
}
