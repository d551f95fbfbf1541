import Base

/// The head of a response, final or interim, as decided by `ResponseDecoder`.
///
/// Its content is undefined until the decoder reports `.complete`. Views are valid until the head is next changed.
@usableFromInline package struct ResponseHead: ~Copyable {
    /// 100...599.
    @usableFromInline package var status = 200
    /// 0 or 1.
    package var minorVersion: UInt8 = 1
    package var framing: BodyFraming = .none
    /// `Content-Length` as the server gave it. With HEAD and 304 it tells the length of what was not sent, and may be
    /// passed on although `framing` is `.none`; nil in 1xx and 204, where it may not (RFC 9110 section 8.6).
    package var declaredLength: Int?
    /// Whether the server lets the connection live on after this message, and the message's end is certain.
    package var isPersistent = true
    /// The fields as they came, in order.
    @usableFromInline package var fields = HeaderList()

    @usableFromInline var reasonSpan = ArenaSpan()

    /// An empty head without memory.
    package init() {}

    /// The reason phrase as it came; may be empty.
    @inlinable package var reason: ByteView { fields.bytes(start: Int(reasonSpan.start), count: Int(reasonSpan.count)) }

    /// Whether this is a 1xx, which another head follows.
    @inlinable package var isInterim: Bool { status < 200 }

    /// Gives the message another status, with the reason that is registered for it.
    package mutating func changeStatus(to status: Int) {
        self.status = status
        reasonSpan = ArenaSpan()
    }

    /// Empties the head and keeps its memory.
    package mutating func reset() {
        status = 200
        minorVersion = 1
        framing = .none
        declaredLength = nil
        isPersistent = true
        fields.removeAll()
        reasonSpan = ArenaSpan()
    }
}
