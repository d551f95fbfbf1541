import Base
import Foundation
import JOSE
import Testing

private let vectorFolder = ProcessInfo.processInfo.environment["WYCHEPROOF"]

/// The Wycheproof project's vectors for JWS and JWK. They are not part of this repository: `WYCHEPROOF` names a folder
/// that holds `json_web_signature_test.json` and `json_web_key_test.json`.
@Suite("Wycheproof", .enabled(if: vectorFolder != nil, "WYCHEPROOF names no folder"))
struct WycheproofTests {
    /// Cases that the vectors count valid and this module refuses, or the other way round, by their comment.
    static let stricter: [(group: String, reason: String)] = [
        ("hs384", "HS384 is not supported: shared secrets are for HS256 only"),
        ("hs512", "HS512 is not supported: shared secrets are for HS256 only"),
    ]

    struct Vector {
        let id: Int
        let group: String
        let comment: String
        let keys: [String: Any]
        let token: String
        let isValid: Bool
    }

    @Test("each case comes out as the vectors say", arguments: ["json_web_signature_test", "json_web_key_test"])
    func vectors(file: String) throws {
        let vectors = try Self.read(file)
        #expect(vectors.count > 20)
        var counts = [true: 0, false: 0]
        for vector in vectors {
            let isTaken = try Self.isTaken(vector)
            let exception = Self.stricter.first { vector.group.lowercased().hasPrefix($0.group) }
            let expected = vector.isValid && exception == nil
            #expect(isTaken == expected, "\(file) \(vector.id) \(vector.group): \(vector.comment)")
            counts[vector.isValid, default: 0] += 1
        }
        print("\(file): \(counts[true] ?? 0) valid and \(counts[false] ?? 0) invalid cases")
    }

    private static func read(_ file: String) throws -> [Vector] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(vectorFolder ?? "")/\(file).json"))
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let groups = try #require(root["testGroups"] as? [[String: Any]])
        return try groups.flatMap { group in
            let keys = try #require((group["public"] ?? group["private"]) as? [String: Any])
            let tests = try #require(group["tests"] as? [[String: Any]])
            return tests.map { test in
                // A case that is no compact serialisation is given as an object.
                Vector(
                    id: test["tcId"] as? Int ?? 0, group: group["comment"] as? String ?? "",
                    comment: test["comment"] as? String ?? "", keys: keys, token: test["jws"] as? String ?? "{",
                    isValid: test["result"] as? String == "valid")
            }
        }
    }

    private static func isTaken(_ vector: Vector) throws -> Bool {
        let list = vector.keys["keys"] as? [[String: Any]] ?? [vector.keys]
        var keys: [VerificationKey] = []
        var secrets: [VerificationKey] = []
        for var member in list {
            // Groups of shared secrets, and those with a private half only, give no public key.
            if member["kty"] as? String != "oct" {
                for name in ["d", "p", "q", "dp", "dq", "qi"] { member[name] = nil }
            }
            let text = String(decoding: try JSONSerialization.data(withJSONObject: member), as: UTF8.self)
            try withJSON(text) { value in
                if let key = try? VerificationKey(jwk: value) { keys.append(key) }
                if let key = try? VerificationKey(secretJWK: value) { secrets.append(key) }
            }
        }
        let algorithms: AlgorithmSet = secrets.isEmpty ? .asymmetric : AlgorithmSet(.hs256)
        return tokenError(vector.token, KeySet(keys: keys + secrets), algorithms) == nil
    }
}
