import Base
import HTTP
import Proxy
import Testing

@Suite("Framing of responses to clients")
struct ResponseFramingTests {
    private static let upstreamFramings: [(framing: BodyFraming, declared: Int?)] = [
        (.none, nil), (.none, 0), (.none, 7), (.length(0), 0), (.length(7), 7), (.chunked, nil), (.untilClose, nil),
    ]

    private func framing(
        _ framing: BodyFraming, declared: Int?, status: Int, method: HTTP.Method, minorVersion: UInt8
    ) -> ResponseFraming {
        var head = ResponseHead()
        head.status = status
        head.framing = framing
        head.declaredLength = declared
        var request = RequestHead()
        request.method = method
        request.minorVersion = minorVersion
        return ResponseFraming(of: head, to: request)
    }

    private func line(_ framing: ResponseFraming) -> String {
        var buffer = IOBuffer()
        framing.appendFields(to: &buffer)
        return buffer.readable.string
    }

    @Test(
        "GET: what the upstream's framing becomes, by the client's version",
        arguments: [
            (.none, nil, 1, "", false), (.length(7), 7, 1, "Content-Length: 7\r\n", true),
            (.length(0), 0, 1, "Content-Length: 0\r\n", true),
            (.chunked, nil, 1, "Transfer-Encoding: chunked\r\n", true),
            (.untilClose, nil, 1, "Transfer-Encoding: chunked\r\n", true),
            (.length(7), 7, 0, "Content-Length: 7\r\n", true),
            (.chunked, nil, 0, "", true), (.untilClose, nil, 0, "", true), (.none, nil, 0, "", false),
        ] as [(BodyFraming, Int?, UInt8, String, Bool)])
    func get(framing: BodyFraming, declared: Int?, minorVersion: UInt8, expected: String, hasContent: Bool) {
        let result = self.framing(framing, declared: declared, status: 200, method: .get, minorVersion: minorVersion)
        #expect(line(result) == expected)
        #expect(result.hasContent == hasContent)
    }

    @Test("HEAD and 304 have no content, but tell the length that there would be", arguments: [200, 304, 404])
    func withoutContent(status: Int) {
        for (framing, declared) in Self.upstreamFramings {
            for minorVersion in [0, 1] as [UInt8] {
                let method: HTTP.Method = status == 304 ? .get : .head
                let result = self.framing(
                    framing, declared: declared, status: status, method: method, minorVersion: minorVersion)
                #expect(!result.hasContent)
                #expect(result.length == declared)
                #expect(!line(result).contains("Transfer-Encoding"))
            }
        }
    }

    @Test("every status, method, version and framing: never two framings, never a chunk to HTTP/1.0")
    func everything() {
        for status in 200...599 {
            for method in HTTP.Method.allCases {
                for minorVersion in [0, 1] as [UInt8] {
                    for (framing, declared) in Self.upstreamFramings {
                        let result = self.framing(
                            framing, declared: declared, status: status, method: method, minorVersion: minorVersion)
                        let isWrong =
                            result.kind == .chunked && (result.length != nil || minorVersion == 0)
                            || result.kind == .untilClose && (result.length != nil || minorVersion == 1)
                            || result.kind == .length && result.length == nil
                            || result.hasContent && (method == .head || status == 304 || framing == .none)
                        if isWrong { Issue.record("\(status) \(method) 1.\(minorVersion) \(framing): \(result)") }
                    }
                }
            }
        }
    }
}
