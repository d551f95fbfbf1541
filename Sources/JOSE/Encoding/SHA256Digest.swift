import Base
import COpenSSL

/// A SHA-256 digest: 32 bytes by value.
package struct SHA256Digest: Sendable, Hashable {
    package static let count = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// The digest of `bytes`. Looks the algorithm up each time; on the hot path use a `SHA256Hasher`.
    package init(of bytes: ByteView) { self = SHA256Hasher().digest(bytes) }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    package func withBytes<Result>(_ body: (ByteView) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(ByteView($0)) }
    }

    /// As 43 characters of base64url. Off the hot path only.
    package var base64URL: String { withBytes { Base64URL.encode([UInt8]($0.raw)) } }
}

/// Computes SHA-256 digests with a context that is kept. Not thread-safe: each loop has its own.
package final class SHA256Hasher {
    private let algorithm: OpaquePointer
    private let context: OpaquePointer

    package init() {
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil), let context = EVP_MD_CTX_new() else {
            preconditionFailure("libcrypto has SHA-256")
        }
        self.algorithm = algorithm
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(algorithm)
    }

    package func digest(_ bytes: ByteView) -> SHA256Digest {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let isDone = withUnsafeMutableBytes(of: &words) { output in
            EVP_DigestInit_ex2(context, algorithm, nil) == 1
                && EVP_DigestUpdate(context, bytes.base, bytes.count) == 1
                && EVP_DigestFinal_ex(context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1
        }
        precondition(isDone, "a digest in memory can't fail")
        return SHA256Digest(words: words)
    }
}
