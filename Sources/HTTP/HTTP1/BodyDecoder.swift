import Base

/// What a body decoder says about the bytes that it was given.
package enum BodyProgress: Equatable, Sendable {
    /// The bytes `input[range]` are content, as many as there are in one piece. Afterwards drop the first `consumed`.
    case data(range: Range<Int>, consumed: Int)
    /// Drop the first `consumed` bytes and call again with more behind the others.
    case needsMore(consumed: Int)
    /// The content is complete. Drop the first `consumed` bytes; what follows belongs to the next message.
    case end(consumed: Int)
}

/// Reads the content of one message in any framing (RFC 9112 sections 6 and 7).
///
/// ```
/// length ── last byte ─────────────────────────────────────────────► finished
/// untilClose ── endOfInput ────────────────────────────────────────► (the caller's)
/// sizeStart ► size ► extension ► sizeLineFeed ─┬─ size > 0 ► chunk ► chunkEnd ► sizeStart
///                                              └─ size = 0 ► trailers ──► finished
/// ```
package struct BodyDecoder: Sendable {
    private enum State: Equatable {
        /// This many bytes are still to come, more than none.
        case length(Int)
        case untilClose
        /// In a chunk's size; the digits so far.
        case size(value: Int, digits: Int)
        /// In a chunk's extensions.
        case extensions(size: Int, ChunkExtensionState)
        /// Behind the CR of a chunk's first line.
        case sizeLineFeed(size: Int)
        /// This many bytes of the chunk are still to come, more than none.
        case chunk(Int)
        /// Before the CRLF behind a chunk's data; whether the CR was there.
        case chunkEnd(hasCR: Bool)
        case trailers
        case finished
    }

    private var state: State
    private var extensionBytes = 0
    private var section = FieldSection(start: 0)
    private let limits: MessageLimits

    package init(_ framing: BodyFraming, limits: MessageLimits = MessageLimits()) {
        self.limits = limits
        switch framing {
        case .none: state = .finished
        case .length(let length): state = length > 0 ? .length(length) : .finished
        case .chunked: state = .size(value: 0, digits: 0)
        case .untilClose: state = .untilClose
        }
    }

    /// Whether the content is complete; known with its last byte, before `next` says `.end`.
    package var isFinished: Bool { state == .finished }

    /// Whether the sender may close now: the content is complete, or ends with the connection. Otherwise it is
    /// truncated, and must look truncated to whom it is passed on.
    package var mayEndHere: Bool { state == .finished || state == .untilClose }

    /// The bytes of content that are certain to follow: the rest of the length, or of the chunk, known with the line
    /// that announces it. For reading ahead, and for refusing a chunk that is too large before any of it comes.
    package var expectedBytes: Int {
        switch state {
        case .length(let count), .chunk(let count): count
        default: 0
        }
    }

    /// Reads the content at the beginning of `input`, which may be empty.
    ///
    /// - Parameter trailers: receives the trailer fields that may be passed on, all at once, when the answer is `.end`.
    package mutating func next(
        _ input: ByteView, trailers: inout HeaderList
    ) throws(MessageError) -> BodyProgress {
        switch state {
        case .finished: return .end(consumed: 0)
        case .length(let remaining):
            guard input.count > 0 else { return .needsMore(consumed: 0) }
            let count = min(remaining, input.count)
            state = count == remaining ? .finished : .length(remaining - count)
            return .data(range: 0..<count, consumed: count)
        case .untilClose:
            guard input.count > 0 else { return .needsMore(consumed: 0) }
            return .data(range: 0..<input.count, consumed: input.count)
        default: return try nextChunk(input, &trailers)
        }
    }

    private mutating func nextChunk(
        _ input: ByteView, _ trailers: inout HeaderList
    ) throws(MessageError) -> BodyProgress {
        var index = 0
        while true {
            if state == .trailers {
                return try readTrailers(input, from: index, &trailers)
            }
            guard index < input.count else { return .needsMore(consumed: index) }
            switch state {
            case .size(let value, let digits):
                state = try readSize(input, &index, value, digits)
            case .extensions(let size, let position):
                state = try readExtension(input[index], size, position)
                index += 1
            case .sizeLineFeed(let size):
                guard input[index] == ASCII.lf else { throw .bareCarriageReturn }
                index += 1
                state = size > 0 ? .chunk(size) : .trailers
            case .chunk(let remaining):
                let count = min(remaining, input.count - index)
                state = count == remaining ? .chunkEnd(hasCR: false) : .chunk(remaining - count)
                let end = index + count
                return .data(range: index..<end, consumed: end + takeChunkEnd(input, at: end))
            case .chunkEnd(let hasCR):
                guard input[index] == (hasCR ? ASCII.lf : ASCII.cr) else { throw .missingChunkEnd }
                index += 1
                state = hasCR ? .size(value: 0, digits: 0) : .chunkEnd(hasCR: true)
            case .length, .untilClose, .trailers, .finished:
                preconditionFailure("not a state within a chunk")
            }
        }
    }

    /// Takes the CRLF behind a chunk along with its data, when both are there.
    private mutating func takeChunkEnd(_ input: ByteView, at end: Int) -> Int {
        guard state == .chunkEnd(hasCR: false), end + 2 <= input.count, input[end] == ASCII.cr,
            input[end + 1] == ASCII.lf
        else { return 0 }
        state = .size(value: 0, digits: 0)
        return 2
    }

    /// One to fifteen digits: sixteen could exceed `Int.max`, and no message needs leading zeros without end.
    private func readSize(
        _ input: ByteView, _ index: inout Int, _ value: Int, _ digits: Int
    ) throws(MessageError) -> State {
        var value = value
        var digits = digits
        while index < input.count {
            let byte = input[index]
            guard let digit = ASCII.hexValue(byte) else {
                guard digits > 0 else { throw .invalidChunkSize }
                index += 1
                switch byte {
                case ASCII.cr: return .sizeLineFeed(size: value)
                case ASCII.semicolon: return .extensions(size: value, .beforeName)
                case ASCII.space, ASCII.tab: return .extensions(size: value, .afterValue)
                case ASCII.lf: throw .bareLineFeed
                default: throw .invalidChunkSize
                }
            }
            guard digits < 15 else { throw .invalidChunkSize }
            value = value << 4 | Int(digit)
            digits += 1
            index += 1
        }
        return .size(value: value, digits: digits)
    }

    private mutating func readExtension(
        _ byte: UInt8, _ size: Int, _ position: ChunkExtensionState
    ) throws(MessageError) -> State {
        if byte == ASCII.cr, position.mayEnd { return .sizeLineFeed(size: size) }
        extensionBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytes else { throw .chunkExtensionsTooLarge }
        guard let next = position.after(byte) else {
            throw byte == ASCII.lf ? .bareLineFeed : .invalidChunkExtension
        }
        return .extensions(size: size, next)
    }

    /// The trailer section stays in the caller's buffer until it is complete, within `limits.trailerBytes`. An empty
    /// one, as most are, needs no memory of the list.
    private mutating func readTrailers(
        _ input: ByteView, from start: Int, _ trailers: inout HeaderList
    ) throws(MessageError) -> BodyProgress {
        let view = input[start..<min(input.count, start + limits.trailerBytes)]
        if view.count >= 2, view[0] == ASCII.cr, view[1] == ASCII.lf {
            trailers.removeAll()
            state = .finished
            return .end(consumed: start + 2)
        }
        guard
            let end = try section.parse(
                view, into: &trailers, maximumCount: limits.trailerCount, excess: .tooManyTrailers)
        else {
            if view.count == limits.trailerBytes { throw .trailersTooLarge }
            return .needsMore(consumed: start)
        }
        trailers.removeAll(KnownFieldSet.forbiddenInTrailers)
        state = .finished
        return .end(consumed: start + end)
    }
}
