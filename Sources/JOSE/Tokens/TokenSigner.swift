import Base

/// Writes signed tokens in compact serialisation with one key and one `typ`: the header is encoded once.
///
/// Not thread-safe: each loop has its own.
package final class TokenSigner {
    package let key: SigningKey
    private let maker: SignatureMaker
    /// The encoded header and the dot behind it.
    private let header: [UInt8]
    private let signature: UnsafeMutablePointer<UInt8>

    /// - Parameter type: the header's `typ`; nil leaves it out.
    package init(_ key: SigningKey, type: String? = "JWT") throws(KeyError) {
        self.key = key
        maker = try SignatureMaker(key)
        let writer = ClaimsWriter()
        writer.begin()
        writer.text("alg", ByteView(key.algorithm.name))
        writer.text("kid", key.keyID)
        type?.withByteView { writer.text("typ", $0) }
        header = Array(Base64URL.encode([UInt8](writer.finish().raw)).utf8) + [ASCII.dot]
        signature = .allocate(capacity: SignatureMaker.maximumCount)
    }

    deinit { signature.deallocate() }

    /// The length of the token with claims of `count` bytes.
    package func tokenCount(claims count: Int) -> Int {
        header.count + Base64URL.encodedCount(count) + 1 + Base64URL.encodedCount(maker.count)
    }

    /// Writes the token with these claims, a JSON object, into memory of at least `tokenCount` bytes.
    /// - Returns: the token's length.
    package func sign(
        _ claims: ByteView, into output: UnsafeMutableRawBufferPointer
    ) throws(TokenError) -> Int {
        guard let start = output.baseAddress?.assumingMemoryBound(to: UInt8.self),
            output.count >= tokenCount(claims: claims.count)
        else { throw .signingFailed }
        start.update(from: header, count: header.count)
        var count = header.count
        count += Base64URL.encode(claims, into: start + count)
        guard let length = maker.sign(ByteView(base: start, count: count), into: signature) else {
            throw .signingFailed
        }
        start[count] = ASCII.dot
        count += 1
        count += Base64URL.encode(ByteView(base: signature, count: length), into: start + count)
        return count
    }

    /// Appends the token with these claims to `output`.
    package func sign(_ claims: ByteView, to output: inout IOBuffer) throws(TokenError) {
        output.reserve(tokenCount(claims: claims.count))
        output.commit(try sign(claims, into: output.writable))
    }
}
