import Base
import JOSE
import Testing

extension ByteView {
    /// Runs `body` over a text's bytes, copied to memory of exactly their size: reading past them is found.
    @discardableResult
    static func of<Result>(_ bytes: [UInt8], _ body: (ByteView) throws -> Result) rethrows -> Result {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
        defer { memory.deallocate() }
        memory.update(from: bytes, count: bytes.count)
        return try body(ByteView(base: memory, count: bytes.count))
    }

    @discardableResult
    static func of<Result>(_ text: String, _ body: (ByteView) throws -> Result) rethrows -> Result {
        try of(Array(text.utf8), body)
    }
}

/// What reading a text says: nil if it is taken.
func jsonError(_ bytes: [UInt8], _ limits: JSONLimits = .claims) -> JSONError? {
    ByteView.of(bytes) { view in
        do throws(JSONError) {
            _ = try JSONDocument(seed: 1).read(view, limits: limits)
            return nil
        } catch {
            return error
        }
    }
}

/// Runs `body` over the value that a text holds.
func withJSON<Result>(_ text: String, _ body: (JSONValue) throws -> Result) throws -> Result {
    let document = JSONDocument(seed: 1)
    return try ByteView.of(text) { view in
        try withExtendedLifetime(document) { try body(try document.read(view, limits: .keySet)) }
    }
}

/// What becomes of a JWK: nil if it is taken.
func keyError(_ jwk: String) throws -> KeyError? {
    try withJSON(jwk) { value in
        do throws(KeyError) {
            _ = try VerificationKey(jwk: value)
            return nil
        } catch {
            return error
        }
    }
}

/// What becomes of a token under these keys: nil if it is taken.
func tokenError(_ token: String, _ keys: KeySet, _ algorithms: AlgorithmSet = .asymmetric) -> TokenError? {
    ByteView.of(token) { view in
        let compact = CompactToken()
        do throws(TokenError) {
            try compact.read(view, maximumCount: 16 * 1024)
            _ = try TokenVerifier(keys, algorithms: algorithms).verify(compact)
            return nil
        } catch {
            return error
        }
    }
}

/// A token of the key's own making.
func signed(_ key: SigningKey, _ claims: String, type: String? = "JWT") throws -> String {
    let signer = try TokenSigner(key, type: type)
    var output = IOBuffer()
    try claims.withByteView { claims throws(TokenError) in try signer.sign(claims, to: &output) }
    return output.readable.string
}
