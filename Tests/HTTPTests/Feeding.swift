import Base
import HTTP
import Testing

/// How bytes reach a decoder.
enum Feeding {
    case whole
    case byteByByte
    /// In pieces of random sizes.
    case random(seed: UInt64)

    func nextPiece(_ random: inout RandomSource) -> Int {
        switch self {
        case .whole: .max
        case .byteByByte: 1
        case .random: Int.random(in: 1...40, using: &random)
        }
    }

    var seed: UInt64 { if case .random(let seed) = self { seed } else { 0 } }
}

/// One character per byte, so that every byte string can be compared and printed.
func latin1(_ view: ByteView) -> String {
    var text = ""
    for index in 0..<view.count { text.unicodeScalars.append(Unicode.Scalar(view[index])) }
    return text
}

/// The bytes of a text whose characters stand for one byte each.
func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

struct FieldSummary: Equatable {
    var name: String
    var value: String
}

func summary(of fields: borrowing HeaderList) -> [FieldSummary] {
    var result: [FieldSummary] = []
    var index = fields.firstIndex
    while index < fields.endIndex {
        result.append(FieldSummary(name: latin1(fields.name(at: index)), value: latin1(fields.value(at: index))))
        index = fields.index(after: index)
    }
    return result
}

struct RequestSummary: Equatable {
    var method = ""
    var target = ""
    var path = ""
    var query: String?
    var host = ""
    var authority = ""
    var port: UInt16?
    var minorVersion: UInt8 = 1
    var framing = BodyFraming.none
    var isPersistent = true
    var expectsContinue = false
    var wantsUpgrade = false
    var hasEncodedSlash = false
    var fields: [FieldSummary] = []

    init(_ head: borrowing RequestHead) {
        method = latin1(head.methodToken)
        target = latin1(head.target)
        path = latin1(head.path)
        query = head.hasQuery ? latin1(head.query) : nil
        host = latin1(head.host)
        authority = latin1(head.authority)
        port = head.port
        minorVersion = head.minorVersion
        framing = head.framing
        isPersistent = head.isPersistent
        expectsContinue = head.expectsContinue
        wantsUpgrade = head.wantsUpgrade
        hasEncodedSlash = head.hasEncodedSlash
        fields = summary(of: head.fields)
    }
}

struct ResponseSummary: Equatable {
    var status = 0
    var reason = ""
    var minorVersion: UInt8 = 1
    var framing = BodyFraming.none
    var declaredLength: Int?
    var isPersistent = true
    var fields: [FieldSummary] = []

    init(_ head: borrowing ResponseHead) {
        status = head.status
        reason = latin1(head.reason)
        minorVersion = head.minorVersion
        framing = head.framing
        declaredLength = head.declaredLength
        isPersistent = head.isPersistent
        fields = summary(of: head.fields)
    }
}

/// What came out of a decoder in the end.
enum Outcome<Summary: Equatable>: Equatable {
    case complete(Summary, consumed: Int)
    case incomplete
    case failed(MessageError)

    var value: Summary? { if case .complete(let summary, _) = self { summary } else { nil } }
    var error: MessageError? { if case .failed(let error) = self { error } else { nil } }
}

/// Feeds `input` through a buffer that moves its bytes at every step.
private func feed<Summary>(
    _ input: [UInt8], _ feeding: Feeding,
    step: (ByteView) -> (progress: Result<HeadProgress, MessageError>, summary: Summary?)
) -> Outcome<Summary> {
    var random = RandomSource(seed: feeding.seed)
    var buffer = IOBuffer()
    var fed = 0
    var dropped = 0
    while true {
        let count = min(feeding.nextPiece(&random), input.count - fed)
        input[fed..<fed + count].withUnsafeBytes { buffer.append(ByteView($0)) }
        fed += count
        buffer.compact()
        let (progress, summary) = step(buffer.readable)
        switch progress {
        case .failure(let error): return .failed(error)
        case .success(.complete(let consumed)):
            guard let summary else { return .incomplete }
            return .complete(summary, consumed: dropped + consumed)
        case .success(.incomplete(let consumed)):
            buffer.consume(consumed)
            dropped += consumed
            if fed == input.count { return .incomplete }
        }
    }
}

func decodeRequest(
    _ input: [UInt8], _ feeding: Feeding = .whole, limits: MessageLimits = MessageLimits()
) -> Outcome<RequestSummary> {
    var decoder = RequestDecoder(limits: limits)
    var head = RequestHead()
    return feed(input, feeding) { view in
        do throws(MessageError) {
            let progress = try decoder.decodeHead(view, into: &head)
            if case .complete = progress { return (.success(progress), RequestSummary(head)) }
            return (.success(progress), nil)
        } catch {
            return (.failure(error), nil)
        }
    }
}

func decodeResponse(
    _ input: [UInt8], _ feeding: Feeding = .whole, method: HTTP.Method = .get, limits: MessageLimits = MessageLimits()
) -> Outcome<ResponseSummary> {
    var decoder = ResponseDecoder(limits: limits)
    var head = ResponseHead()
    return feed(input, feeding) { view in
        do throws(MessageError) {
            let progress = try decoder.decodeHead(view, method: method, into: &head)
            if case .complete = progress { return (.success(progress), ResponseSummary(head)) }
            return (.success(progress), nil)
        } catch {
            return (.failure(error), nil)
        }
    }
}

/// Decodes a request in three ways, which must agree: whole, byte by byte, and with more bytes behind it.
func request(
    _ text: String, limits: MessageLimits = MessageLimits(), sourceLocation: SourceLocation = #_sourceLocation
) -> Outcome<RequestSummary> {
    let input = bytes(text)
    let whole = decodeRequest(input, .whole, limits: limits)
    #expect(decodeRequest(input, .byteByByte, limits: limits) == whole, sourceLocation: sourceLocation)
    if whole != .incomplete {
        #expect(decodeRequest(input + bytes("GET /tail\r\n"), limits: limits) == whole, sourceLocation: sourceLocation)
    }
    return whole
}

func response(
    _ text: String, method: HTTP.Method = .get, limits: MessageLimits = MessageLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
) -> Outcome<ResponseSummary> {
    let input = bytes(text)
    let whole = decodeResponse(input, .whole, method: method, limits: limits)
    let single = decodeResponse(input, .byteByByte, method: method, limits: limits)
    #expect(single == whole, sourceLocation: sourceLocation)
    if whole != .incomplete {
        let tailed = decodeResponse(input + bytes("content\r\n\r\n"), method: method, limits: limits)
        #expect(tailed == whole, sourceLocation: sourceLocation)
    }
    return whole
}

struct BodySummary: Equatable {
    var content = ""
    var trailers: [FieldSummary] = []
}

func decodeBody(
    _ input: [UInt8], _ framing: BodyFraming, _ feeding: Feeding, limits: MessageLimits = MessageLimits()
) -> Outcome<BodySummary> {
    var decoder = BodyDecoder(framing, limits: limits)
    var trailers = HeaderList()
    var random = RandomSource(seed: feeding.seed)
    var buffer = IOBuffer()
    var summaryOfBody = BodySummary()
    var fed = 0
    var taken = 0
    while true {
        do throws(MessageError) {
            switch try decoder.next(buffer.readable, trailers: &trailers) {
            case .data(let range, let consumed):
                summaryOfBody.content += latin1(buffer.readable[range])
                buffer.consume(consumed)
                taken += consumed
            case .needsMore(let consumed):
                buffer.consume(consumed)
                taken += consumed
                if fed == input.count { return .incomplete }
                let count = min(feeding.nextPiece(&random), input.count - fed)
                input[fed..<fed + count].withUnsafeBytes { buffer.append(ByteView($0)) }
                fed += count
                buffer.compact()
            case .end(let consumed):
                summaryOfBody.trailers = summary(of: trailers)
                return .complete(summaryOfBody, consumed: taken + consumed)
            }
        } catch {
            return .failed(error)
        }
    }
}

func body(
    _ text: String, _ framing: BodyFraming, limits: MessageLimits = MessageLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
) -> Outcome<BodySummary> {
    let input = bytes(text)
    let whole = decodeBody(input, framing, .whole, limits: limits)
    let single = decodeBody(input, framing, .byteByByte, limits: limits)
    #expect(single == whole, sourceLocation: sourceLocation)
    if whole != .incomplete {
        let tailed = decodeBody(input + bytes("GET / HTTP/1.1\r\n"), framing, .whole, limits: limits)
        #expect(tailed == whole, sourceLocation: sourceLocation)
    }
    return whole
}
