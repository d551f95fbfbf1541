import Base

/// How much is at hand of an answer that is to be followed by another attempt. Should that attempt not be made after
/// all, because a breaker has opened in the meantime, say, then this one was the last, and the client gets its answer.
enum KeptAnswer {
    /// There is none, or some of it is gone.
    case none
    /// What has come is kept; the rest comes on the same connection.
    case coming
    case complete
}

/// ```
///         ┌─ too much of it, or it broke off ─▶ none
/// coming ─┤                                      ▲
///    │    └─ its end ─▶ complete                 │ another attempt begins
///    │                    │                      │
///    └────────────────────┴── the pause is over ─┤
///                                                │ none can be made
///                                                ▼
///                                          passed on to the client
/// ```
/// Its head stays in `responseHead` meanwhile.
extension Exchange {
    func keepAnswerContent(_ bytes: ByteView) {
        guard attempt.keptAnswer == .coming else { return }
        worker.buffers.back(&keptContent)
        if keptContent.writableCount < bytes.count { worker.buffers.enlarge(&keptContent) }
        keptContent.append(bytes)
    }

    func dropKeptAnswer() {
        attempt.keptAnswer = .none
        if keptContent.isBacked { worker.buffers.recycle(&keptContent) }
    }

    /// A target for another attempt has been picked: what is still coming of the answer isn't waited for. One that is
    /// complete is kept until there is a connection, too.
    func dropComingAnswer() {
        guard attempt.keptAnswer == .coming else { return }
        dropConnection()
        dropKeptAnswer()
    }

    /// No further attempt can be made.
    func passOnKeptAnswer() {
        let isComplete = attempt.keptAnswer == .complete
        var content = IOBuffer()
        swap(&content, &keptContent)
        defer { if content.isBacked { worker.buffers.recycle(&content) } }
        attempt.keptAnswer = .none
        attempt.isDiscarding = false
        attempt.isRetry = false
        attempt.target = attempt.keptTarget
        attempt.status = responseHead.status
        passOnResponseHead()
        // The exchange may have ended in between: the client has left, or a transform has refused the answer.
        if stream != nil, !content.isEmpty { receiveResponseContent(content.readable) }
        guard stream != nil else { return }
        if isComplete { receiveResponseEnd() } else { upstream?.advance() }
    }
}
