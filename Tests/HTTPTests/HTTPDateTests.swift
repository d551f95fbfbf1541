import Base
import HTTP
import Testing

@Suite("Dates")
struct HTTPDateTests {
    private func read(_ text: String) -> Int64? { text.withByteView { HTTPDate.read($0)?.seconds } }

    @Test(
        "what is written is read again", arguments: [Int64(0), 784_111_777, 951_782_400, 1_709_164_800, 7_258_118_399])
    func roundTrip(seconds: Int64) {
        var buffer = IOBuffer()
        HTTPDate.append(epochSeconds: seconds, to: &buffer)
        #expect(HTTPDate.read(buffer.readable)?.seconds == seconds)
    }

    @Test(
        "texts that are no date",
        arguments: [
            "", "0", "-1", "Sun, 06 Nov 1994 08:49:37 gmt", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 Nov 9999 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        ])
    func noDate(text: String) { #expect(read(text) == nil) }

    @Test("the RFC's example") func example() { #expect(read("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777) }
}
