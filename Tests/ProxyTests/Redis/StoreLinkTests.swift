import Base
import Configuration
import EventLoop
import Linux
import Observability
import Proxy
import Redis
import TestSupport
import Testing

/// A request that asks, and remembers what it was told.
private final class Waiter: StoreWaiter {
    var storeTicket: UInt64 = 0
    var answers: [BucketAnswer] = []
    var failures = 0
    let bucket: SharedBucket

    init(_ bucket: SharedBucket) { self.bucket = bucket }

    private var question: BucketQuestion {
        var question = BucketQuestion()
        _ = question.add(bucket, key: SharedKey(high: 1, low: 1), cost: 1)
        return question
    }

    func ask(_ session: inout StoreSession, into output: inout IOBuffer) { session.ask(question, into: &output) }
    func canHave(_ answer: BucketAnswer) -> Bool { question.canHave(answer) }

    func storeAnswered(_ answer: BucketAnswer) { answers.append(answer) }
    func storeFailed() { failures += 1 }
    var isDone: Bool { !answers.isEmpty || failures > 0 }
}

/// A loop with a link to servers of the tests' own.
private final class LinkWorld {
    let loop: EventLoop
    let texts = TextArena()
    let status = StoreStatus(name: "shared")
    private(set) var link: StoreLink
    private let log = Observability.ErrorLog(
        queue: LogQueue(capacity: 1, batchSize: 4096, waker: QuietWaker()), level: .error
    ) { .init(wall: WallTime(nanoseconds: 0), monotonic: .zero) }

    init(_ redis: String) throws {
        loop = try EventLoop()
        link = StoreLink(StorePlan(try Self.store(redis), status: status), loop: loop, log: log, seed: 1)
        link.start()
    }

    private static func store(_ redis: String) throws -> SharedStore {
        let gateway = """
            listeners:
              external: {address: "127.0.0.1:8080"}
            stores: {shared: {redis: {\(redis), connect_timeout: 60s}}}
            """
        let source = ConfigurationSource(
            folder: "gateway.d", list: { () throws(SourceError) in ["gateway.yaml"] },
            read: { (_, _) throws(SourceError) in Array(gateway.utf8) }, environment: { _ in "secret" })
        let result = ConfigurationLoader(source: source).load()
        return try #require(result.configuration?.stores.first, "\(result.diagnostics)")
    }

    /// The configuration says something else about the store. - Returns: the link that gives way.
    func reload(_ redis: String) throws -> StoreLink {
        let old = link
        link = StoreLink(StorePlan(try Self.store(redis), status: status), loop: loop, log: log, seed: 1 << 40)
        link.start()
        old.replace(by: link)
        return old
    }

    func waiter() -> Waiter {
        Waiter(SharedBucket(prefix: "", limit: "a", interval: 1, burst: 1, onlyCounts: false, texts: texts))
    }

    /// Turns the loop until `condition` holds.
    func turn(until condition: () -> Bool, _ comment: Comment) {
        let end = SystemClock.monotonic() + .seconds(30)
        while !condition() {
            if SystemClock.monotonic() > end {
                Issue.record(comment)
                return
            }
            loop.turn(waitingAtMost: .milliseconds(10))
            link.endTurn()
        }
    }
}

private struct QuietWaker: LogWaker {
    func wake() {}
    func wait(for limit: TimeAmount) {}
}

private let digest = String(repeating: "ab", count: 20)
/// What a master says to the whole greeting.
private let welcome = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n$40\r\n\(digest)\r\n"
private let charged = "*2\r\n:5\r\n:1\r\n"

@Suite("A loop's link to a store", .timeLimit(.minutes(1)))
struct StoreLinkTests {
    @Test("it greets, asks and hands the answer to who waits")
    func answer() throws {
        // Replies that come before they are asked for wait in the socket.
        let server = ScriptedServer([[.send(Array((welcome + charged).utf8)), .awaitEnd]])
        let world = try LinkWorld("addresses: [\"127.0.0.1:\(server.port)\"], timeout: 5s")
        world.turn(until: { world.status.standing == .ready }, "ready")
        #expect(world.status.server == "127.0.0.1:\(server.port)")
        world.link.retire()
    }

    @Test("a server that refuses is passed over for the next")
    func nextServer() throws {
        let server = ScriptedServer([[.send(Array((welcome + charged).utf8)), .awaitEnd]])
        let world = try LinkWorld("addresses: [\"127.0.0.1:1\", \"127.0.0.1:\(server.port)\"], timeout: 5s")
        world.turn(until: { world.status.standing == .ready }, "ready at the second")
        #expect(world.status.value(.connectFailed) == 1)
        world.link.retire()
    }

    @Test(
        "who waits while no server is of use goes on at once, and nobody waits after that",
        arguments: [
            "-LOADING Redis is loading the dataset in memory\r\n",
            "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:0\r\n",
            "-NOAUTH Authentication required.\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
            welcome + "-READONLY You can't write against a read only replica.\r\n",
        ])
    func refusals(reply: String) throws {
        let server = ScriptedServer([[.send(Array(reply.utf8)), .awaitEnd]])
        let world = try LinkWorld(
            "addresses: [\"127.0.0.1:\(server.port)\"], timeout: 10s, breaker: {open_for: 1h, open_for_max: 1h}")
        let waiter = world.waiter()
        #expect(world.link.check(waiter))
        world.turn(until: { waiter.isDone }, "told")
        #expect(waiter.failures == 1 && waiter.answers.isEmpty)
        #expect(world.status.standing == .unavailable && !world.status.problem.isEmpty)
        let late = world.waiter()
        #expect(!world.link.check(late))
        #expect(world.status.value(.skipped) == 1)
        world.link.retire()
    }

    @Test("a server that says nothing is given up after the time-out, and then not asked again")
    func silence() throws {
        let server = ScriptedServer([[.send(Array((welcome + charged).utf8)), .awaitEnd]])
        let world = try LinkWorld(
            "addresses: [\"127.0.0.1:\(server.port)\"], timeout: 2s, breaker: {failures: 2, open_for: 1h, open_for_max: 1h}"
        )
        world.turn(until: { world.status.standing == .ready }, "ready")
        let waiters = [world.waiter(), world.waiter(), world.waiter()]
        for waiter in waiters { #expect(world.link.check(waiter)) }
        world.turn(until: { waiters.allSatisfy(\.isDone) }, "told")
        #expect(waiters.allSatisfy { $0.failures == 1 })
        #expect(world.status.standing == .unavailable)
        #expect(!world.link.check(world.waiter()))
        world.link.retire()
    }

    @Test("who waits when the connection ends is answered on the next one")
    func lostConnection() throws {
        let server = ScriptedServer([
            // The greeting's charge, then the question: nobody answers that.
            [.send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 2)],
            [.send(Array((welcome + charged + charged).utf8)), .awaitEnd],
        ])
        let world = try LinkWorld("addresses: [\"127.0.0.1:\(server.port)\"], timeout: 10s")
        let waiter = world.waiter()
        #expect(world.link.check(waiter))
        world.turn(until: { waiter.isDone }, "answered")
        #expect(
            waiter.answers.count == 1 && waiter.failures == 0,
            "\(world.status.problem), \(world.status.value(.connected)) connected, \(world.status.value(.connectFailed)) failed"
        )
        world.link.retire()
    }

    @Test("a server that says what can't be is not believed, and left; nobody is asked again because of it")
    func lies() throws {
        let server = ScriptedServer([
            [
                .send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 3),
                .send(Array("*2\r\n:5\r\n:9223372036854775807\r\n".utf8)), .awaitEnd,
            ],
            [.send(Array((welcome + charged + charged).utf8)), .awaitEnd],
        ])
        let world = try LinkWorld("addresses: [\"127.0.0.1:\(server.port)\"], timeout: 10s")
        let waiters = [world.waiter(), world.waiter()]
        for waiter in waiters { #expect(world.link.check(waiter)) }
        world.turn(until: { waiters.allSatisfy(\.isDone) }, "told")
        // The first is decided about without an answer, the second has the next connection's.
        #expect(waiters.map(\.failures) == [1, 0] && waiters.map(\.answers.count) == [0, 1])
        #expect(world.status.value(.refused) == 1 && world.status.value(.answered) == 1)
        world.link.retire()
    }

    @Test("what is told to the store keeps its place among the answers, and nobody hears of it")
    func tell() throws {
        let server = ScriptedServer([
            [
                .send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 3),
                .send(Array((charged + "*2\r\n:7\r\n:1\r\n").utf8)), .awaitEnd,
            ]
        ])
        let world = try LinkWorld("addresses: [\"127.0.0.1:\(server.port)\"], timeout: 10s")
        var question = BucketQuestion()
        let waiter = world.waiter()
        _ = question.add(waiter.bucket, key: SharedKey(high: 0, low: 0), cost: 1)
        // Before there is a connection, it isn't told.
        world.link.tell(question)
        world.turn(until: { world.status.standing == .ready }, "ready")
        world.link.tell(question)
        #expect(world.link.check(waiter))
        world.turn(until: { waiter.isDone }, "answered")
        #expect(waiter.answers.first?.timeToFull(0) == TimeAmount(nanoseconds: 7))
        #expect(world.status.value(.answered) == 1)
        world.link.retire()
    }

    @Test("a link that gives way serves out who was asked for, and the next one takes the others")
    func replaced() throws {
        let first = ScriptedServer([
            [
                .send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 2), .send(Array(charged.utf8)),
                .awaitEnd,
            ]
        ])
        let second = ScriptedServer([
            [
                .send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 3),
                .send(Array((charged + charged).utf8)), .awaitEnd,
            ]
        ])
        let world = try LinkWorld("addresses: [\"127.0.0.1:\(first.port)\"], timeout: 10s")
        world.turn(until: { world.status.standing == .ready }, "ready")
        let asked = world.waiter()
        #expect(world.link.check(asked))
        let old = try world.reload("addresses: [\"127.0.0.1:\(second.port)\"], timeout: 10s")
        // Requests that still run by the old configuration.
        let late = world.waiter()
        #expect(old.check(late))
        let fresh = world.waiter()
        #expect(world.link.check(fresh))
        world.turn(until: { asked.isDone && late.isDone && fresh.isDone }, "answered")
        #expect([asked, late, fresh].allSatisfy { $0.answers.count == 1 && $0.failures == 0 })
        world.turn(until: { old.isRetired }, "nobody waits at the old one")
        world.link.retire()
    }

    @Test("who waits while a link gives way that has no connection, or loses it, is asked for by the next one")
    func handedOver() throws {
        let silent = ScriptedServer([[.awaitEnd]])
        let first = ScriptedServer([[.send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 2)]])
        for (port, isAsked) in [(silent.port, false), (first.port, true)] {
            let second = ScriptedServer([
                [
                    .send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 2), .send(Array(charged.utf8)),
                    .awaitEnd,
                ]
            ])
            let world = try LinkWorld("addresses: [\"127.0.0.1:\(port)\"], timeout: 10s")
            if isAsked { world.turn(until: { world.status.standing == .ready }, "ready") }
            let waiter = world.waiter()
            #expect(world.link.check(waiter))
            let old = try world.reload("addresses: [\"127.0.0.1:\(second.port)\"], timeout: 10s")
            #expect(old.isRetired != isAsked)
            world.turn(until: { waiter.isDone }, "answered")
            #expect(waiter.answers.count == 1 && waiter.failures == 0 && old.isRetired)
            world.link.retire()
        }
    }

    @Test("a link whose store is gone serves on those who still ask, and tells them when it has to end")
    func gone() throws {
        let server = ScriptedServer([
            [
                .send(Array((welcome + charged).utf8)), .awaitText("EVALSHA", times: 2), .send(Array(charged.utf8)),
                .awaitEnd,
            ]
        ])
        let world = try LinkWorld("addresses: [\"127.0.0.1:\(server.port)\"], timeout: 10s")
        world.turn(until: { world.status.standing == .ready }, "ready")
        world.link.replace(by: nil)
        let waiter = world.waiter()
        #expect(world.link.check(waiter))
        world.turn(until: { waiter.isDone }, "answered")
        #expect(waiter.answers.count == 1 && !world.link.isRetired)
        let last = world.waiter()
        #expect(world.link.check(last))
        world.link.retire()
        #expect(last.failures == 1 && !world.link.check(world.waiter()))
    }

    @Test("a connection that ends while nobody waits is opened again, and says nothing about the store")
    func idle() throws {
        let good = Array((welcome + charged).utf8)
        let server = ScriptedServer([
            [.send(good), .awaitText("EVALSHA", times: 2), .send(Array(charged.utf8))],
            [.send(good), .awaitText("EVALSHA", times: 2), .send(Array(charged.utf8))], [.send(good), .awaitEnd],
        ])
        let world = try LinkWorld(
            "addresses: [\"127.0.0.1:\(server.port)\"], timeout: 10s, breaker: {failures: 1, open_for: 1h, open_for_max: 1h}"
        )
        for connection in 1...3 {
            world.turn(until: { world.status.value(.connected) == connection }, "connected")
            if connection == 3 { break }
            let waiter = world.waiter()
            #expect(world.link.check(waiter))
            world.turn(until: { waiter.isDone }, "answered")
            #expect(waiter.answers.count == 1)
        }
        #expect(world.status.value(.opened) == 0 && world.status.standing == .ready)
        world.link.retire()
    }

    @Test("a server that closes what it has just opened is left alone after some times")
    func closing() throws {
        let server = ScriptedServer(Array(repeating: [.send(Array((welcome + charged).utf8))], count: 8))
        let world = try LinkWorld(
            "addresses: [\"127.0.0.1:\(server.port)\"], timeout: 10s, breaker: {failures: 3, open_for: 1h, open_for_max: 1h}"
        )
        world.turn(until: { world.status.standing == .unavailable }, "unavailable")
        #expect(world.status.value(.connected) <= 3)
        world.link.retire()
    }

    @Test("who has left is told nothing")
    func left() throws {
        let world = try LinkWorld("addresses: [\"127.0.0.1:1\"], breaker: {open_for: 1h, open_for_max: 1h}")
        let waiter = world.waiter()
        if world.link.check(waiter) {
            waiter.storeTicket = 0
            world.turn(until: { world.status.standing == .unavailable }, "unavailable")
        }
        #expect(waiter.failures == 0)
        world.link.retire()
    }

    @Test("no more than `waiting_max` wait at a time")
    func bound() throws {
        let server = ScriptedServer([[.awaitEnd]])
        let world = try LinkWorld("addresses: [\"127.0.0.1:\(server.port)\"], waiting_max: 3, timeout: 10s")
        let waiters = (0..<4).map { _ in world.waiter() }
        #expect(waiters.map { world.link.check($0) } == [true, true, true, false])
        #expect(world.status.value(.overflowed) == 1)
        world.link.retire()
        #expect(waiters.prefix(3).allSatisfy { $0.failures == 1 })
    }
}
