import Base
import CDigest

/// A SHA-256 digest: 32 bytes by value.
package struct SHA256Digest: Sendable, Hashable {
    package static let count = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// The digest of `bytes`. Allocates nothing.
    package init(of bytes: ByteView) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var state = SHA256_CTX()
        SHA256_Init(&state)
        SHA256_Update(&state, bytes.base, bytes.count)
        withUnsafeMutableBytes(of: &words) { output in
            _ = SHA256_Final(output.baseAddress?.assumingMemoryBound(to: UInt8.self), &state)
        }
        self.words = words
    }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    /// The digest's first eight bytes: already scattered, good as a hash.
    package var firstWord: UInt64 { words.0 }

    package func withBytes<Result>(_ body: (ByteView) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(ByteView($0)) }
    }

    /// As 43 characters of base64url. Off the hot path only.
    package var base64URL: String { withBytes { Base64URL.encode([UInt8]($0.raw)) } }
}
