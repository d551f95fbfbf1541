import Base

/// What a client connection is doing.
///
/// ```
///            first byte            head complete          answered, both may go on
///  idle ───────────────▶ head ───────────────▶ exchange ───────────────────────────▶ idle
///   │                     │ refused              │ answered, one may not
///   │ closed, timed out   ▼                      ▼
///   │                 lingering ◀──────────────┬─┴──▶ closing
///   └───────────────▶ closed ◀── client closed ┴── written
/// ```
enum ClientState: Equatable {
    /// Between two requests; holds no memory.
    case idle
    /// Part of a request head has come.
    case head
    /// A request is being served.
    case exchange
    /// The last answer is being written; nothing of the client's is unread.
    case closing
    /// The last answer is being written, or is written and the writing side is shut: what still comes is dropped, so
    /// that closing with unread bytes doesn't reset the connection under the client's reading of the answer. Many
    /// clients read it only when they have sent all that they have (RFC 9112 section 9.6).
    case lingering(Linger)
    case closed
}

/// How much of a request's content has been passed on.
enum RequestProgress: Equatable {
    /// More is to come from the client.
    case receiving
    case complete
}

/// How much of the answer the client has.
enum ResponseProgress: Equatable {
    case none
    /// The final head is sent, with content to follow.
    case streaming
    case complete
}
