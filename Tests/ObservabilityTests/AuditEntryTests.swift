import Base
import Foundation
import Observability
import Testing

@Suite("Audit lines")
struct AuditEntryTests {
    private func line(_ entry: AuditEntry) -> String { logged { $0.write(entry, now: .zero) } }

    private static let texts: [WritableKeyPath<AuditEntry, ByteView> & Sendable] = [
        \.reason, \.requestID, \.client, \.listener, \.method, \.host, \.path, \.route, \.issuer, \.subject,
        \.spiffeID, \.tenant, \.routeTenant, \.keyID, \.internalTokenID, \.internalTokenDigest, \.claimedIssuer,
        \.claimedKeyID,
    ]

    @Test("a full line, field by field in its order")
    func full() {
        var entry = AuditEntry()
        entry.time = WallTime(nanoseconds: 1_793_613_600_123_999_999)
        entry.decision = .refused
        entry.reason = view("tenant-mismatch")
        entry.status = 403
        entry.requestID = view("0190-abc")
        entry.traceID = TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736)
        entry.client = view("192.0.2.1")
        entry.listener = view("external")
        entry.method = view("GET")
        entry.host = view("api.example.com")
        entry.path = view("/accounts/1")
        entry.route = view("bank-a/read")
        entry.issuer = view("corporate")
        entry.subject = view("user@bank-b")
        entry.spiffeID = view("spiffe://bank-a/user/12345")
        entry.tenant = view("bank-b")
        entry.routeTenant = view("bank-a")
        entry.scopes = view("read transfer")
        entry.keyID = view("2026-11")
        entry.internalTokenID = view("0badcafe")
        entry.internalTokenDigest = view("deadbeef")
        entry.claimedIssuer = view("other")
        entry.claimedKeyID = view("x")
        #expect(
            line(entry) == #"{"time":"2026-11-02T10:00:00.123Z","decision":"refused","reason":"tenant-mismatch","#
                + #""status":403,"request_id":"0190-abc","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","#
                + #""client":"192.0.2.1","listener":"external","method":"GET","host":"api.example.com","#
                + #""path":"/accounts/1","route":"bank-a/read","issuer":"corporate","subject":"user@bank-b","#
                + #""spiffe_id":"spiffe://bank-a/user/12345","tenant":"bank-b","route_tenant":"bank-a","#
                + #""scopes":["read","transfer"],"kid":"2026-11","internal_token_id":"0badcafe","#
                + #""internal_token_digest":"deadbeef","claimed_issuer":"other","claimed_kid":"x"}"# + "\n")
    }

    @Test("what is not known is left out", arguments: AuditDecision.allCases)
    func least(decision: AuditDecision) {
        var entry = AuditEntry()
        entry.decision = decision
        #expect(
            line(entry) == #"{"time":"1970-01-01T00:00:00.000Z","decision":"\#(decision.label)","request_id":"","#
                + #""client":"","listener":"","method":"","path":"","route":""}"# + "\n")
    }

    @Test("all 256 bytes in every field, each far too long: valid JSON within the longest line, and marked")
    func hostile() throws {
        for byte in UInt8.min...UInt8.max {
            try withBytes([UInt8](repeating: byte, count: 20_000)) { long in
                var entry = AuditEntry()
                entry.time = WallTime(nanoseconds: .max)
                entry.traceID = TraceID(high: .max, low: .max)
                entry.status = .max
                for field in Self.texts { entry[keyPath: field] = long }
                entry.scopes = long
                let line = line(entry)
                let object = try #require(jsonObject(line), "byte \(byte)")
                #expect(line.utf8.count < 53_000 && line.utf8.filter { $0 == 0x0a }.count == 1)
                #expect(object["truncated"] as? Bool == true)
                #expect(
                    object["subject"] as? String
                        == String(decoding: [UInt8](repeating: byte, count: 512), as: UTF8.self))
            }
        }
    }

    @Test(
        "scopes are an array of whole words, as far as there is room",
        arguments: [
            ("read", ["read"], false), ("a b  c ", ["a", "b", "c"], false), (" ", [], false),
            ("\"] x", ["\"]", "x"], false),
            (String(repeating: "y", count: 1_024), [String(repeating: "y", count: 1_024)], false),
            ("x " + String(repeating: "y", count: 1_023), ["x"], true),
            (String(repeating: "y ", count: 600), Array(repeating: "y", count: 512), true),
        ] as [(String, [String], Bool)])
    func scopes(text: String, words: [String], isCut: Bool) throws {
        try withBytes(Array(text.utf8)) { bytes in
            var entry = AuditEntry()
            entry.scopes = bytes
            let object = try #require(jsonObject(line(entry)))
            #expect(object["scopes"] as? [String] == words)
            #expect(object["truncated"] as? Bool == (isCut ? true : nil))
        }
    }

    @Test("lines of two logs that share a stream don't come between each other's parts")
    func shared() {
        let sink = SharedSink()
        let writers = (0..<2).map { number in
            let queue = LogQueue(capacity: 2, waker: SemaphoreWaker())
            let log = LineLog(queue: queue)
            var entry = AuditEntry()
            entry.status = number + 1
            for _ in 0..<50 { log.write(entry, now: .zero) }
            log.flush()
            return LogWriter(queue: queue, sink: sink, now: { .zero })
        }
        DispatchQueue.concurrentPerform(iterations: 2) { writers[$0].drain() }
        let lines = sink.text.split(separator: "\n")
        #expect(lines.count == 100)
        #expect(lines.allSatisfy { jsonObject(String($0)) != nil })
    }
}

/// A stream that takes a few bytes at a time.
private final class SharedSink: LogSink {
    private let turn = Lock<Void>(())
    private let written = Lock<[UInt8]>([])

    var text: String { written.withLock { String(decoding: $0, as: UTF8.self) } }

    func write(_ bytes: ByteView) -> LogWriteResult {
        let count = min(7, bytes.count)
        written.withLock { $0 += bytes.prefix(count).raw }
        return .written(count)
    }

    func alone(_ body: () -> Void) { turn.withLock { _ in body() } }
    func waitUntilWritable(for limit: TimeAmount) {}
    func reopen() -> Bool { false }
}
