import Base
import HTTP
import JOSE
import Redis
import Routing
import Traffic

/// A limit whose buckets are in a store that replicas share.
package struct SharedLimit {
    /// What becomes of requests that the store doesn't answer for.
    package enum Failure: Sendable {
        /// The process's own buckets are asked, by the same law.
        case local
        /// They are let through.
        case allow
        /// They are answered with 503.
        case refuse
    }

    /// The store, by its place among the configuration's.
    let store: Int
    let bucket: SharedBucket
    let failure: Failure
    /// The process's own, for `local`. The table must live as long as the rule.
    let buckets: Buckets
    /// Tokens that the loop has taken in advance; nil when each request asks for its own.
    let stock: TokenStock?
    let hasher: SharedKeyHasher
    /// What the key is made of, so that keys of another making never are the same.
    let form: ByteView

    /// - Parameters: texts must live as long as the limit; `stock` and `hasher` are the loop's.
    package init(
        store: Int, bucket: SharedBucket, failure: Failure, buckets: Buckets, stock: TokenStock?,
        hasher: SharedKeyHasher, form: ByteView
    ) {
        self.store = store
        self.bucket = bucket
        self.failure = failure
        self.buckets = buckets
        self.stock = stock
        self.hasher = hasher
        self.form = form
    }
}

/// Makes keys of shared buckets: half of a SHA-256, as nobody has a secret that all replicas know and clients don't.
/// A loop has one.
package final class SharedKeyHasher {
    private let hasher = SHA256Hasher()
    var text = IOBuffer(capacity: 512)

    package init() {}

    /// The key of what is in `text`, which is empty afterwards.
    func finish() -> SharedKey {
        let digest = hasher.digest(text.readable)
        text.removeAll()
        if text.capacity > Self.keptBytesMax { text = IOBuffer(capacity: 512) }
        return digest.withBytes { bytes in
            SharedKey(high: Self.word(bytes, at: 0), low: Self.word(bytes, at: 8))
        }
    }

    private static let keptBytesMax = 64 * 1_024

    private static func word(_ bytes: ByteView, at index: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in 0..<8 { word = word << 8 | UInt64(bytes[index + offset]) }
        return word
    }

    /// Appends a text with its length before it, so that two texts together are no other two.
    func append(_ bytes: ByteView) {
        text.append(decimal: bytes.count)
        text.append(":")
        text.append(bytes)
    }

    /// Appends what stands for nothing.
    func appendNothing() { text.append("-") }
}

/// What a request wants to know of a store: the limits of one phase whose buckets are there.
package final class SharedInquiry {
    /// What is asked.
    package private(set) var question = BucketQuestion()
    package private(set) var phase = RateLimitPhase.anonymous
    /// What gives back what the first phase was charged; means something only with `RateLimitState.isCharged`.
    package private(set) var returns = BucketQuestion()
    private var places = InlineArray<8, Part>(repeating: Part())

    /// Of each bucket: the limit's place in its chain, its key in the process's own buckets, and the cost.
    struct Part {
        var rule = 0
        var key: UInt64 = 0
        var cost = 0
        /// How many tokens are asked for, if they are there.
        var batch = 0
    }

    package init() {}

    package var isEmpty: Bool { question.count == 0 }

    package func begin(_ phase: RateLimitPhase) {
        self.phase = phase
        question.removeAll()
    }

    func add(_ part: Part, _ limit: SharedLimit, _ key: SharedKey) {
        let place = question.count
        guard question.add(limit.bucket, key: key, cost: part.cost, batch: part.batch) else { return }
        places[place] = part
    }

    subscript(place: Int) -> Part { places[place] }

    func beginReturns() { returns.removeAll() }

    /// The bucket was charged, and would have to be given that back.
    func addReturn(_ place: Int) { returns.addReturn(place, of: question) }
}
