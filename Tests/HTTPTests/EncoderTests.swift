import Base
import HTTP
import Testing

@Suite("Encoding")
struct EncoderTests {
    @Test("a decoded request is written as it came, less what was removed")
    func request() throws {
        var decoder = RequestDecoder()
        var head = RequestHead()
        let text: StaticString =
            "PUT /a/../b?q HTTP/1.1\r\nHost:a\r\nX-One: 1\r\nconnection: close\r\nX-Two:   2 \r\nX-Three: 3\r\n\r\n"
        _ = try decoder.decodeHead(ByteView(text), into: &head)
        head.fields.removeHopByHop()
        head.fields.append(.via, value: "1.1 gateway")
        var buffer = IOBuffer()
        HeadEncoder.appendRequestLine(
            method: head.methodToken, path: head.path, query: head.hasQuery ? head.query : nil, to: &buffer)
        HeadEncoder.appendFields(head.fields, except: KnownFieldSet(.host), to: &buffer)
        HeadEncoder.appendField("Host", head.authority, to: &buffer)
        HeadEncoder.appendFraming(.length(0), to: &buffer)
        HeadEncoder.endHead(&buffer)
        #expect(
            latin1(buffer.readable)
                == "PUT /b?q HTTP/1.1\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nVia: 1.1 gateway\r\nHost: a\r\n"
                + "Content-Length: 0\r\n\r\n")
    }

    @Test(
        "status lines",
        arguments: [
            (200, nil, "HTTP/1.1 200 OK\r\n"), (299, nil, "HTTP/1.1 299 \r\n"),
            (404, "Gone fishing", "HTTP/1.1 404 Gone fishing\r\n"),
        ] as [(Int, String?, String)])
    func statusLine(status: Int, reason: String?, expected: String) {
        var buffer = IOBuffer()
        if let reason {
            reason.withByteView { HeadEncoder.appendStatusLine(status, reason: $0, to: &buffer) }
        } else {
            HeadEncoder.appendStatusLine(status, to: &buffer)
        }
        #expect(latin1(buffer.readable) == expected)
    }

    @Test("chunks and trailers come back as they were")
    func chunks() throws {
        var trailers = HeaderList()
        trailers.append(name: ByteView("X-Sum"), value: ByteView("1"))
        var buffer = IOBuffer()
        for text in ["hello, ", "chunked world"] {
            ChunkEncoder.appendChunkHeader(text.utf8.count, to: &buffer)
            buffer.append(string: text)
            ChunkEncoder.appendChunkEnd(to: &buffer)
        }
        ChunkEncoder.appendLastChunk(trailers: trailers, to: &buffer)
        let text = latin1(buffer.readable)
        #expect(text == "7\r\nhello, \r\nd\r\nchunked world\r\n0\r\nX-Sum: 1\r\n\r\n")
        let expected = BodySummary(content: "hello, chunked world", trailers: [FieldSummary(name: "X-Sum", value: "1")])
        #expect(body(text, .chunked) == .complete(expected, consumed: text.utf8.count))
    }

    @Test(
        "dates",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (-5, "Thu, 01 Jan 1970 00:00:00 GMT"), (.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, expected: String) {
        var buffer = IOBuffer()
        HTTPDate.append(epochSeconds: seconds, to: &buffer)
        #expect(latin1(buffer.readable) == expected)
        #expect(buffer.readableCount == HTTPDate.count)
    }
}

@Suite("Queries")
struct QueryTests {
    @Test("pairs come as they were written")
    func pairs() {
        var pairs = QueryPairs(ByteView("a=1&&b&c=&=d&e=f=g&"))
        var found: [String] = []
        while let pair = pairs.next() { found.append("\(latin1(pair.name)):\(latin1(pair.value))") }
        #expect(found == ["a:1", "b:", "c:", ":d", "e:f=g"])
    }

    @Test(
        "decoding",
        arguments: [
            ("a+b%20c", "a b c"), ("%41%zz%4", "A%zz%4"), ("", ""), ("%2B", "+"), ("%c3%A9", "\u{c3}\u{a9}"),
        ])
    func decoding(raw: String, expected: String) {
        raw.withByteView { raw in
            expected.asBytes { #expect(QueryPairs.decodes(raw, to: $0)) }
            #expect(!QueryPairs.decodes(raw, to: ByteView("something else")))
            var buffer = IOBuffer()
            QueryPairs.appendDecoded(raw, to: &buffer)
            #expect(latin1(buffer.readable) == expected)
        }
    }
}
