import Base
import Configuration
import EventLoop
import Foundation
import Linux
import Observability
import Proxy
import Testing

private final class SilentWaker: LogWaker {
    func wake() {}
    func wait(for limit: TimeAmount) {}
}

@Suite("Configurations that the gateway applies")
struct GatewayTests {
    /// A key that is in the repository for everybody to see.
    private static let key = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("gateway.d/demo-keys/gateway.pem").path

    private static func checked(upstreams: String, stores: String) throws -> Blueprint {
        let files = [
            "gateway.yaml": """
            listeners:
              main: {address: "127.0.0.1:0"}
            stores:
              \(stores)
            internal_tokens: {issuer: "https://gateway.test", keys: [{file: "\(key)"}]}
            domains:
              app: {hosts: [app.test], listeners: [main]}
            """,
            "app.yaml": """
            domain: app
            upstreams:
              \(upstreams)
            routes:
              all: {match: {prefix: /}, upstream: service}
            """,
        ]
        let source = ConfigurationSource(
            folder: "etc", list: { () throws(SourceError) in files.keys.sorted() },
            read: { (name, _) throws(SourceError) in
                if name == key { return [UInt8](FileManager.default.contents(atPath: key) ?? Data()) }
                guard let text = files[name] else { throw .notFound }
                return Array(text.utf8)
            },
            environment: { _ in nil })
        let checked = ConfigurationCheck.load(source: source)
        return try #require(checked.blueprint, "\(checked.diagnostics)")
    }

    @Test("one that can't be had leaves nothing behind")
    func rejected() throws {
        let first = try Self.checked(
            upstreams: #"service: {targets: ["http://127.0.0.1:1"]}"#,
            stores: #"one: {redis: {addresses: ["127.0.0.1:2"]}}"#)
        let second = try Self.checked(
            upstreams: """
                service: {targets: ["http://127.0.0.1:1", "http://127.0.0.1:3"]}
                  more: {targets: ["http://127.0.0.1:4"]}
                """,
            stores: """
                one: {redis: {addresses: ["127.0.0.1:2"]}}
                  two: {redis: {addresses: ["127.0.0.1:5"]}}
                """)
        let log = Observability.ErrorLog(
            queue: LogQueue(capacity: 1, batchSize: 4096, waker: SilentWaker()), level: .error
        ) {
            .init(wall: WallTime(seconds: 0), monotonic: .zero)
        }
        let gateway = Gateway(
            first, loop: try EventLoop(), registry: MetricsRegistry(version: "1", startTime: WallTime(seconds: 0)),
            log: log)
        func targets() -> Int? { gateway.health.health(of: "app/service")?.allTargets.count }
        try gateway.apply(first) {}
        #expect(targets() == 1 && gateway.storeStatus.map(\.name) == ["one"])

        // The same without its signing keys: the last thing that can fail.
        let keyless = try Blueprint(second.configuration)
        #expect(throws: GatewayFailure.self) { try gateway.apply(keyless) {} }
        #expect(targets() == 1)
        #expect(gateway.health.health(of: "app/more") == nil)
        #expect(gateway.storeStatus.map(\.name) == ["one"])

        try gateway.apply(second) {}
        #expect(targets() == 2)
        #expect(gateway.health.health(of: "app/more")?.allTargets.count == 1)
        #expect(gateway.storeStatus.map(\.name) == ["one", "two"])
    }
}
