import Base
import HTTP

/// Reads the answer to a check from its bytes: a head, and as much content as it takes to find a text. Bounded: a
/// target that talks for ever is cut off.
package struct CheckResponse: ~Copyable {
    /// Content that is looked at.
    package static let contentBytesMax = 64 * 1024
    private static let interimMax = 8

    package enum Progress: Equatable {
        case needsMore
        case status(Int)
        case lost
        case malformed
        case wrongContent
        case contentTooLong
    }

    private let method: Method
    /// Empty for anything.
    private let text: [UInt8]
    private var input = IOBuffer()
    private var decoder = ResponseDecoder()
    private var head = ResponseHead()
    private var hasHead = false
    private var body = BodyDecoder(.none)
    private var trailers = HeaderList()
    private var content: [UInt8] = []
    private var interimCount = 0

    /// - Parameter text: what the content must hold; empty for anything: then the head is enough.
    package init(method: Method, text: [UInt8]) {
        self.method = method
        self.text = text
    }

    /// More of the answer has come.
    package mutating func receive(_ bytes: ByteView) -> Progress {
        input.append(bytes)
        do throws(MessageError) {
            while !hasHead {
                guard case .complete(let consumed) = try decoder.decodeHead(input.readable, method: method, into: &head)
                else { return .needsMore }
                input.consume(consumed)
                if head.isInterim {
                    interimCount += 1
                    if interimCount > Self.interimMax { return .malformed }
                    continue
                }
                hasHead = true
                body = BodyDecoder(head.framing)
            }
            return text.isEmpty ? .status(head.status) : try readContent()
        } catch {
            return .malformed
        }
    }

    /// Nothing more will come.
    package func receiveEnd() -> Progress {
        guard hasHead, body.mayEndHere else { return .lost }
        return holdsText ? .status(head.status) : .wrongContent
    }

    private mutating func readContent() throws(MessageError) -> Progress {
        while true {
            switch try body.next(input.readable, trailers: &trailers) {
            case .data(let range, let consumed):
                content.append(contentsOf: input.readable[range].raw.prefix(Self.contentBytesMax - content.count))
                input.consume(consumed)
                // Looked for once there is no more to come, or no more to be looked at.
                if content.count >= Self.contentBytesMax { return holdsText ? .status(head.status) : .contentTooLong }
                if body.isFinished { return holdsText ? .status(head.status) : .wrongContent }
            case .needsMore(let consumed):
                input.consume(consumed)
                return .needsMore
            case .end: return holdsText ? .status(head.status) : .wrongContent
            }
        }
    }

    private var holdsText: Bool {
        guard let first = text.first, content.count >= text.count else { return text.isEmpty }
        var start = 0
        while start + text.count <= content.count {
            if content[start] == first, content[start..<start + text.count].elementsEqual(text) { return true }
            start += 1
        }
        return false
    }
}
