import Base
import Foundation
import HTTP
import Linux
import Observability
import Proxy
import Testing
import Upstream

@Suite("Failures and the gateway's own answers")
struct AnswerTests {
    private static let failures: [Failure] =
        [.clientLeft, .clientStalled, .drainEnded] + UpstreamError.allCases.map(Failure.upstream)

    private static let answers: [GatewayAnswer] =
        MessageError.allCases.map { GatewayAnswer($0) }
        + UpstreamError.allCases.map { GatewayAnswer(Failure.upstream($0)) }
        + [
            .requestTimeout, .requestTooSlow, .redirectWithoutHost, .truncatedRequest, .notFound, .methodNotAllowed,
            .misdirected, .encodedSlash, .contentTooLarge, .upgradeNotSupported,
        ]

    /// Whether it is lower-case words with hyphens between.
    private func isKebabCase(_ code: String) -> Bool {
        code.split(separator: "-", omittingEmptySubsequences: false).allSatisfy { word in
            !word.isEmpty && word.utf8.allSatisfy { ASCII.isLower($0) || ASCII.isDigit($0) }
        }
    }

    @Test("each failure has a code of its own")
    func codesOfFailures() {
        let codes = Self.failures.map { "\($0.code)" }
        #expect(Set(codes).count == codes.count)
        for code in codes { #expect(isKebabCase(code), "\(code)") }
    }

    @Test("an upstream's failure is 502, 503 or 504 and says a sentence; a client that is gone gets nothing")
    func statuses() {
        for failure in Self.failures {
            if case .upstream(let error) = failure {
                #expect([502, 503, 504].contains(failure.status))
                #expect(failure.status == error.status)
                #expect(failure.detail.utf8CodeUnitCount > 0)
            } else {
                #expect(failure.status == 0)
                #expect(failure.detail.utf8CodeUnitCount == 0)
            }
        }
    }

    @Test("all codes that an access log can hold are different")
    func codesOfAnswers() {
        let codes = Self.answers.map { "\($0.code)" } + ["client-left", "client-stalled", "drain-ended"]
        let repeated = Dictionary(grouping: codes, by: \.self).filter { $0.value.count > 1 }.keys
        #expect(repeated.isEmpty, "\(repeated.sorted())")
        for code in codes { #expect(isKebabCase(code), "\(code)") }
    }

    @Test("every body is JSON with the members of RFC 9457, the code and the request's id")
    func bodies() throws {
        for answer in Self.answers {
            var buffer = IOBuffer()
            answer.appendMembers(requestID: ByteView("01jd-ABC.9"), to: &buffer)
            buffer.append("}")
            let object = try JSONSerialization.jsonObject(with: Data(buffer.readable.raw)) as? [String: Any]
            let body = try #require(object)
            #expect(Set(body.keys) == ["type", "title", "status", "detail", "code", "request_id"])
            #expect(body["type"] as? String == "about:blank")
            #expect(body["status"] as? Int == answer.status)
            #expect((body["title"] as? String)?.isEmpty == false, "\(answer.status) has no title")
            #expect(body["detail"] as? String == "\(answer.detail)")
            #expect(body["code"] as? String == "\(answer.code)")
            #expect(body["request_id"] as? String == "01jd-ABC.9")
        }
    }

    @Test("no byte that would need escaping in JSON is accepted in a request's id from outside")
    func requestIDs() {
        for byte in UInt8.min...UInt8.max {
            let isAccepted = [byte].withUnsafeBytes { RequestID.isAcceptable(ByteView($0)) }
            if isAccepted { #expect(byte > 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c) }
        }
    }

    @Test("the answer to a connection too many is one whole message")
    func tooManyConnections() throws {
        let listener = try ListeningSocket.listening(
            at: try #require(IPEndpoint(text: "127.0.0.1:0")), isShared: false)
        let socket = try StreamSocket.connecting(to: listener.endpoint)
        var entry = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
        _ = poll(&entry, 1, 5_000)
        guard let accepted = try listener.accept() else { throw Errno.again }
        accepted.refuse()
        var received = IOBuffer(capacity: 4096)
        reading: while true {
            entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, 5_000)
            switch socket.read(into: received.writable) {
            case .bytes(let count): received.commit(count)
            default: break reading
            }
        }
        let parts = received.readable.string.components(separatedBy: "\r\n\r\n")
        try #require(parts.count == 2)
        let length = parts[0].components(separatedBy: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        #expect(length == "Content-Length: \(parts[1].utf8.count)")
        let body = try JSONSerialization.jsonObject(with: Data(parts[1].utf8)) as? [String: Any]
        #expect(body?["status"] as? Int == 503)
    }
}
