import Base
import Configuration
import Foundation
import Testing

/// A folder of the file system that is gone when the test is.
private final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "portcullis-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        let file = "\(path)/\(name)"
        let folder = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: false, encoding: .utf8)
    }

    func link(_ name: String, to destination: String) throws {
        try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: destination)
    }

    func load() -> LoadResult { ConfigurationLoader(source: .fileSystem(folder: path)).load() }

    func said(_ result: LoadResult) -> [String] {
        findings(result).map { $0.replacing(path, with: "gateway.d") }
    }
}

@Suite struct FolderTests {
    @Test("a Kubernetes mount loads, each file once, and again after it was replaced")
    func configMap() throws {
        let folder = try TemporaryFolder()
        try folder.write("..2026_01/gateway.yaml", plainGateway)
        try folder.write("..2026_01/bank.yaml", plainBank)
        try folder.link("..data", to: "..2026_01")
        try folder.link("gateway.yaml", to: "..data/gateway.yaml")
        try folder.link("bank.yaml", to: "..data/bank.yaml")
        let first = folder.load()
        #expect(folder.said(first) == [])
        #expect(first.files.names.count == 2)

        try folder.write("..2026_02/gateway.yaml", plainGateway)
        try folder.write("..2026_02/bank.yaml", plainBank.replacing("read-account", with: "get-account"))
        try folder.link("..data_tmp", to: "..2026_02")
        #expect(rename("\(folder.path)/..data_tmp", "\(folder.path)/..data") == 0)
        let second = folder.load()
        #expect(second.configuration?.domains[0].routes.map(\.name) == ["get-account"])
    }

    @Test("a domain file takes text from the folder through links, and from nowhere else")
    func reach() throws {
        let folder = try TemporaryFolder()
        let outside = try TemporaryFolder()
        try outside.write("secret", "hunter2")
        let gateway = plainGateway.replacing("team-bank", with: "\"${file:escape/secret}\"")
        try folder.write("..2026_01/gateway.yaml", gateway)
        try folder.write("..2026_01/team.key", "inside")
        try folder.link("..data", to: "..2026_01")
        try folder.link("gateway.yaml", to: "..data/gateway.yaml")
        try folder.link("team.key", to: "..data/team.key")
        try folder.link("absolute.key", to: folder.path + "/team.key")
        try folder.link("escape", to: outside.path)
        try folder.link("stolen.key", to: outside.path + "/secret")
        try folder.link("sibling", to: "../\((outside.path as NSString).lastPathComponent)")
        for (path, isInside) in [
            ("team.key", true), ("..data/team.key", true), ("./team.key", true), ("absolute.key", true),
            ("stolen.key", false), ("escape/secret", false), ("sibling/secret", false), ("..data/../..", false),
        ] {
            let bank =
                plainBank + "\n    plugins: {request_transform: {headers: {set: {X-Key: \"${file:\(path)}\"}}}}\n"
            try folder.write("bank.yaml", bank)
            let expected =
                isInside
                ? []
                : [
                    "gateway.d/bank.yaml:9:58: error: routes.read-account.plugins.request_transform.headers.set.X-Key: `\(path)` "
                        + "is not in the configuration folder; expected a path below the configuration folder: only "
                        + "gateway.yaml may take text from elsewhere"
                ]
            #expect(folder.said(folder.load()) == expected)
        }
    }

    @Test("signing keys stay out of domain files, whatever link leads to them")
    func signingKeyLinks() throws {
        let folder = try TemporaryFolder()
        try folder.write("..2026_01/2026.pem", "the key")
        try folder.write("..2026_01/other.txt", "a text")
        try folder.write("ring/a.pem", "another key")
        try folder.link("..data", to: "..2026_01")
        try folder.link("2026.pem", to: "..data/2026.pem")
        try folder.link("innocent.txt", to: "2026.pem")
        try folder.link("door", to: "ring")
        try folder.link("other.txt", to: "..data/other.txt")
        try folder.write(
            "gateway.yaml",
            plainGateway + """

                internal_tokens: {issuer: "https://g.test", keys: [{file: 2026.pem}, {folder: ring}]}

                """)
        for (path, isKey) in [
            ("2026.pem", true), ("..data/2026.pem", true), ("innocent.txt", true), ("door/a.pem", true),
            ("ring/./a.pem", true), ("other.txt", false), ("..data/other.txt", false),
        ] {
            let bank =
                plainBank + "\n    plugins: {request_transform: {headers: {set: {X-Key: \"${file:\(path)}\"}}}}\n"
            try folder.write("bank.yaml", bank)
            let said = folder.said(folder.load())
            #expect(said.count == (isKey ? 1 : 0), "\(path): \(said)")
            #expect(said.allSatisfy { $0.contains("`\(path)` is one of the gateway's signing keys") })
        }
    }

    @Test("dot names and other files are passed over; .yml works")
    func names() throws {
        let folder = try TemporaryFolder()
        try folder.write("gateway.yaml", plainGateway)
        try folder.write("bank.yml", plainBank)
        try folder.write(".bank.yaml.swp", "{")
        try folder.write(".hidden.yaml", "{")
        try folder.write("README.md", "{")
        try folder.write("keys/x.yaml", "{")
        #expect(folder.said(folder.load()) == [])
    }

    @Test("what can't be read is an error that names the file")
    func unreadable() throws {
        let folder = try TemporaryFolder()
        #expect(folder.said(folder.load()) == ["gateway.d/gateway.yaml:1:1: error: the file does not exist"])
        try folder.write("gateway.yml", plainGateway)
        #expect(
            folder.said(folder.load()) == [
                "gateway.d/gateway.yaml:1:1: error: the file does not exist; rename `gateway.yml` to `gateway.yaml`"
            ])
        try folder.write("gateway.yaml", plainGateway)
        try folder.write("folder.yaml/x", "")
        try folder.link("lost.yaml", to: "nowhere.yaml")
        #expect(mkfifo("\(folder.path)/pipe.yaml", 0o600) == 0)
        #expect(
            folder.said(folder.load()) == [
                "gateway.d/gateway.yaml:1:1: warning: `gateway.yml` lies beside it and is not read",
                "gateway.d/folder.yaml:1:1: error: the file is not a regular file",
                "gateway.d/lost.yaml:1:1: error: the file does not exist",
                "gateway.d/pipe.yaml:1:1: error: the file is not a regular file",
            ])
    }

    @Test("a folder that isn't there, and a file in its place, are errors")
    func noFolder() throws {
        let folder = try TemporaryFolder()
        let missing = ConfigurationLoader(source: .fileSystem(folder: folder.path + "/none")).load()
        #expect(
            folder.said(missing) == [
                "gateway.d/none/gateway.yaml:1:1: error: the folder `gateway.d/none` does not exist"
            ])
        try folder.write("file", "")
        let file = ConfigurationLoader(source: .fileSystem(folder: folder.path + "/file")).load()
        #expect(
            folder.said(file) == ["gateway.d/file/gateway.yaml:1:1: error: the folder `gateway.d/file` is not a folder"]
        )
    }

    @Test("a file is read whole whatever its size, up to the limit")
    func sizes() throws {
        let folder = try TemporaryFolder()
        try folder.write("gateway.yaml", plainGateway)
        for count in [0, 1, 511, 512, 513, 4_095, 100_000] {
            try folder.write("bank.yaml", plainBank + "\n#" + String(repeating: "x", count: count))
            #expect(folder.said(folder.load()) == [])
        }
        try folder.write("bank.yaml", plainBank + "\n#" + String(repeating: "x", count: 4 << 20))
        #expect(folder.said(folder.load()) == ["gateway.d/bank.yaml:1:1: error: the file is larger than 4194304 bytes"])
    }

    @Test("two files for one domain are an error that names both")
    func twoFiles() {
        let result = MemoryFolder(["gateway.yaml": plainGateway, "a.yaml": plainBank, "b.yaml": plainBank]).load()
        #expect(
            findings(result) == [
                "gateway.d/b.yaml:1:9: error: domain: the domain `bank` has another file already; "
                    + "expected one file per domain; see gateway.d/a.yaml:1:9: the first file"
            ])
    }

    @Test("errors of all files come at once, even when gateway.yaml can't be parsed")
    func allFiles() {
        let result = MemoryFolder([
            "gateway.yaml": "listeners: [", "a.yaml": "domian: bank\n", "b.yaml": "domain: [\n",
        ]).load()
        #expect(Set(result.diagnostics.map(\.location.file)) == [0, 1, 2])
        #expect(result.configuration == nil)
    }

    @Test("a folder that changes while it is read is read again")
    func generations() throws {
        let calls = Counter()
        let source = ConfigurationSource(
            folder: "gateway.d", list: { () throws(SourceError) in ["gateway.yaml", "bank.yaml"] },
            read: { (name, _) throws(SourceError) in
                let old = name == "bank.yaml" && calls.value < 2
                return Array((name == "gateway.yaml" ? plainGateway : old ? "broken: [" : plainBank).utf8)
            }, environment: { _ in nil }, generation: { "\(min(calls.next(), 2))" })
        #expect(findings(ConfigurationLoader(source: source).load()) == [])
    }

    private final class Counter: @unchecked Sendable {
        // Only one thread loads.
        private(set) var value = 0
        func next() -> Int {
            value += 1
            return value
        }
    }
}
