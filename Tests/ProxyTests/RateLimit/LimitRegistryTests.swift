import Base
import Configuration
import Proxy
import Testing
import Traffic

@Suite("Rate limits over reloads")
struct LimitRegistryTests {
    private final class World {
        let registry = LimitRegistry(hash: KeyedHash(first: 1, second: 2), start: .zero)
        var now = MonotonicTime.zero

        /// Serves by a domain's file with these limits.
        func serve(_ routes: String, _ limits: String = "") throws {
            let files = [
                "gateway.yaml": "listeners: {main: {address: \"127.0.0.1:0\"}}\ndomains: {app: {}}",
                "app.yaml": "domain: app\nroutes:\n\(routes)\n\(limits)",
            ]
            let source = ConfigurationSource(
                folder: "etc", list: { () throws(SourceError) in files.keys.sorted() },
                read: { (name, _) throws(SourceError) in
                    guard let text = files[name] else { throw .notFound }
                    return Array(text.utf8)
                }, environment: { _ in nil })
            let result = ConfigurationLoader(source: source).load()
            let configuration = try #require(result.configuration, "\(result.diagnostics)")
            registry.commit(registry.prepare(configuration), now: now)
        }

        func table(_ identity: String) throws -> BucketTable { try #require(registry.tables[identity]?.table) }
    }

    private func route(_ name: String, _ limit: String) -> String {
        "  \(name): {match: {path: /\(name)}, respond: {status: 204}, plugins: {rate_limit: \(limit)}}\n"
    }

    @Test("an equal limit keeps its table, and one that is gone begins anew")
    func kept() throws {
        let world = World()
        try world.serve(route("a", "{rate: 1/s}"))
        let table = try world.table("app/a/rate_limit/default")
        try world.serve(route("a", "{rate: 1/s, cost: 1, shadow: true}") + route("b", "{rate: 1/s}"))
        #expect(try world.table("app/a/rate_limit/default") === table)
        try world.serve(route("b", "{rate: 1/s}"))
        #expect(world.registry.tables.keys.sorted() == ["app/b/rate_limit/default"])
        try world.serve(route("a", "{rate: 1/s}"))
        #expect(try world.table("app/a/rate_limit/default") !== table)
    }

    @Test("a changed law keeps each bucket as full in proportion; another key begins with full buckets")
    func changed() throws {
        let world = World()
        try world.serve(route("a", "{rate: 10/s, burst: 100}"))
        let identity = "app/a/rate_limit/default"
        let key = ["192.0.2.1"]
        let first = try world.table(identity)
        #expect(world.registry.standing(of: identity, key: key, now: .zero)?.isInUse == false)
        // The hash that requests of this client have.
        let hashed = KeyedHash(first: 1, second: 2).hash(try #require(IPAddress(text: key[0])))
        #expect(first.buckets.take(75, key: hashed, now: .zero).isAllowed)
        #expect(world.registry.standing(of: identity, key: key, now: .zero)?.remaining == 25)
        try world.serve(route("a", "{rate: 1/min, burst: 8, keys_max: 5}"))
        #expect(world.registry.standing(of: identity, key: key, now: .zero)?.remaining == 2)
        // A request that still runs by the old configuration.
        #expect(first.buckets.take(1, key: hashed, now: .zero).isAllowed)
        #expect(world.registry.standing(of: identity, key: key, now: .zero)?.remaining == 1)
        try world.serve(route("a", "{rate: 1/min, burst: 8, keys_max: 5, key: [client_address, route]}"))
        #expect(world.registry.standing(of: identity, key: key + ["app/a"], now: .zero)?.remaining == 8)
    }

    @Test("another `ipv6_prefix` changes nothing for IPv4 clients and other keys, and resets no network as a whole")
    func prefix() throws {
        let world = World()
        let identity = "app/a/rate_limit/default"
        try world.serve(route("a", "{rate: 1/h, burst: 3}"))
        let table = try world.table(identity)
        for client in ["192.0.2.1", "2001:db8::", "2001:db8:0:1::"] {
            let hashed = KeyedHash(first: 1, second: 2).hash(try #require(IPAddress(text: client)))
            #expect(table.buckets.take(2, key: hashed, now: .zero).isAllowed)
        }
        for prefix in [56, 48, 128, 64] {
            try world.serve(route("a", "{rate: 1/h, burst: 3, ipv6_prefix: \(prefix)}"))
            #expect(try world.table(identity) === table)
            for (client, remaining) in [("192.0.2.1", 1), ("2001:db8::", 1), ("2001:db8:5::", 3)] {
                let standing = world.registry.standing(of: identity, key: [client], now: .zero)
                #expect(standing?.remaining == remaining, "\(client) by /\(prefix)")
            }
        }
        // By /64 again, this network still has what it had.
        #expect(world.registry.standing(of: identity, key: ["2001:db8:0:1::9"], now: .zero)?.remaining == 1)
    }

    @Test("routes that share a limit have one table, as large as its key can need")
    func shared() throws {
        let world = World()
        let routes = route("a", "{shared: s}") + route("b", "{shared: s}") + route("c", "{rate: 1/s, key: gateway}")
        try world.serve(routes, "rate_limits: {s: {rate: 1/s, key: [route]}}")
        let shared = try #require(world.registry.tables["app/rate_limits/s"])
        #expect(shared.routes == ["app/a", "app/b"] && shared.table.capacity == 2)
        #expect(try world.table("app/c/rate_limit/default").capacity == 1)
        #expect(world.registry.standing(of: "app/rate_limits/s", key: ["app/a", "x"], now: .zero) == nil)
        #expect(world.registry.standing(of: "nobody", key: [], now: .zero) == nil)
    }

    @Test("a bucket that is full again isn't in use, as the table counts")
    func full() throws {
        let world = World()
        try world.serve(route("a", "{rate: 10/s, burst: 10}"))
        let identity = "app/a/rate_limit/default"
        let table = try world.table(identity)
        let hashed = KeyedHash(first: 1, second: 2).hash(try #require(IPAddress(text: "192.0.2.1")))
        #expect(table.buckets.take(10, key: hashed, now: .zero).isAllowed)
        for (milliseconds, isInUse) in [(0, true), (900, true), (1_000, false), (5_000, false)] as [(Int64, Bool)] {
            let now = MonotonicTime.zero + .milliseconds(milliseconds)
            #expect(world.registry.standing(of: identity, key: ["192.0.2.1"], now: now)?.isInUse == isInUse)
            #expect(table.buckets.inUse(now: now) == (isInUse ? 1 : 0))
        }
    }

    @Test("parts of a key that the configuration gives are of its own making, and no part is empty")
    func keys() throws {
        let world = World()
        let routes = route("a", "{shared: s}") + route("b", "{shared: s}")
        try world.serve(routes, "rate_limits: {s: {rate: 1/s, key: [route, domain, gateway, header.x-id]}}")
        let limit = try #require(world.registry.tables["app/rate_limits/s"])
        #expect(limit.problem(with: ["app/a", "app", "gateway", "7"]) == nil)
        #expect(limit.problem(with: ["a", "app", "gateway", "7"]) == .unknown(part: 0, expected: ["app/a", "app/b"]))
        #expect(limit.problem(with: ["app/b", "", "gateway", "7"]) == .unknown(part: 1, expected: ["app"]))
        #expect(limit.problem(with: ["app/b", "app", "accounts", "7"]) == .unknown(part: 2, expected: ["gateway"]))
        #expect(limit.problem(with: ["app/b", "app", "gateway", ""]) == .empty(part: 3))
        #expect(limit.problem(with: ["app/b"]) == .count)
    }
}
