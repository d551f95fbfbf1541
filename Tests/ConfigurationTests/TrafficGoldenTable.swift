import Base
import Configuration
import Testing

@Suite struct TrafficGoldenTests {
    @Test(
        "what is wrong with retries, concurrency limits and splits is reported with its place and a remedy",
        arguments: cases)
    func golden(golden: GoldenCase) {
        #expect(findings(bank: golden.yaml) == golden.findings)
    }

    private static func file(route: String, upstream: String = "", action: String = "upstream: accounts") -> String {
        """
        domain: bank
        upstreams:
          accounts:
            targets: ["http://10.1.0.11:8080"]
            \(upstream)
        routes:
          read:
            match: {path: /v1/a}
            \(action)
            \(route)

        """
    }

    static let cases: [GoldenCase] = [
        GoldenCase(
            "further attempts that are not switched on", file(route: "retries: {per_try_timeout: 1s}"),
            "gateway.d/bank.yaml:10:32: warning: routes.read.retries.per_try_timeout: without further attempts this has no effect; set `attempts_max` to 2 or more"
        ),
        GoldenCase(
            "a condition that isn't one", file(route: "retries: {attempts_max: 2, on: [connect_failures]}"),
            "gateway.d/bank.yaml:10:37: error: routes.read.retries.on[0]: `connect_failures` does not fit here; expected `connect_failure`, `reset`, `timeout`, `429`, `500`, `502`, `503` or `504`; did you mean `connect_failure`?"
        ),
        GoldenCase(
            "too many attempts", file(route: "retries: {attempts_max: 11}"),
            "gateway.d/bank.yaml:10:29: error: routes.read.retries.attempts_max: `11` does not fit here; expected a whole number from 1 to 10"
        ),
        GoldenCase(
            "a budget at the route", file(route: "retries: {budget: {ratio: 20%}}"),
            "gateway.d/bank.yaml:10:15: error: routes.read.retries.budget: `budget` does not belong here; put `retry_budget` under the upstream"
        ),
        GoldenCase(
            "a ratio without its sign", file(route: "", upstream: "retry_budget: {ratio: 20}"),
            "gateway.d/bank.yaml:5:27: error: upstreams.accounts.retry_budget.ratio: `20` does not fit here; expected a percentage from 0% to 100%; did you mean `20%`?"
        ),
        GoldenCase(
            "a ratio beyond everything", file(route: "", upstream: "retry_budget: {ratio: 101%}"),
            "gateway.d/bank.yaml:5:27: error: upstreams.accounts.retry_budget.ratio: `101%` does not fit here; expected a percentage from 0% to 100%"
        ),
        GoldenCase(
            "a limit without a number", file(route: "concurrency: {queue: {requests_max: 1}}"),
            "gateway.d/bank.yaml:10:18: error: routes.read.concurrency.requests_max: the key `requests_max` is missing; expected a whole number from 1 to 1000000"
        ),
        GoldenCase(
            "a queue without end",
            file(route: "concurrency: {requests_max: 1, queue: {requests_max: 1, wait_max: 1h}}"),
            "gateway.d/bank.yaml:10:71: error: routes.read.concurrency.queue.wait_max: `1h` does not fit here; expected a duration from 1ms to 10m"
        ),
        GoldenCase(
            "a limit where nothing is under way",
            file(route: "concurrency: {requests_max: 1}", action: "respond: {status: 200}"),
            "gateway.d/bank.yaml:3:3: warning: upstreams.accounts: no route uses the upstream `accounts`",
            "gateway.d/bank.yaml:10:33: error: routes.read.concurrency.requests_max: `concurrency` has no effect without an upstream; expected no such key"
        ),
        GoldenCase(
            "a backoff that begins above its end",
            file(route: "retries: {attempts_max: 3, backoff: {base: 1s, max: 10ms}}"),
            "gateway.d/bank.yaml:10:57: error: routes.read.retries.backoff.max: the `max` of `backoff` is shorter than its `base`; expected at least 1s"
        ),
        GoldenCase(
            "a split to nowhere", file(route: "split: [{upstream: account, weight: 1}]", action: ""),
            "gateway.d/bank.yaml:10:24: error: routes.read.split[0].upstream: the file declares no upstream `account`; expected `accounts`; did you mean `accounts`?"
        ),
        GoldenCase(
            "a split that takes nobody", file(route: "split: [{upstream: accounts, weight: 0}]", action: ""),
            "gateway.d/bank.yaml:10:42: error: routes.read.split[0].weight: all sides have weight 0; expected a side with a weight above 0"
        ),
        GoldenCase(
            "a split and an upstream", file(route: "split: [{upstream: accounts, weight: 1}]"),
            "gateway.d/bank.yaml:10:5: error: routes.read.split: the route has more than one action; expected exactly one of `upstream`, `split`, `redirect` and `respond`"
        ),
        GoldenCase(
            "a split by whom nobody knows",
            file(route: "split: {upstreams: [{upstream: accounts, weight: 1}], key: spiffe_id}", action: ""),
            "gateway.d/bank.yaml:10:64: error: routes.read.split.key: the split's key needs the plugin `spiffe`, which the route doesn't have; expected `spiffe` under the route's `plugins`, or another key"
        ),
        GoldenCase(
            "a split by something else",
            file(route: "split: {upstreams: [{upstream: accounts, weight: 1}], key: address}", action: ""),
            "gateway.d/bank.yaml:10:64: error: routes.read.split.key: `address` does not fit here; expected `client_address`, `spiffe_id`, `tenant`, `{header: NAME}`, `{cookie: NAME}` or `{claim: NAME}`"
        ),
    ]

    @Test("retries merge key by key over the places that give them")
    func layers() throws {
        let gateway = plainGateway + "\ndefaults: {retries: {attempts_max: 2, methods: [GET]}}\n"
        let bank = """
            domain: bank
            upstreams: {accounts: {targets: ["http://10.1.0.11:8080"]}}
            retries: {per_try_timeout: 1s, on: [503]}
            routes:
              a: {match: {path: /v1/a}, upstream: accounts}
              b: {match: {path: /v1/b}, upstream: accounts, retries: {attempts_max: 4, backoff: {max: 1s}}}
              c: {match: {path: /v1/c}, upstream: accounts, retries: {attempts_max: 1}}
            """
        let result = MemoryFolder(["gateway.yaml": gateway, "bank.yaml": bank]).load()
        let routes = try #require(result.configuration?.domains.first?.routes, "\(findings(result))")
        let first = try #require(routes[0].retries.further)
        #expect(first.attemptsMax.value == 2)
        #expect(first.methods.map(\.value) == ["GET"])
        #expect(first.conditions.map(\.value) == [.status503])
        #expect(first.perTryTimeout?.value == .seconds(1))
        #expect(first.backoffMax == .init(value: .milliseconds(250), origin: .builtIn))
        let second = try #require(routes[1].retries.further)
        #expect(second.attemptsMax.value == 4)
        #expect(second.backoffMax.value == .seconds(1))
        #expect(second.perTryTimeout?.value == .seconds(1))
        #expect(routes[2].retries.further == nil)
    }

    @Test("of `base` and `max`, the one that is written moves the other's default; places contradict each other loudly")
    func backoff() throws {
        func load(_ gateway: String, _ bank: String, _ route: String) -> LoadResult {
            MemoryFolder([
                "gateway.yaml": plainGateway + "\ndefaults: {retries: {attempts_max: 2\(gateway)}}\n",
                "bank.yaml": """
                domain: bank
                upstreams: {accounts: {targets: ["http://10.1.0.11:8080"]}}
                retries: {attempts_max: 3\(bank)}
                routes:
                  a: {match: {path: /v1/a}, upstream: accounts, retries: {attempts_max: 4\(route)}}
                """,
            ]).load()
        }
        let table: [(String, TimeAmount, TimeAmount)] = [
            ("", .milliseconds(25), .milliseconds(250)), (", backoff: {base: 1s}", .seconds(1), .seconds(1)),
            (", backoff: {max: 10ms}", .milliseconds(10), .milliseconds(10)),
            (", backoff: {base: 5s, max: 5s}", .seconds(5), .seconds(5)),
        ]
        for (route, base, most) in table {
            let result = load("", "", route)
            let found = try #require(result.configuration?.domains[0].routes[0].retries.further, "\(findings(result))")
            #expect(found.backoffBase.value == base && found.backoffMax.value == most, "\(route)")
        }
        let wrong = [
            load(", backoff: {base: 1s}", ", backoff: {max: 10ms}", ""),
            load(", backoff: {base: 1s}", "", ", backoff: {max: 10ms}"),
            load("", ", backoff: {max: 10ms}", ", backoff: {base: 11ms}"),
            load(", backoff: {base: 1s, max: 1ms}", "", ""),
        ]
        for result in wrong {
            let found = findings(result)
            #expect(found.count == 1 && found[0].contains("the `max` of `backoff` is shorter"), "\(found)")
        }
        #expect(
            findings(wrong[2])[0].contains("routes.a.retries.backoff.base")
                && findings(wrong[2])[0].contains("at most 10ms"))
    }
}
