import Base

/// A limit as the script is told of it, ready to be copied into a command. Made once for each limit of a configuration.
package struct SharedBucket: Sendable {
    /// The key's word, without the 32 digits at its end.
    let keyStart: ByteView
    /// The script's arguments for a bucket, but for the cost.
    let law: ByteView

    /// The hash at a key's end, as hexadecimal digits.
    static let hashDigits = 32
    /// The longest prefix and limit's name together, in bytes.
    package static let nameBytesMax = 1_024

    /// - Parameters:
    ///   - prefix: what all keys of the store begin with.
    ///   - limit: what tells the limit from all others that share the store.
    ///   - interval: the time between two tokens, in microseconds.
    ///   - burst: the most tokens that wait.
    ///   - onlyCounts: whether it never has a request refused.
    ///   - texts: must live as long as the bucket.
    package init(
        prefix: String, limit: String, interval: Double, burst: Int, onlyCounts: Bool, texts: TextArena
    ) {
        let name = "\(prefix)\(limit):"
        keyStart = texts.keep("$\(name.utf8.count + Self.hashDigits)\r\n\(name)")
        let words = ["\(interval)", "\(interval * Double(burst))", onlyCounts ? "1" : "0"]
        law = texts.keep(words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined())
    }

    /// Appends the whole key as a word.
    func appendKey(_ hash: SharedKey, to buffer: inout IOBuffer) {
        buffer.reserve(keyStart.count + Self.hashDigits + 2)
        buffer.append(keyStart)
        buffer.append(hex16: hash.high)
        buffer.append(hex16: hash.low)
        buffer.append("\r\n")
    }
}

/// A hash of what a limit is counted by, the same on every replica, that nobody finds two texts for.
package struct SharedKey: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// The buckets that one request is charged to.
package struct BucketQuestion: Sendable {
    /// How many there may be.
    package static let bucketsMax = 8

    private struct Part {
        let bucket: SharedBucket
        let key: SharedKey
        let cost: Int
        let batch: Int
    }

    private var parts = InlineArray<8, Part?>(repeating: nil)
    package private(set) var count = 0

    package init() {}

    /// - Parameters:
    ///   - cost: tokens, not negative.
    ///   - batch: how many are taken instead, if they are there; no more than `cost` for none.
    /// - Returns: false when there is no room for it.
    package mutating func add(_ bucket: SharedBucket, key: SharedKey, cost: Int, batch: Int = 0) -> Bool {
        guard count < Self.bucketsMax else { return false }
        parts[count] = Part(bucket: bucket, key: key, cost: max(cost, 0), batch: max(batch, 0))
        count += 1
        return true
    }

    /// The key of a bucket; nil when there are fewer.
    package func key(_ index: Int) -> SharedKey? { index < count ? parts[index]?.key : nil }

    package mutating func removeAll() { count = 0 }

    /// Adds another question's bucket, to which its cost is given back.
    package mutating func addReturn(_ index: Int, of other: borrowing BucketQuestion) {
        guard count < Self.bucketsMax, index < other.count, let part = other.parts[index] else { return }
        parts[count] = Part(bucket: part.bucket, key: part.key, cost: -part.cost, batch: 0)
        count += 1
    }

    /// Whether the script can have answered so. A server that isn't what it should be, or somebody in its place, may
    /// say anything: what is believed must not make tokens.
    package func canHave(_ answer: BucketAnswer) -> Bool {
        guard answer.count == count else { return false }
        for index in 0..<count {
            guard let part = parts[index] else { return false }
            let taken = answer.reportedTaken(index)
            guard answer.timeToFull(index) <= BucketScript.fillTimeMax else { return false }
            // Nothing, when another bucket refused; a batch where one was asked for.
            if taken == 0 { continue }
            guard answer.isAllowed(index), taken == part.cost || taken == part.batch && part.batch > part.cost else {
                return false
            }
        }
        return true
    }

    /// Appends the call of a script with these buckets.
    /// - Parameter script: the script's word, 40 digits, in the form of the protocol.
    func append(script: ByteView, to buffer: inout IOBuffer) {
        CommandEncoder.begin(3 + count * (1 + BucketScript.argumentsPerKey), in: &buffer)
        buffer.append("$7\r\nEVALSHA\r\n")
        buffer.append(script)
        CommandEncoder.append(count, to: &buffer)
        for index in 0..<count {
            if let part = parts[index] { part.bucket.appendKey(part.key, to: &buffer) }
        }
        for index in 0..<count {
            guard let part = parts[index] else { continue }
            buffer.append(part.bucket.law)
            CommandEncoder.append(part.cost, to: &buffer)
            CommandEncoder.append(part.batch, to: &buffer)
        }
    }
}

/// What the script said about each bucket of a question.
package struct BucketAnswer: Sendable, Equatable {
    private var numbers = InlineArray<8, Int>(repeating: 0)
    private var tokens = InlineArray<8, Int>(repeating: 0)
    package private(set) var count = 0

    package init() {}

    /// - Parameter buckets: of each the script's two numbers; at most `BucketQuestion.bucketsMax`.
    package init(_ buckets: [(number: Int, taken: Int)]) {
        count = buckets.count
        for (index, bucket) in buckets.enumerated() {
            numbers[index] = bucket.number
            tokens[index] = bucket.taken
        }
    }

    /// Nil unless the reply is two numbers for each of `count` buckets.
    init?(_ items: [ReplyItem], count: Int) {
        guard let first = items.first, first.kind == .aggregate, first.number == count * 2,
            items.count == count * 2 + 1,
            count <= BucketQuestion.bucketsMax
        else { return nil }
        for index in 0..<count {
            let number = items[index * 2 + 1]
            let taken = items[index * 2 + 2]
            guard number.kind == .integer, taken.kind == .integer else { return nil }
            numbers[index] = number.number
            tokens[index] = taken.number
        }
        self.count = count
    }

    /// Whether the bucket had the tokens.
    package func isAllowed(_ index: Int) -> Bool { numbers[index] >= 0 }

    /// How many tokens were taken, not negative.
    package func taken(_ index: Int) -> Int { max(tokens[index], 0) }

    /// What the store said of that.
    func reportedTaken(_ index: Int) -> Int { tokens[index] }

    /// How long until the bucket is full, after what was charged.
    package func timeToFull(_ index: Int) -> TimeAmount {
        let number = numbers[index]
        return TimeAmount(nanoseconds: Int64(number >= 0 ? number : -(number + 1)))
    }

    package static func == (left: Self, right: Self) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count
        where left.numbers[index] != right.numbers[index] || left.tokens[index] != right.tokens[index] {
            return false
        }
        return true
    }
}
