import Base
import Foundation
import HTTP
import Routing
import Testing

/// Not a test of speed, which depends on the machine: prints figures. `BENCHMARK=1 swift test -c release --filter
/// RouteBenchmark`.
@Suite("Routing benchmark", .enabled(if: ProcessInfo.processInfo.environment["BENCHMARK"] != nil), .serialized)
struct RouteBenchmark {
    static let clock = ContinuousClock()

    @Test("cost of a match and of building, by number of routes", arguments: [10, 100, 1_000, 10_000])
    func cost(count: Int) throws {
        // One host for twenty routes or for all; three segments, one of them a parameter.
        for hostCount in [1, max(1, count / 20)] {
            let routes = try (0..<count).map { try route("GET h\($0 % hostCount).example.com /api/service-\($0)/{id}") }
            var best = Duration.seconds(100)
            var table: RouteTable?
            for _ in 0..<5 {
                let start = Self.clock.now
                table = RouteTable.build(routes).table
                best = min(best, Self.clock.now - start)
            }
            let built = try #require(table)
            let same = measure(built, spread: 1, count, hostCount)
            let all = measure(built, spread: count, count, hostCount)
            print(
                "\(count) routes, \(hostCount) hosts: one route \(same) ns, all in turn \(all) ns a match; build "
                    + "\(best.microseconds) µs; \(built.memoryBytes / 1024) KiB")
        }
    }

    /// The best of some rounds, in nanoseconds a match, over `spread` different requests.
    private func measure(_ table: RouteTable, spread: Int, _ count: Int, _ hostCount: Int) -> Int {
        var fields = HeaderList()
        fields.append(name: ByteView("Host"), value: ByteView("h"))
        // All texts in one block, requests as offsets.
        var bytes: [UInt8] = []
        var spans: [(host: Range<Int>, path: Range<Int>)] = []
        for index in 0..<spread {
            let route = (index * 7919) % count
            let host = Array("h\(route % hostCount).example.com".utf8)
            let path = Array("/api/service-\(route)/123456".utf8)
            spans.append(
                (
                    bytes.count..<bytes.count + host.count,
                    bytes.count + host.count..<bytes.count + host.count + path.count
                ))
            bytes += host + path
        }
        var best = Int.max
        bytes.withUnsafeBytes { raw in
            let text = ByteView(raw)
            let match = RouteMatch()
            for _ in 0..<9 {
                let rounds = 100_000
                var found = 0
                var index = 0
                let start = Self.clock.now
                for _ in 0..<rounds {
                    let span = spans[index]
                    index += 1
                    if index == spread { index = 0 }
                    let request = RouteRequest(
                        listener: 0, host: text[span.host], path: text[span.path], method: .get,
                        methodToken: ByteView("GET"),
                        query: ByteView())
                    table.match(request, fields: fields, into: match)
                    if case .route = match.outcome { found += 1 }
                }
                let elapsed = Self.clock.now - start
                best = min(best, Int(elapsed.microseconds * 1_000) / rounds)
                #expect(found == rounds)
            }
        }
        return best
    }
}

extension Duration {
    fileprivate var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
