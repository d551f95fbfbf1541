import Configuration
import Testing

/// What is loaded must fit what it is compiled into: the balancer, the router and the listeners' bit set.
@Suite("Capacities")
struct CapacityTests {
    @Test(
        "a set that the data plane could not hold is an error, not a trap",
        arguments: [
            (256, 63, 15, 64, true), (257, 1, 1, 1, false), (1, 64, 1, 1, false), (1, 16, 16, 1, false),
            (1, 1, 1, 65, false),
        ])
    func capacity(targets: Int, segments: Int, parameters: Int, listeners: Int, fits: Bool) {
        let names = (0..<listeners).map { "  l\($0): {address: \"127.0.0.1:\(10_000 + $0)\"}" }
        let urls = (0..<targets).map { "\"http://10.1.\($0 / 256).\($0 % 256):80\"" }
        let path = (0..<segments).map { $0 < parameters ? "/{p\($0)}" : "/s" }.joined()
        let folder = MemoryFolder([
            "gateway.yaml": "listeners:\n" + names.joined(separator: "\n") + "\ndomains:\n  app: {owner: team}\n",
            "app.yaml": """
            domain: app
            upstreams: {up: {targets: [\(urls.joined(separator: ", "))]}}
            routes:
              one: {match: {prefix: "\(path)"}, upstream: up}

            """,
        ])
        let result = folder.load()
        #expect((result.configuration != nil) == fits, "\(result.diagnostics.map(\.message))")
    }
}
