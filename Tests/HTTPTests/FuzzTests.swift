import Base
import HTTP
import TestSupport
import Testing

extension RandomSource {
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }

    /// A few changes of the kinds that break parsers.
    mutating func mutate(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            guard !bytes.isEmpty else { return bytes }
            let index = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<7, using: &self) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &self)
            case 1: bytes[index] = pick(Array("\r\n\t :;,%/.\0#?[]\"".utf8))
            case 2: bytes.remove(at: index)
            case 3: bytes.insert(pick(Array("\r\n\t :;,%/.\0".utf8)), at: index)
            case 4: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...20, using: &self)))
            case 5:
                let end = min(bytes.count, index + Int.random(in: 1...30, using: &self))
                bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &self))
            default: bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &self)
            }
        }
        return bytes
    }
}

@Suite("Fuzzing")
struct FuzzTests {
    static let requests = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a/%2e/b?q=%20 HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        "PUT http://Example.COM/..a HTTP/1.0\r\nhost: x\r\nConnection: keep-alive, X-Y\r\nX-Y: \tz \r\nTE: trailers\r\n\r\n",
        "\r\nOPTIONS * HTTP/1.1\r\nHost: a.:1\r\nTransfer-Encoding: chunked\r\nX_Forwarded_For: 1\r\nX-Forwarded-For: 2\r\n\r\n",
    ]

    static let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.0 304\r\nTransfer-Encoding: chunked\r\nDate: x\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    ]

    static let bodies = [
        "5\r\nhello\r\n0\r\n\r\n", "a;x=\"y\\\"\";z\r\n0123456789\r\n1\r\n\n\r\n000\r\nX-Trailer: y\r\nHost: z\r\n\r\n",
    ]

    @Test("mutated requests give one result however they are cut, and what is accepted survives a round trip")
    func requests() {
        var random = FuzzPlan.random(seed: 1)
        var accepted = 0
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            let input = random.mutate(bytes(random.pick(Self.requests)))
            let whole = decodeRequest(input)
            #expect(decodeRequest(input, .byteByByte) == whole, "\(latin1(input))")
            #expect(decodeRequest(input, .random(seed: random.next())) == whole, "\(latin1(input))")
            if case .complete(let head, _) = whole {
                accepted += 1
                roundTrip(input, head)
            }
        }
        #expect(accepted > 100)
    }

    /// Writes the head anew and reads that: the same method, path, query and fields must come out.
    private func roundTrip(_ input: [UInt8], _ summary: RequestSummary) {
        var decoder = RequestDecoder()
        var head = RequestHead()
        var buffer = IOBuffer()
        input.withUnsafeBytes { memory in
            var view = ByteView(memory)
            if case .incomplete(let consumed) = try? decoder.decodeHead(view, into: &head) {
                view = view.from(consumed)
            }
        }
        HeadEncoder.appendRequestLine(
            method: head.methodToken, path: head.path, query: head.hasQuery ? head.query : nil, to: &buffer)
        HeadEncoder.appendFields(head.fields, to: &buffer)
        HeadEncoder.endHead(&buffer)
        let text = latin1(buffer.readable)
        guard summary.minorVersion == 1, case .complete(var again, let consumed) = decodeRequest(bytes(text)) else {
            #expect(summary.minorVersion == 0, "\(text)")
            return
        }
        #expect(consumed == text.unicodeScalars.count)
        again.target = summary.target
        if summary.target.hasPrefix("/") || summary.target == "*" {
            #expect(again == summary, "\(text)")
        } else {
            #expect(again.path == summary.path && again.fields == summary.fields, "\(text)")
        }
    }

    @Test("mutated responses give one result however they are cut")
    func responses() {
        var random = FuzzPlan.random(seed: 2)
        for _ in 0..<FuzzPlan.iterations(usual: 10_000) {
            let input = random.mutate(bytes(random.pick(Self.responses)))
            let method: HTTP.Method = random.pick([.get, .head])
            let whole = decodeResponse(input, method: method)
            #expect(decodeResponse(input, .byteByByte, method: method) == whole, "\(latin1(input))")
            #expect(decodeResponse(input, .random(seed: random.next()), method: method) == whole, "\(latin1(input))")
        }
    }

    @Test("mutated chunks give one result however they are cut")
    func bodies() {
        var random = FuzzPlan.random(seed: 3)
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            let input = random.mutate(bytes(random.pick(Self.bodies)))
            let whole = decodeBody(input, .chunked, .whole)
            #expect(decodeBody(input, .chunked, .byteByByte) == whole, "\(latin1(input))")
            #expect(decodeBody(input, .chunked, .random(seed: random.next())) == whole, "\(latin1(input))")
        }
    }

    @Test("random bytes are refused or wait for more")
    func noise() {
        var random = FuzzPlan.random(seed: 4)
        for _ in 0..<FuzzPlan.iterations(usual: 5_000) {
            let input = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8(truncatingIfNeeded: random.next())
            }
            #expect(decodeRequest(input, .byteByByte) == decodeRequest(input))
            #expect(decodeBody(input, .chunked, .byteByByte) == decodeBody(input, .chunked, .whole))
        }
    }

    private func latin1(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { HTTPTests.latin1(ByteView($0)) } }
    private func latin1(_ view: ByteView) -> String { HTTPTests.latin1(view) }
}
