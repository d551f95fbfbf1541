import Base
import Foundation
import Identity
import JOSE
import Testing

@Suite("keygen")
struct KeygenTests {
    private static let algorithms = SignatureAlgorithm.allCases.filter { $0 != .hs256 }

    private func read(_ path: String, _ algorithm: SignatureAlgorithm? = nil) throws -> SigningKey {
        let content = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        return try content.withUnsafeBytes { try SigningKeyFile.read(ByteView($0), algorithm: algorithm) }
    }

    @Test("each algorithm and format gives a key that the gateway reads, and that signs", arguments: algorithms)
    func written(algorithm: SignatureAlgorithm) throws {
        let folder = try TemporaryFolder([:])
        for format in ["pem", "jwk"] {
            let path = "\(folder.path)/key.\(format)"
            let name = algorithm.name.description
            let outcome = Outcome(["keygen", path, "--algorithm", name, "--format", format], in: folder)
            #expect(outcome.status == 0, "\(outcome.complaint)")
            // A JWK says what it is for; of PEM, gateway.yaml has to.
            let key = try read(path, format == "pem" ? algorithm : nil)
            #expect(key.algorithm == algorithm)
            #expect(outcome.output.contains("kid: \(key.id)\n"))
            #expect(key.id == key.verificationKey.thumbprint.base64URL)
        }
    }

    @Test("what goes into gateway.yaml names the algorithm only where the key's type leaves it open")
    func entry() throws {
        let folder = try TemporaryFolder([:])
        let usual = Outcome(["keygen", "\(folder.path)/a.pem"], in: folder)
        #expect(usual.output.contains("- {file: DIR/a.pem}\n"))
        let pss = Outcome(["keygen", "\(folder.path)/b.pem", "--algorithm", "PS256"], in: folder)
        #expect(pss.output.contains("- {file: DIR/b.pem, algorithm: PS256}\n"))
        let jwk = Outcome(["keygen", "\(folder.path)/c d.jwk", "--format", "jwk", "--algorithm", "PS256"], in: folder)
        #expect(jwk.output.contains("- {file: \"DIR/c d.jwk\"}\n"))
    }

    @Test("the private file is for its owner alone; the public half is a key set without anything private")
    func files() throws {
        let folder = try TemporaryFolder([:])
        let path = "\(folder.path)/key.jwk"
        let set = "\(folder.path)/keys.json"
        let words = ["keygen", path, "--format", "jwk", "--id", "2026-11", "--public", set]
        #expect(Outcome(words, in: folder).status == 0)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: set))) as? [String: Any])
        let keys = try #require(document["keys"] as? [[String: String]])
        #expect(keys.count == 1)
        #expect(keys[0]["kid"] == "2026-11")
        #expect(keys[0]["d"] == nil)
        #expect(try read(path).id == "2026-11")
    }

    @Test("the length of an RSA key", arguments: [("RS256", nil, 2048), ("PS512", nil, 3072), ("PS256", "3072", 3072)])
    func bits(algorithm: String, asked: String?, expected: Int) throws {
        let folder = try TemporaryFolder([:])
        let path = "\(folder.path)/key.pem"
        let words = ["keygen", path, "--algorithm", algorithm] + (asked.map { ["--bits", $0] } ?? [])
        #expect(Outcome(words, in: folder).status == 0)
        let jwk = try read(path).verificationKey.jwk()
        let document = try #require(try JSONSerialization.jsonObject(with: Data(jwk.utf8)) as? [String: String])
        // Base64url without padding: four characters for three bytes.
        #expect(document["n"].map { $0.count * 3 / 4 * 8 } == expected)
    }

    @Test("nothing that is there is written over, be it a file, a folder or a link to nowhere")
    func kept() throws {
        let folder = try TemporaryFolder(["key.pem": "precious"])
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/folder", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/link", withDestinationPath: "\(folder.path)/nowhere")
        for name in ["key.pem", "folder", "link"] {
            let outcome = Outcome(["keygen", "\(folder.path)/\(name)"], in: folder)
            #expect(outcome.status == 1)
            #expect(outcome.output.isEmpty)
            #expect(outcome.complaint == "portcullis keygen: DIR/\(name): it is there already, and stays as it was\n")
        }
        #expect(try String(contentsOfFile: "\(folder.path)/key.pem", encoding: .utf8) == "precious")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/nowhere"))
        // No half of a pair is written when there is no room for the other.
        for name in ["key.pem", "new.pem"] {
            let pair = Outcome(["keygen", "\(folder.path)/new.pem", "--public", "\(folder.path)/\(name)"], in: folder)
            #expect(pair.status == 1 && pair.output.isEmpty)
            #expect(pair.complaint.contains(name == "key.pem" ? "it is there already" : "files of their own"))
            #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/new.pem"))
        }
        let lost = Outcome(["keygen", "\(folder.path)/no/key.pem"], in: folder)
        #expect(lost.status == 1)
        #expect(lost.complaint.contains("No such file"))
    }
}
