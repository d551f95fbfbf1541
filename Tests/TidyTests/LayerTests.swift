import Testing

@Suite("Floors")
struct LayerTests {
    private let tree = SourceTree.here

    /// Modules of the toolchain that a target may import, beyond what it lists in Package.swift. Foundation is in none.
    private func toolchainModules(of target: String) -> Set<String> {
        switch target {
        // Configuration reads its folder in one file; everything else of it gets bytes.
        case "Linux", "portcullis", "Configuration": ["Synchronization", "Glibc"]
        default: ["Synchronization"]
        }
    }

    /// Which targets may list a C library, and with it leave the memory-safe language.
    private let usersOfC = [
        "CLinux": ["Linux"],
        "CYAML": ["Configuration"],
        "COpenSSL": ["Configuration", "JOSE", "TLS"],
    ]

    private func table() throws -> LayerTable { LayerTable(manifest: try tree.text("Package.swift")) }

    /// The target that a folder of Sources/ belongs to.
    private func target(ofFolder folder: String) -> String { folder == "gateway" ? "portcullis" : folder }

    @Test("every folder of Sources/ is a target, and every target a folder")
    func folders() throws {
        let folders = tree.folders(in: "Sources").map(target(ofFolder:))
        #expect(folders.sorted() == (try table()).targets.keys.sorted())
    }

    @Test("a target depends on lower floors only")
    func downwards() throws {
        let targets = try table().targets
        for (name, target) in targets {
            for dependency in target.dependencies {
                guard let below = targets[dependency] else {
                    Issue.record("\(name) depends on \(dependency), which Package.swift doesn't list")
                    continue
                }
                #expect(
                    below.floor < target.floor,
                    "\(name) (floor \(target.floor)) depends on \(dependency) (floor \(below.floor))")
            }
        }
    }

    @Test("a file imports only what its target lists in Package.swift")
    func imports() throws {
        let targets = try table().targets
        for (path, text) in tree.swiftFiles(in: "Sources") {
            let folder = String(path.split(separator: "/")[1])
            let name = target(ofFolder: folder)
            guard let target = targets[name] else { continue }
            let allowed = toolchainModules(of: name).union(target.dependencies)
            for (module, line) in text.imports where !allowed.contains(module) {
                Issue.record("\(path):\(line): \(name) imports \(module), which is not in its list in Package.swift")
            }
        }
    }

    @Test("a target lists only what its files import")
    func lists() throws {
        var imported: [String: Set<String>] = [:]
        for (path, text) in tree.swiftFiles(in: "Sources") {
            let folder = String(path.split(separator: "/")[1])
            imported[target(ofFolder: folder), default: []].formUnion(text.imports.map(\.module))
        }
        for (name, target) in try table().targets {
            let idle = Set(target.dependencies).subtracting(imported[name] ?? [])
            #expect(
                idle.isEmpty, "\(name) lists \(idle.sorted().joined(separator: ", ")), which none of its files imports")
        }
    }

    @Test("a C library is used only where the table allows it")
    func librariesInC() throws {
        for (name, target) in try table().targets {
            for library in target.dependencies {
                guard let users = usersOfC[library] else { continue }
                #expect(users.contains(name), "\(name) lists \(library); only \(users.joined(separator: ", ")) may")
            }
        }
    }

    @Test("the manifest's table is read as it is written")
    func reading() {
        let table = LayerTable(
            manifest: """
                func floor(_ name: String) {}
                let package = Package(name: "p", targets: [
                    // Floor 0: C
                    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1"),
                    // Floor 1
                    floor("Base"),
                    // Floor 2
                    floor(
                        "HTTP",
                        [
                            "Base", "CYAML",
                        ]),
                    .executableTarget(
                        name: "p",
                        dependencies: ["Base"])
                ])
                """)
        let lines = table.targets.map { "\($0) \($1.floor) \($1.dependencies)" }.sorted()
        #expect(lines == ["Base 1 []", "CYAML 0 []", #"HTTP 2 ["Base", "CYAML"]"#, #"p 2 ["Base"]"#])
    }
}
