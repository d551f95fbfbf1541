import Base

/// Reads replies of RESP2 and RESP3, the protocol of Redis and Valkey, out of bytes that come in pieces of any size
/// (redis.io, "Redis serialization protocol specification").
///
/// A reply is read where it lies: `decode` is given all bytes since the reply's beginning, each time, and goes on where
/// it stopped. In steady state it allocates nothing.
package struct ReplyDecoder: ~Copyable {
    /// The longest line or text, and all of a reply together, in bytes.
    package static let bytesMax = 64 * 1024
    /// The most values in one reply, aggregates included.
    package static let itemsMax = 1_024
    /// How deep aggregates may lie in each other.
    package static let depthMax = 8

    package enum Progress: Sendable, Equatable {
        case needsMore
        /// A reply of that many bytes; `items` has its values.
        case complete(count: Int)
        /// A message of that many bytes that answers nothing (RESP3 push).
        case push(count: Int)
    }

    /// The values of the reply that was decoded last, the outermost first.
    package private(set) var items: [ReplyItem] = []
    private var isFresh = true
    private var isPush = false
    /// Everything before has been read.
    private var offset = 0
    /// No line ends before.
    private var scanned = 0
    /// How many items each open aggregate still lacks.
    private var missing = InlineArray<8, Int>(repeating: 0)
    private var depth = 0

    package init() { items.reserveCapacity(16) }

    /// Reads on. After anything but `needsMore` the next call begins a new reply.
    /// - Parameter bytes: everything that came since the reply's first byte.
    package mutating func decode(_ bytes: ByteView) throws(ReplyError) -> Progress {
        if isFresh { begin() }
        repeat {
            guard let item = try next(bytes) else {
                if bytes.count > Self.bytesMax { throw .tooLong }
                return .needsMore
            }
            guard items.count < Self.itemsMax else { throw .tooMany }
            items.append(item)
            try settle(item)
        } while depth > 0
        guard offset <= Self.bytesMax else { throw .tooLong }
        isFresh = true
        return isPush ? .push(count: offset) : .complete(count: offset)
    }

    private mutating func begin() {
        items.removeAll(keepingCapacity: true)
        isFresh = false
        isPush = false
        offset = 0
        scanned = 0
        depth = 0
    }

    /// Opens an aggregate, or closes those that the item completes.
    private mutating func settle(_ item: ReplyItem) throws(ReplyError) {
        if item.kind == .aggregate, item.number > 0 {
            guard depth < Self.depthMax else { throw .tooDeep }
            missing[depth] = item.number
            depth += 1
            return
        }
        while depth > 0 {
            missing[depth - 1] -= 1
            if missing[depth - 1] > 0 { return }
            depth -= 1
        }
    }

    /// The next value; nil when it isn't there to its end.
    private mutating func next(_ bytes: ByteView) throws(ReplyError) -> ReplyItem? {
        guard offset < bytes.count else { return nil }
        let start = offset + 1
        let type = bytes[offset]
        guard Self.isKnown(type) else { throw .unknownType }
        guard let end = try lineEnd(bytes, from: start) else { return nil }
        let line = bytes[start..<end]
        let item: ReplyItem
        switch type {
        case UInt8(ascii: "+"): item = ReplyItem(.simpleText, range: start..<end)
        case UInt8(ascii: "-"): item = ReplyItem(.error, range: start..<end)
        case UInt8(ascii: ":"): item = ReplyItem(.integer, number: try Self.integer(line))
        case UInt8(ascii: "("), UInt8(ascii: ","): item = ReplyItem(.text, range: start..<end)
        case UInt8(ascii: "_"): item = ReplyItem(.null)
        case UInt8(ascii: "#"): item = ReplyItem(.boolean, number: try Self.boolean(line))
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
            return try text(bytes, type, count: try Self.integer(line), from: end + 2)
        default: item = try aggregate(type, count: try Self.integer(line))
        }
        proceed(to: end + 2)
        return item
    }

    private static func isKnown(_ type: UInt8) -> Bool {
        switch type {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "$"), UInt8(ascii: "*"): true
        case UInt8(ascii: "_"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "("), UInt8(ascii: "="): true
        case UInt8(ascii: "!"), UInt8(ascii: "%"), UInt8(ascii: "~"), UInt8(ascii: ">"): true
        default: false
        }
    }

    private mutating func proceed(to end: Int) {
        offset = end
        scanned = end
    }

    /// Where the line ends that began at `start`, before its CR; nil when it isn't there.
    private mutating func lineEnd(_ bytes: ByteView, from start: Int) throws(ReplyError) -> Int? {
        let from = max(start, scanned)
        let found = bytes.firstIndex(of: ASCII.cr, from: from)
        // No line has a line feed inside, whether its end has come yet or not.
        guard bytes.prefix(found ?? bytes.count).firstIndex(of: ASCII.lf, from: from) == nil else {
            throw .malformedLine
        }
        guard let end = found else {
            scanned = bytes.count
            return nil
        }
        scanned = end
        guard end + 1 < bytes.count else { return nil }
        guard bytes[end + 1] == ASCII.lf else { throw .malformedLine }
        return end
    }

    private mutating func text(
        _ bytes: ByteView, _ type: UInt8, count: Int, from start: Int
    ) throws(ReplyError) -> ReplyItem? {
        if count == -1, type == UInt8(ascii: "$") {
            proceed(to: start)
            return ReplyItem(.null)
        }
        guard count >= 0 else { throw .malformedNumber }
        guard count <= Self.bytesMax else { throw .tooLong }
        let end = start + count
        if bytes.count > end, bytes[end] != ASCII.cr { throw .malformedText }
        if bytes.count > end + 1, bytes[end + 1] != ASCII.lf { throw .malformedText }
        guard bytes.count >= end + 2 else { return nil }
        proceed(to: end + 2)
        return ReplyItem(type == UInt8(ascii: "!") ? .error : .text, range: start..<end)
    }

    private mutating func aggregate(_ type: UInt8, count: Int) throws(ReplyError) -> ReplyItem {
        if count == -1, type == UInt8(ascii: "*") { return ReplyItem(.null) }
        guard count >= 0 else { throw .malformedNumber }
        guard count <= Self.itemsMax else { throw .tooMany }
        if type == UInt8(ascii: ">") {
            guard items.isEmpty else { throw .unknownType }
            isPush = true
        }
        return ReplyItem(.aggregate, number: type == UInt8(ascii: "%") ? count * 2 : count)
    }

    // MARK: Numbers

    private static func boolean(_ line: ByteView) throws(ReplyError) -> Int {
        if line == "t" { return 1 }
        guard line == "f" else { throw .malformedNumber }
        return 0
    }

    private static func integer(_ line: ByteView) throws(ReplyError) -> Int {
        guard !line.isEmpty else { throw .malformedNumber }
        let isNegative = line[0] == ASCII.hyphen
        let digits = line.from(isNegative || line[0] == UInt8(ascii: "+") ? 1 : 0)
        if let value = digits.decimalValue() { return isNegative ? -value : value }
        // The one number whose opposite doesn't exist.
        guard isNegative, digits == "9223372036854775808" else { throw .malformedNumber }
        return .min
    }
}
