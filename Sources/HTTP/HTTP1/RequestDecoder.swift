import Base

/// Reads request heads from a connection's bytes (RFC 9112 sections 2, 3 and 5).
///
/// One decoder serves a connection, one head after the other. It keeps offsets only: the bytes of an unfinished head
/// stay in the caller's buffer, with at most the sum of `limits` of them needed. After an error it is of no use.
package struct RequestDecoder: Sendable {
    private enum Phase: UInt8 {
        /// Nothing seen.
        case start
        /// An empty line seen, and nothing behind it.
        case behindEmptyLine
        /// In the method.
        case method
        case target
        case version
        case fields
    }

    /// To be changed between two heads only.
    package var limits: MessageLimits
    private var phase = Phase.start
    /// Behind the empty line in front of the head, while it is not consumed.
    private var lineStart = 0
    /// The first byte of the request line not judged yet.
    private var scanned = 0
    private var methodEnd = 0
    private var targetEnd = 0
    private var section = FieldSection(start: 0)

    package init(limits: MessageLimits = MessageLimits()) { self.limits = limits }

    /// Whether nothing of the next head has been seen; an empty line before it is not part of it.
    package var isIdle: Bool { phase == .start || phase == .behindEmptyLine }

    /// Decodes the head at the beginning of `input` into `head`, which is reset first.
    ///
    /// - Parameters:
    ///   - input: the connection's bytes from the first not yet consumed one. The bytes of the call before, less the
    ///     consumed ones, must be there again, at any place in memory.
    ///   - head: the same one in all calls for a head, once the decoder isn't idle any more.
    /// - Throws: what is wrong, as soon as it is certain. Nothing is wrong with what was given whole and in order but
    ///   not when given in pieces: the result depends on the bytes alone.
    package mutating func decodeHead(
        _ input: ByteView, into head: inout RequestHead
    ) throws(MessageError) -> HeadProgress {
        lineStart = 0
        if isIdle {
            head.reset()
            guard input.count > 0 else { return .incomplete(consumed: 0) }
            if phase == .start, input[0] == ASCII.cr {
                // One empty line is forgiven: old clients send it after their content (RFC 9112 section 2.2).
                guard input.count > 1 else { return .incomplete(consumed: 0) }
                guard input[1] == ASCII.lf else { throw .bareCarriageReturn }
                phase = .behindEmptyLine
                guard input.count > 2 else { return .incomplete(consumed: 2) }
                lineStart = 2
            }
            phase = .method
        }
        let skipped = lineStart
        // Each part of the request line has a limit of its own.
        if phase != .fields, try !parseRequestLine(input.from(skipped), &head) {
            lineStart = 0
            return .incomplete(consumed: skipped)
        }
        // The field lines, and the empty one that ends them.
        let end = targetEnd + Self.versionBytes + limits.headBytes + 2
        let view = input[skipped..<min(input.count, skipped + end)]
        guard
            let consumed = try section.parse(
                view, into: &head.fields, maximumCount: limits.fieldCount, excess: .tooManyFields)
        else {
            if view.count == end { throw .headTooLarge }
            lineStart = 0
            return .incomplete(consumed: skipped)
        }
        try finish(&head)
        self = RequestDecoder(limits: limits)
        return .complete(consumed: skipped + consumed)
    }

    /// Makes `head` hold what was read of a request line whose head came to nothing: the method, the target's path and
    /// the version, as far as they are known. Nothing of it has been judged: it is for logs and counters, and tells
    /// whether the answer may have content.
    ///
    /// - Parameter input: the same as in the last call of `decodeHead`, less the bytes that it consumed.
    package func keepRequestLine(of input: ByteView, in head: inout RequestHead) {
        let line = input.from(min(lineStart, input.count))
        let minorVersion = phase == .fields ? head.minorVersion : 1
        head.reset()
        head.method = .other
        head.minorVersion = minorVersion
        switch phase {
        case .start, .behindEmptyLine, .method: break
        case .target: head.keep(line, methodEnd: methodEnd, targetEnd: methodEnd)
        case .version, .fields: head.keep(line, methodEnd: methodEnd, targetEnd: targetEnd)
        }
    }

    /// - Returns: whether the line is complete.
    private mutating func parseRequestLine(
        _ view: ByteView, _ head: inout RequestHead
    ) throws(MessageError) -> Bool {
        if phase == .method {
            scanned = ByteScan.endOfToken(view, from: scanned)
            guard scanned <= limits.methodBytes else { throw .methodTooLong }
            if scanned == view.count { return false }
            guard view[scanned] == ASCII.space, scanned > 0 else { throw Self.methodError(view[scanned]) }
            methodEnd = scanned
            scanned += 1
            phase = .target
        }
        if phase == .target {
            scanned = ByteScan.endOfVisible(view, from: scanned)
            let length = scanned - methodEnd - 1
            guard length <= limits.targetBytes else { throw .targetTooLong }
            if scanned == view.count { return false }
            guard view[scanned] == ASCII.space, length > 0 else { throw Self.targetError(view[scanned]) }
            targetEnd = scanned
            phase = .version
        }
        guard let minor = try ProtocolVersion.parse(view, from: targetEnd + 1, isRequestLine: true) else {
            return false
        }
        head.minorVersion = minor
        section = FieldSection(start: targetEnd + Self.versionBytes)
        phase = .fields
        return true
    }

    /// ` HTTP/1.1` and the line's end.
    private static let versionBytes = 11

    private static func methodError(_ byte: UInt8) -> MessageError {
        switch byte {
        case ASCII.lf: .bareLineFeed
        case ASCII.cr, ASCII.space: .malformedRequestLine
        default: .invalidMethod
        }
    }

    private static func targetError(_ byte: UInt8) -> MessageError {
        switch byte {
        case ASCII.lf: .bareLineFeed
        // A line that ends behind the target is HTTP/0.9.
        case ASCII.cr, ASCII.space: .malformedRequestLine
        default: .invalidTargetByte
        }
    }

    /// Decides what the complete head means.
    private func finish(_ head: inout RequestHead) throws(MessageError) {
        head.methodSpan = ArenaSpan(start: 0, end: methodEnd)
        head.targetSpan = ArenaSpan(start: methodEnd + 1, end: targetEnd)
        head.method = Method(token: head.methodToken)
        if head.method == .trace || head.method == .connect { throw .methodNotImplemented }
        try head.resolveTarget()
        try head.applyFields()
    }
}
