import Foundation
import Testing

@Suite("The tree")
struct TreeTests {
    private let tree = SourceTree.here

    /// What may lie at the top level, beside the usual small files.
    private let folders: Set<String> = [".ci", "Sources", "Tests", "deploy", "docs", "gateway.d", "loadtest"]
    private let files: Set<String> = [
        ".dockerignore", ".editorconfig", ".gitignore", ".swift-format", "ARCHITECTURE.md", "CHANGELOG.md",
        "CONTRIBUTING.md", "Dockerfile", "LICENSE", "Makefile", "Package.swift", "README.md",
    ]

    @Test("the top level holds what the layout names, and nothing else")
    func topLevel() throws {
        for path in try tree.trackedFiles() ?? [] {
            let parts = path.split(separator: "/").map(String.init)
            if parts.count == 1 {
                #expect(files.contains(path), "\(path): not a file of the top level")
            } else {
                #expect(folders.contains(parts[0]), "\(path): \(parts[0])/ is not a folder of the top level")
            }
        }
    }

    @Test("nothing that was built or resolved is under version control")
    func products() throws {
        let products = [".build", ".venv", "__pycache__", "Package.resolved", ".pytest_cache", ".DS_Store"]
        for path in try tree.trackedFiles() ?? [] {
            for part in path.split(separator: "/") {
                #expect(!products.contains { part == $0 || part.hasPrefix(".build-") }, "\(path) was made by a tool")
            }
        }
    }

    @Test("the package has no package dependencies")
    func dependencies() throws {
        #expect(try !tree.text("Package.swift").contains(".package("))
    }

    @Test("every plugin's folder has its documentation")
    func pluginDocumentation() {
        for plugin in tree.folders(in: "Sources/Plugins") {
            let page = "Sources/Plugins/\(plugin)/\(plugin).md"
            #expect(FileManager.default.fileExists(atPath: tree.root.appendingPathComponent(page).path), "no \(page)")
        }
    }

    @Test("the binary doesn't link Foundation")
    func linkage() throws {
        // Whichever binaries have been built; the end-to-end tests' own, if they name one.
        let named = ProcessInfo.processInfo.environment["PORTCULLIS_BIN"]
        let built = [".build/release/portcullis", ".build/debug/portcullis"]
        for path in named.map({ [$0] }) ?? built {
            let file = path.hasPrefix("/") ? URL(fileURLWithPath: path) : tree.root.appendingPathComponent(path)
            guard let binary = try? Data(contentsOf: file, options: .alwaysMapped) else { continue }
            // The name in the dynamic section, and the mangled prefix of a statically linked one's symbols.
            for trace in ["libFoundation", "$s10Foundation", "$s20FoundationEssentials"] {
                #expect(binary.range(of: Data(trace.utf8)) == nil, "\(path) contains \(trace)")
            }
        }
    }
}
