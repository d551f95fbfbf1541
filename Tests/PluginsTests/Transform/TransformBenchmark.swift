import Base
import Foundation
import HTTP
import Plugins
import Routing
import Testing

/// What header operations cost, printed: `BENCHMARK=1 swift test -c release --filter TransformBenchmark`.
@Suite(
    "Transform benchmark", .enabled(if: ProcessInfo.processInfo.environment["BENCHMARK"] != nil, "BENCHMARK is not set")
)
struct TransformBenchmark {
    /// What this thread has had of the processor, in nanoseconds.
    private static func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// A browser's request with a token.
    private static let lines = [
        ("Host", "api.bank-a.example.com"), ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"),
        ("Accept", "application/json"), ("Accept-Language", "en-GB,en;q=0.5"), ("Accept-Encoding", "gzip, br"),
        ("Authorization", "Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln"), ("Cookie", "session=4711; theme=dark"),
        ("X-Client", "mobile"), ("X-Debug", "1"), ("X-Old", "v"), ("X-Request-ID", "id-1"),
        ("Cache-Control", "no-cache"),
    ]

    @Test("ten operations, five of them with values that are rendered")
    func headers() throws {
        var parts = RequestTransformRule.Parts()
        parts.headers = [
            FieldOperation(ByteView("X-Debug"), .remove),
            FieldOperation(ByteView("X-Old"), .rename(to: ByteView("X-New"))),
            FieldOperation(ByteView("Cache-Control"), .replace(.constant(ByteView("no-store")))),
            FieldOperation(ByteView("X-Account"), .set(.rendered(0))),
            FieldOperation(ByteView("X-User"), .set(.rendered(1))),
            FieldOperation(ByteView("X-Tenant"), .set(.rendered(2))),
            FieldOperation(ByteView("X-Client"), .set(.rendered(3))),
            FieldOperation(ByteView("X-Gateway"), .set(.constant(ByteView("portcullis")))),
            FieldOperation(ByteView("X-Version"), .set(.constant(ByteView("2")))),
            FieldOperation(ByteView("X-Route"), .append(.rendered(4))),
        ]
        parts.texts = TextTable([
            [.value(.capture(0), [])], [.value(.claim(0), [.lower])], [.value(.tenant, [])],
            [.value(.field(ByteView("X-Client")), []), .literal(ByteView("; via gateway"))],
            [.literal(ByteView("app/")), .value(.host, [])],
        ])
        let rule = RequestTransformRule(parts)
        let fixture = try TransformFixture(Self.lines, claims: #""name":"Ann.Example""#)
        let plain = measure(fixture) {}
        let edited = measure(fixture) {
            _ = rule.render(fixture.facts, fields: fixture.fields, parameters: fixture.match)
            rule.apply(to: &fixture.fields)
        }
        print("ten header operations: \(edited - plain) ns; filling the list anew: \(plain) ns")
    }

    /// The best of several runs, in nanoseconds for each request, with the list filled anew each time.
    private func measure(_ fixture: TransformFixture, _ body: () -> Void) -> Double {
        var best = Double.infinity
        let texts = TextArena()
        let lines = Self.lines.map { (texts.keep($0.0), texts.keep($0.1)) }
        for _ in 0..<9 {
            let start = Self.processorTime()
            for _ in 0..<20_000 {
                fixture.fields.removeAll()
                for (name, value) in lines { fixture.fields.append(name: name, value: value) }
                body()
            }
            best = min(best, Double(Self.processorTime() - start) / 20_000)
        }
        return best
    }
}
