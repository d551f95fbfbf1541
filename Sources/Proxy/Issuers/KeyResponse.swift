import Base
import HTTP
import Identity
import Linux

/// Reads the answer to a fetch from its bytes: a head with status 200, then content of a bounded size.
struct KeyResponse: ~Copyable {
    enum Progress {
        case needsMore
        case complete(FetchedDocument)
        case failed(KeyFetchFailure)
    }

    /// Interim heads before the final one.
    private static let interimMax = 8

    /// Whether the final head has come.
    private(set) var hasHead = false
    private let contentBytesMax: Int
    private var input = IOBuffer()
    private var decoder = ResponseDecoder()
    private var head = ResponseHead()
    private var body = BodyDecoder(.none)
    private var trailers = HeaderList()
    private var content: [UInt8] = []
    private var interimCount = 0

    init(contentBytesMax: Int) { self.contentBytesMax = contentBytesMax }

    /// More of the answer has come.
    mutating func receive(_ bytes: ByteView) -> Progress {
        input.append(bytes)
        do throws(KeyFetchFailure) {
            while !hasHead { guard try readHead() else { return .needsMore } }
            return try readContent() ? complete : .needsMore
        } catch {
            return .failed(error)
        }
    }

    /// Nothing more will come.
    func receiveEnd() -> Progress { hasHead && body.mayEndHere ? complete : .failed(.truncated) }

    /// - Returns: whether there was a whole head.
    private mutating func readHead() throws(KeyFetchFailure) -> Bool {
        do throws(MessageError) {
            switch try decoder.decodeHead(input.readable, method: .get, into: &head) {
            case .incomplete(let consumed):
                input.consume(consumed)
                return false
            case .complete(let consumed): input.consume(consumed)
            }
        } catch {
            throw .malformed(error)
        }
        if head.isInterim {
            interimCount += 1
            guard interimCount <= Self.interimMax else { throw .refused(status: head.status) }
        } else {
            try judgeHead()
            hasHead = true
            body = BodyDecoder(head.framing)
        }
        return true
    }

    private func judgeHead() throws(KeyFetchFailure) {
        guard head.status == 200 else {
            if let location = head.fields.value(of: .location), (300..<400).contains(head.status) {
                // Without the query: it may repeat the request's.
                let shown = location.prefix(location.firstIndex(of: ASCII.question) ?? location.count)
                throw .redirected(status: head.status, location: shown.prefix(min(shown.count, 200)).string)
            }
            throw .refused(status: head.status)
        }
        var next = head.fields.firstIndex(of: .contentEncoding)
        while let index = next {
            let coding = head.fields.value(at: index)
            guard coding.isEmpty || coding.equalsIgnoringCase("identity") else {
                throw .encoded(coding.prefix(min(coding.count, 40)).string)
            }
            next = head.fields.firstIndex(of: .contentEncoding, from: index + 1)
        }
        guard head.declaredLength ?? 0 <= contentBytesMax else { throw .tooLarge(limit: contentBytesMax) }
    }

    /// - Returns: whether the content is complete.
    private mutating func readContent() throws(KeyFetchFailure) -> Bool {
        do throws(MessageError) {
            while true {
                switch try body.next(input.readable, trailers: &trailers) {
                case .data(let range, let consumed):
                    guard content.count + range.count <= contentBytesMax else { break }
                    content.append(contentsOf: input.readable[range].raw)
                    input.consume(consumed)
                    continue
                case .needsMore(let consumed):
                    input.consume(consumed)
                    return false
                case .end: return true
                }
                break
            }
        } catch {
            throw .malformed(error)
        }
        throw .tooLarge(limit: contentBytesMax)
    }

    private var complete: Progress {
        .complete(
            FetchedDocument(
                content: content,
                freshness: lifetime.remaining(now: WallTime(nanoseconds: SystemClock.wallNanoseconds()))))
    }

    private var lifetime: CacheLifetime {
        var lifetime = CacheLifetime()
        var index = head.fields.firstIndex
        while index < head.fields.endIndex {
            let value = head.fields.value(at: index)
            switch head.fields.field(at: index).known {
            case .cacheControl: lifetime.add(cacheControl: value)
            case .age: lifetime.add(age: value)
            case .expires: lifetime.add(expires: HTTPDate.read(value))
            case .date: if let date = HTTPDate.read(value) { lifetime.add(date: date) }
            default: break
            }
            index = head.fields.index(after: index)
        }
        return lifetime
    }
}
