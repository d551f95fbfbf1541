import Base
import Configuration
import Testing

/// What gateway.yaml says about one store.
private func folder(_ redis: String) -> MemoryFolder {
    let gateway = """
        listeners:
          external: {address: "127.0.0.1:8080"}
        stores:
          shared:
            redis:
        \(redis.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n"))
        """
    return MemoryFolder(
        ["gateway.yaml": gateway, "ca.pem": "certificates", "password": "from a file\n"],
        environment: ["REDIS_PASSWORD": "top-secret-password"])
}

@Suite("Stores")
struct StoreTests {
    private func store(_ redis: String) throws -> RedisStore {
        let result = folder(redis).load()
        return try #require(result.configuration?.stores.first?.redis, "\(findings(result))")
    }

    @Test("a store that says the least has the documented defaults")
    func defaults() throws {
        let store = try store("addresses: [redis.internal]")
        #expect(store.addresses.map(\.value.description) == ["redis.internal:6379"])
        #expect(store.sentinel == nil && store.tls == nil && store.database.value == 0)
        #expect(store.credentials.username == nil && store.credentials.password == nil)
        #expect(store.prefix.value == "portcullis:" && store.waitingMax.value == 4_096)
        #expect(store.connectTimeout.value == .seconds(1) && store.timeout.value == .milliseconds(50))
        #expect(store.breaker.failures.value == 5 && store.breaker.openTime.value == .seconds(1))
        #expect(store.breaker.openTimeMax.value == .seconds(10))
    }

    @Test("every key of a store arrives in the model")
    func keys() throws {
        let store = try store(
            """
            addresses: ["10.1.0.11:6380", "[2001:db8::1]:6381", "redis-2"]
            username: gateway
            password: "${env:REDIS_PASSWORD}"
            database: 3
            tls: {ca_file: ca.pem, server_name: redis.internal}
            prefix: ""
            connect_timeout: 2s
            timeout: 20ms
            waiting_max: 10
            breaker: {failures: 2, open_for: 500ms, open_for_max: 500ms}
            """)
        #expect(
            store.addresses.map(\.value.description) == ["10.1.0.11:6380", "[2001:db8::1]:6381", "redis-2:6379"])
        #expect(store.credentials.username?.value == "gateway")
        #expect(store.credentials.password?.value == "top-secret-password" && store.database.value == 3)
        #expect(store.tls?.authorities?.value.path == "gateway.d/ca.pem")
        #expect(store.tls?.serverName?.value == "redis.internal" && store.prefix.value == "")
        #expect(store.connectTimeout.value == .seconds(2) && store.timeout.value == .milliseconds(20))
        #expect(store.waitingMax.value == 10 && store.breaker.failures.value == 2)
        #expect(store.breaker.openTimeMax.value == .milliseconds(500))
    }

    @Test("Sentinels have a password of their own, and files may hold passwords")
    func sentinel() throws {
        let store = try store(
            """
            sentinel:
              master: main
              addresses: [sentinel-1, "sentinel-2:26380"]
              password: "${env:REDIS_PASSWORD}"
            password: "${file:password}"
            """)
        let sentinel = try #require(store.sentinel)
        #expect(sentinel.master.value == "main" && store.addresses.isEmpty)
        #expect(sentinel.addresses.map(\.value.description) == ["sentinel-1:26379", "sentinel-2:26380"])
        #expect(sentinel.credentials.password?.value == "top-secret-password")
        #expect(store.credentials.password?.value == "from a file")
    }

    @Test("a password is never shown, but counts as a part of the configuration")
    func secret() throws {
        var one = folder("addresses: [a]\npassword: \"${env:REDIS_PASSWORD}\"")
        let before = try #require(one.load().configuration)
        #expect(!EffectiveConfiguration.json(before).contains("top-secret"))
        one.environment["REDIS_PASSWORD"] = "another"
        let after = try #require(one.load().configuration)
        #expect(before.digest != after.digest)
        #expect(ConfigurationChanges.between(before, after).settings == ["stores"])
    }

    static let cases: [GoldenCase] = [
        GoldenCase(
            "no server", "database: 1",
            "gateway.d/gateway.yaml:4:3: error: stores.shared: nothing says where the servers are; expected `addresses` or `sentinel`"
        ),
        GoldenCase(
            "servers and Sentinels", "addresses: [a]\nsentinel: {master: m, addresses: [b]}",
            "gateway.d/gateway.yaml:7:7: error: stores.shared.redis.sentinel: there are both `addresses` and `sentinel`; expected `addresses` of servers, or `sentinel`, which finds the master"
        ),
        GoldenCase(
            "a password in the file", "addresses: [a]\npassword: hunter2",
            "gateway.d/gateway.yaml:7:17: error: stores.shared.redis.password: the password stands in the file itself; expected `${env:NAME}` or `${file:path}`, which leads to the password"
        ),
        GoldenCase(
            "a user without password", "addresses: [a]\nusername: gateway",
            "gateway.d/gateway.yaml:7:17: error: stores.shared.redis.username: `username` without `password`; expected both, or neither"
        ),
        GoldenCase(
            "a URL as an address", "addresses: [\"redis://a:6379\"]",
            "gateway.d/gateway.yaml:6:19: error: stores.shared.redis.addresses[0]: `redis://a:6379` does not fit here; expected a server such as `redis-1.internal`, `10.1.0.11:6379` or `[2001:db8::1]:6379`; write host and port alone"
        ),
        GoldenCase(
            "a port that is none", "addresses: [\"a:0\"]",
            "gateway.d/gateway.yaml:6:19: error: stores.shared.redis.addresses[0]: `a:0` does not fit here; expected a port from 1 to 65535"
        ),
        GoldenCase(
            "a time-out that is too short", "addresses: [a]\ntimeout: 10us",
            "gateway.d/gateway.yaml:7:16: error: stores.shared.redis.timeout: `10us` does not fit here; expected a duration from 1ms to 10s"
        ),
        GoldenCase(
            "times the wrong way round", "addresses: [a]\nbreaker: {open_for: 5s, open_for_max: 2s}",
            "gateway.d/gateway.yaml:7:45: error: stores.shared.redis.breaker.open_for_max: `open_for_max` (2s) is below `open_for` (5s)"
        ),
        GoldenCase(
            "authorities that aren't there", "addresses: [a]\ntls: {ca_file: no.pem}",
            "gateway.d/gateway.yaml:7:22: error: stores.shared.redis.tls.ca_file: the file `no.pem` does not exist"),
        GoldenCase(
            "a misspelt key", "address: [a]",
            "gateway.d/gateway.yaml:6:7: error: stores.shared.redis.address: unknown key `address`; expected `addresses`, `sentinel`, `username`, `password`, `database`, `tls`, `prefix`, `connect_timeout`, `timeout`, `waiting_max` or `breaker`; did you mean `addresses`?"
        ),
    ]

    @Test("what is said wrongly about a store is reported with its place and a remedy", arguments: cases)
    func golden(golden: GoldenCase) {
        #expect(findings(folder(golden.yaml).load()) == golden.findings)
    }
}

@Suite("Limits with a store")
struct StoredLimitTests {
    private static func load(_ limit: String) -> LoadResult {
        MemoryFolder([
            "gateway.yaml": """
            listeners:
              external: {address: "127.0.0.1:8080"}
            stores:
              shared: {redis: {addresses: [a]}}
              other: {redis: {addresses: [b]}}
            domains:
              bank: {hosts: [api.bank.example.com]}
            """,
            "bank.yaml": """
            domain: bank
            plugins:
              rate_limit: \(limit)
            routes:
              read:
                match: {path: /accounts}
                respond: {status: 204}
            """,
        ]).load()
    }

    @Test("a store, what to do without it, and batches arrive in the model")
    func model() throws {
        let result = Self.load("{rate: 100/s, burst: 200, store: shared, on_failure: refuse, batch: 20}")
        let configuration = try #require(result.configuration, "\(findings(result))")
        let limit = try #require(configuration.domains[0].routes[0].plugins.rateLimit?.limits.first?.definition)
        #expect(limit.store?.value == "shared" && limit.onFailure.value == .refuse && limit.batch?.value == 20)
        let plain = try #require(Self.load("{rate: 1/s, store: shared}").configuration)
        let least = try #require(plain.domains[0].routes[0].plugins.rateLimit?.limits.first?.definition)
        #expect(least.onFailure.value == .local && least.batch == nil)
    }

    static let cases: [GoldenCase] = [
        GoldenCase(
            "a store that isn't there", "{rate: 1/s, store: share}",
            "gateway.d/bank.yaml:3:34: error: plugins.rate_limit.store: gateway.yaml declares no store `share`; expected `shared` or `other`; did you mean `shared`?"
        ),
        GoldenCase(
            "a decision without a store", "{rate: 1/s, on_failure: allow}",
            "gateway.d/bank.yaml:3:39: error: plugins.rate_limit.on_failure: `on_failure` without `store`: the process's own buckets always answer; expected `store`"
        ),
        GoldenCase(
            "batches without a store", "{rate: 1/s, batch: 1}",
            "gateway.d/bank.yaml:3:34: error: plugins.rate_limit.batch: `batch` without `store`: the process's own buckets need no batches; expected `store`"
        ),
        GoldenCase(
            "a batch above the burst", "{rate: 10/s, store: shared, batch: 11}",
            "gateway.d/bank.yaml:3:50: error: plugins.rate_limit.batch: a batch is more than the bucket ever holds; expected a `batch` of at most 10, the `burst`"
        ),
        GoldenCase(
            "two stores", "{limits: {one: {rate: 1/s, store: shared}, two: {rate: 1/s, store: other}}}",
            "gateway.d/bank.yaml:3:82: error: plugins.rate_limit.limits.two.store: the limits of one route are in several stores; expected one store for all of them; see gateway.d/bank.yaml:3:49: another one"
        ),
        GoldenCase(
            "an unknown decision", "{rate: 1/s, store: shared, on_failure: wait}",
            "gateway.d/bank.yaml:3:54: error: plugins.rate_limit.on_failure: `wait` does not fit here; expected `local`, `allow` or `refuse`"
        ),
    ]

    @Test("what is said wrongly about a limit's store is reported with its place and a remedy", arguments: cases)
    func golden(golden: GoldenCase) {
        #expect(findings(Self.load(golden.yaml)) == golden.findings)
    }
}
