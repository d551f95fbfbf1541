import HTTP
import Testing

@Suite("Request smuggling")
struct SmugglingTests {
    @Test(
        "framing that two recipients could read in two ways is refused",
        arguments: [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", .contentLengthAndTransferEncoding),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", .contentLengthAndTransferEncoding),
            ("Transfer-Encoding: gzip\r\nContent-Length: 5", .contentLengthAndTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked, chunked", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked, identity", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked,", .invalidTransferEncoding),
            ("Transfer-Encoding: ,chunked", .invalidTransferEncoding),
            ("Transfer-Encoding:", .invalidTransferEncoding),
            ("Transfer-Encoding: \"chunked\"", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked;a=b", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked chunked", .invalidTransferEncoding),
            ("Transfer-Encoding: chun\u{ef}ked", .invalidTransferEncoding),
            ("Transfer-Encoding: gzip, chunked", .unsupportedTransferCoding),
            ("Transfer-Encoding: identity", .unsupportedTransferCoding),
            ("Transfer-Encoding: xchunked", .unsupportedTransferCoding),
            ("Transfer-Encoding: x\r\nTransfer-Encoding: chunked", .unsupportedTransferCoding),
            ("Transfer-Encoding: \u{0b}chunked", .invalidFieldValue),
            ("Transfer-Encoding: chunked\u{0c}", .invalidFieldValue),
            ("Transfer-Encoding: chunked\0", .invalidFieldValue),
            ("Transfer-Encoding : chunked", .invalidFieldName),
            ("Transfer-Encoding\t: chunked", .invalidFieldName),
            (" Transfer-Encoding: chunked", .obsoleteLineFolding),
            ("X: y\r\n Transfer-Encoding: chunked", .obsoleteLineFolding),
            ("X: y\nTransfer-Encoding: chunked", .bareLineFeed),
            ("X: y\rTransfer-Encoding: chunked", .bareCarriageReturn),
            ("Transfer-Encoding:\r\n chunked", .obsoleteLineFolding),
            ("Transfer\u{a0}Encoding: chunked", .invalidFieldName),
            ("Content-Length: +5", .invalidContentLength),
            ("Content-Length: -5", .invalidContentLength),
            ("Content-Length: 5 5", .invalidContentLength),
            ("Content-Length: 5,", .invalidContentLength),
            ("Content-Length: 5, 5", .invalidContentLength),
            ("Content-Length: 0x5", .invalidContentLength),
            ("Content-Length: 5a", .invalidContentLength),
            ("Content-Length: \"5\"", .invalidContentLength),
            ("Content-Length: 1_000", .invalidContentLength),
            ("Content-Length: 5.0", .invalidContentLength),
            ("Content-Length: ", .invalidContentLength),
            ("Content-Length: 9223372036854775808", .invalidContentLength),
            ("Content-Length: 18446744073709551621", .invalidContentLength),
            ("Content-Length: 5\r\nContent-Length: 5", .repeatedContentLength),
            ("Content-Length: 5\r\nContent-length: 6", .repeatedContentLength),
        ] as [(String, MessageError)])
    func refused(fields: String, error: MessageError) {
        #expect(request("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n") == .failed(error))
    }

    @Test(
        "framing that can be read in one way only is accepted",
        arguments: [
            ("Content-Length: 0", .length(0)), ("content-length:5", .length(5)), ("Content-Length: 005\t", .length(5)),
            ("Content-Length: 9223372036854775807", .length(.max)), ("Transfer-Encoding: chunked", .chunked),
            ("transfer-encoding:\tCHUNKED ", .chunked), ("Content-Lengthy: 5", .none), ("Content_Length: 5", .none),
            ("Transfer_Encoding: chunked", .none), ("X-Transfer-Encoding: chunked", .none),
        ] as [(String, BodyFraming)])
    func accepted(fields: String, framing: BodyFraming) {
        #expect(request("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n").value?.framing == framing)
    }

    @Test("Transfer-Encoding does not exist in HTTP/1.0")
    func http10() {
        let text = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(request(text) == .failed(.transferEncodingInHTTP10))
    }
}
