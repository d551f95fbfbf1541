import Base
import Foundation
import JOSE
import Testing

/// The Wycheproof project's vectors for JWS and JWK; `Wycheproof/README.md` says where they are from.
@Suite("Wycheproof")
struct WycheproofTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Wycheproof")

    /// Cases whose result here is the opposite of the vectors', with the reason.
    static let exceptions: [(file: String, cases: Set<Int>, reason: String)] = [
        ("json_web_key_test", [2], "several shared secrets in a set: secrets are configured one by one"),
        ("json_web_key_test", [14, 15], "HS384 and HS512 are not supported: shared secrets are for HS256 only"),
        (
            "json_web_signature_test", [346, 350],
            "the token says PS384, the key is pinned to PS256 (RFC 8725 section 3.1)"
        ),
        ("json_web_signature_test", [347, 351], "the key is pinned to ES521, which is no registered algorithm"),
        ("json_web_signature_test", [367, 370], "named for padding, but without any: the same text as a valid case"),
        ("json_web_signature_test", [372, 373], "a question mark within a part: not base64url (RFC 7515 section 2)"),
    ]

    struct Vector {
        let id: Int
        let group: String
        let comment: String
        let keys: [String: Any]
        let token: String
        let isValid: Bool
    }

    @Test(
        "each case comes out as the vectors say",
        arguments: [("json_web_signature_test", 401), ("json_web_key_test", 26)])
    func vectors(file: String, count: Int) throws {
        let vectors = try Self.read(file)
        #expect(vectors.count == count)
        for vector in vectors {
            let isTaken = try Self.isTaken(vector)
            let isException = Self.exceptions.contains { $0.file == file && $0.cases.contains(vector.id) }
            let expected = vector.isValid != isException
            #expect(isTaken == expected, "\(file) \(vector.id) \(vector.group): \(vector.comment)")
        }
    }

    private static func read(_ file: String) throws -> [Vector] {
        let data = try Data(contentsOf: folder.appendingPathComponent("\(file).json"))
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let groups = try #require(root["testGroups"] as? [[String: Any]])
        return try groups.flatMap { group in
            let keys = try #require(group["keys"] as? [String: Any])
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
                // A shared secret is configured by itself, never read from a set with other keys.
                if list.count == 1, let key = try? VerificationKey(secretJWK: value) { secrets.append(key) }
            }
        }
        let algorithms: AlgorithmSet = secrets.isEmpty ? .asymmetric : AlgorithmSet(.hs256)
        return tokenError(vector.token, KeySet(keys: keys + secrets), algorithms) == nil
    }
}
