import Base

/// A JWS in compact serialisation (RFC 7515 section 7.1), read for a JWT: three parts, a header that is understood, a
/// payload. Reads one token after the other with memory that it keeps.
///
/// Reading says nothing about who made the token: that is `TokenVerifier`'s part. A header with `jku`, `jwk` or `x5u`,
/// which would have the token choose its own key, is refused (RFC 8725 section 3.10); `x5c` and `x5t`, which honest
/// issuers write beside `kid`, have no effect. All views are valid until the next `read`, and as long as the bytes that
/// it was given. Not thread-safe: each loop has its own.
package final class CompactToken {
    package private(set) var algorithm = SignatureAlgorithm.rs256
    /// `kid`, 1 to 256 bytes; nil if the header has none.
    package private(set) var keyID: ByteView?
    /// `typ` as it is written; nil if the header has none.
    package private(set) var type: ByteView?
    /// `cty` as it is written; nil if the header has none.
    package private(set) var contentType: ByteView?
    /// The header, decoded.
    package private(set) var header = ByteView()
    /// The payload, decoded.
    package private(set) var payload = ByteView()
    package private(set) var signature = ByteView()
    /// What is signed: the first two parts as they were written.
    package private(set) var signingInput = ByteView()

    private let headerDocument: JSONDocument
    private let claimsDocument: JSONDocument
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity = 2048
    private let claimsLimits: JSONLimits

    /// - Parameter claimsLimits: how much JSON a payload may be.
    package init(claimsLimits: JSONLimits = .claims) {
        let seed = SecureRandom.number()
        headerDocument = JSONDocument(seed: seed)
        claimsDocument = JSONDocument(seed: ~seed)
        memory = .allocate(capacity: capacity)
        self.claimsLimits = claimsLimits
    }

    deinit { memory.deallocate() }

    /// Takes the token apart and reads its header. The payload is decoded, but not yet looked into.
    /// - Parameter maximumCount: the longest token that is taken, in bytes.
    package func read(_ token: ByteView, maximumCount: Int) throws(TokenError) {
        guard token.count <= maximumCount else { throw .tooLarge }
        let (first, second) = try Self.split(token)
        if capacity < token.count {
            memory.deallocate()
            capacity = token.count * 2
            memory = .allocate(capacity: capacity)
        }
        // Three decoded parts take less than the token: they share the memory, one after the other.
        var used = 0
        header = try decode(token.prefix(first), &used)
        try readHeader()
        payload = try decode(token[(first + 1)..<second], &used)
        signature = try decode(token.from(second + 1), &used)
        signingInput = token.prefix(second)
    }

    /// The payload as claims: an object.
    package func claims() throws(TokenError) -> JSONValue {
        let value: JSONValue
        do throws(JSONError) {
            value = try claimsDocument.read(payload, limits: claimsLimits)
        } catch {
            throw .invalidClaims(error)
        }
        guard value.isObject else { throw .claimsNotAnObject }
        return value
    }

    // MARK: Parts

    /// Where the two dots are.
    private static func split(_ token: ByteView) throws(TokenError) -> (first: Int, second: Int) {
        guard let first = token.firstIndex(of: ASCII.dot),
            let second = token.firstIndex(of: ASCII.dot, from: first + 1)
        else { throw .malformed }
        if let third = token.firstIndex(of: ASCII.dot, from: second + 1) {
            // RFC 7516 section 9: a JWE has five parts.
            guard let fourth = token.firstIndex(of: ASCII.dot, from: third + 1),
                token.firstIndex(of: ASCII.dot, from: fourth + 1) == nil
            else { throw .malformed }
            throw .encrypted
        }
        guard first > 0 else { throw .malformed }
        return (first, second)
    }

    private func decode(_ part: ByteView, _ used: inout Int) throws(TokenError) -> ByteView {
        guard let count = Base64URL.decode(part, into: memory + used) else { throw .invalidEncoding }
        let decoded = ByteView(base: memory + used, count: count)
        used += count
        return decoded
    }

    private static func shortened(_ type: ByteView) -> ByteView {
        let prefix: StaticString = "application/"
        let length = prefix.utf8CodeUnitCount
        guard type.count > length, type.prefix(length).equalsIgnoringCase(prefix) else { return type }
        let rest = type.from(length)
        return rest.firstIndex(of: ASCII.slash) == nil ? rest : type
    }

    // MARK: Header

    private func readHeader() throws(TokenError) {
        let root: JSONValue
        do throws(JSONError) {
            root = try headerDocument.read(header, limits: .tokenHeader)
        } catch {
            throw .invalidHeader(error)
        }
        guard root.isObject else { throw .malformedHeader }
        keyID = nil
        type = nil
        contentType = nil
        var name: ByteView?
        for member in root.members {
            // Which members there are is decided by length first: most have one that none of these has.
            switch member.name.count {
            case 3:
                if member.name == "alg" { name = try Self.text(member.value) }
                if member.name == "kid" { keyID = try Self.text(member.value) }
                if member.name == "typ" { type = try Self.text(member.value) }
                if member.name == "cty" { contentType = try Self.text(member.value) }
                if member.name == "b64" { throw .unencodedPayload }
                if member.name == "jku" || member.name == "jwk" || member.name == "x5u" { throw .bringsKey }
            case 4:
                if member.name == "crit" { throw .unknownCritical }
            default: break
            }
        }
        guard let name else { throw .malformedHeader }
        if name.equalsIgnoringCase("none") { throw .unsecured }
        guard let algorithm = SignatureAlgorithm(name: name) else { throw .unknownAlgorithm }
        self.algorithm = algorithm
        if let contentType, Self.shortened(contentType).equalsIgnoringCase("JWT") { throw .nested }
    }

    /// A header's text, which has 1 to 256 bytes.
    private static func text(_ value: JSONValue) throws(TokenError) -> ByteView {
        guard let text = value.text, !text.isEmpty, text.count <= VerificationKey.maximumKeyIDCount else {
            throw .malformedHeader
        }
        return text
    }
}
