/// What a head decoder says about the bytes that it was given.
package enum HeadProgress: Equatable, Sendable {
    /// More bytes are needed. Drop the first `consumed` (an empty line before the head, or 0), keep the others and call
    /// again with more behind them.
    case incomplete(consumed: Int)
    /// The head is decoded. It took the first `consumed` bytes; what follows is content.
    case complete(consumed: Int)
}
