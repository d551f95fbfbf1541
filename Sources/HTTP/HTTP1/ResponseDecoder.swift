import Base

/// Reads response heads from an upstream connection's bytes (RFC 9112 sections 2, 4 and 5).
///
/// One decoder serves a connection, one head after the other, interim ones included: after a 1xx the caller asks for
/// the next head and bounds their number. After an error it is of no use, and the answer to the client is 502.
package struct ResponseDecoder: Sendable {
    private enum Phase: UInt8 {
        case version
        case status
        case reason
        case fields
    }

    package let limits: MessageLimits
    private var phase = Phase.version
    /// The first byte of the status line not judged yet.
    private var scanned = 0
    private var section = FieldSection(start: 0)

    package init(limits: MessageLimits = MessageLimits()) { self.limits = limits }

    /// Decodes the head at the beginning of `input` into `head`, which is reset first. See `RequestDecoder.decodeHead`.
    ///
    /// - Parameter method: of the request that this answers: HEAD has no content in its answer.
    package mutating func decodeHead(
        _ input: ByteView, method: Method, into head: inout ResponseHead
    ) throws(MessageError) -> HeadProgress {
        if phase == .version { head.reset() }
        let view = input.prefix(min(input.count, limits.headBytes))
        if phase != .fields, try !parseStatusLine(view, &head) {
            if view.count == limits.headBytes { throw .headTooLarge }
            return .incomplete(consumed: 0)
        }
        guard
            let end = try section.parse(
                view, into: &head.fields, maximumCount: limits.fieldCount, excess: .tooManyFields)
        else {
            if view.count == limits.headBytes { throw .headTooLarge }
            return .incomplete(consumed: 0)
        }
        // The gateway offers no upgrade.
        if head.status == 101 { throw .unsolicitedUpgrade }
        try head.applyFields(method: method)
        self = ResponseDecoder(limits: limits)
        return .complete(consumed: end)
    }

    /// - Returns: whether the line is complete.
    private mutating func parseStatusLine(
        _ view: ByteView, _ head: inout ResponseHead
    ) throws(MessageError) -> Bool {
        if phase == .version {
            guard let minor = try ProtocolVersion.parse(view, from: 0, isRequestLine: false) else { return false }
            head.minorVersion = minor
            phase = .status
        }
        if phase == .status {
            guard try parseStatus(view, &head) else { return false }
            phase = .reason
        }
        let end = ByteScan.endOfFieldText(view, from: scanned)
        scanned = end
        if end == view.count { return false }
        guard view[end] == ASCII.cr else { throw view[end] == ASCII.lf ? .bareLineFeed : .invalidReasonPhrase }
        if end + 1 == view.count { return false }
        guard view[end + 1] == ASCII.lf else { throw .bareCarriageReturn }
        head.reasonSpan = ArenaSpan(start: min(13, end), end: end)
        section = FieldSection(start: end + 2)
        phase = .fields
        return true
    }

    /// ` 200` and the byte behind it: a space before the reason, or the line's end. The grammar wants the space even
    /// without a reason, but many servers leave it out, and nobody reads the line in another way for that.
    private mutating func parseStatus(
        _ view: ByteView, _ head: inout ResponseHead
    ) throws(MessageError) -> Bool {
        var status = 0
        var index = 8
        while index < 13 {
            guard index < view.count else { return false }
            let byte = view[index]
            switch index {
            case 8:
                guard byte == ASCII.space else { throw .malformedStatusLine }
            case 12:
                guard byte == ASCII.space || byte == ASCII.cr else {
                    throw byte == ASCII.lf ? .bareLineFeed : .malformedStatusLine
                }
                scanned = byte == ASCII.space ? 13 : 12
            default:
                guard ASCII.isDigit(byte) else { throw .malformedStatusLine }
                status = status * 10 + Int(byte - ASCII.zero)
            }
            index += 1
        }
        guard status >= 100, status <= 599 else { throw .invalidStatusCode }
        head.status = status
        return true
    }
}
