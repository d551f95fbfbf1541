import Base
import HTTP
import Testing

@Suite("Content")
struct BodyDecoderTests {
    @Test("content of a known length, and nothing behind it")
    func length() {
        #expect(body("hello", .length(5)) == .complete(BodySummary(content: "hello"), consumed: 5))
        #expect(body("hell", .length(5)) == .incomplete)
        #expect(body("", .length(0)) == .complete(BodySummary(), consumed: 0))
        #expect(body("", .none) == .complete(BodySummary(), consumed: 0))
    }

    @Test("a length is handed on in the largest pieces there are")
    func largestPiece() throws {
        var decoder = BodyDecoder(.length(65_536))
        var trailers = HeaderList()
        let input = [UInt8](repeating: 1, count: 70_000)
        try input.withUnsafeBytes { memory in
            let progress = try decoder.next(ByteView(memory), trailers: &trailers)
            #expect(progress == .data(range: 0..<65_536, consumed: 65_536))
            #expect(decoder.isFinished)
        }
    }

    @Test(
        "chunked content",
        arguments: [
            ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("5\r\nhello\r\n6\r\n world\r\n00\r\n\r\n", "hello world"),
            ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"), ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
            ("000000000000001\r\nx\r\n0\r\n\r\n", "x"), ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
            ("1;a\r\nx\r\n0;b=c\r\n\r\n", "x"), ("1;a=\"q;\\\"\r\"\r\n", nil),
            ("1;a=\"q;\\\" \"\r\nx\r\n0\r\n\r\n", "x"),
            ("1 ; a = b ; c\r\nx\r\n0\r\n\r\n", "x"), ("1;a;b;c=d\r\nx\r\n0\r\n\r\n", "x"),
        ] as [(String, String?)])
    func chunked(text: String, content: String?) {
        let outcome = body(text, .chunked)
        #expect(outcome.value?.content == content)
        if let value = outcome.value { #expect(outcome == .complete(value, consumed: text.utf8.count)) }
    }

    @Test("a chunk's size is known with its first line, before any of its bytes")
    func announcing() throws {
        var decoder = BodyDecoder(.chunked)
        var trailers = HeaderList()
        #expect(try decoder.next(ByteView("fffffffffffffff;a=b\r"), trailers: &trailers) == .needsMore(consumed: 20))
        #expect(decoder.expectedBytes == 0)
        #expect(try decoder.next(ByteView("\n"), trailers: &trailers) == .needsMore(consumed: 1))
        #expect(decoder.expectedBytes == 0xfff_ffff_ffff_ffff)
        #expect(try decoder.next(ByteView("abc"), trailers: &trailers) == .data(range: 0..<3, consumed: 3))
        #expect(decoder.expectedBytes == 0xfff_ffff_ffff_fffc)
    }

    @Test(
        "malformed chunks",
        arguments: [
            ("\r\n", .invalidChunkSize), ("g\r\n", .invalidChunkSize), ("-1\r\n", .invalidChunkSize),
            ("+1\r\n", .invalidChunkSize), ("0x1\r\n", .invalidChunkSize), (" 1\r\n", .invalidChunkSize),
            ("1_0\r\n", .invalidChunkSize), ("0000000000000001\r\n", .invalidChunkSize),
            ("fffffffffffffffff\r\n", .invalidChunkSize), ("5\nhello", .bareLineFeed),
            ("5\rhello", .bareCarriageReturn),
            ("5 \r\nhello\r\n", .invalidChunkExtension), ("5;\r\nhello\r\n", .invalidChunkExtension),
            ("5;a=\r\nhello\r\n", .invalidChunkExtension), ("5;a \r\nhello\r\n", .invalidChunkExtension),
            ("5;a=b c\r\nhello\r\n", .invalidChunkExtension), ("5;a\nhello\r\n", .bareLineFeed),
            ("5;a=\"\n\"\r\n", .bareLineFeed), ("5;a=\"b\"c\r\n", .invalidChunkExtension),
            ("5\r\nhelloX\r\n", .missingChunkEnd), ("5\r\nhello\n", .missingChunkEnd),
            ("5\r\nhello\r\r", .missingChunkEnd),
            ("5\r\nhello0\r\n\r\n", .missingChunkEnd), ("0\r\nX\r\n\r\n", .invalidFieldName),
            ("0\r\nX: y\n\r\n", .bareLineFeed), ("0\r\nX: y\r\n z\r\n\r\n", .obsoleteLineFolding),
            ("0\r\n\n", .bareLineFeed), ("0\r\n\rX", .bareCarriageReturn), ("0\r\nX : y\r\n\r\n", .invalidFieldName),
        ] as [(String, MessageError)])
    func malformed(text: String, error: MessageError) {
        #expect(body(text, .chunked) == .failed(error))
    }

    @Test("trailers are read; those that mean something before the content are dropped")
    func trailers() {
        let text = """
            0\r\nX-Checksum: abc\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nX-Spiffe-ID: spiffe://x/y\r
            X_Spiffe_ID: z\r\nAuthorization: x\r\nConnection: close\r\nX-Forwarded-For: 1\r\nServer-Timing: a\r\n\r\n
            """
        #expect(
            body(text, .chunked).value?.trailers == [
                FieldSummary(name: "X-Checksum", value: "abc"), FieldSummary(name: "Server-Timing", value: "a"),
            ])
    }

    @Test("trailers and extensions are bounded in sum")
    func limits() {
        var limits = MessageLimits()
        limits.trailerCount = 1
        #expect(body("0\r\nA: b\r\n\r\n", .chunked, limits: limits).value?.trailers.count == 1)
        #expect(body("0\r\nA: b\r\nC: d\r\n\r\n", .chunked, limits: limits) == .failed(.tooManyTrailers))
        limits.trailerBytes = 8
        #expect(body("0\r\nA: b\r\n\r\n", .chunked, limits: limits).value != nil)
        #expect(body("0\r\nA: bc\r\n\r\n", .chunked, limits: limits) == .failed(.trailersTooLarge))
        limits.chunkExtensionBytes = 4
        #expect(body("1;ab\r\nx\r\n1;a\r\nx\r\n0\r\n\r\n", .chunked, limits: limits).value?.content == "xx")
        #expect(
            body("1;ab\r\nx\r\n1;abcd\r\nx\r\n0\r\n\r\n", .chunked, limits: limits) == .failed(.chunkExtensionsTooLarge)
        )
    }

    @Test("the end of the connection completes only content that ends with it")
    func endOfInput() throws {
        var trailers = HeaderList()
        var untilClose = BodyDecoder(.untilClose)
        #expect(try untilClose.next(ByteView("abc"), trailers: &trailers) == .data(range: 0..<3, consumed: 3))
        #expect(untilClose.mayEndHere)
        var length = BodyDecoder(.length(4))
        #expect(try length.next(ByteView("abc"), trailers: &trailers) == .data(range: 0..<3, consumed: 3))
        #expect(!length.mayEndHere)
        #expect(length.expectedBytes == 1)
        var chunked = BodyDecoder(.chunked)
        #expect(try chunked.next(ByteView("0\r\n"), trailers: &trailers) == .needsMore(consumed: 3))
        #expect(!chunked.mayEndHere)
        #expect(try chunked.next(ByteView("\r\n"), trailers: &trailers) == .end(consumed: 2))
        #expect(chunked.mayEndHere)
    }
}
