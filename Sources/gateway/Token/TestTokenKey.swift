import Base
import Configuration
import Identity
import JOSE
import Linux
import Proxy

/// The private key that test tokens are signed with: one that somebody gave, or the one that lies in the folder's
/// `demo-keys`. It must be a key of the issuer, as far as that can be known, and never one of the gateway's own.
enum TestTokenKey {
    /// Where the demo's keys are, below the configuration folder.
    static let demoFolder = "demo-keys"

    /// Why there is no key to sign with.
    struct Refusal: Error {
        let reason: String
    }

    /// - Parameter path: nil for the demo's key.
    static func load(
        _ path: String?, for issuer: Issuer, folder: String, in blueprint: Blueprint
    ) throws(Refusal) -> SigningKey {
        let path = path ?? "\(folder)/\(demoFolder)/\(issuer.name).pem"
        let content = try read(path)
        let key = try parse(content, path, id: nil)
        let thumbprint = key.verificationKey.thumbprint
        if blueprint.signingKeys.contains(where: { $0.key.verificationKey.thumbprint == thumbprint }) {
            throw Refusal(
                reason: "\(path) is a key of internal_tokens: it signs what the gateway says, and nothing else")
        }
        let name = key.algorithm.name.description
        if !issuer.algorithms.contains(where: { $0.value.rawValue == name }) {
            throw Refusal(reason: "the issuer's tokens may not be signed with \(name)")
        }
        guard case .file(let file) = issuer.keys.value else { return key }
        let known = try keySet(file.path)
        guard let published = known.keys.first(where: { $0.thumbprint == thumbprint }) else {
            throw Refusal(reason: "\(path) is not among the issuer's keys (\(file.path)): its tokens would be refused")
        }
        // The header has to name the key as the issuer does.
        return try parse(content, path, id: published.keyID?.string)
    }

    private static func read(_ path: String) throws(Refusal) -> [UInt8] {
        do throws(Errno) {
            if let content = try readFile(path: path, bytesMax: Identity.SigningKeyFile.lengthMaximum) {
                return content
            }
        } catch {
            throw Refusal(reason: "\(path): \(error)")
        }
        throw Refusal(reason: "\(path) is too large for a key")
    }

    private static func parse(_ content: [UInt8], _ path: String, id: String?) throws(Refusal) -> SigningKey {
        let result = content.withUnsafeBytes { bytes in
            Result { () throws(KeyError) in try Identity.SigningKeyFile.read(ByteView(bytes), id: id) }
        }
        switch result {
        case .success(let key): return key
        case .failure(let error): throw Refusal(reason: "\(path): \(error.text)")
        }
    }

    private static func keySet(_ path: String) throws(Refusal) -> KeySet {
        let content = try read(path)
        do throws(KeySetProblem) {
            return try KeySet.judged(file: content)
        } catch {
            throw Refusal(reason: "\(path): \(error)")
        }
    }
}
