/// How the end of a message's content is found (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
    /// No content: the message ends with its head.
    case none
    /// Exactly this many bytes, from `Content-Length`; may be 0.
    case length(Int)
    /// `Transfer-Encoding: chunked`, and nothing else.
    case chunked
    /// Everything until the sender closes. Responses only.
    case untilClose

    /// Whether bytes of content can follow.
    @inlinable package var hasContent: Bool { self != .none && self != .length(0) }
}
