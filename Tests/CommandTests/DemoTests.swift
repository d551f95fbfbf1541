import Base
import Foundation
import Linux
import Testing
import portcullis

@Suite("The demo upstream")
struct DemoTests {
    private static let loopback = IPEndpoint(address: IPAddress(ipv4: 0x7f00_0001), port: 0)

    private func send(_ request: String, to endpoint: IPEndpoint) throws -> String {
        let response = try request.withByteView { bytes throws(Errno) in
            try exchangeBlocking(
                with: endpoint, request: bytes, responseBytesMax: 1 << 20, within: .seconds(10))
        }
        return String(decoding: response, as: UTF8.self)
    }

    @Test("it answers with what it was sent, headers in their order")
    func echo() throws {
        let endpoint = try DemoUpstream.start(at: Self.loopback)
        let response = try send(
            "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nb: 2\r\na: 1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
            to: endpoint)
        #expect(response.hasPrefix("HTTP/1.1 200 OK\r\n"))
        let body = try #require(response.components(separatedBy: "\r\n\r\n").last)
        let document = try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
        #expect(document["answered_by"] as? String == "demo-\(endpoint.port)")
        #expect(document["method"] as? String == "POST")
        #expect(document["path"] as? String == "/a/b")
        #expect(document["query"] as? String == "c=d")
        #expect(
            document["headers"] as? [String] == ["Host: x", "b: 2", "a: 1", "Content-Length: 5", "Connection: close"])
        #expect(document["body_bytes"] as? Int == 5)
        #expect(document["body_start"] as? String == "hello")
    }

    @Test("content of any framing and size is counted, its beginning kept")
    func content() throws {
        let endpoint = try DemoUpstream.start(at: Self.loopback)
        let large = String(repeating: "x", count: 300_000)
        let response = try send(
            "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + "493e0\r\n\(large)\r\n0\r\n\r\n", to: endpoint)
        #expect(response.contains("\"body_bytes\": 300000"))
        #expect(response.contains("\"body_start\": \"\(String(repeating: "x", count: 256))\""))
    }

    @Test("one connection serves several requests, a status can be asked for, HEAD and 204 have no content")
    func pipeline() throws {
        let endpoint = try DemoUpstream.start(at: Self.loopback)
        let response = try send(
            "GET /status/418 HTTP/1.1\r\nHost: x\r\n\r\nGET /x/status/204 HTTP/1.1\r\nHost: x\r\n\r\n"
                + "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", to: endpoint)
        let heads = response.components(separatedBy: "HTTP/1.1 ").dropFirst()
        #expect(heads.map { $0.prefix(3) } == ["418", "204", "200"])
        #expect(heads.last?.hasSuffix("\r\n\r\n") == true)
    }

    @Test("a token that came with the request is shown decoded, whichever header holds it")
    func decodedToken() throws {
        let endpoint = try DemoUpstream.start(at: Self.loopback)
        let token = Outcome(["token", CheckTests.repository + "/gateway.d", "--sub", "ann"]).output
            .trimmingCharacters(in: .newlines)
        for header in ["authorization: bearer \(token)", "X-Internal-JWT: \(token)", "X-Internal-Token: \(token)"] {
            let response = try send(
                "GET / HTTP/1.1\r\nHost: x\r\n\(header)\r\nConnection: close\r\n\r\n", to: endpoint)
            #expect(response.contains(#""sub": "ann""#), "\(response)")
        }
        for header in ["authorization: basic \(token)", "X-Other: \(token)", "X-Internal-JWT: a.b.c"] {
            let response = try send(
                "GET / HTTP/1.1\r\nHost: x\r\n\(header)\r\nConnection: close\r\n\r\n", to: endpoint)
            #expect(response.contains("200 OK") && !response.contains("token_decoded"))
        }
    }

    @Test("what isn't HTTP is refused")
    func refused() throws {
        let endpoint = try DemoUpstream.start(at: Self.loopback)
        #expect(try send("nonsense\r\n\r\n", to: endpoint).hasPrefix("HTTP/1.1 400 "))
    }

    @Test("health asks the listener that it is told, and says when nobody is there")
    func health() throws {
        let endpoint = try DemoUpstream.start(at: Self.loopback)
        #expect(Outcome(["health", "--admin", "\(endpoint)"]).status == 0)
        let lost = try ListeningSocket.listening(at: Self.loopback, isShared: false).endpoint
        let outcome = Outcome(["health", "--admin", "\(lost)"])
        #expect(outcome.status == 1)
        #expect(outcome.complaint.contains("no answer from 127.0.0.1:"))
    }

    @Test("the curl lines have the listeners' ports, each with what it shows")
    func script() {
        let listeners = ["external", "internal", "admin"]
        var endpoints: [String: IPEndpoint] = [:]
        for (index, name) in listeners.enumerated() {
            endpoints[name] = IPEndpoint(address: Self.loopback.address, port: UInt16(1_001 + index))
        }
        let text = DemoScript.text(endpoints: endpoints, program: "/opt/portcullis", folder: "/it's here/gateway.d")
        let lines = text.split(separator: "\n").filter { $0.contains("localhost:") || $0.contains("127.0.0.1:") }
        #expect(lines.count == DemoScript.examples.count)
        #expect(lines.allSatisfy { $0.contains("localhost:100") || $0.contains("127.0.0.1:1003") })
        #expect(!text.contains("{port}") && !text.contains("{token}") && !text.contains("{explain}"))
        #expect(text.contains("$(/opt/portcullis token '/it'\\''s here/gateway.d' --sub "))
        #expect(text.components(separatedBy: "\n# ").count == DemoScript.examples.count + 1)
    }
}
