import Admin
import Base
import Configuration
import EventLoop
import Foundation
import HTTP
import Linux
import Observability
import Proxy
import Testing

@Suite("Admin endpoints")
struct EndpointTests {
    private static let gatewayFile = """
        listeners:
          main: {address: "127.0.0.1:0"}
        domains:
          app: {hosts: [app.test], listeners: [main]}
        """
    private static let appFile = """
        domain: app
        upstreams:
          service:
            targets: ["http://127.0.0.1:9001", {url: "http://service.test:80", weight: 3}]
            balancer: consistent_hash
            hash_on: {cookie: session}
        routes:
          any-account:
            match: {prefix: /accounts}
            upstream: service
          one-account:
            match: {methods: [GET], path: "/accounts/{id}", headers: {X-Key: "${env:KEY}"}}
            upstream: service
            rewrite: {strip_prefix: /accounts}
            tier: 1
          secret:
            match: {path: /secret}
            respond: {body: "${env:KEY}"}
        """

    /// The endpoints of a gateway that is configured but not started.
    private final class World {
        let state = AdminState(startTime: WallTime(seconds: 1_000))
        let gateway: Gateway
        private let loop: EventLoop
        private let endpoints: [LocalEndpoint]

        init() throws {
            let files = ["gateway.yaml": gatewayFile, "app.yaml": appFile]
            let source = ConfigurationSource(
                folder: "etc", list: { () throws(SourceError) in files.keys.sorted() },
                read: { (name, _) throws(SourceError) in
                    guard let text = files[name] else { throw .notFound }
                    return Array(text.utf8)
                },
                environment: { $0 == "KEY" ? "hunter2" : nil })
            let checked = ConfigurationCheck.load(source: source)
            let blueprint = try #require(checked.blueprint, "\(checked.diagnostics)")
            loop = try EventLoop()
            let registry = MetricsRegistry(version: "1.2.3", startTime: WallTime(seconds: 1_000))
            let log = Observability.ErrorLog(
                queue: LogQueue(capacity: 1, batchSize: 4096, waker: SilentWaker()), level: .error
            ) {
                .init(wall: WallTime(seconds: 0), monotonic: .zero)
            }
            gateway = Gateway(blueprint, loop: loop, registry: registry, log: log)
            endpoints = AdminEndpoints.make(gateway: gateway, state: state) {
                var sample = ProcessSample()
                sample.openDescriptors = 12
                return sample
            }
        }

        func get(_ path: String) throws -> LocalAnswer {
            let endpoint = try #require(endpoints.first { $0.path == path })
            return endpoint.handler.respond(to: LocalRequest(method: .get, path: path))
        }

        func json(_ path: String, status: Int = 200) throws -> [String: Any] {
            let answer = try get(path)
            #expect(answer.status == status)
            #expect(answer.contentType == "application/json")
            return try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
        }

        func text(_ path: String) throws -> String { String(decoding: try get(path).body, as: UTF8.self) }
    }

    @Test("/livez says ok, while the process drains too")
    func liveness() throws {
        let world = try World()
        world.state.isDraining = true
        #expect(try world.get("/livez").status == 200)
        #expect(try world.text("/livez") == "ok\n")
    }

    @Test("/readyz is 503 until a configuration is served, and while the process drains")
    func readiness() throws {
        let world = try World()
        #expect(try world.json("/readyz", status: 503)["status"] as? String == "starting")
        world.state.applied(digest: "abc", at: WallTime(seconds: 1_001))
        let serving = try world.json("/readyz")
        #expect(serving["status"] as? String == "serving")
        #expect(serving["started"] as? String == "1970-01-01T00:16:40.000Z")
        let configuration = serving["configuration"] as? [String: String]
        #expect(configuration == ["digest": "abc", "since": "1970-01-01T00:16:41.000Z"])
        #expect(serving["last_reload"] == nil)
        world.state.isDraining = true
        #expect(try world.json("/readyz", status: 503)["status"] as? String == "draining")
    }

    @Test("a rejected reload keeps the gateway ready and says what was wrong")
    func rejectedReload() throws {
        let world = try World()
        world.state.applied(digest: "abc", at: WallTime(seconds: 1_001))
        world.state.reloadRejected(
            errors: (1...30).map { "a.yaml:\($0):1: wrong" }, count: 700, at: WallTime(seconds: 1_002))
        let detail = try world.json("/readyz")
        #expect(detail["status"] as? String == "serving, last reload failed")
        let reload = try #require(detail["last_reload"] as? [String: Any])
        #expect(reload["result"] as? String == "rejected")
        #expect(reload["error_count"] as? Int == 700)
        #expect((reload["errors"] as? [String])?.first == "a.yaml:1:1: wrong")
        #expect((reload["errors"] as? [String])?.count == 20)

        world.state.applied(digest: "def", at: WallTime(seconds: 1_003))
        let after = try world.json("/readyz")
        #expect(after["status"] as? String == "serving")
        #expect((after["last_reload"] as? [String: String])?["result"] == "applied")
    }

    @Test("/metrics is Prometheus text with the sample in it")
    func metrics() throws {
        let world = try World()
        #expect(try world.get("/metrics").contentType == MetricsScrape.mediaType.description)
        let text = try world.text("/metrics")
        #expect(text.contains("\nprocess_open_fds 12\n"))
        #expect(text.contains("version=\"1.2.3\""))
        #expect(text.hasSuffix("\n"))
    }

    @Test("/routes lists routes by rank, with places and without secrets")
    func routes() throws {
        let world = try World()
        let routes = try #require(try world.json("/routes")["routes"] as? [[String: Any]])
        #expect(routes.map { $0["route"] as? String } == ["app/one-account", "app/any-account", "app/secret"])
        let first = try #require(routes.first)
        #expect(first["listeners"] as? [String] == ["main"])
        #expect(first["hosts"] as? [String] == ["app.test"])
        #expect(first["methods"] as? [String] == ["GET"])
        #expect(first["path"] as? String == "/accounts/{id}")
        #expect(first["conditions"] as? [String] == ["header X-Key = ********"])
        #expect(first["action"] as? String == "upstream service, 1 path segment stripped")
        #expect(first["place"] as? String == "etc/app.yaml:11:3")
        #expect(first["tier"] as? Int == 1)
        #expect(routes[1]["path"] as? String == "/accounts (prefix)")
    }

    @Test("/upstreams lists targets, also those that nothing is open to")
    func upstreams() throws {
        let world = try World()
        let upstreams = try #require(try world.json("/upstreams")["upstreams"] as? [[String: Any]])
        let upstream = try #require(upstreams.first)
        #expect(upstream["upstream"] as? String == "app/service")
        #expect(upstream["balancer"] as? String == "consistent_hash on cookie session")
        let targets = try #require(upstream["targets"] as? [[String: Any]])
        #expect(targets.map { $0["target"] as? String } == ["http://127.0.0.1:9001", "http://service.test:80"])
        #expect(targets.map { $0["addresses"] as? [String] } == [["127.0.0.1:9001"], []])
        #expect(targets.map { $0["weight"] as? Int } == [1, 3])
    }

    @Test("/config shows the effective configuration without secrets")
    func configuration() throws {
        let world = try World()
        #expect(try world.json("/config")["digest"] as? String == world.gateway.blueprint.configuration.digest)
    }

    @Test(
        "no page shows what came out of the environment",
        arguments: ["/config", "/routes", "/upstreams", "/issuers", "/readyz"])
    func secrets(path: String) throws {
        #expect(try !World().text(path).contains("hunter2"))
    }

    @Test(
        "a gateway that issues no tokens has no keys to show",
        arguments: ["/.well-known/jwks.json", "/.well-known/spiffe-bundle.json"])
    func noKeys(path: String) throws { #expect(try World().get(path).status == 404) }

    @Test(
        "/ names all the others",
        arguments: [
            "/livez", "/readyz", "/metrics", "/config", "/routes", "/upstreams", "/limits", "/issuers",
            "/.well-known/jwks.json", "/.well-known/spiffe-bundle.json",
        ])
    func index(path: String) throws {
        #expect(try World().text("/").contains("\n\(path) "))
    }
}

private final class SilentWaker: LogWaker {
    func wake() {}
    func wait(for limit: TimeAmount) {}
}
