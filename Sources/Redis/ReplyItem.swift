import Base

/// One value of a reply. An aggregate's elements are the items that follow it.
package struct ReplyItem: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// `+OK`
        case simpleText
        /// `-ERR …`, or RESP3's `!`
        case error
        /// `:1`; the item's `number`
        case integer
        /// `$3 foo`, or RESP3's verbatim text, big number and double, as bytes
        case text
        /// `$-1`, `*-1`, `_`
        case null
        /// `#t`: the item's `number` is 1 or 0
        case boolean
        /// An array or a set of `number` elements, or a map of half as many pairs.
        case aggregate
    }

    package let kind: Kind
    /// An integer's value; how many items an aggregate has.
    package let number: Int
    /// Where a text's bytes are in the reply.
    let range: Range<Int>

    init(_ kind: Kind, number: Int = 0, range: Range<Int> = 0..<0) {
        self.kind = kind
        self.number = number
        self.range = range
    }

    /// The text in `reply`, the bytes that the item was decoded from.
    package func text(in reply: ByteView) -> ByteView { reply[range] }
}

/// Why bytes are no reply. The connection is of no more use: nobody knows where the next reply begins.
package enum ReplyError: Error, Sendable, Hashable {
    /// A reply begins with a byte that stands for no type, or for one that servers don't send.
    case unknownType
    /// A line has no end where it must have one, or a CR without its LF.
    case malformedLine
    /// A length or an integer is no number, or too large for one.
    case malformedNumber
    /// A bulk string isn't followed by CR LF.
    case malformedText
    /// A line or a text is longer than `ReplyDecoder.bytesMax`.
    case tooLong
    /// A reply has more than `ReplyDecoder.itemsMax` values.
    case tooMany
    /// Aggregates lie in each other deeper than `ReplyDecoder.depthMax`.
    case tooDeep
}
