import Base
import Configuration
import EventLoop
import Identity
import JOSE
import Linux
import Plugins
import Proxy
import Synchronization
import Testing

private final class Waiter: KeyWaiter {
    var issuerTicket: UInt64 = 0
    var settledCount = 0
    var mayAskAgain = false

    func issuerSettled(mayAskAgain: Bool) {
        settledCount += 1
        self.mayAskAgain = mayAskAgain
        issuerTicket = 0
    }
}

/// What was asked of the control thread.
private final class Asked: Sendable {
    private let list = Lock<[String]>([])

    func add(_ text: String) { list.withLock { $0.append(text) } }
    var all: [String] { list.withLock { $0 } }
}

private final class World {
    let asked = Asked()
    let loop: EventLoop
    let issuers: WorkerIssuers

    init() throws {
        loop = try EventLoop()
        let asked = asked
        issuers = WorkerIssuers(loop: loop) { issuer, id in asked.add("\(issuer) \(id ?? "any")") }
    }

    /// Binds issuers of these names, each with an audience.
    func bind(_ names: [String], audience: String = "a") throws -> [IssuerKeys] {
        let entries = names.map {
            "  \($0): {issuer: \"https://\($0).test\", audiences: [\(audience)], jwks_url: \"https://\($0).test/keys\"}"
        }
        let gateway = """
            listeners:
              external: {address: "127.0.0.1:8080"}
            issuers:
            \(entries.joined(separator: "\n"))
            """
        let source = ConfigurationSource(
            folder: "gateway.d", list: { () throws(SourceError) in ["gateway.yaml"] },
            read: { (_, _) throws(SourceError) in Array(gateway.utf8) }, environment: { _ in nil })
        let result = ConfigurationLoader(source: source).load()
        let configuration = try #require(result.configuration, "\(result.diagnostics)")
        return issuers.bind(configuration.issuerDefinitions)
    }

    func wait(_ waiter: Waiter, _ issuer: IssuerKeys, _ id: StaticString = "k") -> Bool {
        issuers.wait(waiter, for: issuer, keyID: ByteView(id))
    }

    /// A fetch that was made for these keys, nil for any, has ended.
    func fetched(_ issuer: String, for ids: [String?] = [nil]) {
        for id in ids { issuers.take(.expected(id), of: issuer) }
        issuers.take(.settled, of: issuer)
    }
}

private let keys = [MakeKey.one, MakeKey.two].map { KeySet(keys: [$0]) }

private enum MakeKey {
    static let one = key("one")
    static let two = key("two")

    static func key(_ id: String) -> VerificationKey {
        do {
            return try SigningKey.generate(.es256, keyID: id).verificationKey
        } catch {
            preconditionFailure("OpenSSL makes keys: \(error)")
        }
    }
}

@Suite("Requests that wait for an issuer's keys")
struct WorkerIssuersTests {
    @Test("many wait, one question is asked, and the answer wakes them all")
    func parking() throws {
        let world = try World()
        let bound = try world.bind(["corporate", "partner"])
        let waiters = (0..<50).map { _ in Waiter() }
        for waiter in waiters { #expect(world.wait(waiter, bound[0])) }
        let other = Waiter()
        #expect(world.wait(other, bound[1]))
        #expect(world.asked.all == ["corporate any", "partner any"])
        #expect(Set(waiters.map(\.issuerTicket)).count == 50)
        world.fetched("corporate")
        #expect(waiters.allSatisfy { $0.settledCount == 1 })
        #expect(other.settledCount == 0)
        world.fetched("corporate")
        #expect(waiters.allSatisfy { $0.settledCount == 1 })
        world.issuers.take(.settled, of: "nobody")
    }

    @Test("with keys the question is about the id")
    func identifiers() throws {
        let world = try World()
        let bound = try world.bind(["corporate"])
        world.issuers.adopt(keys[0], of: "corporate")
        #expect(bound[0].hasKeys)
        #expect(world.wait(Waiter(), bound[0], "k2"))
        #expect(world.asked.all == ["corporate k2"])
    }

    @Test("while there are keys, a token that names none asks for nothing, nor one with an id that is too long")
    func unnamed() throws {
        let world = try World()
        let bound = try world.bind(["corporate"])
        world.issuers.adopt(keys[0], of: "corporate")
        #expect(!world.wait(Waiter(), bound[0], ""))
        let long = String(repeating: "x", count: 257)
        #expect(!long.withByteView { world.issuers.wait(Waiter(), for: bound[0], keyID: $0) })
        #expect(world.asked.all == [])
    }

    @Test("an answer about one key says nothing about another: each is asked for by itself")
    func each() throws {
        let world = try World()
        let bound = try world.bind(["corporate"])
        world.issuers.adopt(keys[0], of: "corporate")
        let bad = Waiter()
        let good = Waiter()
        #expect(world.wait(bad, bound[0], "gone"))
        #expect(world.wait(good, bound[0], "two"))
        #expect(world.asked.all == ["corporate gone", "corporate two"])
        world.issuers.take(.refused("gone", until: .distantFuture), of: "corporate")
        #expect(bad.settledCount == 1 && good.settledCount == 0)
        #expect(!world.wait(bad, bound[0], "gone"), "refused at once")
        // A fetch that ends before the question has arrived isn't its answer.
        world.issuers.take(.settled, of: "corporate")
        #expect(good.settledCount == 0)
        world.issuers.take(.expected("two"), of: "corporate")
        world.issuers.adopt(keys[1], of: "corporate")
        #expect(good.settledCount == 1, "who has the key waits no longer")
        world.issuers.take(.settled, of: "corporate")
        #expect(good.settledCount == 1)
        #expect(world.asked.all.count == 2)
    }

    @Test("one that waited for any keys, and finds its own not among them, may ask for that")
    func again() throws {
        let world = try World()
        let bound = try world.bind(["corporate"])
        let named = Waiter()
        let unnamed = Waiter()
        #expect(world.wait(named, bound[0], "two"))
        #expect(world.wait(unnamed, bound[0], ""))
        world.issuers.adopt(keys[0], of: "corporate")
        #expect(named.settledCount == 1 && named.mayAskAgain)
        #expect(unnamed.settledCount == 1 && !unnamed.mayAskAgain)
        #expect(world.wait(named, bound[0], "two"))
        world.fetched("corporate", for: ["two"])
        #expect(named.settledCount == 2 && !named.mayAskAgain)
        #expect(world.asked.all == ["corporate any", "corporate two"])
    }

    @Test("one that leaves makes room")
    func leaving() throws {
        let world = try World()
        let bound = try world.bind(["corporate"])
        for _ in 0..<2 * WorkerIssuers.waitingMax {
            let waiter = Waiter()
            #expect(world.wait(waiter, bound[0]))
            world.issuers.leave(waiter)
            #expect(waiter.issuerTicket == 0)
        }
        world.fetched("corporate")
    }

    @Test("a request whose client left, or that waits anew, is not woken for the old question")
    func tickets() throws {
        let world = try World()
        let bound = try world.bind(["corporate", "partner"])
        let gone = Waiter()
        let reused = Waiter()
        #expect(world.wait(gone, bound[0]))
        #expect(world.wait(reused, bound[0]))
        gone.issuerTicket = 0
        #expect(world.wait(reused, bound[1]))
        world.fetched("corporate")
        #expect(gone.settledCount == 0)
        #expect(reused.settledCount == 0)
        world.fetched("partner")
        #expect(reused.settledCount == 1)
    }

    @Test("no more wait than may")
    func limit() throws {
        let world = try World()
        let bound = try world.bind(["corporate"])
        let waiters = (0..<WorkerIssuers.waitingMax).map { _ in Waiter() }
        for waiter in waiters { #expect(world.wait(waiter, bound[0])) }
        #expect(!world.wait(Waiter(), bound[0]))
        world.fetched("corporate")
        #expect(waiters.allSatisfy { $0.settledCount == 1 })
    }

    @Test("an equal issuer stays the same over a reload; one with other rules keeps the keys of the same source")
    func reload() throws {
        let world = try World()
        let first = try world.bind(["corporate"])
        world.issuers.adopt(keys[0], of: "corporate")
        let second = try world.bind(["corporate", "partner"])
        #expect(second[0] === first[0])
        let third = try world.bind(["corporate"], audience: "b")
        #expect(third[0] !== first[0])
        #expect(third[0].current === keys[0])
        // A request that began before the reload has nothing to wait for any more.
        #expect(!world.wait(Waiter(), first[0]))
        world.issuers.adopt(keys[1], of: "corporate")
        #expect(third[0].current === keys[1])
        #expect(first[0].current === keys[0])
    }

    @Test("a request that waits over a reload gets the keys that come, or hears that none will")
    func waitingOverReload() throws {
        let world = try World()
        let first = try world.bind(["corporate", "partner"])
        let waiters = [Waiter(), Waiter()]
        #expect(world.wait(waiters[0], first[0]))
        #expect(world.wait(waiters[1], first[1]))
        _ = try world.bind(["corporate"], audience: "b")
        world.issuers.adopt(keys[0], of: "corporate")
        #expect(first[0].current === keys[0])
        world.issuers.take(.settled, of: "corporate")
        world.issuers.take(.gone, of: "partner")
        #expect(waiters.allSatisfy { $0.settledCount == 1 })
    }

    @Test("what nobody asked for keeps nobody from asking")
    func unasked() throws {
        let world = try World()
        let bound = try world.bind(["corporate"])
        world.fetched("corporate")
        #expect(world.wait(Waiter(), bound[0]))
    }
}
