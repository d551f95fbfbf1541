import Base
import Foundation
import Observability
import Testing

@Suite("Access log lines")
struct AccessLogLineTests {
    private func line(_ entry: borrowing AccessLogEntry) -> String { logged { $0.write(entry, now: .zero) } }

    @Test("a full line, field by field in its order")
    func full() {
        var entry = AccessLogEntry()
        entry.time = WallTime(nanoseconds: 1_793_613_600_123_999_999)
        entry.requestID = view("0190-abc")
        entry.traceID = TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736)
        entry.client = view("192.0.2.1")
        entry.listener = view("external")
        entry.protocolVersion = view("HTTP/1.1")
        entry.method = view("GET")
        entry.host = view("api.example.com")
        entry.path = view("/accounts/1")
        entry.query = view("a=\"b\"")
        entry.status = 200
        entry.bytesIn = 321
        entry.bytesOut = 18_446_744_073_709_551_615
        entry.duration = .nanoseconds(1_234_567)
        entry.route = view("bank-a/read")
        entry.upstreamTarget = view("http://10.1.0.11:8080")
        entry.upstreamDuration = .nanoseconds(999)
        entry.retries = 1
        entry.error = view("head_timeout")
        entry.refuser = .rateLimit
        entry.userAgent = view("curl/8")
        entry.referer = view("https://example.com/")
        #expect(
            line(entry) == #"{"time":"2026-11-02T10:00:00.123Z","request_id":"0190-abc","#
                + #""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","client":"192.0.2.1","listener":"external","#
                + #""protocol":"HTTP/1.1","method":"GET","host":"api.example.com","path":"/accounts/1","#
                + #""query":"a=\"b\"","status":200,"bytes_in":321,"bytes_out":18446744073709551615,"#
                + #""duration_ms":1.234,"route":"bank-a/read","upstream":"http://10.1.0.11:8080","upstream_ms":0.000,"#
                + #""retries":1,"error":"head_timeout","refused_by":"rate_limit","user_agent":"curl/8","referer":"https://example.com/"}"#
                + "\n")
    }

    @Test("what is not known is left out")
    func least() {
        #expect(
            line(AccessLogEntry()) == #"{"time":"1970-01-01T00:00:00.000Z","request_id":"","client":"","listener":"","#
                + #""protocol":"","method":"","path":"","status":0,"bytes_in":0,"bytes_out":0,"duration_ms":0.000}"#
                + "\n")
    }

    @Test("all 256 bytes in every field, each far too long: valid JSON within the longest line, and marked")
    func hostile() throws {
        for byte in UInt8.min...UInt8.max {
            try withBytes([UInt8](repeating: byte, count: 20_000)) { long in
                var entry = AccessLogEntry()
                entry.time = WallTime(nanoseconds: .max)
                entry.traceID = TraceID(high: .max, low: .max)
                entry.requestID = long
                entry.client = long
                entry.listener = long
                entry.protocolVersion = long
                entry.method = long
                entry.host = long
                entry.path = long
                entry.route = long
                entry.upstreamTarget = long
                entry.error = long
                entry.userAgent = long
                entry.referer = long
                entry.query = long
                entry.status = .max
                entry.retries = .max
                entry.bytesIn = .max
                entry.bytesOut = .max
                entry.duration = .nanoseconds(.max)
                entry.upstreamDuration = .nanoseconds(.max)
                let line = line(entry)
                let object = try #require(jsonObject(line), "byte \(byte)")
                #expect(line.utf8.count < 46_000 && line.utf8.filter { $0 == 0x0a }.count == 1)
                #expect(object["truncated"] as? Bool == true)
                let expected = String(decoding: [UInt8](repeating: byte, count: 2_048), as: UTF8.self)
                #expect(object["path"] as? String == expected)
            }
        }
    }

    @Test(
        "instants as RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1_000_000, "1969-12-31T23:59:59.999Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999_000_000, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_000_000_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"), (Int64.max, "2262-04-11T23:47:16.854Z"),
            (Int64.min, "1677-09-21T00:12:43.145Z"),
        ] as [(Int64, String)])
    func instants(nanoseconds: Int64, expected: String) {
        var entry = AccessLogEntry()
        entry.time = WallTime(nanoseconds: nanoseconds)
        #expect(jsonObject(line(entry))?["time"] as? String == expected)
    }

    @Test("numbers of any length, and parts of a millisecond")
    func numbers() {
        var numbers: [UInt64] = [0, 9, .max]
        for exponent in 1..<20 {
            let power = (0..<exponent).reduce(UInt64(1)) { product, _ in product * 10 }
            numbers += [power - 1, power, power + 1]
        }
        for number in numbers {
            var entry = AccessLogEntry()
            entry.bytesIn = number
            entry.duration = .nanoseconds(Int64(truncatingIfNeeded: number >> 1))
            let micros = (number >> 1) / 1_000
            let rest = String(micros % 1_000)
            let decimals = String(repeating: "0", count: 3 - rest.count) + rest
            let line = line(entry)
            #expect(line.contains(#""bytes_in":\#(number),"#))
            #expect(line.contains(#""duration_ms":\#(micros / 1_000).\#(decimals)}"#), "\(number)")
        }
    }

    @Test("lines of one second differ in their milliseconds, whatever their order")
    func milliseconds() {
        let text = logged { log in
            for millisecond in [7, 7, 999, 0, 1_000, 7] {
                var entry = AccessLogEntry()
                entry.time = WallTime(nanoseconds: Int64(millisecond) * 1_000_000 + 999_999)
                log.write(entry, now: .zero)
            }
        }
        let times = text.split(separator: "\n").map { jsonObject(String($0))?["time"] as? String ?? "" }
        #expect(
            times.map { $0.suffix(8) }
                == ["00.007Z", "00.007Z", "00.999Z", "00.000Z", "01.000Z", "00.007Z"].map { ":" + $0 })
    }

    @Test("any second is the calendar's")
    func calendar() {
        let formatter = ISO8601DateFormatter()
        var random = RandomSource(seed: 11)
        for _ in 0..<fuzzIterations {
            let seconds = Int64.random(in: -9_000_000_000...9_000_000_000, using: &random)
            var entry = AccessLogEntry()
            entry.time = WallTime(seconds: seconds)
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds))).dropLast() + ".000Z"
            #expect(jsonObject(line(entry))?["time"] as? String == String(expected))
        }
    }
}
